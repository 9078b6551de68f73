/** Chains of responses: continued, branched, with tool calls, as JSON through OpenAI's client and as raw streams. */
import type { ResponseCreateParamsNonStreaming } from 'openai/resources/responses/responses'
import type { Item } from '../../translators/shared/canonical.ts'
import { assertLegalStream } from '../support/legal-stream.ts'
import type { Random } from './random.ts'
import { type CrashClient, clientOf, Lost, lose, loseUnkept, type Round, readStream } from './round.ts'
import { type Ask, outputAsk, renderAsk } from './script.ts'
import { assertAnswer, checkTurn, checkUnseen, depthOf, expectLines, makeAsk, type Turn } from './turns.ts'

export interface ChainOptions {
  name: string
  random: Random
  stream: boolean
}

interface Chain extends ChainOptions {
  turns: Turn[]
  last: Turn | null
  /** Acknowledged since the last check. */
  fresh: Turn[]
  /** Begun, and never seen to end. */
  unseen: Turn[]
}

/** Turns that a chain may have: the checks read all of them. */
const longest = 25

export function createChainClient(options: ChainOptions): CrashClient {
  const chain: Chain = { ...options, turns: [], last: null, fresh: [], unseen: [] }
  return {
    name: options.name,
    act: (round) => act(chain, round),
    async verify(round) {
      const { random, turns } = chain
      const older = turns.length === 0 ? [] : [random.pick(turns)]
      for (const turn of [...chain.fresh.slice(-6), ...older]) await checkTurn(round, turn)
      chain.fresh = []
      for (const turn of chain.unseen) {
        const whole = await checkUnseen(round, turn)
        if (whole !== null) addTurn(chain, whole)
      }
      chain.unseen = []
    },
    async finish(round) {
      for (const turn of chain.turns) await checkTurn(round, turn)
    },
  }
}

function addTurn(chain: Chain, turn: Turn): void {
  chain.turns.push(turn)
  chain.fresh.push(turn)
  chain.last = turn
}

/** One turn: a question, or what the last turn's tool call waits for. */
async function act(chain: Chain, round: Round): Promise<void> {
  const { random } = chain
  const parent = chooseParent(chain)
  const isCalled = parent?.ask.tool === true
  const ask = isCalled ? outputAsk(parent.ask) : makeAsk(random, 'chain', { tool: random.chance(0.2) })
  const input: Item[] = isCalled
    ? [{ type: 'function_call_output', call_id: `call_${parent.ask.tag}`, output: `found ${ask.tag}` }]
    : [{ type: 'message', role: 'user', content: renderAsk(ask) }]
  const lines = expectLines(parent, input, ask)
  const body = {
    model: random.pick(['plain', 'native']),
    input,
    previous_response_id: parent?.id,
    metadata: { tag: ask.tag },
  }
  const planned = { body, parent, ask, lines }
  addTurn(chain, chain.stream ? await streamTurn(chain, round, planned) : await createTurn(round, planned))
}

function chooseParent({ random, last, turns }: Chain): Turn | null {
  if (last === null || depthOf(last) >= longest || random.chance(0.05)) return null
  return random.chance(0.1) ? random.pick(turns) : last
}

interface Planned {
  body: object
  parent: Turn | null
  ask: Ask
  lines: string[]
}

async function createTurn(round: Round, { body, ...planned }: Planned): Promise<Turn> {
  const answer = await lose(round, async () => {
    const raw = await clientOf(round)
      .responses.create(body as ResponseCreateParamsNonStreaming)
      .asResponse()
    round.answered(raw.headers.get('x-request-id') ?? '', body)
    return raw.json() as Promise<{ id: string }>
  })
  round.say('ended')
  assertAnswer(answer, planned.lines)
  loseUnkept(round, answer)
  return { ...planned, id: answer.id, response: answer, text: null }
}

async function streamTurn(chain: Chain, round: Round, { body, ...planned }: Planned): Promise<Turn> {
  const { events, text, isDone } = await readStream(round, '/v1/responses', {
    body: { ...body, stream: true },
  })
  const begun = events[0]?.response as { id: string } | undefined
  const last = events.at(-1)
  // The last event is what acknowledges; [DONE] adds nothing.
  if (begun !== undefined && last?.type === 'response.completed') {
    assertLegalStream(events)
    assertAnswer(last.response, planned.lines)
    loseUnkept(round, last.response)
    return { ...planned, id: begun.id, response: last.response, text }
  }
  if (isDone) throw new Error(`a stream ends in ${last?.type}: ${JSON.stringify(last)}`)
  if (begun !== undefined) chain.unseen.push({ ...planned, id: begun.id, response: null, text: null })
  throw new Lost('the stream was cut')
}
