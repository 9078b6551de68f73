/** What the record keeps of each project's calls, and what finds them, seen from the front door. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { AdminRequest, AdminRequestList } from '../../server/http/admin/contract.ts'
import { startGateway, type TestGateway } from '../support/start-gateway.ts'

const keys = { open: 'open-project-key-1234', closed: 'closed-project-key-1234' }

describe('the record by project', () => {
  let gateway: TestGateway
  const admin = async <Shape>(path: string): Promise<Shape> => {
    await gateway.app.flush()
    const answer = await fetch(`${gateway.origin}${path}`, {
      headers: { 'x-admin-key': 'the-admin-key-1234' },
    })
    assert.equal(answer.status, 200, path)
    return (await answer.json()) as Shape
  }
  const ask = (key: string, body: object = {}) =>
    gateway.post(
      { model: 'gpt-5-mini', input: 'Say something of zebras.', metadata: { team: 'red' }, ...body },
      { authorization: `Bearer ${key}` },
    )
  const newest = async () => {
    const { data } = await admin<AdminRequestList>('/admin/requests?limit=1')
    return admin<AdminRequest>(`/admin/requests/${data[0]?.id}`)
  }

  before(async () => {
    gateway = await startGateway({
      configure: (config) => ({
        ...config,
        admin: { key: 'the-admin-key-1234' },
        log: { bodies: 'metadata' },
        projects: {
          open: { keys: [keys.open], log: { bodies: 'full' } },
          closed: { keys: [keys.closed], log: { bodies: 'none' } },
        },
      }),
    })
  })
  after(() => gateway.close())

  it('keeps what the project of the key says', async () => {
    assert.equal((await ask(keys.open)).status, 200)
    const open = await newest()
    assert.equal(open.project, 'open')
    assert.match(open.client_request?.body.text ?? '', /zebras/)
    assert.match(open.client_response?.body.text ?? '', /"object":"response"/)
    assert.match(open.upstream_request?.body.text ?? '', /zebras/)

    const streamed = await ask(keys.closed, { stream: true })
    assert.equal(streamed.status, 200)
    await streamed.text()
    const closed = await newest()
    assert.equal(closed.project, 'closed')
    assert.equal(closed.client_request, null)
    assert.equal(closed.client_address, null)
  })

  it('keeps of calls of nobody what the log says', async () => {
    assert.equal((await ask('no-key-of-anybody')).status, 401)
    const refused = await newest()
    assert.equal(refused.project, null)
    assert.equal(refused.client_response?.body.text, null)
    assert.ok((refused.client_response?.body.bytes ?? 0) > 0)
  })

  it('finds a request by whatever id came with it', async () => {
    const answer = await ask(keys.open)
    const response = (await answer.json()) as { id: string; output: { id: string }[] }
    const request = await newest()
    const upstream = request.attempt_list[0]?.upstream_response_id
    assert.ok(upstream)
    const ids = [request.id, response.id, upstream, ...response.output.map(({ id }) => id)]
    assert.ok(ids.length >= 4)
    for (const id of ids)
      assert.equal((await admin<AdminRequest>(`/admin/requests/${id}`)).id, request.id, id)
  })
  it('finds what was compacted by the ids of its items', async () => {
    const answer = await fetch(`${gateway.origin}/v1/responses/compact`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${keys.open}` },
      body: JSON.stringify({ model: 'gpt-5-mini', input: 'A long talk of tapirs.' }),
    })
    assert.equal(answer.status, 200)
    const { output } = (await answer.json()) as { output: { id: string; type: string }[] }
    const compaction = output.find(({ type }) => type === 'compaction')
    assert.ok(compaction)
    const request = await admin<AdminRequest>(`/admin/requests/${compaction.id}`)
    assert.equal(request.operation, 'responses.compact')
  })

  it('finds requests by their words, and refuses what is no search by its name', async () => {
    const found = async (q: string) =>
      (await admin<AdminRequestList>(`/admin/requests?q=${encodeURIComponent(q)}`)).data
    const many = Array.from({ length: 201 }, (_, index) => `prefixed${index}`).join(' ')
    assert.equal((await ask(keys.open, { input: `Okapis, and ${many}.` })).status, 200)
    const [okapi, ...others] = await found('okapis')
    assert.deepEqual(others, [])
    assert.equal(okapi?.project, 'open')
    assert.deepEqual(await found('"and prefixed0" prefixed20* -zebras'), [okapi])
    assert.deepEqual(await found('"prefixed0 and"'), [])
    assert.deepEqual(await found('prefix*'), [okapi])
    // Of a project that keeps no bodies no word is kept either.
    assert.ok((await found('zebras')).every(({ project }) => project === 'open'))
    for (const q of ['-okapis', '" "']) {
      const answer = await fetch(`${gateway.origin}/admin/requests?q=${encodeURIComponent(q)}`, {
        headers: { 'x-admin-key': 'the-admin-key-1234' },
      })
      assert.equal(answer.status, 400, q)
      const { error } = (await answer.json()) as { error: { param: string; code: string } }
      assert.equal(error.param, 'q')
    }
  })
})
