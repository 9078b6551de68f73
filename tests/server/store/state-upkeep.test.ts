import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Driver } from '../../../server/store/driver.ts'
import { migrate } from '../../../server/store/migrate.ts'
import { migrations } from '../../../server/store/migrations.ts'
import { openSqlite } from '../../../server/store/sqlite-driver.ts'
import { expiredSql } from '../../../server/store/state-other-reads.ts'
import { eventSizesSql, findItemSql, readTurnsSql } from '../../../server/store/state-reads.ts'
import {
  commitGroup,
  type StateWriteArgument,
  type StateWriteName,
  type StateWriteValue,
} from '../../../server/store/state-writes.ts'
import { makeDirectory, openTestStore } from './fixtures.ts'
import {
  countRows,
  endOf,
  hourAgo,
  inAnHour,
  makeConversation,
  makeEvents,
  makeId,
  makeItem,
  makeJob,
  makeTurn,
} from './state-fixtures.ts'

test('a chain goes from its end, and not before its youngest has expired', async (t) => {
  const store = await openTestStore(t)
  const { state } = store
  const old = [makeTurn({ expiresAt: hourAgo(), events: makeEvents(0, 2) })]
  for (let index = 1; index < 10; index += 1) {
    old.push(makeTurn({ expiresAt: hourAgo(), previousId: old[index - 1]?.id ?? null }))
  }
  for (const turn of old) await state.commitTurn(turn)
  // A branch that lives on what the first three said.
  const living = makeTurn({ previousId: old[2]?.id ?? '', expiresAt: inAnHour() })
  await state.commitTurn(living)
  const forever = makeTurn()
  await state.commitTurn(forever)

  assert.deepEqual(await state.sweep(Date.now(), 4), {
    responses: 4,
    conversations: 0,
    idempotencyKeys: 0,
    more: true,
  })
  assert.equal((await state.sweep(Date.now(), 4)).responses, 3)
  assert.deepEqual(await state.sweep(Date.now(), 4), {
    responses: 0,
    conversations: 0,
    idempotencyKeys: 0,
    more: false,
  })
  const chain = await state.readChain('acme', living.id)
  assert.ok(chain.kind === 'found')
  assert.equal(chain.turns.length, 4)
  assert.equal((await state.readChain('acme', forever.id)).kind, 'found')

  await state.deleteResponse('acme', living.id)
  assert.equal((await state.sweep(Date.now(), 4)).responses, 3)
  assert.deepEqual(countRows(store.path), { responses: 1, items: 2 })
})

test('what is swept is not continued from memory', async (t) => {
  const { state } = await openTestStore(t)
  const parent = makeTurn({ expiresAt: hourAgo() })
  await state.commitTurn(parent)
  assert.equal((await state.sweep(Date.now(), 10)).responses, 1)
  const child = makeTurn({ previousId: parent.id })
  await state.commitTurn(child)
  assert.deepEqual(await state.readChain('acme', child.id), { kind: 'missing' })
})

test('everything that has expired goes, with all rows, in steps; what runs stays', async (t) => {
  const store = await openTestStore(t)
  const { state } = store
  const expiresAt = hourAgo()
  for (let index = 0; index < 5; index += 1) {
    const item = makeItem('i')
    const key = `key ${index}`
    await state.claimKey({ project: 'acme', key, fingerprint: 'f', expiresAt })
    const answer = { status: 200, headers: {}, body: '{}' }
    await state.commitTurn(makeTurn({ expiresAt, events: makeEvents(0, 2), idempotency: { key, answer } }))
    await state.createConversation({
      id: makeId('conv'),
      project: 'acme',
      createdAt: 1,
      expiresAt,
      metadata: {},
      items: [{ id: item.id, text: JSON.stringify(item), provider: null }],
    })
  }
  const job = makeJob({ expiresAt, events: makeEvents(0, 1) })
  await state.acceptJob(job)
  await state.takeJobs(1)
  await state.claimKey({ project: 'acme', key: 'runs', fingerprint: 'f', expiresAt })
  let steps = 0
  for (let more = true; more; steps += 1) {
    const swept = await state.sweep(Date.now(), 2)
    assert.ok(swept.responses <= 2 && swept.conversations <= 2 && swept.idempotencyKeys <= 2)
    more = swept.more
  }
  assert.ok(steps >= 3)
  assert.deepEqual(countRows(store.path), {
    responses: 1,
    items: 1,
    response_events: 1,
    jobs: 1,
    idempotency_keys: 1,
  })
  assert.equal(await state.commitTurn(endOf(job, { events: makeEvents(1, 1) })), 'committed')
  await state.releaseKey('acme', 'runs')
  await state.sweep(Date.now(), 2)
  assert.deepEqual(countRows(store.path), {})
})

test('a conversation whose turn runs is not swept', async (t) => {
  const { state } = await openTestStore(t)
  const id = await makeConversation(state)
  await state.lockConversation('acme', id, 'resp_x')
  assert.equal((await state.sweep(Date.now() + 1e12, 10)).conversations, 0)
  assert.equal(await state.lockConversation('acme', id, 'resp_x'), 'locked-by-us')
})

/** A migrated database, and writes as one instance or another makes them. */
async function openDatabase(t: TestContext) {
  const driver: Driver = openSqlite({
    path: join(await makeDirectory(t), 'test.db'),
    readonly: false,
    busyTimeout: 100,
  })
  t.after(() => driver.close())
  await migrate({ driver, name: 'test', steps: migrations, now: 0, tables: [] })
  const as =
    (instance: string) =>
    async <K extends StateWriteName>(name: K, argument: StateWriteArgument<K>, now = 0) => {
      const [outcome] = await commitGroup([{ name, argument }], {
        driver,
        context: { instance, now },
        pause: async () => false,
        onProblem: () => undefined,
      })
      assert.ok(outcome?.ok, outcome?.ok === false ? outcome.message : '')
      return outcome.value as StateWriteValue<K>
    }
  return { driver, as }
}

test('what an instance has counts until it has missed its beat', async (t) => {
  const { as } = await openDatabase(t)
  const [one, two] = [as('one'), as('two')]
  await one('beat', { aliveUntil: 100 }, 50)
  await two('beat', { aliveUntil: 100 }, 50)
  const conversation = {
    id: 'conv',
    project: 'acme',
    createdAt: 0,
    expiresAt: null,
    metadata: {},
    items: [],
  }
  await one('createConversation', conversation)
  await one('lockConversation', { project: 'acme', id: 'conv', holder: 'resp_1' })
  const claim = { project: 'acme', key: 'k', fingerprint: 'f', expiresAt: 1e9 }
  await one('claimKey', claim)
  const job = makeJob()
  await one('acceptJob', job)
  assert.equal((await one('takeJobs', { limit: 1 })).length, 1)

  await two('beat', { aliveUntil: 200 }, 99)
  assert.equal(
    await two('lockConversation', { project: 'acme', id: 'conv', holder: 'resp_1' }),
    'locked',
    'the same holder in another instance is another',
  )
  assert.deepEqual(await two('claimKey', claim), { kind: 'running' })
  assert.deepEqual(await two('takeJobs', { limit: 1 }), [])
  assert.equal(await two('startJob', { id: job.id, body: '{}' }), false)
  assert.equal(await two('appendEvents', { id: job.id, chunk: makeEvents(0, 1) }), false)
  assert.equal(await two('commitTurn', endOf(job)), 'superseded')
  await two('releaseJob', { id: job.id })
  await two('releaseKey', claim)
  await two('completeKey', { ...claim, answer: { status: 200, headers: {}, body: '' } })
  await two('unlockConversation', { project: 'acme', id: 'conv', holder: 'resp_1' })
  assert.deepEqual(await two('claimKey', claim), { kind: 'running' })

  await two('beat', { aliveUntil: 200 }, 100)
  assert.equal(
    await two('lockConversation', { project: 'acme', id: 'conv', holder: 'resp_2' }),
    'locked-by-us',
  )
  assert.deepEqual(await two('claimKey', claim), { kind: 'claimed' })
  const [taken] = await two('takeJobs', { limit: 1 })
  assert.equal(taken?.takes, 2)

  // The first one was only slow. It beats again, and has lost all the same.
  await one('beat', { aliveUntil: 300 }, 150)
  assert.equal(await one('appendEvents', { id: job.id, chunk: makeEvents(0, 1) }), false)
  assert.equal(await one('commitTurn', endOf(job)), 'superseded')
  const late = makeTurn({ id: 'resp_1', conversation: 'conv', conversationItems: [] })
  assert.equal(await one('commitTurn', late), 'superseded')
  assert.equal(await two('commitTurn', endOf(job)), 'committed')
  assert.equal(
    await one('cancelJob', {
      project: 'acme',
      id: job.id,
      body: '',
      output: '[]',
      outputIds: [],
      events: null,
    }),
    false,
  )
})

test('another instance may cancel what one runs', async (t) => {
  const { as } = await openDatabase(t)
  const job = makeJob()
  await as('one')('beat', { aliveUntil: 100 })
  await as('one')('acceptJob', job)
  await as('one')('takeJobs', { limit: 1 })
  const end = { project: 'acme', id: job.id, body: '', output: '[]', outputIds: [], events: null }
  assert.equal(await as('two')('cancelJob', end), true)
  assert.equal(await as('one')('commitTurn', endOf(job)), 'superseded')
})

const hot: Record<string, { sql: string; parameters: number }> = {
  'a chain': { sql: readTurnsSql, parameters: 4 },
  'an item': { sql: findItemSql, parameters: 3 },
  events: { sql: eventSizesSql, parameters: 6 },
  'what has expired': { sql: expiredSql, parameters: 5 },
}
for (const [name, { sql, parameters }] of Object.entries(hot)) {
  test(`${name} is read by an index`, async (t) => {
    const { driver } = await openDatabase(t)
    await assertIndexed(driver, sql, parameters)
  })
}

test('writes find their rows by an index', async (t) => {
  const { driver, as } = await openDatabase(t)
  const seen: string[] = []
  const watched: Driver = {
    ...driver,
    all: (sql, params) => driver.all(sql, params),
    close: () => driver.close(),
    batch: (statements) => {
      seen.push(...statements.map(({ sql }) => sql))
      return driver.batch(statements)
    },
  }
  const id = 'resp_x'
  const writes = [
    { name: 'commitTurn', argument: makeTurn({ conversation: 'conv', conversationItems: [] }) },
    { name: 'commitTurn', argument: endOf(makeJob()) },
    { name: 'deleteResponse', argument: { project: 'acme', id } },
    { name: 'lockConversation', argument: { project: 'acme', id: 'conv', holder: id } },
    { name: 'takeJobs', argument: { limit: 1 } },
    { name: 'appendEvents', argument: { id, chunk: makeEvents(0, 1) } },
    {
      name: 'cancelJob',
      argument: { project: 'acme', id, body: '', output: '[]', outputIds: [], events: null },
    },
    { name: 'claimKey', argument: { project: 'acme', key: 'k', fingerprint: 'f', expiresAt: 1 } },
    { name: 'beat', argument: { aliveUntil: 1 } },
    { name: 'sweep', argument: { responses: [id], conversations: ['conv'], keys: 1, before: 1 } },
  ] as const
  await as('one')('beat', { aliveUntil: 1 })
  await commitGroup(writes, {
    driver: watched,
    context: { instance: 'one', now: 0 },
    pause: async () => false,
    onProblem: () => undefined,
  })
  assert.ok(seen.length > 20)
  for (const sql of new Set(seen)) await assertIndexed(driver, sql, sql.split('?').length - 1)
})

/** Nothing is walked but what the query has made itself, the few rows of instances, and claims that run. */
async function assertIndexed(driver: Driver, sql: string, parameters: number): Promise<void> {
  const plan = await driver.all(`EXPLAIN QUERY PLAN ${sql}`, Array(parameters).fill(1))
  const walks = plan
    .map(({ detail }) => String(detail))
    .filter(
      (detail) =>
        detail.startsWith('SCAN') &&
        !/idempotency_keys_running|CONSTANT ROW|^SCAN (chain|gone|leaves|instances)/.test(detail),
    )
  assert.deepEqual(walks, [], sql)
}
