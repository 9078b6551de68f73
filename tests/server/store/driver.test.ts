import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createAdminQueries } from '../../../server/store/admin-queries.ts'
import type { Driver } from '../../../server/store/engine/driver.ts'
import { createKeyMaker, keyAt } from '../../../server/store/engine/keys.ts'
import { migrate } from '../../../server/store/engine/migrate.ts'
import { migrations } from '../../../server/store/engine/migrations.ts'
import { openSqlite } from '../../../server/store/engine/sqlite-driver.ts'
import { makeDirectory, openTestStore } from './fixtures.ts'

async function openTestDriver(t: TestContext): Promise<{ driver: Driver; path: string }> {
  const path = join(await makeDirectory(t), 'test.db')
  const driver = openSqlite({ path, readonly: false, busyTimeout: 100 })
  t.after(() => driver.close())
  return { driver, path }
}

const createItems = { sql: 'CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, data BLOB)', params: [] }

test('a batch is written whole or not at all, and gives what it returns', async (t) => {
  const { driver } = await openTestDriver(t)
  await driver.batch([createItems])
  const insert = (id: number, name: string) => ({
    sql: 'INSERT INTO items (id, name) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET name = excluded.name RETURNING id, name',
    params: [id, name],
  })
  assert.deepEqual(await driver.batch([insert(1, 'a'), insert(2, 'b'), insert(1, 'c')]), [
    [{ id: 1, name: 'a' }],
    [{ id: 2, name: 'b' }],
    [{ id: 1, name: 'c' }],
  ])
  const bad = { sql: 'INSERT INTO items (id) VALUES (?)', params: [2] }
  await assert.rejects(driver.batch([insert(3, 'd'), bad]), { name: 'StoreError', problem: 'failed' })
  assert.deepEqual(await driver.all('SELECT id FROM items ORDER BY id'), [{ id: 1 }, { id: 2 }])
  // The connection is as good as before.
  await driver.batch([insert(3, 'e')])
})

test('bytes, large integers and null come back as they went', async (t) => {
  const { driver } = await openTestDriver(t)
  await driver.batch([createItems])
  const id = keyAt(Date.UTC(2200, 0, 1))
  const data = Uint8Array.of(0, 255, 10)
  await driver.batch([
    { sql: 'INSERT INTO items (id, name, data) VALUES (?, ?, ?)', params: [id, null, data] },
  ])
  const [row] = await driver.all('SELECT * FROM items WHERE id = ?', [id])
  assert.equal(row?.id, id)
  assert.equal(row.name, null)
  assert.deepEqual(new Uint8Array(row.data as Uint8Array), data)
})

test('statements of the past are forgotten, and work again', async (t) => {
  const { driver } = await openTestDriver(t)
  for (let round = 0; round < 2; round += 1)
    for (let number = 0; number < 1200; number += 1)
      assert.deepEqual(await driver.all(`SELECT ${number} AS number, ? AS given`, [round]), [
        { number, given: round },
      ])
})

test('a reader cannot write, and sees what is committed', async (t) => {
  const { driver, path } = await openTestDriver(t)
  await driver.batch([createItems])
  const reader = openSqlite({ path, readonly: true, busyTimeout: 100 })
  t.after(() => reader.close())
  await assert.rejects(reader.batch([{ sql: 'DELETE FROM items', params: [] }]), { problem: 'unwritable' })
  await driver.batch([{ sql: "INSERT INTO items (name) VALUES ('a')", params: [] }])
  assert.deepEqual(await reader.all('SELECT name FROM items'), [{ name: 'a' }])
})

test('the file gives space back and survives in WAL mode', async (t) => {
  const { driver } = await openTestDriver(t)
  await driver.batch([createItems])
  assert.deepEqual(await driver.all('PRAGMA auto_vacuum'), [{ auto_vacuum: 2 }])
  assert.deepEqual(await driver.all('PRAGMA journal_mode'), [{ journal_mode: 'wal' }])
})

test('migrations apply what is missing, once, in order; a failing one leaves nothing', async (t) => {
  const { driver } = await openTestDriver(t)
  const first = { name: '0001-a', statements: ['CREATE TABLE a (x INTEGER)'] }
  const second = {
    name: '0002-b',
    statements: ['ALTER TABLE a ADD COLUMN y INTEGER', 'CREATE TABLE b (x INTEGER)'],
  }
  const broken = { name: '0003-c', statements: ['CREATE TABLE c (x INTEGER)', 'CREATE TABLE b (x INTEGER)'] }
  const tables = async () =>
    (await driver.all("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")).map((row) =>
      String(row.name),
    )
  const run = async (...steps: (typeof first)[]) =>
    migrate({
      driver,
      name: 'test',
      steps,
      now: 1,
      tables: (await tables()).filter((name) => !name.startsWith('sqlite')),
    })
  assert.deepEqual(await run(first), ['0001-a'])
  assert.deepEqual(await run(first, second), ['0002-b'])
  assert.deepEqual(await run(first, second), [])
  await assert.rejects(run(first, second, broken), { name: 'StoreError' })
  assert.deepEqual(await tables(), ['a', 'b', 'migrations'])
  await assert.rejects(run(first), { problem: 'newer_schema', message: /0002-b/ })
})

test('keys rise, whatever the clock does', () => {
  const nextKey = createKeyMaker(0)
  const keys = [
    ...Array.from({ length: 3000 }, () => nextKey(1_767_225_600_000)),
    nextKey(1_767_225_500_000),
    nextKey(1_767_225_600_001),
    nextKey(1_767_225_700_000.7),
  ]
  for (const [index, key] of keys.entries()) {
    assert.ok(Number.isSafeInteger(key))
    if (index > 0) assert.ok(key > (keys[index - 1] ?? 0))
  }
  assert.equal(keys[0], keyAt(1_767_225_600_000))
  assert.equal(keys.at(-1), keyAt(1_767_225_700_000))
  assert.equal(createKeyMaker(keyAt(2e12))(1e12), keyAt(2e12) + 1)
})

test('rows of an earlier version are kept, and are none of the background', async (t) => {
  const { driver, path } = await openTestDriver(t)
  await migrate({ driver, name: 'test', steps: migrations.slice(0, 1), now: 1, tables: [] })
  await driver.batch([
    {
      sql: "INSERT INTO requests (key, id, operation, created_at, status, stream, attempts) VALUES (1, 'req_old', 'responses.create', 1, 'completed', 0, 1)",
      params: [],
    },
  ])
  await driver.close()
  const store = await openTestStore(t, { path })
  const [row] = (await createAdminQueries(store).listRequests({})).data
  assert.deepEqual([row?.id, row?.background], ['req_old', false])
})
