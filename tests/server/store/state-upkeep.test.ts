import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Driver } from '../../../server/store/engine/driver.ts'
import { migrate } from '../../../server/store/engine/migrate.ts'
import { migrations } from '../../../server/store/engine/migrations.ts'
import { openSqlite } from '../../../server/store/engine/sqlite-driver.ts'
import { expiredSql } from '../../../server/store/state/expired.ts'
import { eventSizesSql, findItemSql, readTurnsSql } from '../../../server/store/state/reads.ts'
import {
  commitGroup,
  type StateWriteArgument,
  type StateWriteName,
  type StateWriteValue,
} from '../../../server/store/state/writes.ts'
import { makeDirectory } from './fixtures.ts'
import { endOf, makeEvents, makeJob, makeTurn } from './state-fixtures.ts'

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
  await one('beat', { milliseconds: 50 }, 50)
  await two('beat', { milliseconds: 50 }, 50)
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

  assert.equal(await two('beat', { milliseconds: 101 }, 99), false)
  await two('buryDead', {}, 99)
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
  await two('releaseJob', { id: job.id, begun: true })
  await two('releaseKey', claim)
  await two('completeKey', { ...claim, answer: { status: 200, headers: {}, body: '' } })
  await two('unlockConversation', { project: 'acme', id: 'conv', holder: 'resp_1' })
  assert.deepEqual(await two('claimKey', claim), { kind: 'running' })

  assert.equal(await two('beat', { milliseconds: 100 }, 100), true)
  await two('buryDead', {}, 100)
  assert.equal(await two('beat', { milliseconds: 100 }, 100), false, 'nothing is left')
  assert.equal(
    await two('lockConversation', { project: 'acme', id: 'conv', holder: 'resp_2' }),
    'locked-by-us',
  )
  assert.deepEqual(await two('claimKey', claim), { kind: 'claimed' })
  const [taken] = await two('takeJobs', { limit: 1 })
  assert.equal(taken?.takes, 2)

  // The first one was only slow. It beats again, and has lost all the same.
  await one('beat', { milliseconds: 150 }, 150)
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
  await as('one')('beat', { milliseconds: 100 })
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
    { name: 'beat', argument: { milliseconds: 1 } },
    { name: 'buryDead', argument: {} },
    { name: 'sweep', argument: { responses: [id], conversations: ['conv'], keys: 1, before: 1 } },
  ] as const
  await as('one')('beat', { milliseconds: 1 })
  await commitGroup(writes, {
    driver: watched,
    context: { instance: 'one', now: 0 },
    pause: async () => false,
    onProblem: () => undefined,
  })
  assert.ok(seen.length > 20)
  for (const sql of new Set(seen)) await assertIndexed(driver, sql, sql.split('?').length - 1)
})

/** Nothing is walked but what the query has made itself, the few rows of instances and of leases, and claims that run. */
async function assertIndexed(driver: Driver, sql: string, parameters: number): Promise<void> {
  const plan = await driver.all(`EXPLAIN QUERY PLAN ${sql}`, Array(parameters).fill(1))
  const walks = plan
    .map(({ detail }) => String(detail))
    .filter(
      (detail) =>
        detail.startsWith('SCAN') &&
        !/idempotency_keys_running|CONSTANT ROW|^SCAN (chain|few|instances|leases|wanted)/.test(detail),
    )
  assert.deepEqual(walks, [], sql)
}
