/** Truncation at the front door: contexts of known size, and providers that say themselves that an input is too long. */
import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { after, before, describe, it } from 'node:test'
import OpenAI from 'openai'
import type { AdminRequest } from '../../server/http/admin/contract.ts'
import {
  type CanonicalEvent,
  type Item,
  isObject,
  type JsonObject,
} from '../../translators/shared/canonical.ts'
import { textOf } from '../conformance/ask.ts'
import { assertLegalStream } from '../support/legal-stream.ts'
import {
  type RawGateway,
  readStream,
  respond,
  response,
  sse,
  startRawGateway,
} from '../support/raw-provider.ts'
import { startGateway, type TestGateway } from '../support/start-gateway.ts'

/** 400 characters: about 104 tokens as one message. */
const text = (name: string) => `${name} ${'x'.repeat(399 - name.length)}`
const user = (name: string) => ({ type: 'message', role: 'user', content: text(name) })
const assistant = (name: string) => ({
  type: 'message',
  role: 'assistant',
  content: [{ type: 'output_text', text: text(name) }],
})
/** About 104 tokens an item: a system message, then turns of two items each. */
const talk = (turns: number) => [
  { type: 'message', role: 'system', content: text('system') },
  ...Array.from({ length: turns }, (_, index) => [user(`u${index + 1}`), assistant(`a${index + 1}`)]).flat(),
  user('question'),
]

/** The first words of all items that a provider was sent. */
function namesIn(request: string): string[] {
  const { input } = JSON.parse(request.slice(request.indexOf('\r\n\r\n') + 4)) as { input: Item[] }
  assert.ok(Array.isArray(input))
  return input.map((item) => {
    const content = item.content ?? item.output ?? item.arguments
    const words = Array.isArray(content) ? (content[0] as JsonObject).text : content
    return String(words).split(' ')[0] as string
  })
}

/** A provider that holds `items` items of a talk and refuses more in the words of vLLM. */
const holding = (items: number) => (socket: Socket, _count: number, request: string) => {
  if (namesIn(request).length <= items) respond(socket, JSON.stringify(response()))
  else respond(socket, tooLong, undefined, '400 Bad Request')
}
const tooLong = JSON.stringify({
  error: {
    message:
      "This model's maximum context length is 1000 tokens. However, your request has 1200 input tokens.",
    type: 'BadRequestError',
    param: null,
    code: 400,
  },
})

async function errorOf(answer: Response): Promise<JsonObject> {
  return ((await answer.json()) as { error: JsonObject }).error
}

/** Gateways in front of one provider; `context` in tokens. */
async function start(context: number | null, variant = 'scaleway'): Promise<RawGateway> {
  const target = { provider: 'raw1', model: 'gpt-oss-120b', ...(context ? { contextTokens: context } : {}) }
  const gateway = await startRawGateway({
    variant,
    provider: variant === 'scaleway' ? { models: ['*'] } : {},
    config: { models: { 'raw/model': { targets: [target] } } },
  })
  gateway.script((socket) => respond(socket, JSON.stringify(response())))
  return gateway
}

describe('truncation where the gateway knows the context', () => {
  let gateway: RawGateway
  before(async () => {
    gateway = await start(1000)
  })
  after(() => gateway.close())
  let asked = 0
  const ask = async (members: JsonObject) => {
    asked = gateway.providers[0]?.requests.length ?? 0
    return gateway.post({ model: 'raw/model', input: talk(10), ...members })
  }
  const sent = () => gateway.providers[0]?.requests.slice(asked) ?? []

  it('auto leaves out the oldest turns, and names it in the answer and in the record', async () => {
    const answer = await ask({ truncation: 'auto', max_output_tokens: 100 })
    assert.equal(answer.status, 200)
    assert.match(String(answer.headers.get('x-dragoman-adaptations')), /emulated:truncation=dropped 14 items/)
    assert.equal(((await answer.json()) as JsonObject).truncation, 'auto')
    assert.deepEqual(sent().map(namesIn), [['system', 'u8', 'a8', 'u9', 'a9', 'u10', 'a10', 'question']])
    assert.doesNotMatch(String(sent()[0]), /"truncation":"auto"/)
    const row = await gateway.admin<AdminRequest>(`/admin/requests/${answer.headers.get('x-request-id')}`)
    assert.ok(
      row.adaptations.some(({ field, detail }) => field === 'truncation' && detail === 'dropped 14 items'),
    )
  })
  it('auto keeps room for the output that is asked for', async () => {
    await ask({ truncation: 'auto', max_output_tokens: 560 })
    assert.deepEqual(sent().map(namesIn), [['system', 'u10', 'a10', 'question']])
    await ask({ truncation: 'auto', input: [user('u1'), assistant('a1'), user('question')] })
    assert.deepEqual(sent().map(namesIn), [['u1', 'a1', 'question']])
  })
  it('auto changes nothing that fits', async () => {
    const answer = await ask({ truncation: 'auto', input: 'hello' })
    assert.doesNotMatch(answer.headers.get('x-dragoman-adaptations') ?? '', /truncation/)
  })
  it('auto keeps calls and their outputs together', async () => {
    const call = (name: string) => ({
      type: 'function_call',
      call_id: name,
      name: 'f',
      arguments: text(`call-${name}`),
    })
    const output = (name: string) => ({
      type: 'function_call_output',
      call_id: name,
      output: text(`output-${name}`),
    })
    const input = [
      user('u1'),
      call('one'),
      call('two'),
      output('two'),
      output('one'),
      assistant('a1'),
      user('u2'),
      call('three'),
      output('three'),
    ]
    await ask({ truncation: 'auto', input, max_output_tokens: 100 })
    assert.deepEqual(sent().map(namesIn), [['u2', 'call-three', 'output-three']])
  })
  it('auto works on a chain, which stays whole in the store', async () => {
    const client = new OpenAI({ baseURL: `${gateway.origin}/v1`, apiKey: 'none', maxRetries: 0 })
    const model = 'raw/model'
    const long = await client.responses.create({ model, input: talk(3) as never, truncation: 'auto' })
    asked = gateway.providers[0]?.requests.length ?? 0
    const next = await client.responses.create({
      model,
      previous_response_id: long.id,
      input: [user('next')] as never,
      truncation: 'auto',
    })
    const [names] = sent().map(namesIn)
    assert.deepEqual([names?.[0], names?.at(-1), names?.includes('u1')], ['system', 'next', false])
    const kept = await client.responses.inputItems.list(next.id, { order: 'asc' })
    assert.equal(kept.data.length, 10)
  })
  it('auto that is not enough is refused with the numbers, before any call', async () => {
    const answer = await ask({
      truncation: 'auto',
      max_output_tokens: 100,
      input: [{ role: 'user', content: 'x'.repeat(8000) }],
    })
    const error = await errorOf(answer)
    assert.deepEqual([answer.status, error.code, error.param], [400, 'context_length_exceeded', 'input'])
    assert.match(String(error.message), /2004 tokens.*900.*1000/)
    assert.equal(sent().length, 0)
  })
  it('auto names the output when that alone fills the context', async () => {
    const answer = await ask({ truncation: 'auto', max_output_tokens: 1000 })
    const error = await errorOf(answer)
    assert.deepEqual(
      [answer.status, error.code, error.param],
      [400, 'context_length_exceeded', 'max_output_tokens'],
    )
  })
  for (const truncation of ['disabled', undefined])
    it(`${truncation} refuses what cannot fit in any case, before any call`, async () => {
      const answer = await ask({ truncation, input: talk(20) })
      const error = await errorOf(answer)
      assert.deepEqual([answer.status, error.code, error.param], [400, 'context_length_exceeded', 'input'])
      assert.match(String(error.message), /4368 tokens.*1000.*truncation: "auto"/)
      assert.equal(sent().length, 0)
    })
  it('disabled leaves to the provider what may fit, and tells its refusal', async () => {
    gateway.script(holding(11))
    const answer = await ask({ truncation: 'disabled', input: talk(8) })
    const error = await errorOf(answer)
    assert.deepEqual([answer.status, error.code], [400, 'context_length_exceeded'])
    assert.match(String(error.message), /maximum context length is 1000/)
    assert.equal(sent().length, 1)
  })
  it('does not take pictures for text that cannot fit', async () => {
    gateway.script((socket) => respond(socket, JSON.stringify(response())))
    const image = { type: 'input_image', image_url: 'data:image/png;base64,AAAA', detail: 'low' }
    const answer = await ask({ input: [{ role: 'user', content: Array(5).fill(image) }] })
    const { code } = answer.status === 200 ? { code: null } : await errorOf(answer)
    assert.notEqual(code, 'context_length_exceeded')
  })
})

describe('truncation where only the provider knows the context', () => {
  let gateway: RawGateway
  before(async () => {
    gateway = await start(null)
  })
  after(() => gateway.close())
  const ask = (members: JsonObject = {}) =>
    gateway.post({ model: 'raw/model', input: talk(10), truncation: 'auto', ...members })
  const lengths = () => gateway.providers[0]?.requests.splice(0).map((one) => namesIn(one).length)

  it('asks again with less until it fits', async () => {
    gateway.script(holding(12))
    const answer = await ask()
    assert.equal(answer.status, 200)
    assert.deepEqual(lengths(), [22, 16, 12])
    assert.match(String(answer.headers.get('x-dragoman-adaptations')), /emulated:truncation=dropped 10 items/)
    const row = await gateway.admin<AdminRequest>(`/admin/requests/${answer.headers.get('x-request-id')}`)
    assert.deepEqual([row.attempts, row.status], [3, 'completed'])
  })
  it('gives up after three times, with the provider’s words', async () => {
    gateway.script(holding(0))
    const answer = await ask()
    const error = await errorOf(answer)
    assert.deepEqual([answer.status, error.code], [400, 'context_length_exceeded'])
    assert.equal(lengths()?.length, 4)
  })
  it('gives up when there is nothing left to leave out', async () => {
    gateway.script(holding(0))
    const answer = await ask({ input: talk(0) })
    assert.equal((await errorOf(answer)).code, 'context_length_exceeded')
    assert.deepEqual(lengths(), [2])
  })
  it('disabled is not asked again', async () => {
    gateway.script(holding(12))
    const answer = await ask({ truncation: 'disabled' })
    assert.equal((await errorOf(answer)).code, 'context_length_exceeded')
    assert.equal(lengths()?.length, 1)
  })
  it('works for streams that fail before their first output', async () => {
    gateway.script((socket, _, request) => {
      if (namesIn(request).length > 12) {
        const error = { code: 'context_length_exceeded', message: 'Too long.' }
        const failed = sse({
          type: 'response.failed',
          response: response({ status: 'failed', output: [], error }),
        })
        respond(socket, failed, 'text/event-stream')
      } else respond(socket, JSON.stringify(response()))
    })
    const answer = await ask({ stream: true })
    const { events, done } = readStream(await answer.text())
    assert.ok(done)
    assert.equal(assertLegalStream(events as unknown as CanonicalEvent[]).status, 'completed')
    assert.deepEqual(lengths(), [22, 16, 12])
  })
})

describe('an answer that failed because its input was too long', () => {
  it('is a 400, and not asked for again', async () => {
    const gateway = await start(null)
    try {
      const error = { code: 'context_length_exceeded', message: 'Too long.' }
      gateway.script((socket) =>
        respond(socket, JSON.stringify(response({ status: 'failed', output: [], error }))),
      )
      const answer = await gateway.post({ model: 'raw/model', input: 'hello' })
      assert.deepEqual([answer.status, (await errorOf(answer)).code], [400, 'context_length_exceeded'])
      assert.equal(gateway.providers[0]?.requests.length, 1)
    } finally {
      await gateway.close()
    }
  })
})

describe('truncation where the provider has it', () => {
  it('is left to the provider, whatever is known of the context', async () => {
    const gateway = await start(100, 'openai')
    try {
      const answer = await gateway.post({ model: 'raw/model', input: talk(10), truncation: 'auto' })
      assert.equal(answer.status, 200)
      const [request = ''] = gateway.providers[0]?.requests ?? []
      assert.equal(namesIn(request).length, 22)
      assert.match(request, /"truncation":"auto"/)
      assert.doesNotMatch(answer.headers.get('x-dragoman-adaptations') ?? '', /truncation/)
    } finally {
      await gateway.close()
    }
  })
})

describe('contexts of different sizes', () => {
  let gateway: RawGateway
  before(async () => {
    gateway = await startRawGateway({
      providers: 2,
      config: {
        models: {
          'raw/model': {
            targets: [
              { provider: 'raw1', model: 'small', contextTokens: 500 },
              { provider: 'raw2', model: 'large', contextTokens: 100_000 },
            ],
          },
        },
      },
    })
    for (const index of [0, 1]) gateway.script((socket) => respond(socket, JSON.stringify(response())), index)
  })
  after(() => gateway.close())

  it('a later target with room serves what does not fit the first', async () => {
    const answer = await gateway.post({ model: 'raw/model', input: talk(10) })
    assert.equal(answer.status, 200)
    assert.equal(answer.headers.get('x-dragoman-provider'), 'raw2')
    assert.equal(gateway.providers[0]?.requests.length, 0)
  })
})

describe('truncation over the documented providers without it', () => {
  let gateway: TestGateway
  before(async () => {
    gateway = await startGateway({
      configure: (config) => ({
        ...config,
        models: {
          small: { targets: [{ provider: 'scaleway', model: 'gpt-oss-120b', contextTokens: 1000 }] },
          tiny: {
            targets: [{ provider: 'sail', model: 'deepseek-ai/DeepSeek-V3.2', contextTokens: 1000 }],
          },
        },
      }),
    })
  })
  after(() => gateway.close())

  for (const model of ['small', 'tiny'])
    it(`keeps a long chain going at ${model}`, async () => {
      const client = new OpenAI({ baseURL: `${gateway.origin}/v1`, apiKey: 'none', maxRetries: 0 })
      let previous: string | null = null
      for (let turn = 1; turn <= 8; turn++) {
        const { id }: { id: string } = await client.responses.create({
          model,
          input: text(`turn-${turn}`),
          previous_response_id: previous,
          truncation: 'auto',
        })
        previous = id
      }
      const last = await client.responses.create({
        model,
        input: '/history',
        previous_response_id: previous,
        truncation: 'auto',
      })
      const told = textOf(last)
      assert.match(told, /turn-8/)
      assert.doesNotMatch(told, /turn-1\b/)
      const call = gateway.sandbox.requests.at(-1)
      assert.ok(isObject(call?.body))
      assert.notEqual(call.body.truncation, 'auto')
    })
})
