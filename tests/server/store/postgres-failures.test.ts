import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import { createAdminQueries } from '../../../server/store/admin-queries.ts'
import { createKeyMaker } from '../../../server/store/engine/keys.ts'
import { claimLane, laneCount, leave } from '../../../server/store/engine/lanes.ts'
import { openStore } from '../../../server/store/store.ts'
import { refuseOld } from '../../../server/store/threads/postgres-engine.ts'
import { findPort } from '../../support/free-port.ts'
import { createDatabase, serverPassword, startServer } from '../../support/postgres.ts'
import { openStoreAt } from './engines.ts'
import { makeExchange, openTestLog, patient } from './fixtures.ts'
import { openEngine } from './log/engines.ts'
import { makeTurn } from './state-fixtures.ts'

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await sleep(10)
}

/** Runs statements past the store. */
async function run(t: TestContext, url: string, ...statements: string[]) {
  const sql = postgres(url, { max: 1, onnotice: () => undefined })
  t.after(() => sql.end())
  for (const statement of statements) await sql.unsafe(statement)
  return sql
}

test('while the database is away the log waits, state says so, and everything goes on when it is back', async (t) => {
  const server = await startServer()
  t.after(() => server.close())
  const store = await openStoreAt(t, await createDatabase(t, server), {
    retryDelay: 20,
    writeTimeout: 10_000,
  })
  const log = await openTestLog(store)
  const before = makeExchange()
  log.finished?.(before)
  await store.flush()
  assert.equal(store.healthy(), true)
  const turn = makeTurn()
  await store.state.commitTurn(turn)

  await server.stop()
  const during = makeExchange()
  log.finished?.(during)
  await store.flush()
  assert.equal(store.healthy(), false)
  assert.match(store.problem() ?? '', /postgres:\/\/127\.0\.0\.1:\d+\/\w+ cannot be reached/)
  assert.ok(!(store.problem() ?? '').includes(serverPassword))
  assert.equal(log.queued(), 1)
  await assert.rejects(store.state.commitTurn(makeTurn()), { name: 'StoreError', problem: 'unreachable' })
  await assert.rejects(store.state.getResponse('acme', turn.id), { problem: 'unreachable' })
  await assert.rejects(createAdminQueries(store).listRequests({}), { problem: 'unreachable' })

  await server.start()
  await until(() => log.queued() === 0)
  const later = makeTurn({ previousId: turn.id })
  assert.equal(await store.state.commitTurn(later), 'committed')
  assert.equal((await store.state.readChain('acme', later.id)).kind, 'found')
  await until(() => store.healthy())
  assert.equal(log.dropped(), 0)
  for (const exchange of [before, during])
    assert.equal((await createAdminQueries(store).getRequest(exchange.id))?.status, 'completed')
  const sums = await createAdminQueries(store).overview({ from: '2026-01-01', to: '2027-01-01' })
  assert.equal(sums.totals.requests, 2)
})

test('a database that is away at the start is refused by name, without its password', async () => {
  const port = await findPort()
  const url = `postgres://someone:hidden%40word@127.0.0.1:${port}/db`
  await assert.rejects(openStore({ url }), (error: Error & { problem?: string }) => {
    assert.equal(error.problem, 'unreachable')
    assert.match(error.message, new RegExp(`postgres://127.0.0.1:${port}/db cannot be reached`))
    assert.doesNotMatch(error.message, /hidden/)
    return true
  })
})

test('urls that cannot be used are refused without the password', async () => {
  for (const url of [
    'postgres://user:hid/den@host/db',
    'postgres://user:hidden@host:99999/db',
    'postgres://user:hidden@host/db?password=hidden',
    'postgres://user:hidden@host/db?schema=Public',
    'postgres://user:hidden@host/db?sslmode=maybe',
    'postgres://user:hidden@host/db?sslrootcert=/nowhere/ca.pem',
    'postgres://user:hid%den@host/db',
  ]) {
    await assert.rejects(openStore({ url }), (error: Error & { problem?: string }) => {
      assert.equal(error.problem, 'bad_url', url)
      assert.doesNotMatch(error.message, /hid/)
      return true
    })
  }
})

test('tables of something else are refused; a schema of its own beside them is made, and one there is used', async (t) => {
  const url = await createDatabase(t)
  // As many programs have them, and with rows that are none of ours.
  await run(t, url, 'CREATE TABLE migrations (name TEXT)', "INSERT INTO migrations VALUES ('001_users')")
  await assert.rejects(openStore({ url }), { problem: 'foreign', message: /\?schema=dragoman/ })
  const other = await createDatabase(t)
  await run(t, other, 'CREATE TABLE users (id INT)')
  await assert.rejects(openStore({ url: other }), { problem: 'foreign', message: /\(users\).*\?schema=/ })
  for (let round = 0; round < 2; round += 1) {
    const store = await openStore({ url: `${other}?schema=dragoman`, ...patient })
    await store.state.commitTurn(makeTurn({ id: `resp_${round}` }))
    assert.ok((await store.sizeBytes()) > 0)
    await store.close()
  }
  const sql = await run(t, other)
  assert.equal((await sql`SELECT id FROM dragoman.responses`).length, 2)
  assert.equal((await sql`SELECT 1 FROM pg_tables WHERE schemaname = 'public'`).length, 1)
})

test('what an extension has put into the schema is nothing else’s', async (t) => {
  const url = await createDatabase(t)
  await run(t, url, 'CREATE TABLE helper (x INT)', 'CREATE EXTENSION plpgsql').catch(() => undefined)
  await run(t, url, 'ALTER EXTENSION plpgsql ADD TABLE helper')
  const store = await openStoreAt(t, url)
  assert.equal(store.healthy(), true)
})

test('a user who may not make tables is told so', async (t) => {
  const url = await createDatabase(t)
  const name = `reader_${process.pid}`
  await run(t, url, `CREATE ROLE ${name} LOGIN PASSWORD 'p'`)
  const own = url.replace(/\/\/[^@]*@/, `//${name}:p@`)
  await assert.rejects(openStore({ url: own }), { problem: 'unwritable', message: /may create/ })
})

test('gateways that start at once on an empty database all come up, each with keys of its own', async (t) => {
  const url = await createDatabase(t)
  const stores = await Promise.all(Array.from({ length: 4 }, () => openStoreAt(t, url)))
  const now = Date.now()
  const keys = stores.flatMap((store) => Array.from({ length: 500 }, () => store.nextKey(now)))
  assert.equal(new Set(keys).size, keys.length)
  const logs = await Promise.all(stores.map((store) => openTestLog(store)))
  for (const log of logs) {
    for (let count = 0; count < 300; count += 1) log.finished?.(makeExchange())
  }
  // They write into the same sums: one that had to wait too long for another counts as unhealthy, and tries again.
  await until(async () => {
    await Promise.all(stores.map((store) => store.flush()))
    return logs.every((log) => log.queued() === 0)
  })
  const [store] = stores
  assert.ok(store)
  const sql = await run(t, url)
  const [rows] = await sql`SELECT count(*)::int AS rows, count(DISTINCT block)::int AS blocks FROM requests`
  assert.equal(rows?.rows, 1200)
  assert.ok(rows.blocks >= 4)
  for (const { id } of (await createAdminQueries(store).listRequests({ limit: 500 })).data.slice(0, 40))
    assert.equal((await createAdminQueries(store).getRequest(id))?.client_request?.body.truncated, false)
})

test('a lane is given back at the end, and by who is gone; no two living gateways share one', async (t) => {
  const driver = await openEngine(t, 'postgres')
  const live = (id: string, until: number) => ({
    sql: 'INSERT INTO instances (id, alive_until) VALUES (?, ?)',
    params: [id, until],
  })
  const names = Array.from({ length: laneCount }, (_, index) => `gateway-${index}`)
  await driver.batch(names.map((name) => live(name, 9e15)))
  const lanes = await Promise.all(names.map((name) => claimLane(driver, name)))
  assert.equal(new Set(lanes).size, laneCount)
  assert.equal(await claimLane(driver, 'gateway-3'), lanes[3], 'it has one already')
  await driver.batch([live('another', 9e15)])
  assert.equal(await claimLane(driver, 'another'), null)
  await leave(driver, 'gateway-9')
  assert.equal(await claimLane(driver, 'another'), lanes[9])
  await driver.batch([
    { sql: "UPDATE instances SET alive_until = 1 WHERE id IN ('gateway-5', 'gateway-4')", params: [] },
    live('heir', 9e15),
  ])
  // The one that was given first, so that a gateway that was only slow does not soon meet another in its lane.
  const given = await driver.all('SELECT lane FROM lanes WHERE owner IN (?, ?) ORDER BY given_at, lane', [
    'gateway-4',
    'gateway-5',
  ])
  assert.equal(await claimLane(driver, 'heir'), given[0]?.lane)
})

test('keys of a lane rise above those that it had, also with a clock behind', () => {
  for (const last of [0, 1, 63, 64, 1024 * 1000 + 5, 1024 * 1000 + 70]) {
    const next = createKeyMaker(last, { lane: 5, lanes: 64 })
    const keys = [next(0), next(0), next(1000), next(900), next(2000)]
    for (const [index, key] of keys.entries()) {
      assert.equal(key % 64, 5)
      assert.ok(key > (index === 0 ? last : (keys[index - 1] ?? 0)))
    }
    assert.equal(keys.at(-1), 2000 * 1024 + 5)
  }
})

test('requests of an instance that is gone have failed by the next start', async (t) => {
  const url = await createDatabase(t)
  const store = await openStoreAt(t, url)
  const log = await openTestLog(store)
  const done = makeExchange()
  log.finished?.(done)
  await store.flush()
  await store.close()
  const sql = await run(t, url)
  const columns = 'key, id, operation, created_at, status, stream, attempts, instance'
  await sql.unsafe(`INSERT INTO requests (${columns}) VALUES
    (1, 'req_lost', 'responses.create', 1, 'in_progress', 0, 0, 'gone'),
    (2, 'req_living', 'responses.create', 1, 'in_progress', 0, 0, 'living')`)
  await sql`INSERT INTO instances (id, alive_until) VALUES ('living', 9e15), ('gone', 1)`
  const next = await openStoreAt(t, url)
  assert.equal(next.leftovers, 1)
  const status = async (id: string) => (await createAdminQueries(next).getRequest(id))?.status
  assert.deepEqual(await Promise.all(['req_lost', 'req_living', done.id].map(status)), [
    'failed',
    'in_progress',
    'completed',
  ])
})

test('a server that is too old is named, with what to do', async () => {
  const ofVersion = (version: string) =>
    refuseOld({ all: async () => [{ version }] }, 'postgres://db/dragoman')
  await assert.rejects(ofVersion('140019'), {
    name: 'StoreError',
    problem: 'failed',
    message: /postgres:\/\/db\/dragoman is a PostgreSQL 14\. Dragoman needs 15 or newer/,
  })
  await ofVersion('150000')
  await ofVersion('180004')
})
