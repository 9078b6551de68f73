/** Conversations and their items over their own paths, and the turns that run on them. Through OpenAI's client where it can. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { after, before, describe, it } from 'node:test'
import OpenAI from 'openai'
import type { ConversationItem } from 'openai/resources/conversations/items'
import type { ResponseInputItem } from 'openai/resources/responses/responses'
import { openAnswer, opening, type RawGateway, startRawGateway } from '../support/raw-provider.ts'
import { startGateway, type TestGateway } from '../support/start-gateway.ts'

const model = 'gpt-4o'
const json = { 'content-type': 'application/json' }
let gateway: TestGateway
let client: OpenAI
before(async () => {
  gateway = await startGateway()
  client = connect(gateway)
})
after(() => gateway.close())

function connect({ origin }: TestGateway): OpenAI {
  return new OpenAI({ baseURL: `${origin}/v1`, apiKey: 'none', maxRetries: 0 })
}

const says = (content: string, more = {}): ResponseInputItem => ({ role: 'user', content, ...more })

/** Every item that is listed has an id. */
type Listed = ConversationItem & { id: string }

async function listItems(id: string, query = {}): Promise<Listed[]> {
  const items: Listed[] = []
  for await (const item of client.conversations.items.list(id, { order: 'asc', ...query }))
    items.push(item as Listed)
  return items
}

const idsOf = (items: readonly ConversationItem[]) => items.map(({ id }) => id)

function textsOf(items: readonly ConversationItem[]): unknown[] {
  return items.map((item) => {
    const part = item.type === 'message' ? item.content[0] : null
    return part && 'text' in part ? part.text : item.type
  })
}

/** What the model was shown, without the question itself. */
async function askHistory(id: string): Promise<string[]> {
  const { output_text: text } = await client.responses.create({
    model,
    input: '/history',
    conversation: id,
    store: false,
  })
  return text.split('\n').slice(0, -1)
}

async function call(path: string, init: RequestInit = {}) {
  const answer = await fetch(`${gateway.origin}/v1/conversations${path}`, init)
  const text = await answer.text()
  const { error } = JSON.parse(text) as { error: { code: string; param: string | null; message: string } }
  return { status: answer.status, headers: answer.headers, text, error }
}

const post = (path: string, body: unknown) =>
  call(path, { method: 'POST', headers: json, body: JSON.stringify(body) })

describe('a conversation', () => {
  it('is made with nothing, with items and metadata, and is shown', async () => {
    for (const init of [
      {},
      { headers: json, body: '{}' },
      { headers: json, body: '{"items":null,"metadata":null}' },
    ]) {
      const answer = await fetch(`${gateway.origin}/v1/conversations`, { method: 'POST', ...init })
      const made = (await answer.json()) as OpenAI.Conversations.Conversation
      assert.equal(answer.status, 200)
      assert.match(made.id, /^conv_/)
      assert.ok(Math.abs(made.created_at - Date.now() / 1000) < 60)
      assert.deepEqual(
        { ...made, id: '', created_at: 0 },
        { id: '', object: 'conversation', created_at: 0, metadata: {} },
      )
      assert.deepEqual(await client.conversations.retrieve(made.id), made)
      assert.deepEqual(await listItems(made.id), [])
    }
    const { text } = await call(`/${(await client.conversations.create()).id}/items`)
    assert.deepEqual(JSON.parse(text), {
      object: 'list',
      data: [],
      first_id: null,
      last_id: null,
      has_more: false,
    })
    const made = await client.conversations.create({
      items: [says('one'), says('two')],
      metadata: { a: 'b' },
    })
    assert.deepEqual(made.metadata, { a: 'b' })
    assert.deepEqual(textsOf(await listItems(made.id)), ['one', 'two'])
  })
  it('has its metadata replaced, and emptied', async () => {
    const made = await client.conversations.create({ metadata: { a: '1', b: '2' } })
    const updated = await client.conversations.update(made.id, { metadata: { c: '3' } })
    assert.deepEqual(updated, { ...made, metadata: { c: '3' } })
    assert.deepEqual(await client.conversations.retrieve(made.id), updated)
    assert.deepEqual((await client.conversations.update(made.id, { metadata: null })).metadata, {})
    assert.deepEqual((await post(`/${made.id}`, {})).error.param, 'metadata')
  })
  it('is deleted with its items, not with its responses', async () => {
    const { id } = await client.conversations.create({ items: [says('one', { id: 'msg_deleted' })] })
    const response = await client.responses.create({ model, input: 'two', conversation: id })
    assert.deepEqual(await client.conversations.delete(id), {
      id,
      object: 'conversation.deleted',
      deleted: true,
    })
    for (const [path, method] of [
      ['', 'GET'],
      ['', 'DELETE'],
      ['/items', 'GET'],
      ['/items/msg_deleted', 'GET'],
      ['/items/msg_deleted', 'DELETE'],
    ] as const) {
      const { status, error } = await call(`/${id}${path}`, { method })
      assert.deepEqual([status, error.code], [404, 'not_found'], `${method} ${path}`)
    }
    assert.equal((await post(`/${id}`, { metadata: {} })).status, 404)
    assert.equal((await post(`/${id}/items`, { items: [says('x')] })).status, 404)
    await assert.rejects(client.responses.create({ model, input: 'x', conversation: id }), { status: 404 })
    await assert.rejects(
      client.responses.create({ model, input: [{ type: 'item_reference', id: 'msg_deleted' }] }),
      { status: 400 },
    )
    assert.deepEqual(await client.responses.retrieve(response.id), response)
  })
  it('is refused what is wrong, by its place', async () => {
    const { id } = await client.conversations.create()
    const wrong: [unknown, string | null][] = [
      [{ items: [says('ok'), { role: 'tool', content: 'x' }] }, 'items[1].role'],
      [{ items: [{ type: 'function_call', call_id: 'c' }] }, 'items[0].name'],
      [{ items: Array(21).fill(says('x')) }, 'items'],
      [{ items: 'x' }, 'items'],
      [{ items: [{ type: 'item_reference', id: 'msg_unknown' }] }, 'items[0].id'],
      [[], null],
    ]
    for (const [body, param] of wrong)
      for (const path of ['', `/${id}/items`]) {
        const { status, error } = await post(path, body)
        assert.deepEqual([status, error.param], [400, param], `${path} ${JSON.stringify(body).slice(0, 80)}`)
      }
    for (const metadata of [{ a: 1 }, 'x', { ['k'.repeat(65)]: 'v' }, { k: 'v'.repeat(513) }])
      for (const path of ['', `/${id}`]) {
        const { status, error } = await post(path, { metadata })
        assert.equal(status, 400)
        assert.match(String(error.param), /^metadata/)
      }
    assert.equal((await post(`/${id}/items`, {})).error.param, 'items')
    assert.equal((await call('', { method: 'POST', headers: json, body: '{' })).error.code, 'invalid_json')
    assert.equal((await call('', { method: 'POST', body: '{}' })).status, 415)
    let deep: unknown = 'x'
    for (let level = 0; level < 600; level += 1) deep = [deep]
    assert.equal((await post(`/${id}/items`, { items: [{ type: 'custom', deep }] })).status, 400)
    assert.deepEqual(await listItems(id), [])
  })
  it('is not there under other methods', async () => {
    const { id } = await client.conversations.create()
    const { status, headers } = await call(`/${id}`, { method: 'PATCH' })
    assert.equal(status, 405)
    assert.deepEqual(headers.get('allow')?.split(', ').sort(), ['DELETE', 'GET', 'HEAD', 'POST'])
    assert.equal(
      (await fetch(`${gateway.origin}/v1/conversations/${id}/items`, { method: 'HEAD' })).status,
      200,
    )
    assert.equal((await call('')).status, 405)
  })
})

describe('items of a conversation', () => {
  it('are added at the end, in the full form, and listed in pages in both directions', async () => {
    const { id } = await client.conversations.create({ items: [says('0')] })
    const added = await client.conversations.items.create(id, {
      items: [
        says('1'),
        { role: 'assistant', content: '2' },
        { type: 'function_call', call_id: 'call_1', name: 'f', arguments: '{}' },
        { type: 'function_call_output', call_id: 'call_1', output: 'done' },
      ],
    })
    const whole = await listItems(id)
    assert.deepEqual(added.data, whole.slice(1))
    assert.deepEqual(
      [added.object, added.first_id, added.last_id, added.has_more],
      ['list', whole[1]?.id, whole[4]?.id, false],
    )
    assert.deepEqual(
      whole.map((item) => ({ ...item, id: item.id.split('_')[0] })),
      [
        {
          id: 'msg',
          type: 'message',
          role: 'user',
          status: 'completed',
          content: [{ type: 'input_text', text: '0' }],
        },
        {
          id: 'msg',
          type: 'message',
          role: 'user',
          status: 'completed',
          content: [{ type: 'input_text', text: '1' }],
        },
        {
          id: 'msg',
          type: 'message',
          role: 'assistant',
          status: 'completed',
          content: [{ type: 'output_text', text: '2', annotations: [], logprobs: [] }],
        },
        {
          id: 'fc',
          type: 'function_call',
          status: 'completed',
          call_id: 'call_1',
          name: 'f',
          arguments: '{}',
        },
        { id: 'fco', type: 'function_call_output', status: 'completed', call_id: 'call_1', output: 'done' },
      ],
    )
    for (const limit of [1, 2, 5, 100])
      for (const order of ['asc', 'desc'] as const) {
        const listed = idsOf(await listItems(id, { limit, order }))
        assert.deepEqual(order === 'asc' ? listed : listed.toReversed(), idsOf(whole))
      }
    assert.deepEqual(idsOf((await client.conversations.items.list(id)).data), idsOf(whole).toReversed())
    for (const [query, param] of [
      ['limit=0', 'limit'],
      ['limit=101', 'limit'],
      ['order=x', 'order'],
      ['after=msg_unknown', 'after'],
    ]) {
      const { status, error } = await call(`/${id}/items?${query}`)
      assert.deepEqual([status, error.param], [400, param])
    }
  })
  it('are shown and deleted one by one', async () => {
    const { id } = await client.conversations.create({
      items: [says('one'), says('two')],
      metadata: { a: 'b' },
    })
    const [one, two] = await listItems(id)
    assert.ok(one && two)
    assert.deepEqual(await client.conversations.items.retrieve(one.id, { conversation_id: id }), one)
    const left = await client.conversations.items.delete(one.id, { conversation_id: id })
    assert.deepEqual(left, await client.conversations.retrieve(id))
    await assert.rejects(client.conversations.items.retrieve(one.id, { conversation_id: id }), {
      status: 404,
      code: 'not_found',
    })
    await assert.rejects(client.conversations.items.delete(one.id, { conversation_id: id }), { status: 404 })
    assert.deepEqual(await listItems(id), [two])
    assert.deepEqual(await askHistory(id), ['user: two'])
    const other = await client.conversations.create()
    await assert.rejects(client.conversations.items.retrieve(two.id, { conversation_id: other.id }), {
      status: 404,
    })
  })
  it('keep the ids that they were sent with, unless another has it', async () => {
    const { id } = await client.conversations.create({
      items: [
        says('one', { id: 'msg_own', type: 'message' }),
        says('two', { id: 'msg_own', type: 'message' }),
      ],
    })
    const more = await client.conversations.items.create(id, {
      items: [says('three', { id: 'msg_own' }), says('four', { id: 'msg_other/ü ?' })],
    })
    const items = await listItems(id, { limit: 1 })
    assert.deepEqual(textsOf(items), ['one', 'two', 'three', 'four'])
    assert.equal(items[0]?.id, 'msg_own')
    assert.equal(new Set(idsOf(items)).size, 4)
    assert.equal(more.data[1]?.id, 'msg_other/ü ?')
    const found = await client.conversations.items.retrieve('msg_other/ü ?', { conversation_id: id })
    assert.deepEqual(textsOf([found]), ['four'])
  })
  it('hold what references mean, also when that is deleted', async () => {
    const source = await client.responses.create({ model, input: 'remember 7' })
    const item = source.output[0] as Listed
    const reference: ResponseInputItem = { type: 'item_reference', id: item.id }
    const made = await client.conversations.create({ items: [reference] })
    const added = await client.conversations.create()
    assert.deepEqual((await client.conversations.items.create(added.id, { items: [reference] })).data, [item])
    const turned = await client.conversations.create()
    await client.responses.create({
      model,
      input: [reference, says('go on')],
      conversation: turned.id,
    })
    await client.responses.delete(source.id)
    for (const { id } of [made, added, turned]) {
      assert.deepEqual((await listItems(id))[0], item)
      assert.equal((await askHistory(id))[0], `assistant: ${source.output_text.split('\n')[0]}`)
    }
  })
  it('are whole and in order when many are added at once', async () => {
    const { id } = await client.conversations.create()
    const names = [...Array(12).keys()].map(String)
    await Promise.all(
      names.map((name) =>
        client.conversations.items.create(id, {
          items: ['a', 'b', 'c'].map((part) => says(`${name}${part}`)),
        }),
      ),
    )
    const texts = textsOf(await listItems(id, { limit: 100 })).map(String)
    assert.equal(texts.length, 36)
    for (let at = 0; at < texts.length; at += 3) {
      const name = texts[at]?.slice(0, -1)
      assert.deepEqual(texts.slice(at, at + 3), [`${name}a`, `${name}b`, `${name}c`])
    }
    assert.equal(new Set(texts).size, 36)
  })
  it('show encrypted reasoning only when asked', async () => {
    const { id } = await client.conversations.create()
    await client.responses.create({
      model: 'gpt-5-mini',
      input: '/reason well',
      reasoning: { effort: 'low' },
      conversation: id,
    })
    const include = ['reasoning.encrypted_content' as const]
    const find = (items: readonly ConversationItem[]) => {
      const reasoning = items.find((item) => item.type === 'reasoning')
      assert.ok(reasoning)
      return reasoning
    }
    const hidden = find(await listItems(id))
    assert.equal('encrypted_content' in hidden, false)
    assert.match(String(find(await listItems(id, { include })).encrypted_content), /^dgm1\./)
    const one = await client.conversations.items.retrieve(hidden.id, { conversation_id: id, include })
    assert.match(String(find([one]).encrypted_content), /^dgm1\./)
  })
  it('that are added at once with the same id are all kept', async () => {
    const { id } = await client.conversations.create()
    const texts = Array.from({ length: 10 }, (_, index) => `text ${index}`)
    const added = await Promise.all(
      texts.map((content) =>
        post(`/${id}/items`, { items: [{ id: 'msg_same', type: 'message', role: 'user', content }] }),
      ),
    )
    assert.ok(added.every(({ status }) => status === 200))
    const listed = await listItems(id)
    const text = (item: ConversationItem) =>
      item.type === 'message' && item.content[0]?.type === 'input_text' && item.content[0].text
    assert.deepEqual(listed.map(text).sort(), texts)
    assert.equal(new Set(idsOf(listed)).size, texts.length)
  })
})

describe('turns on a conversation', () => {
  it('add their input and output, and no id a second time', async () => {
    const { id } = await client.conversations.create({ items: [says('zero')] })
    const input = [says('one', { id: 'msg_turn', type: 'message' })]
    const first = await client.responses.create({ model, input, conversation: id })
    const second = await client.responses.create({ model, input, conversation: id, store: false })
    const items = await listItems(id, { limit: 1 })
    assert.deepEqual(textsOf(items), ['zero', 'one', first.output_text, 'one', second.output_text])
    assert.equal(items[1]?.id, 'msg_turn')
    assert.equal(items[2]?.id, first.output[0]?.id)
    assert.equal(new Set(idsOf(items)).size, 5)
  })
  it('add nothing when nobody can answer', async () => {
    const { id } = await client.conversations.create({ items: [says('zero')] })
    await assert.rejects(client.responses.create({ model, input: '/fail 400', conversation: id }), {
      status: 400,
    })
    assert.deepEqual(textsOf(await listItems(id)), ['zero'])
    assert.equal((await post(`/${id}/items`, { items: [says('one')] })).status, 200)
  })
})

describe('a conversation on which a response is running', () => {
  let raw: RawGateway
  before(async () => {
    raw = await startRawGateway({
      config: { state: { conversationWait: 0 } },
    })
  })
  after(() => raw.close())

  it('takes no items until it has ended', async () => {
    const { conversations, responses } = connect(raw)
    const { id } = await conversations.create({ items: [says('zero')] })
    const called = new Promise<Socket>((resolve) => raw.script(resolve))
    const hangUp = new AbortController()
    const running = responses.create(
      { model: 'raw/model', input: 'one', conversation: id, stream: true },
      { signal: hangUp.signal },
    )
    const socket = await called
    openAnswer(socket)
    socket.write(opening)
    await running
    const add = (): Promise<globalThis.Response> =>
      fetch(`${raw.origin}/v1/conversations/${id}/items`, {
        method: 'POST',
        headers: json,
        body: JSON.stringify({ items: [says('two')] }),
      })
    const refused = await add()
    assert.equal(refused.status, 409)
    assert.equal(refused.headers.get('retry-after'), '1')
    const { error } = (await refused.json()) as { error: { code: string; type: string } }
    assert.deepEqual([error.code, error.type], ['conversation_locked', 'conflict_error'])
    await assert.rejects(responses.create({ model: 'raw/model', input: 'x', conversation: id }), {
      status: 409,
      code: 'conversation_locked',
    })
    assert.equal((await conversations.items.list(id)).data.length, 1, 'it can be read')
    const closed = once(socket, 'close')
    hangUp.abort()
    await closed
    let added = await add()
    while (added.status === 409) added = await add()
    assert.equal(added.status, 200)
    assert.equal((await conversations.items.list(id)).data.length, 2)
  })
})

it('a conversation is gone when its time is over', async () => {
  const milliseconds = 300
  const short = await startGateway({
    configure: (config) => ({ ...config, state: { conversationDays: milliseconds / 86_400_000 } }),
  })
  try {
    const { conversations, responses } = connect(short)
    const { id } = await conversations.create({ items: [says('one')] })
    while ((await fetch(`${short.origin}/v1/conversations/${id}`)).status === 200)
      await new Promise((resolve) => setTimeout(resolve, 20))
    await assert.rejects(conversations.items.list(id), { status: 404 })
    await assert.rejects(conversations.items.create(id, { items: [says('x')] }), { status: 404 })
    await assert.rejects(responses.create({ model, input: 'x', conversation: id }), { status: 404 })
  } finally {
    await short.close()
  }
})
