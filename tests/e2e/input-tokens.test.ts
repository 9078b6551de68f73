/** Counts of input tokens at the front door, with OpenAI's own client. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import OpenAI from 'openai'
import type { AdminRequest } from '../../server/http/admin/contract.ts'
import type { JsonObject } from '../../translators/shared/canonical.ts'
import { variantTargets } from '../conformance/targets.ts'
import { type RawGateway, respond, startRawGateway } from '../support/raw-provider.ts'
import { startGateway, type TestGateway } from '../support/start-gateway.ts'

let gateway: TestGateway
let client: OpenAI
before(async () => {
  gateway = await startGateway()
  client = new OpenAI({ baseURL: `${gateway.origin}/v1`, apiKey: 'none', maxRetries: 0 })
})
after(() => gateway.close())

const native = 'openai/gpt-5.2'

function post(origin: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${origin}/v1/responses/input_tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
}

/** The count, and whether it was flagged as an estimate in the answer and in the record. */
async function count(body: unknown): Promise<{ tokens: number; estimated: boolean }> {
  const answer = await post(gateway.origin, body)
  const text = await answer.text()
  assert.equal(answer.status, 200, text)
  const { object, input_tokens: tokens, ...rest } = JSON.parse(text) as JsonObject
  assert.equal(object, 'response.input_tokens')
  assert.deepEqual(rest, {})
  const adaptations = answer.headers.get('x-dragoman-adaptations') ?? ''
  const estimated = adaptations.includes('emulated:input_tokens=estimated')
  const row = await gateway.admin<AdminRequest>(`/admin/requests/${answer.headers.get('x-request-id')}`)
  assert.deepEqual(
    [row.operation, row.status, row.usage_source, row.attempts],
    ['responses.input_tokens', 'completed', estimated ? 'estimated' : 'provider', estimated ? 0 : 1],
  )
  // Nothing was used up.
  assert.deepEqual([row.input_tokens, row.total_tokens], [null, null])
  return { tokens: tokens as number, estimated }
}

for (const { variant, model } of variantTargets) {
  describe(`the count of input tokens over ${variant}`, () => {
    it('is the provider’s where it has one, else flagged as an estimate', async () => {
      const { object, input_tokens: tokens } = await client.responses.inputTokens.count({
        model,
        input: 'one two three four five six',
      })
      assert.equal(object, 'response.input_tokens')
      assert.ok(tokens > 0)
      assert.deepEqual(await count({ model, input: 'one two three four five six' }), {
        tokens,
        estimated: model !== native,
      })
    })
    it('counts everything that the model would read', async () => {
      const words = 'some words that were said before. '.repeat(20)
      const first = await client.responses.create({ model, input: words })
      const conversation = await client.conversations.create({
        items: [{ type: 'message', role: 'user', content: words }],
      })
      const alone = await count({ model, input: 'and now?' })
      const chained = await count({ model, input: 'and now?', previous_response_id: first.id })
      const conversed = await count({ model, input: 'and now?', conversation: conversation.id })
      const instructed = await count({ model, input: 'and now?', instructions: words })
      const tools = [{ type: 'function', name: 'f', description: words, parameters: {}, strict: false }]
      const equipped = await count({ model, input: 'and now?', tools })
      assert.ok(equipped.tokens > alone.tokens)
      for (const more of [chained, conversed, instructed])
        assert.ok(more.tokens > alone.tokens + 50, JSON.stringify([more, alone]))
      const compacted = await client.responses.compact({ model: model as 'gpt-5', input: words })
      const opened = await count({ model, input: compacted.output })
      assert.ok(opened.tokens > alone.tokens + 50)
    })
  })
}

describe('a count of input tokens', () => {
  it('does not wait for a turn that runs on its conversation', async () => {
    const { id } = await client.conversations.create({})
    const running = client.responses.create({ model: 'gpt-4o', input: '/slow 300 x', conversation: id })
    await count({ model: 'gpt-4o', input: 'x', conversation: id })
    await running
  })
  const wrong: [string, JsonObject, number, string, string][] = [
    ['without a model', { input: 'x' }, 400, 'invalid_request', 'model'],
    ['of nothing', { model: native }, 400, 'invalid_request', 'input'],
    ['for an unknown model', { model: 'nobody', input: 'x' }, 404, 'model_not_found', 'model'],
    [
      'of an unknown response',
      { model: native, input: 'x', previous_response_id: 'resp_x' },
      400,
      'previous_response_not_found',
      'previous_response_id',
    ],
    [
      'of an unknown conversation',
      { model: native, input: 'x', conversation: 'conv_x' },
      404,
      'conversation_not_found',
      'conversation',
    ],
    [
      'of an unknown prompt',
      { model: native, input: 'x', prompt: { id: 'nobody' } },
      400,
      'prompt_not_found',
      'prompt.id',
    ],
  ]
  for (const [name, body, status, code, param] of wrong)
    it(`${name} is refused`, async () => {
      const answer = await post(gateway.origin, body)
      const { error } = (await answer.json()) as { error: JsonObject }
      assert.deepEqual([answer.status, error.code, error.param], [status, code, param])
      assert.ok(String(error.message).length > 20)
    })
})

describe('a provider that does not count', () => {
  let raw: RawGateway
  before(async () => {
    raw = await startRawGateway()
  })
  after(() => raw.close())
  const body = { model: 'raw/model', input: 'x'.repeat(400) }

  for (const [status, answer] of [
    ['404 No', '{"error":{"message":"Not found","type":"invalid_request_error"}}'],
    ['500 Down', ''],
    ['200 OK', '{"object":"response.input_tokens"}'],
    ['200 OK', 'data: {}\n\n'],
  ] as const)
    it(`answers ${status} ${answer}: an estimate`, async () => {
      const type = answer.startsWith('data') ? 'text/event-stream' : 'application/json'
      raw.script((socket) => respond(socket, answer, type, status))
      const counted = await post(raw.origin, body, { 'x-request-id': 'estimate' })
      assert.equal(counted.headers.get('x-dragoman-adaptations'), 'emulated:input_tokens=estimated')
      assert.deepEqual(await counted.json(), { object: 'response.input_tokens', input_tokens: 54 })
    })
  it('says what is wrong with the request', async () => {
    raw.script((socket) =>
      respond(
        socket,
        '{"error":{"message":"Unknown word.","param":"tools","code":"invalid_value"}}',
        undefined,
        '400 No',
      ),
    )
    const refused = await post(raw.origin, body)
    const { error } = (await refused.json()) as { error: JsonObject }
    assert.deepEqual([refused.status, error.code, error.message], [400, 'invalid_value', 'Unknown word.'])
  })
})
