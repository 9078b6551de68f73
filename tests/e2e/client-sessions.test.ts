/**
 * Whole sessions of real clients that use state, as recorded from the packages themselves against the sandbox (long texts
 * shortened, most tools left out): every variant serves each call, and the model is told everything once, in order.
 * `{{3.message.1.id}}` in a recording is the id of the first message in the answer to the third call.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import {
  type CanonicalResponse,
  type Item,
  isObject,
  type JsonObject,
} from '../../translators/shared/canonical.ts'
import { variantTargets } from '../conformance/targets.ts'
import { assertLegalStream } from '../support/legal-stream.ts'
import { readEvents } from '../support/read-stream.ts'
import { openSocket, type SocketClient } from '../support/socket-client.ts'
import { startGateway, type TestGateway } from '../support/start-gateway.ts'

type Step =
  | { socket: 'open' }
  /** A message of the open WebSocket. */
  | { send: JsonObject }
  | { method: string; path: string; body?: JsonObject }

interface Session {
  client: string
  headers: Record<string, string>
  steps: Step[]
}

interface Answer {
  id?: string
  conversation?: { id: string } | null
  output?: Item[]
  data?: Item[]
  output_text?: string
}

const folder = join(import.meta.dirname, 'fixtures/sessions')
const sessions = readdirSync(folder).map((file) => ({
  name: file.replace('.json', ''),
  session: JSON.parse(readFileSync(join(folder, file), 'utf8')) as Session,
}))

let gateway: TestGateway
before(async () => {
  gateway = await startGateway()
})
after(() => gateway.close())

/** What answers so far named, by the places that recordings refer to. */
class Names {
  readonly #values = new Map<string, string>()

  learn(step: number, { id, conversation, output, data }: Answer): void {
    this.#add(`${step}.id`, id)
    this.#add(`${step}.conversation`, conversation?.id)
    const counts = new Map<string, number>()
    for (const item of output ?? data ?? []) {
      const count = (counts.get(item.type) ?? 0) + 1
      counts.set(item.type, count)
      for (const member of ['id', 'call_id', 'encrypted_content'])
        this.#add(`${step}.${item.type}.${count}.${member}`, item[member])
    }
  }
  fill(text: string): string {
    return text.replace(/\{\{(.+?)\}\}/g, (_, name: string) => {
      const value = this.#values.get(name)
      assert.ok(value, `${name} was answered`)
      return value
    })
  }
  #add(name: string, value: unknown): void {
    if (typeof value === 'string') this.#values.set(name, value)
  }
}

async function call(headers: Record<string, string>, step: { method: string; path: string; body?: string }) {
  const answer = await fetch(`${gateway.origin}${step.path}`, {
    method: step.method,
    headers: { ...headers, 'content-type': 'application/json' },
    body: step.body ?? null,
  })
  const text = await answer.text()
  assert.ok(answer.ok, `${step.method} ${step.path}: ${answer.status} ${text.slice(0, 300)}`)
  return answer.headers.get('content-type')?.startsWith('text/event-stream')
    ? (assertLegalStream(readEvents(text)) as unknown as Answer)
    : (JSON.parse(text) as Answer)
}

/** The answers, by the number of the step. */
async function play({ headers, steps }: Session, model: string): Promise<Answer[]> {
  const names = new Names()
  const answers: Answer[] = []
  let socket: SocketClient | null = null
  try {
    for (const [index, step] of steps.entries()) {
      let answer: Answer = {}
      if ('socket' in step) socket = await openSocket(gateway.origin, { headers })
      else if ('send' in step) answer = (await sendTurn(socket, fillIn(names, step.send, model))) as Answer
      else {
        const body = step.body === undefined ? undefined : JSON.stringify(fillIn(names, step.body, model))
        answer = await call(headers, {
          method: step.method,
          path: names.fill(step.path),
          ...(body === undefined ? {} : { body }),
        })
      }
      names.learn(index + 1, answer)
      answers.push(answer)
    }
  } finally {
    await socket?.close()
  }
  return answers
}

function sendTurn(socket: SocketClient | null, { type: _, ...body }: JsonObject): Promise<CanonicalResponse> {
  assert.ok(socket)
  return socket.ask(body)
}

function fillIn(names: Names, body: JsonObject, model: string): JsonObject {
  const filled = JSON.parse(names.fill(JSON.stringify(body))) as JsonObject
  return 'model' in filled ? { ...filled, model } : filled
}

/** The last answer to `/history`: a line an item that reached the model, without thoughts and instructions. */
function historyOf(answers: readonly Answer[]): string[] {
  const told = answers.findLast(({ output_text: text }) => text?.endsWith('user: /history'))?.output_text
  assert.ok(told)
  return told.split('\n').filter((line) => /^(?:user|call|output|assistant)\b/.test(line))
}

/** What each of the sessions told the model, beyond its answers. */
const expectedHistories: Record<string, readonly RegExp[]> = {
  'agents-chain': [
    /^user: \/call/,
    /^call get_weather/,
    /^output .*: mild in Rome/,
    /^assistant/,
    /^user: \/history/,
  ],
  'agents-compaction': [
    /^user: My name is Ada/,
    // A summary, but from the provider that compacts by itself: that opens what it had.
    /^user: Summary of the conversation|^assistant: You said: My name is Ada/,
    /^user: \/history/,
  ],
  'agents-conversation': [
    /^user: \/call/,
    /^call get_weather/,
    /^output .*: mild in Rome/,
    /^assistant/,
    /^user: \/history/,
  ],
  'ai-sdk-steps': [
    /^user: \/reason deep/,
    /^assistant/,
    /^user: \/call/,
    /^call weather/,
    /^output .*: mild in Rome/,
    /^assistant/,
    /^user: \/history/,
  ],
  'effect-chain': [/^user: My name is Ada/, /^assistant/, /^user: \/history/],
  'langchain-chain': [
    /^user: \/call/,
    /^call get_weather/,
    /^output .*: mild in Rome/,
    /^assistant/,
    /^user: \/history/,
  ],
  'llamaindex-chain': [/^user: My name is Ada/, /^assistant/, /^user: \/history/],
  'opencode-references': [/^user: "?\/call/, /^call/, /^output/, /^assistant/, /^user: "?\/history/],
  'tanstack-conversation': [/^user: My name is Ada/, /^assistant/, /^user: \/history/],
}

for (const { name, session } of sessions) {
  if (!(name in expectedHistories)) continue
  describe(`${session.client}: ${name}`, () => {
    for (const { variant, model } of variantTargets) {
      it(`is served by ${variant}, and nothing is lost or told twice`, async () => {
        const history = historyOf(await play(session, model))
        const expected = expectedHistories[name] ?? []
        assert.equal(history.length, expected.length, history.join('\n'))
        for (const [index, pattern] of expected.entries()) assert.match(String(history[index]), pattern)
      })
    }
  })
}

function sessionOf(name: string): Session {
  const found = sessions.find((one) => one.name === name)
  assert.ok(found, `${name}.json is there`)
  return found.session
}

/** What the model was last asked, as text. */
function lastInput(): string {
  const { body } = gateway.sandbox.requests.findLast(({ method }) => method === 'POST') ?? {}
  assert.ok(isObject(body))
  return JSON.stringify(body.input)
}

describe('Codex', () => {
  for (const { variant, model } of variantTargets) {
    it(`warms up, calls and goes on over one WebSocket at ${variant}`, async () => {
      const answers = await play(sessionOf('codex-socket'), model)
      const outputs = answers.map(({ output }) => (output ?? []).map(({ type }) => type))
      assert.deepEqual(outputs[1], [], 'the warm-up asks no model')
      assert.equal(outputs[2]?.at(-1), 'function_call')
      assert.equal(outputs[3]?.at(-1), 'message')
      const told = lastInput()
      for (const part of ['developer', '/call exec_command', 'Process exited'])
        assert.equal(told.includes(part) || (part === 'developer' && told.includes('system')), true, part)
    })
    it(`has its context compacted by a trigger, and goes on from it, at ${variant}`, async () => {
      const answers = await play(sessionOf('codex-compaction'), model)
      assert.deepEqual(
        answers.map(({ output }) =>
          output?.filter(({ type }) => type !== 'reasoning').map(({ type }) => type),
        ),
        [['message'], ['compaction'], ['message']],
      )
      const told = lastInput()
      assert.equal(told.split('"My name is Ada"').length - 1, 1, told)
      assert.equal(told.split('And I live in Graz').length - 1, 1, told)
      assert.ok(!told.includes('compaction_trigger'))
    })
  }
})

it('every recording is played', () => {
  const played = [...Object.keys(expectedHistories), 'codex-compaction', 'codex-socket'].sort()
  assert.deepEqual(sessions.map(({ name }) => name).sort(), played)
})
