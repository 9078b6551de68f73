/** What a chain or a conversation goes on with after turns that did not go well, and from inputs that say things twice. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import type { Item } from '../../translators/shared/canonical.ts'
import { type GatedProvider, startGatedProvider } from '../support/gated-provider.ts'
import { startGateway, type TestGateway } from '../support/start-gateway.ts'

let gateway: TestGateway
let provider: GatedProvider
before(async () => {
  provider = await startGatedProvider()
  const common = { baseUrl: provider.url, apiKey: 'provider-key-123456', attempts: 1 }
  gateway = await startGateway({
    configure: ({ providers, ...config }) => ({
      ...config,
      providers: { ...(providers as object), own: { ...common, variant: 'openai', models: ['gpt-5'] } },
    }),
  })
})
after(async () => {
  await gateway.close()
  await provider.close()
})
beforeEach(() => say([message('fine')]))

interface Answer {
  status: number
  json: {
    id: string
    status: string
    output: Item[]
    data: Item[]
    has_more: boolean
    last_id: string
    error: { param: string; message: string }
  }
}

async function call(method: string, path: string, body?: unknown): Promise<Answer> {
  const answer = await fetch(`${gateway.origin}/v1${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  })
  return { status: answer.status, json: (await answer.json()) as Answer['json'] }
}

const tools = [
  { type: 'function', name: 'look', parameters: { type: 'object', properties: {} }, strict: null },
  { type: 'custom', name: 'shell' },
]
const create = (more: Record<string, unknown>) =>
  call('POST', '/responses', { model: 'own/gpt-5', tools, ...more })

async function made(more: Record<string, unknown>): Promise<Answer['json']> {
  const { status, json } = await create(more)
  assert.equal(status, 200, JSON.stringify(json))
  return json
}

const message = (text: string): Item => ({
  id: 'msg_up',
  type: 'message',
  role: 'assistant',
  status: 'completed',
  content: [{ type: 'output_text', text, annotations: [] }],
})
const look = (more: Partial<Item> = {}): Item => ({
  id: 'fc_up',
  type: 'function_call',
  call_id: 'call_1',
  name: 'look',
  arguments: '{}',
  status: 'completed',
  ...more,
})
const half = look({ arguments: '{"at": ', status: 'incomplete' })

/** What the provider answers from now on. */
function say(output: Item[], more: Record<string, unknown> = {}): void {
  provider.onCall = (asked) =>
    asked.json(200, { id: 'resp_up', object: 'response', status: 'completed', model: 'm', output, ...more })
}

/** The input of the provider's last call. */
function lastInput(): Item[] {
  const last = provider.calls.at(-1)
  assert.ok(last)
  return last.body.input as Item[]
}

/** The same, short. */
function asked(): string[] {
  return lastInput().map(({ type, content, call_id, encrypted_content }) => {
    const texts = Array.isArray(content) ? content.map((part) => (part as { text: string }).text) : [content]
    return [type, call_id ?? encrypted_content ?? texts.join()].join(' ')
  })
}

const startConversation = async (): Promise<string> => (await call('POST', '/conversations', {})).json.id

async function listAll(path: string): Promise<(string | undefined)[]> {
  const ids: (string | undefined)[] = []
  for (let from = ''; ; ) {
    const { json } = await call('GET', `${path}?order=asc&limit=1${from}`)
    ids.push(...json.data.map(({ id }) => id))
    if (!json.has_more) return ids
    from = `&after=${json.last_id}`
  }
}

describe('a call that was cut off', () => {
  const cut = () =>
    say([message('I look.'), half], {
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
    })
  it('is left out of the chain and of the conversation that go on from it', async () => {
    for (const conversation of [null, await startConversation()]) {
      cut()
      const first = await made({ input: 'hi', conversation })
      assert.deepEqual([first.status, first.output.at(-1)?.status], ['incomplete', 'incomplete'])
      say([message('fine')])
      const previous_response_id = conversation === null ? first.id : null
      await made({ input: 'go on', conversation, previous_response_id })
      assert.deepEqual(asked(), ['message hi', 'message I look.', 'message go on'])
    }
  })
  it('is left out where it is referred to', async () => {
    cut()
    const first = await made({ input: 'hi' })
    say([message('fine')])
    const references = first.output.map(({ id }) => ({ type: 'item_reference', id }))
    await made({ input: [...references, { role: 'user', content: 'go on' }] })
    assert.deepEqual(asked(), ['message I look.', 'message go on'])
  })
  it('stays when its output is sent, now or in an earlier turn', async () => {
    cut()
    const first = await made({ input: 'hi' })
    const output = { type: 'function_call_output', call_id: 'call_1', output: 'a tree' }
    const second = await made({ input: [output], previous_response_id: first.id })
    const context = ['message hi', 'message I look.', 'function_call call_1', 'function_call_output call_1']
    assert.deepEqual(asked(), context)
    say([message('fine')])
    await made({ input: 'go on', previous_response_id: second.id })
    assert.deepEqual(asked().slice(0, 4), context)
  })
})

describe('a turn that failed', () => {
  it('leaves no call in its conversation that nobody will answer', async () => {
    const conversation = await startConversation()
    provider.onCall = (asked) => {
      const event = (type: string, more: object) =>
        `event: ${type}\ndata: ${JSON.stringify({ type, ...more })}\n\n`
      const response = { id: 'resp_up', object: 'response', status: 'in_progress', model: 'm', output: [] }
      const text = [
        event('response.created', { response }),
        event('response.output_item.added', {
          output_index: 0,
          item: look({ arguments: '', status: 'in_progress' }),
        }),
        event('response.function_call_arguments.done', {
          output_index: 0,
          item_id: 'fc_up',
          arguments: '{}',
        }),
        event('response.output_item.done', { output_index: 0, item: look() }),
        event('response.failed', {
          response: { ...response, status: 'failed', error: { code: 'server_error', message: 'x' } },
        }),
      ]
      asked.stream(text.join(''))
    }
    const answer = await gateway.post({ model: 'own/gpt-5', tools, input: 'hi', conversation, stream: true })
    assert.match(await answer.text(), /event: response\.failed/)
    say([message('fine')])
    await made({ input: 'go on', conversation })
    assert.deepEqual(asked(), ['message hi', 'message go on'])
  })
})

describe('reasoning that the client is not shown', () => {
  it('comes back to its maker also when a turn had no input of its own', async () => {
    const think: Item = { id: 'rs_up', type: 'reasoning', summary: [], encrypted_content: 'thought' }
    const first = await made({ input: 'hi' })
    say([think, message('thought over')])
    const second = await made({ input: [], previous_response_id: first.id })
    assert.equal(second.output[0]?.encrypted_content, undefined)
    await made({ input: 'go on', previous_response_id: second.id })
    assert.deepEqual(asked().slice(2), ['reasoning thought', 'message thought over', 'message go on'])
  })
})

describe('a reference to what is in the context anyway', () => {
  const output = { type: 'function_call_output', call_id: 'call_1', output: 'a tree' }
  const context = ['message hi', 'function_call call_1', 'function_call_output call_1']
  it('adds nothing to the context or to its list, now and later', async () => {
    say([look()])
    const first = await made({ input: 'hi' })
    const reference = { type: 'item_reference', id: first.output[0]?.id }
    say([message('fine')])
    const second = await made({ input: [reference, output], previous_response_id: first.id })
    assert.deepEqual(asked(), context)
    const { json } = await call('GET', `/responses/${second.id}/input_items?order=asc`)
    assert.deepEqual(
      json.data.map(({ type }) => type),
      ['message', 'function_call', 'function_call_output'],
    )
    await made({ input: 'go on', previous_response_id: second.id })
    assert.deepEqual(asked(), [...context, 'message fine', 'message go on'])
  })
  it('adds nothing to the conversation', async () => {
    const conversation = await startConversation()
    say([look()])
    const first = await made({ input: 'hi', conversation })
    const reference = { type: 'item_reference', id: first.output[0]?.id }
    say([message('fine')])
    await made({ input: [reference, output], conversation })
    assert.deepEqual(asked(), context)
    const { json } = await call('GET', `/conversations/${conversation}/items?order=asc`)
    assert.deepEqual(
      json.data.map(({ type }) => type),
      ['message', 'function_call', 'function_call_output', 'message'],
    )
  })
  it('is told once when it is made twice', async () => {
    const elsewhere = await made({ input: 'far' })
    const reference = { type: 'item_reference', id: elsewhere.output[0]?.id }
    const first = await made({ input: [reference, reference] })
    assert.deepEqual(asked(), ['message fine'])
    await made({ input: [reference], previous_response_id: first.id })
    assert.deepEqual(asked(), ['message fine', 'message fine'])
  })
})

describe('an id that a client sends again', () => {
  it('stands once in the list of a context, so that a walk of its pages sees every item', async () => {
    const input = (text: string) => [{ id: 'msg_mine', type: 'message', role: 'user', content: text }]
    const first = await made({ input: [...input('one'), ...input('two')] })
    const second = await made({ input: input('three'), previous_response_id: first.id })
    assert.deepEqual(asked(), ['message one', 'message two', 'message fine', 'message three'])
    const ids = await listAll(`/responses/${second.id}/input_items`)
    assert.deepEqual([ids.length, new Set(ids).size, ids[0]], [4, 4, 'msg_mine'])
  })
})

describe('items that have no status', () => {
  it('come back to the provider without one', async () => {
    const answer = { type: 'mcp_approval_response', approval_request_id: 'mcpr_1', approve: true }
    const first = await made({ input: [answer] })
    await made({ input: 'go on', previous_response_id: first.id })
    assert.deepEqual(lastInput()[0], answer)
  })
})

describe('an output of a custom tool', () => {
  it('without its call is refused as that of a function is', async () => {
    const first = await made({ input: 'hi' })
    for (const type of ['function_call_output', 'custom_tool_call_output']) {
      const input = [{ type, call_id: 'call_none', output: 'x' }]
      const { status, json } = await create({ input, previous_response_id: first.id })
      assert.deepEqual([status, json.error.param], [400, 'input[0].call_id'])
      assert.match(json.error.message, new RegExp(`the ${type} with`))
    }
  })
})
