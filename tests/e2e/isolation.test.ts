/**
 * What one project has does not exist for another: with every id of it, on every path, the other gets the very answer
 * (status, headers, body) that it gets for an id that never was, and nothing of it changes.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import OpenAI from 'openai'
import type { Conversation } from 'openai/resources/conversations/conversations'
import type { Response } from 'openai/resources/responses/responses'
import { openSocket } from '../support/socket-client.ts'
import { startGateway, type TestGateway } from '../support/start-gateway.ts'

const keys = { owner: 'owner-key-12345678', other: 'other-key-12345678', admin: 'admin-key-12345678' }
const model = 'gpt-4o'

/** Ids and sealed content, of the owner or of nobody. */
interface Targets {
  plain: string
  streamed: string
  running: string
  compaction: string
  outputItem: string
  inputItem: string
  conversation: string
  busyConversation: string
  conversationItem: string
  sealed: string
  /** Of a compaction. */
  sealedCompaction: string
}

/** What the other project has itself. */
interface Own {
  response: string
  conversation: string
}

interface Attack {
  method: 'GET' | 'HEAD' | 'POST' | 'DELETE'
  path: string
  body?: unknown
  /** What is expected; the rest is compared. */
  status: number
}

const says = (content: string) => ({ role: 'user', content })

/** Every call that takes an id of something kept. */
function listAttacks(target: Targets, own: Own): Attack[] {
  const responses = [target.plain, target.streamed, target.running, target.compaction].flatMap(
    (id): Attack[] => [
      { method: 'GET', path: `/responses/${id}`, status: 404 },
      { method: 'HEAD', path: `/responses/${id}`, status: 404 },
      { method: 'GET', path: `/responses/${id}?include[]=reasoning.encrypted_content`, status: 404 },
      { method: 'GET', path: `/responses/${id}?stream=true`, status: 404 },
      { method: 'HEAD', path: `/responses/${id}?stream=true`, status: 404 },
      { method: 'GET', path: `/responses/${id}?stream=true&starting_after=2`, status: 404 },
      { method: 'GET', path: `/responses/${id}?stream=maybe`, status: 400 },
      { method: 'GET', path: `/responses/${id}/input_items`, status: 404 },
      { method: 'GET', path: `/responses/${id}/input_items?after=${target.inputItem}`, status: 404 },
      { method: 'GET', path: `/responses/${id}/input_items?limit=0`, status: 400 },
      { method: 'POST', path: `/responses/${id}/cancel`, status: 404 },
      { method: 'DELETE', path: `/responses/${id}`, status: 404 },
      { method: 'PUT' as 'POST', path: `/responses/${id}`, status: 405 },
      ...[
        {},
        { stream: true },
        { background: true },
        { background: true, stream: true },
        { store: false },
      ].map(
        (more): Attack => ({
          method: 'POST',
          path: '/responses',
          body: { model, input: 'Go on.', previous_response_id: id, ...more },
          status: 400,
        }),
      ),
      ...['compact', 'input_tokens'].map(
        (side): Attack => ({
          method: 'POST',
          path: `/responses/${side}`,
          body: { model, input: 'Go on.', previous_response_id: id },
          status: 400,
        }),
      ),
    ],
  )
  const conversations = [target.conversation, target.busyConversation].flatMap((id): Attack[] => [
    { method: 'GET', path: `/conversations/${id}`, status: 404 },
    { method: 'POST', path: `/conversations/${id}`, body: { metadata: { stolen: 'yes' } }, status: 404 },
    { method: 'POST', path: `/conversations/${id}`, body: { metadata: 'wrong' }, status: 400 },
    { method: 'DELETE', path: `/conversations/${id}`, status: 404 },
    { method: 'GET', path: `/conversations/${id}/items`, status: 404 },
    { method: 'GET', path: `/conversations/${id}/items?after=${target.conversationItem}`, status: 404 },
    { method: 'POST', path: `/conversations/${id}/items`, body: { items: [says('x')] }, status: 404 },
    { method: 'POST', path: `/conversations/${id}/items`, body: { items: [] }, status: 404 },
    { method: 'POST', path: `/conversations/${id}/items`, body: { items: [{ type: 'x' }, {}] }, status: 404 },
    { method: 'GET', path: `/conversations/${id}/items/${target.conversationItem}`, status: 404 },
    { method: 'DELETE', path: `/conversations/${id}/items/${target.conversationItem}`, status: 404 },
    ...[{}, { stream: true }, { background: true }, { store: false }].map(
      (more): Attack => ({
        method: 'POST',
        path: '/responses',
        body: { model, input: 'Go on.', conversation: id, ...more },
        status: 404,
      }),
    ),
    {
      method: 'POST',
      path: '/responses',
      body: { model, input: 'Go on.', conversation: { id } },
      status: 404,
    },
  ])
  const items = [target.inputItem, target.outputItem, target.conversationItem].flatMap((id): Attack[] => {
    const reference = { type: 'item_reference', id }
    return [
      { method: 'POST', path: '/responses', body: { model, input: [reference] }, status: 400 },
      { method: 'POST', path: '/responses', body: { model, input: [{ id }], stream: true }, status: 400 },
      {
        method: 'POST',
        path: '/responses',
        body: { model, input: [reference], background: true },
        status: 400,
      },
      {
        method: 'POST',
        path: '/responses',
        body: { model, input: [reference], previous_response_id: own.response },
        status: 400,
      },
      { method: 'POST', path: '/responses/compact', body: { model, input: [reference] }, status: 400 },
      { method: 'POST', path: '/responses/input_tokens', body: { model, input: [reference] }, status: 400 },
      { method: 'POST', path: '/conversations', body: { items: [reference] }, status: 400 },
      {
        method: 'POST',
        path: `/conversations/${own.conversation}/items`,
        body: { items: [reference] },
        status: 400,
      },
      { method: 'GET', path: `/conversations/${own.conversation}/items/${id}`, status: 404 },
      { method: 'DELETE', path: `/conversations/${own.conversation}/items/${id}`, status: 404 },
      { method: 'GET', path: `/conversations/${own.conversation}/items?after=${id}`, status: 400 },
      { method: 'GET', path: `/responses/${own.response}/input_items?after=${id}`, status: 400 },
    ]
  })
  const sealed = [
    { type: 'reasoning', summary: [], encrypted_content: target.sealed },
    { type: 'compaction', encrypted_content: target.sealed },
    { type: 'compaction', encrypted_content: target.sealedCompaction },
  ].flatMap((item): Attack[] => {
    const body = { model: 'gpt-5-mini', input: [item, says('What was it?')] }
    return [
      { method: 'POST', path: '/responses', body, status: 400 },
      { method: 'POST', path: '/responses', body: { ...body, stream: true }, status: 400 },
      { method: 'POST', path: '/responses/compact', body, status: 400 },
      { method: 'POST', path: '/responses/input_tokens', body, status: 400 },
    ]
  })
  return [...responses, ...conversations, ...items, ...sealed]
}

/** Different for each answer, whatever was asked. */
const changing = new Set(['date', 'x-request-id', 'server-timing'])

let gateway: TestGateway
let owner: OpenAI
let other: OpenAI
let targets: Targets
let own: Own
before(async () => {
  gateway = await startGateway({
    configure: (config) => ({
      ...config,
      admin: { key: keys.admin },
      projects: { owner: { keys: [keys.owner] }, other: { keys: [keys.other] } },
      state: { conversationWait: 0 },
    }),
  })
  const connect = (apiKey: string) => new OpenAI({ baseURL: `${gateway.origin}/v1`, apiKey, maxRetries: 0 })
  owner = connect(keys.owner)
  other = connect(keys.other)
  targets = await makeTargets(owner)
  own = {
    response: (await other.responses.create({ model, input: 'mine' })).id,
    conversation: (await other.conversations.create({ items: [{ role: 'user', content: 'mine' }] })).id,
  }
})
after(() => gateway.close())

async function makeTargets({ responses, conversations }: OpenAI): Promise<Targets> {
  const plain = await responses.create({
    model: 'gpt-5-mini',
    input: '/reason about the secret',
    reasoning: { effort: 'low' },
    include: ['reasoning.encrypted_content'],
    metadata: { secret: 'yes' },
  })
  let streamed = ''
  for await (const event of await responses.create({ model, input: '/count 5', stream: true }))
    if (event.type === 'response.completed') streamed = event.response.id
  const conversation = await conversations.create({
    items: [{ role: 'user', content: 'secret' }],
    metadata: { secret: 'yes' },
  })
  const busy = await conversations.create()
  const running = await responses.create({
    model,
    input: '/slow 600000 /count 5',
    conversation: busy.id,
    background: true,
    stream: true,
  })
  let runningId = ''
  for await (const event of running) {
    if ('response' in event) runningId = event.response.id
    if (event.type === 'response.in_progress') break
  }
  const compacted = await responses.compact({ model: 'gpt-5-mini', previous_response_id: plain.id })
  const compaction = compacted.output.find((item) => item.type === 'compaction')
  const reasoning = plain.output.find((item) => item.type === 'reasoning')
  return {
    plain: plain.id,
    streamed,
    running: runningId,
    compaction: compacted.id,
    outputItem: String(plain.output.at(-1)?.id),
    inputItem: String((await responses.inputItems.list(plain.id)).data[0]?.id),
    conversation: conversation.id,
    busyConversation: busy.id,
    conversationItem: String((await conversations.items.list(conversation.id)).data[0]?.id),
    sealed: String(reasoning?.encrypted_content),
    sealedCompaction: String(compaction?.encrypted_content),
  }
}

/** Of the same form and length, but nobody's. */
function withNobodys(given: Targets): Targets {
  const turned = Object.entries(given).map(([name, value]) => [
    name,
    value.slice(0, -12) + [...value.slice(-12)].map((letter) => (letter === 'a' ? 'b' : 'a')).join(''),
  ])
  return Object.fromEntries(turned) as Targets
}

async function send({ method, path, body }: Attack, headers: Record<string, string>) {
  const answer = await fetch(`${gateway.origin}/v1${path}`, {
    method,
    headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return {
    status: answer.status,
    headers: [...answer.headers].filter(([name]) => !changing.has(name)),
    text: await answer.text(),
  }
}

/** Everything that the owner can see of its own. */
async function look(): Promise<unknown> {
  const { responses, conversations } = owner
  const all = []
  for (const id of [targets.plain, targets.streamed, targets.running])
    all.push(
      await responses.retrieve(id, { include: ['reasoning.encrypted_content'] }),
      (await responses.inputItems.list(id)).data,
    )
  for (const id of [targets.conversation, targets.busyConversation])
    all.push(await conversations.retrieve(id), (await conversations.items.list(id)).data)
  return all
}

describe('another project', () => {
  for (const [who, headers] of [
    ['with its key', { authorization: `Bearer ${keys.other}` }],
    ['with the admin key on its behalf', { 'x-admin-key': keys.admin, 'x-project-id': 'other' }],
  ] as const) {
    it(`${who} gets the answers of what never was, and changes nothing`, async () => {
      const before = await look()
      const calls = gateway.sandbox.requests.length
      const nobodys = withNobodys(targets)
      const attacks = listAttacks(targets, own)
      const twins = listAttacks(nobodys, own)
      assert.ok(attacks.length > 100)
      const neutral = (text: string, ids: Targets) =>
        Object.entries(ids).reduce((sofar, [name, id]) => sofar.replaceAll(id, name), text)
      for (const [index, attack] of attacks.entries()) {
        const answer = await send(attack, headers)
        const name = `${attack.method} ${neutral(attack.path, targets)} ${JSON.stringify(attack.body)}`
        assert.equal(answer.status, attack.status, `${name}: ${answer.text}`)
        const twin = await send(twins[index] as Attack, headers)
        assert.deepEqual(
          { ...answer, text: neutral(answer.text, targets) },
          { ...twin, text: neutral(twin.text, nobodys) },
          name,
        )
        assert.doesNotMatch(answer.text, /secret/)
      }
      assert.equal(gateway.sandbox.requests.length, calls, 'no provider was asked')
      assert.deepEqual(await look(), before)
    })
  }
  it('cannot say that it is the owner', async () => {
    const authorization = `Bearer ${keys.other}`
    for (const attack of listAttacks(targets, own)) {
      const named = await send(attack, { authorization, 'x-project-id': 'owner' })
      assert.equal(named.status, attack.status === 405 ? 405 : 403)
      const nameless = await send(attack, {})
      assert.equal(nameless.status, attack.status === 405 ? 405 : 401)
    }
  })
  it('gets no more over a WebSocket', async () => {
    const nobodys = withNobodys(targets)
    const headers = { authorization: `Bearer ${keys.other}` }
    const socket = await openSocket(gateway.origin, { headers })
    const create = (request: Record<string, unknown>) => ({
      type: 'response.create',
      model,
      input: [],
      ...request,
    })
    const listFrames = (target: Targets) => [
      ...[target.plain, target.streamed, target.running, target.compaction].flatMap((id) => [
        create({ previous_response_id: id, input: 'Go on.' }),
        create({ previous_response_id: id, generate: false }),
        create({ previous_response_id: id, input: 'Go on.', store: false }),
      ]),
      ...[target.conversation, target.busyConversation].map((id) =>
        create({ conversation: id, input: 'Go on.' }),
      ),
      ...[target.inputItem, target.outputItem, target.conversationItem].map((id) =>
        create({ input: [{ id }] }),
      ),
      create({ input: [{ type: 'reasoning', summary: [], encrypted_content: target.sealed }] }),
    ]
    try {
      const twins = listFrames(nobodys)
      for (const [index, message] of listFrames(targets).entries()) {
        const frame = await socket.fail(message)
        const twin = await socket.fail(twins[index])
        const neutral = ({ status, error }: typeof frame, ids: Targets) =>
          Object.entries(ids).reduce(
            (sofar, [name, id]) => sofar.replaceAll(id, name),
            JSON.stringify([status, error]),
          )
        assert.match(String(frame.status), /^40[04]$/)
        assert.equal(neutral(frame, targets), neutral(twin, nobodys))
      }
    } finally {
      await socket.close()
    }
  })
  it('may name its own items as the owner names its', async () => {
    const items = async (client: OpenAI, id: string) =>
      (await client.responses.inputItems.list(id, { order: 'asc' })).data.map((item) => JSON.stringify(item))
    const id = targets.inputItem
    const mine = { type: 'message' as const, role: 'user' as const, id, content: 'not yours' }
    const said = await other.responses.create({ model, input: [mine] })
    const reference = { type: 'item_reference' as const, id }
    const asked = await other.responses.create({ model, input: [reference] })
    assert.match(String(await items(other, asked.id)), /not yours/)
    const again = await owner.responses.create({ model, input: [reference] })
    assert.match(String(await items(owner, again.id)), /the secret/)
    await other.responses.delete(said.id)
    assert.match(String(await items(owner, again.id)), /the secret/)
  })
  it('has idempotency keys of its own', async () => {
    const ask = (client: OpenAI, input: string) =>
      client.responses.create({ model, input }, { headers: { 'idempotency-key': 'shared' } }).withResponse()
    const unshared = { 'idempotency-key': 'unshared' }
    const first = await ask(owner, 'hi')
    const second = await ask(other, 'hi')
    assert.notEqual(second.data.id, first.data.id)
    assert.equal(second.response.headers.get('idempotent-replayed'), null)
    const another = await other.responses.create({ model, input: 'ho' }, { headers: unshared })
    const again = await owner.responses.create({ model, input: 'something else' }, { headers: unshared })
    assert.notEqual(again.id, another.id)
    assert.equal((await ask(owner, 'hi')).data.id, first.data.id)
  })
})

it('the owner can do all of it', async () => {
  const { responses, conversations } = owner
  const plain: Response = await responses.retrieve(targets.plain)
  const next = await responses.create({ model: 'gpt-5-mini', input: plain.output as never, store: false })
  assert.equal(next.status, 'completed')
  assert.equal((await responses.cancel(targets.running)).status, 'cancelled')
  for (const id of [targets.plain, targets.streamed, targets.running]) await responses.delete(id)
  for (const id of [targets.conversation, targets.busyConversation]) {
    const shown: Conversation = await conversations.retrieve(id)
    assert.equal((await conversations.delete(shown.id)).deleted, true)
  }
})
