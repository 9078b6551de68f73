/** Requests that belong together, whichever way they came: what their rows say, and what the session adds up. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import OpenAI from 'openai'
import type { AdminRequestList, AdminSession, AdminSessionList } from '../../server/http/admin/contract.ts'
import { pollFor } from '../support/background-calls.ts'
import { openSocket } from '../support/socket-client.ts'
import { startGateway, type TestGateway } from '../support/start-gateway.ts'

const model = 'gpt-5-mini'

let gateway: TestGateway
let client: OpenAI
before(async () => {
  gateway = await startGateway()
  client = new OpenAI({ baseURL: `${gateway.origin}/v1`, apiKey: 'none' })
})
after(() => gateway.close())

async function sessionOf(responseId: string): Promise<string | null> {
  const { data } = await gateway.admin<AdminRequestList>('/admin/requests?limit=500')
  const row = data.find(({ response_id: id }) => id === responseId)
  assert.ok(row, `${responseId} has no row`)
  return row.session_id
}

async function getSession(id: string): Promise<AdminSession> {
  return gateway.admin<AdminSession>(`/admin/sessions/${encodeURIComponent(id)}`)
}

describe('sessions', () => {
  it('are the chain of a response, its first one counted in, plain, streamed and in the background', async () => {
    const root = await client.responses.create({ model, input: 'one' })
    assert.equal(await sessionOf(root.id), null)
    const second = await client.responses.create({ model, input: 'two', previous_response_id: root.id })
    assert.equal(await sessionOf(second.id), root.id)
    const stream = await client.responses.create({
      model,
      input: 'three',
      previous_response_id: second.id,
      stream: true,
    })
    let third = ''
    for await (const event of stream) if (event.type === 'response.created') third = event.response.id
    assert.equal(await sessionOf(third), root.id)
    const accepted = await client.responses.create({
      model,
      input: 'four',
      previous_response_id: third,
      background: true,
    })
    await pollFor(client, accepted.id, 'completed')
    assert.equal(await sessionOf(accepted.id), root.id)
    const compacted = await client.responses.compact({ model, previous_response_id: accepted.id })
    assert.equal(await sessionOf(compacted.id), root.id)

    const session = await getSession(root.id)
    assert.equal(session.requests, 5)
    assert.equal(session.errors, 0)
    assert.deepEqual(session.models, [model])
    const { data } = await gateway.admin<AdminRequestList>(`/admin/requests?session=${root.id}&limit=500`)
    assert.equal(data.length, 5)
    assert.equal(session.started_at, data.at(-1)?.created_at)
    assert.equal(session.last_at, data[0]?.created_at)
    const told = data.filter(({ usage_source: source }) => source === 'provider')
    assert.equal(
      session.input_tokens,
      told.reduce((sum, { input_tokens: tokens }) => sum + (tokens ?? 0), 0),
    )
  })

  it('are the conversation, from its first turn on, also where the turn fails', async () => {
    const { id } = await client.conversations.create({})
    const first = await client.responses.create({ model, input: 'one', conversation: id })
    assert.equal(await sessionOf(first.id), id)
    await assert.rejects(client.responses.create({ model: 'nobody/has-it', input: 'two', conversation: id }))
    const session = await getSession(id)
    assert.deepEqual([session.requests, session.errors], [2, 1])
  })

  it('are what the client says, before anything else', async () => {
    const headers = { 'x-dragoman-session': 'my-run-1' }
    const root = await client.responses.create({ model, input: 'one' }, { headers })
    const second = await client.responses.create(
      { model, input: 'two', previous_response_id: root.id },
      { headers },
    )
    assert.equal(await sessionOf(root.id), 'my-run-1')
    assert.equal(await sessionOf(second.id), 'my-run-1')
    assert.equal((await getSession('my-run-1')).requests, 2)
  })

  it('are a chain that only the socket remembers, and none for a request that stands alone', async () => {
    const socket = await openSocket(gateway.origin)
    const root = await socket.ask({ model, input: 'one', store: false })
    const second = await socket.ask({ model, input: 'two', store: false, previous_response_id: root.id })
    const third = await socket.ask({ model, input: 'three', store: false, previous_response_id: second.id })
    const alone = await socket.ask({ model, input: 'four', store: false })
    await socket.close()
    assert.equal(await sessionOf(third.id), root.id)
    assert.equal(await sessionOf(alone.id), null)
    assert.equal((await getSession(root.id)).requests, 3)
  })

  it('are listed by their newest request, page by page', async () => {
    const whole = await gateway.admin<AdminSessionList>('/admin/sessions')
    const ids = whole.data.map(({ id }) => id)
    assert.equal(ids.length, 4)
    const times = whole.data.map(({ last_at: at }) => at)
    assert.deepEqual(times, [...times].sort().reverse())
    const first = await gateway.admin<AdminSessionList>('/admin/sessions?limit=3')
    const second = await gateway.admin<AdminSessionList>(`/admin/sessions?limit=3&before=${first.next}`)
    assert.deepEqual(
      [...first.data, ...second.data].map(({ id }) => id),
      ids,
    )
    assert.equal(second.next, null)
    assert.deepEqual((await gateway.admin<AdminSessionList>('/admin/sessions?project=nobody')).data, [])
  })
})
