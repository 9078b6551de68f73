/** Stores that earlier versions made, which are made here by the steps that made them then. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { createAdminQueries } from '../../../server/store/admin-queries.ts'
import { migrations } from '../../../server/store/engine/migrations.ts'
import { pack } from '../../../server/store/state/pack.ts'
import { openStore } from '../../../server/store/store.ts'
import { openStoreAt, testEngines } from './engines.ts'
import { createdAt, insert, makeOld, oldRequest } from './old-store.ts'
import { makeTurn } from './state-fixtures.ts'

test('released steps stay as they were', () => {
  const released = migrations
    .slice(0, 3)
    .map(({ name, statements }) => [
      name,
      createHash('sha256').update(JSON.stringify(statements)).digest('hex').slice(0, 16),
    ])
  assert.deepEqual(released, [
    ['0001-requests', '81791355a0fc3175'],
    ['0002-state', '5f5e47ae38413cd0'],
    ['0003-requests-background', '42fc75688a55080b'],
  ])
  const names = migrations.map(({ name }) => name)
  assert.deepEqual(names, [...new Set(names)])
})

const failed = { status: 'failed', error_type: 'server_error', error_code: 'bad', error_message: 'no ü' }

testEngines('a store of the first version keeps its requests', async (t, engine) => {
  const rows = Array.from({ length: 300 }, (_, index) => oldRequest(index, index === 7 ? failed : {}))
  const url = await makeOld(t, engine, 1, [
    ...rows,
    oldRequest(900, { status: 'in_progress', latency_us: null }),
  ])
  const store = await openStoreAt(t, url)
  const queries = createAdminQueries(store)
  const found = await queries.getRequest('mine-7')
  assert.deepEqual(
    [found?.id, found?.background, found?.latency_ms, found?.error?.message, found?.input_tokens],
    ['req_7', false, 1.5, 'no ü', 10],
  )
  const page = await queries.listRequests({ limit: 500 })
  assert.equal(page.data.length, 301)
  assert.ok(store.nextKey(0) > 0)
  await store.state.commitTurn(makeTurn())
})

testEngines('a store of the version with state keeps all of it', async (t, engine) => {
  const text = (value: unknown) => pack(JSON.stringify(value)).blob
  const items = [{ id: 'msg_1', type: 'message', text: 'x'.repeat(10_000) }]
  const response = (id: string, previous: string | null) =>
    insert('responses', {
      id,
      project: 'acme',
      kind: 'response',
      created_at: createdAt,
      expires_at: null,
      previous_id: previous,
      conversation: null,
      status: 'completed',
      background: 0,
      streamed: 0,
      model: 'org/model',
      provider: 'sail',
      include: '[]',
      bytes: 100,
      input: text(items),
      output: text([{ id: `out_${id}` }]),
      body: text({ id }),
    })
  const url = await makeOld(t, engine, 3, [
    oldRequest(1, { background: 1 }),
    response('resp_1', null),
    response('resp_2', 'resp_1'),
    insert('items', { project: 'acme', id: 'msg_1', holder: 'resp_1', place: 'input', position: 0 }),
    insert('conversations', {
      id: 'conv_1',
      project: 'acme',
      created_at: createdAt,
      expires_at: null,
      metadata: '{"a":"b"}',
      next_position: 1,
    }),
    insert('conversation_items', {
      conversation: 'conv_1',
      position: 0,
      id: 'msg_2',
      project: 'acme',
      provider: null,
      content: text({ id: 'msg_2' }),
    }),
    insert('jobs', {
      response_id: 'resp_2',
      project: 'acme',
      created_at: createdAt,
      streamed: 0,
      request: text({ model: 'org/model' }),
      owner: 'gone',
      takes: 1,
    }),
    insert('prompts', { id: 'p', version: '1', created_at: 1, is_default: 1, template: '{}' }),
    insert('seal_keys', { id: 's', created_at: 1, secret: 'AAAA' }),
  ])
  const { state } = await openStoreAt(t, url)
  const chain = await state.readChain('acme', 'resp_2')
  assert.ok(chain.kind === 'found')
  assert.deepEqual(
    chain.turns.map(({ input }) => input),
    [items, items],
  )
  assert.deepEqual((await state.findItems('acme', ['msg_1'])).get('msg_1')?.item, items[0])
  assert.deepEqual((await state.getConversation('acme', 'conv_1'))?.metadata, { a: 'b' })
  assert.deepEqual(await state.readConversation('acme', 'conv_1'), [
    { item: { id: 'msg_2' }, provider: null },
  ])
  // Its gateway is gone.
  const [job] = await state.takeJobs(1)
  assert.deepEqual([job?.id, job?.takes], ['resp_2', 2])
  assert.equal((await state.listPrompts())[0]?.isDefault, true)
  assert.deepEqual(await state.sealKeys(), [{ id: 's', createdAt: 1, secret: 'AAAA' }])
})

testEngines('an older version refuses a newer schema, and leaves it as it is', async (t, engine) => {
  const newer = insert('migrations', { name: '9999-flying-cars', applied_at: 1 })
  const url = await makeOld(t, engine, migrations.length, [newer])
  await assert.rejects(openStore({ url }), {
    problem: 'newer_schema',
    message: /9999-flying-cars.*Run that version or a later one/,
  })
  const rows = await engine.read(url, 'SELECT count(*) AS count FROM migrations')
  assert.equal(Number(rows[0]?.count), migrations.length + 1)
})
