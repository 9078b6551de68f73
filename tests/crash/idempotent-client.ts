/** Calls under an idempotency key, repeated after every death until they are answered, and afterwards. */
import assert from 'node:assert/strict'
import { assertLegalStream } from '../support/legal-stream.ts'
import type { CrashProvider } from './provider.ts'
import type { Random } from './random.ts'
import {
  type CallOptions,
  type CrashClient,
  callWell,
  Lost,
  loseUnkept,
  type Round,
  readStream,
} from './round.ts'
import { type Ask, renderAsk } from './script.ts'
import { assertAnswer, expectLines, makeAsk } from './turns.ts'

interface KeyedCall {
  key: string
  ask: Ask
  body: { stream: boolean; store: boolean; input: string }
  /** How often it was lost before it was answered. */
  deaths: number
  /** The answer, once there is one. */
  text: string | null
}

export interface IdempotentOptions {
  name: string
  random: Random
  provider: CrashProvider
}

interface Keyed extends IdempotentOptions {
  waiting: KeyedCall | null
  answered: KeyedCall[]
}

export function createIdempotentClient(options: IdempotentOptions): CrashClient {
  const keyed: Keyed = { ...options, waiting: null, answered: [] }
  return {
    name: options.name,
    act: (round) => act(keyed, round),
    async verify(round) {
      for (const one of keyed.answered.slice(-5)) await checkRepeat(keyed, round, one)
    },
    async finish(round) {
      for (const one of keyed.answered) await checkRepeat(keyed, round, one)
    },
  }
}

async function act(keyed: Keyed, round: Round): Promise<void> {
  const { random } = keyed
  keyed.waiting ??= makeCall(random)
  const one = keyed.waiting
  // A crowd, of which one may reach the provider.
  const crowd = random.chance(0.2) ? 4 : 0
  const others = Array.from({ length: crowd }, () => sendInCrowd(round, one))
  const answers = await allOf([crowd > 0 ? sendInCrowd(round, one) : send(round, one), ...others], (lost) => {
    // The gateway dies for all at once; while its store is away, one after the other may have tried.
    one.deaths += round.dead.aborted ? 1 : lost
  })
  one.text = answers.find((answer) => answer !== null)?.text ?? null
  for (const answer of answers) if (answer !== null) assert.equal(answer.text, one.text)
  assert.ok(one.text !== null, 'one of the crowd is answered')
  keyed.waiting = null
  keyed.answered.push(one)
  checkCalls(keyed, one)
  if (random.chance(0.3)) await checkRepeat(keyed, round, one)
}

/** All are waited for, so that none of them goes on beside the next try. */
async function allOf<Answer>(
  calls: readonly Promise<Answer>[],
  onLost: (calls: number) => void,
): Promise<Answer[]> {
  const results = await Promise.allSettled(calls)
  const failures = results.filter((result) => result.status === 'rejected').map(({ reason }) => reason)
  for (const failure of failures) if (!(failure instanceof Lost)) throw failure
  if (failures.length > 0) {
    onLost(failures.length)
    throw failures[0]
  }
  return results.map((result) => (result as PromiseFulfilledResult<Answer>).value)
}

function makeCall(random: Random): KeyedCall {
  const ask = makeAsk(random, 'key')
  const body = {
    model: random.pick(['plain', 'native']),
    input: renderAsk(ask),
    stream: random.chance(0.5),
    store: random.chance(0.8),
  }
  return { key: `key-${ask.tag}`, ask, body, deaths: 0, text: null }
}

interface Sent {
  text: string
  isReplayed: boolean
}

async function send(round: Round, { key, ask, body }: KeyedCall): Promise<Sent> {
  const options: CallOptions = { body, headers: { 'idempotency-key': key } }
  const isReplayed = (headers: Headers | null) => headers?.get('idempotent-replayed') === 'true'
  const input = [{ type: 'message', role: 'user', content: body.input }]
  const lines = expectLines(null, input, ask)
  if (!body.stream) {
    const answer = await callWell(round, '/v1/responses', options)
    round.say('ended')
    assertAnswer(answer.json(), lines)
    if (!isReplayed(answer.headers)) loseUnsure(round, body, answer.json())
    return { text: answer.text, isReplayed: isReplayed(answer.headers) }
  }
  const { events, text, headers, isDone } = await readStream(round, '/v1/responses', options)
  if (!isDone) throw new Lost('the stream was cut')
  const final = assertLegalStream(events)
  assertAnswer(final, lines)
  if (!isReplayed(headers)) loseUnsure(round, body, final)
  return { text, isReplayed: isReplayed(headers) }
}

/** While the store is away the answer leaves without being kept under its key, and a repeat makes another call. @throws Lost */
function loseUnsure(round: Round, { store }: KeyedCall['body'], answer: unknown): void {
  if (store) loseUnkept(round, answer)
  else if (round.isTroubled()) throw new Lost('it is not known whether the answer was kept')
}

/** Null: another of the crowd runs. */
async function sendInCrowd(round: Round, one: KeyedCall): Promise<Sent | null> {
  try {
    return await send(round, one)
  } catch (error) {
    if (error instanceof assert.AssertionError && error.message.includes('idempotency_key_in_progress'))
      return null
    throw error
  }
}

/** The provider was called once for each life of the gateway that the call had, at most, and never twice at a time. */
function checkCalls({ provider }: Keyed, { ask, deaths }: KeyedCall): void {
  const { begun, most } = provider.countCalls(ask.tag)
  assert.ok(
    begun >= 1 && begun <= deaths + 1,
    `${begun} calls for ${ask.tag}, which went through ${deaths} deaths`,
  )
  assert.equal(most, 1, `one call for ${ask.tag} at a time`)
}

/** What was answered is answered again, byte for byte, and the provider does not hear of it. */
async function checkRepeat({ provider }: Keyed, round: Round, one: KeyedCall): Promise<void> {
  const { begun } = provider.countCalls(one.ask.tag)
  const again = await send(round, one)
  assert.equal(again.isReplayed, true)
  assert.equal(again.text, one.text)
  assert.equal(provider.countCalls(one.ask.tag).begun, begun, 'a repeat does not reach the provider')
}
