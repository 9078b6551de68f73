import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import postgres from 'postgres'
import { createDeadline } from '../../../server/store/engine/deadline.ts'
import type { Driver } from '../../../server/store/engine/driver.ts'
import { commitsTable } from '../../../server/store/engine/postgres-commits.ts'
import { openPostgres, type PostgresOptions } from '../../../server/store/engine/postgres-driver.ts'
import { parsePostgresUrl } from '../../../server/store/engine/postgres-place.ts'
import { toPostgres } from '../../../server/store/engine/postgres-text.ts'
import { startCutProxy } from '../../support/cut-proxy.ts'
import { createDatabase, serverPassword } from '../../support/postgres.ts'
import { whenReached } from '../../support/when-reached.ts'

function openAt(t: TestContext, url: string, changes: Partial<PostgresOptions> = {}): Driver {
  const place = parsePostgresUrl(url)
  assert.ok(place)
  const driver = openPostgres({
    place,
    readonly: false,
    connections: 1,
    statementTimeout: 120_000,
    lockTimeout: 120_000,
    patience: 120_000,
    ...changes,
  })
  t.after(() => driver.close())
  return driver
}

const sql = (text: string, ...params: (string | number | null | Uint8Array)[]) => ({ sql: text, params })
const createItems = sql('CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, data BLOB)')
const insert = (id: number, name: string | null = null) =>
  sql('INSERT INTO items (id, name) VALUES (?, ?) RETURNING id', id, name)

async function openItems(t: TestContext, changes: Partial<PostgresOptions> = {}) {
  const url = await createDatabase(t)
  const driver = openAt(t, url, changes)
  await driver.batch([createItems, sql(commitsTable)])
  return { url, driver }
}

test('parameters are numbered, quoted text and comments left alone, and tables get the types of PostgreSQL', () => {
  assert.equal(
    toPostgres("SELECT ?, '?''?', \"?\" -- ?\n /* ? */ FROM t WHERE a = ?"),
    "SELECT $1, '?''?', \"?\" -- ?\n /* ? */ FROM t WHERE a = $2",
  )
  assert.equal(
    toPostgres("CREATE TABLE t (a INTEGER, b BLOB DEFAULT 'BLOB', c TEXT, PRIMARY KEY (a)) WITHOUT ROWID"),
    'CREATE TABLE t (a BIGINT, b BYTEA DEFAULT \'BLOB\', c TEXT COLLATE "C", PRIMARY KEY (a)) ',
  )
  assert.equal(toPostgres('ALTER TABLE t ADD COLUMN b INTEGER'), 'ALTER TABLE t ADD COLUMN b BIGINT')
  assert.equal(
    toPostgres('CREATE INDEX i ON t (a) WHERE a IS NOT NULL'),
    'CREATE INDEX i ON t (a) WHERE a IS NOT NULL',
  )
})

test('values come back as they do from SQLite; the character zero loses itself and not the row', async (t) => {
  const { driver } = await openItems(t)
  const data = Uint8Array.of(0, 255, 10)
  await driver.batch([
    sql('INSERT INTO items (id, name, data) VALUES (?, ?, ?)', 2 ** 53 - 1, 'a\0b\ud800', data),
    insert(1),
  ])
  const [row] = await driver.all('SELECT * FROM items WHERE name = ?', ['a\0b\ud800'])
  assert.equal(row?.id, 2 ** 53 - 1)
  assert.equal(row.name, 'a\ufffdb\ufffd')
  assert.deepEqual(new Uint8Array(row.data as Uint8Array), data)
  const [figures] = await driver.all(
    `SELECT count(*) AS count, sum(id) AS sum, CAST(sum(id) AS TEXT) AS text, avg(1.5) AS avg, max(name) AS name,
      EXISTS (SELECT 1 FROM items) AS some, EXISTS (SELECT 1 FROM items WHERE id = 7) AS none FROM items`,
  )
  assert.deepEqual(figures, {
    count: 2,
    // More than a number can say exactly.
    sum: '9007199254740992',
    text: '9007199254740992',
    avg: 1.5,
    name: 'a\ufffdb\ufffd',
    some: 1,
    none: 0,
  })
})

test('a batch is written whole or not at all, however much it is, and gives what it returns', async (t) => {
  const { driver } = await openItems(t)
  const large = Buffer.alloc(100_000, 7)
  const many = Array.from({ length: 300 }, (_, id) =>
    sql('INSERT INTO items (id, data) VALUES (?, ?) RETURNING id', id, large),
  )
  const rows = await driver.batch(many)
  assert.deepEqual(
    rows.map(([row]) => row?.id),
    many.map((_, id) => id),
  )
  await assert.rejects(driver.batch([insert(1000), insert(0), insert(1001)]), {
    name: 'StoreError',
    problem: 'failed',
    message: /duplicate key/,
  })
  const [found] = await driver.all('SELECT count(*) AS count FROM items')
  assert.equal(found?.count, 300)
  assert.deepEqual(await driver.batch([insert(1000)]), [[{ id: 1000 }]])
})

test('batches that share a name run one after the other, and in no circle', async (t) => {
  const { url, driver } = await openItems(t)
  await driver.batch([insert(1, '')])
  const drivers = [driver, openAt(t, url), openAt(t, url)]
  const append = sql("UPDATE items SET name = name || 'x' WHERE id = 1")
  const read = sql('SELECT length(name) AS length FROM items WHERE id = 1')
  const turns = await Promise.all(
    Array.from({ length: 60 }, async (_, index) => {
      const locks = index % 2 === 0 ? ['a', 'b', 'c'] : ['c', 'b', 'a']
      const rows = await drivers[index % 3]?.batch([read, append, sql('SELECT pg_sleep(0.001)'), read], {
        locks,
      })
      return Number(rows?.[3]?.[0]?.length) - Number(rows?.[0]?.[0]?.length)
    }),
  )
  assert.deepEqual(turns, Array(60).fill(1))
})

test('what may pass is told apart from what will not', async (t) => {
  const { url, driver } = await openItems(t)
  await driver.batch([insert(1), insert(2)])
  const other = openAt(t, url, { lockTimeout: 50 })
  const busy = postgres(url, { max: 1 })
  t.after(() => busy.end())
  await busy.begin(async (transaction) => {
    await transaction`LOCK TABLE items IN EXCLUSIVE MODE`
    await assert.rejects(other.batch([insert(3)]), { problem: 'locked', transient: true })
  })
  const reader = openAt(t, url, { readonly: true })
  await assert.rejects(reader.batch([insert(3)]), { problem: 'unwritable', transient: true })
  await assert.rejects(driver.all('SELECT nothing FROM items'), { problem: 'failed', transient: false })

  // Two that wait for each other: the server ends one of them.
  const [one, two] = [openAt(t, url), openAt(t, url)]
  const cross = (first: number, second: number) => [
    sql('UPDATE items SET name = ? WHERE id = ?', 'c', first),
    sql('SELECT pg_advisory_xact_lock_shared(1)'),
    sql('UPDATE items SET name = ? WHERE id = ?', 'c', second),
  ]
  // Neither goes on to what the other has before both have something.
  const crossing = await busy.begin(async (transaction) => {
    await transaction`SELECT pg_advisory_xact_lock(1)`
    const both = Promise.allSettled([one.batch(cross(1, 2)), two.batch(cross(2, 1))])
    const waiting = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = 1 AND NOT granted"
    while ((await driver.all(waiting)).length < 2);
    return { both }
  })
  const results = await crossing.both
  const failed = results.filter((result) => result.status === 'rejected')
  assert.equal(failed.length, 1)
  assert.equal(failed[0]?.reason.problem, 'locked')
  assert.equal(failed[0]?.reason.transient, true)
})

test('a statement ends with the deadline of its query, and the next one has its own', async (t) => {
  const { url } = await openItems(t)
  const reader = openAt(t, url, { readonly: true })
  await assert.rejects(reader.all('SELECT pg_sleep(60)', [], createDeadline(50)), { name: 'DeadlineError' })
  await assert.rejects(reader.all('SELECT 1', [], createDeadline(0)), { name: 'DeadlineError' })
  assert.deepEqual(await reader.all('SELECT pg_sleep(0.2) IS NULL AS late'), [{ late: 0 }])
})

test('a query with a deadline is planned for what it asks, and the next one as usual', async (t) => {
  const { url } = await openItems(t)
  const reader = openAt(t, url, { readonly: true })
  const modeSql = "SELECT current_setting('plan_cache_mode') AS mode, current_setting('jit') AS jit"
  assert.deepEqual(await reader.all(modeSql, [], createDeadline(120_000)), [
    { mode: 'force_custom_plan', jit: 'off' },
  ])
  assert.deepEqual(await reader.all(modeSql), [{ mode: 'auto', jit: 'off' }])
})

test('an address that does not answer, a wrong password or database: all name the store, none the password', async (t) => {
  const url = await createDatabase(t)
  const wrong = [
    url.replace(/:\d+\//, ':1/'),
    url.replace(/\/test_\w+$/, '/nowhere'),
    url.replace(encodeURIComponent(serverPassword), 'guessed%40word'),
  ]
  for (const bad of wrong) {
    await assert.rejects(openAt(t, bad).all('SELECT 1'), (error: Error & { problem?: string }) => {
      assert.equal(error.problem, 'unreachable')
      assert.match(error.message, /postgres:\/\/127\.0\.0\.1:\d+\/\w+ cannot be reached/)
      for (const secret of [serverPassword, encodeURIComponent(serverPassword), 'guessed'])
        assert.ok(!error.message.includes(secret))
      return true
    })
  }
})

/** As the message ends with it; that a transaction begins says the word as well. */
const commit = 'COMMIT\0'

for (const [when, kept] of [
  ['before', 0],
  ['after', 1],
] as const) {
  test(`a batch whose connection is cut ${when} its commit is kept once`, async (t) => {
    const { url } = await openItems(t)
    const server = Number(new URL(url).port)
    const proxy = await startCutProxy(t, server)
    const driver = openAt(t, url.replace(`:${server}/`, `:${proxy.port}/`))
    await driver.batch([insert(1)])
    // No key keeps the second one out: a sum that is added to twice is wrong for ever.
    const add = [sql("INSERT INTO items (id, name) SELECT max(id) + 1, 'added' FROM items RETURNING id")]
    proxy.cutAt(commit, when)
    const first = await driver.batch(add).catch((error: Error & { problem?: string }) => error)
    if (kept === 0) {
      assert.ok(first instanceof Error)
      assert.equal(first.problem, 'unreachable')
    } else assert.deepEqual(first, [[{ id: 2 }]])
    const [after] = await driver.all("SELECT count(*) AS count FROM items WHERE name = 'added'")
    assert.equal(after?.count, kept)
    assert.ok(proxy.connections() >= 2)
  })
}

for (const named of ['by its array', 'by a name of its own']) {
  test(`a batch of which nobody can say for now whether it is kept is not written again once it was: known ${named}`, async (t) => {
    const { url } = await openItems(t)
    const server = Number(new URL(url).port)
    const proxy = await startCutProxy(t, server)
    const driver = openAt(t, url.replace(`:${server}/`, `:${proxy.port}/`), { patience: 2500 })
    const one = [insert(1)]
    await whenReached(() => driver.batch(one))
    const statements = [
      sql("INSERT INTO items (id, name) SELECT max(id) + 1, 'added' FROM items RETURNING id"),
    ]
    const once = {}
    const add = () =>
      named === 'by its array' ? driver.batch(statements) : driver.batch([...statements], { once })
    proxy.cutAt(commit, 'after')
    proxy.refuse(true)
    await assert.rejects(add(), { problem: 'unreachable' })
    await assert.rejects(add(), { problem: 'unreachable' })
    proxy.refuse(false)
    assert.deepEqual(await whenReached(add), [[{ id: 2 }]])
    const [found] = await driver.all('SELECT count(*) AS count FROM items')
    assert.equal(found?.count, 2)
  })
}

test('a server that falls silent is given up after its time, and asked anew', async (t) => {
  const { url } = await openItems(t)
  const server = Number(new URL(url).port)
  const proxy = await startCutProxy(t, server)
  const driver = openAt(t, url.replace(`:${server}/`, `:${proxy.port}/`), { patience: 3000 })
  await whenReached(() => driver.all('SELECT 1'))
  proxy.freeze(true)
  await assert.rejects(driver.batch([insert(1)]), { problem: 'unreachable', message: /did not answer/ })
  proxy.freeze(false)
  const again = [insert(1)]
  await whenReached(() => driver.batch(again))
})
