/** Retention by bytes on either engine, and the write-ahead log of SQLite. */

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { createRetention } from '../../../server/jobs/retention.ts'
import { engines, openEmptyStore, type TestEngine, testEngines } from './engines.ts'
import { captured, makeExchange, openTestLog, openTestStore } from './fixtures.ts'

const endless = { bodies: null, rows: null, rollups: null, minutes: null, maxBytes: null }
/** Some 30 kB that do not compress. */
const bulk = () => captured(JSON.stringify({ input: randomBytes(22_000).toString('base64') }))

/** PostgreSQL brings its counts of what was added together from time to time. */
async function allCounted({ name, read }: TestEngine, url: string): Promise<boolean> {
  if (name === 'sqlite') return true
  const differ = await read(
    url,
    `SELECT relname FROM pg_stat_user_tables WHERE
      (relname = 'blocks' AND n_live_tup <> (SELECT count(*) FROM blocks)) OR
      (relname = 'requests' AND n_live_tup <> (SELECT count(*) FROM requests))`,
  )
  return differ.length === 0
}

testEngines('past its bytes the oldest bodies go, as many as have to', async (t, engine) => {
  const store = await openEmptyStore(t, engine)
  // It counts for itself what it saw, and may have seen what was removed behind it.
  if (engine.name === 'postgres')
    for (const table of ['blocks', 'requests'])
      await engine.read(store.url, `ALTER TABLE ${table} SET (autovacuum_enabled = false)`)
  const log = await openTestLog(store, { settings: { search: false } })
  for (let at = 0; at < 700; at += 1) {
    log.finished?.(makeExchange({ createdAt: Date.now() - 700 + at, clientRequest: bulk() }))
    if (at % 20 === 0) await store.flush()
  }
  await store.flush()
  const measure = () => store.query('measureStore', null)
  while (!(await allCounted(engine, store.url))) await pause(50)
  assert.ok((await measure()).usedBytes > 14_000_000)
  const maxBytes = 10_000_000
  const troubles: unknown[] = []
  const retention = createRetention({
    store,
    settings: () => ({ ...endless, maxBytes }),
    onTrouble: (error) => troubles.push(error),
    stepPause: 1,
    floor: 0,
  })
  await retention.run()
  assert.deepEqual(troubles, [])
  assert.equal(retention.warning(), null)
  const [counts] = await engine.read(
    store.url,
    'SELECT (SELECT count(*) FROM blocks) AS blocks, (SELECT count(*) FROM requests) AS requests',
  )
  assert.equal(Number(counts?.requests), 700)
  assert.ok(Number(counts?.blocks) > 0)
  assert.ok(await allCounted(engine, store.url), 'what was removed is counted at once')
  const { usedBytes, parts } = await measure()
  assert.ok(usedBytes <= maxBytes, String(usedBytes))
  assert.ok(usedBytes > maxBytes / 2, `no more than has to: ${usedBytes}`)
  assert.ok(Object.values(parts).every((bytes) => bytes >= 0))
  // It is small enough now: nothing goes on going, though a relation of PostgreSQL is as large as before.
  const { bodies } = retention.figures().pruned
  await retention.run()
  assert.equal(retention.figures().pruned.bodies, bodies)
  await retention.stop()
})

test('postgres: rows are as large as those of all times, not as the first ones', async (t) => {
  const [, engine] = engines
  assert.ok(engine?.name === 'postgres')
  const store = await openEmptyStore(t, engine)
  await engine.read(
    store.url,
    `INSERT INTO blocks (id, written_at, encoding, content)
      SELECT id, id, 'zstd', convert_to(repeat('x', CASE WHEN id <= 150 THEN 10 ELSE 50000 END), 'UTF8')
      FROM generate_series(1, 300) AS id`,
  )
  const { bytesPer } = await store.query('measureStore', null)
  assert.ok(bytesPer.bodies > 20_000, String(bytesPer.bodies))
})

test('the write-ahead log is cut back after a reader that stood in the way', async (t) => {
  const store = await openTestStore(t)
  const log = await openTestLog(store, { settings: { search: false } })
  const sizeOfLog = async () => (await stat(`${store.path}-wal`)).size
  const reader = new Database(store.path, { readonly: true })
  t.after(() => reader.close())
  reader.exec('BEGIN')
  reader.prepare('SELECT count(*) FROM requests').get()
  for (let at = 0; at < 1500; at += 1) {
    log.finished?.(makeExchange({ clientRequest: bulk() }))
    if (at % 20 === 0) await store.flush()
  }
  await store.flush()
  assert.ok((await sizeOfLog()) > 30_000_000, 'it grows while somebody reads an old view')
  assert.equal(await store.step('checkpoint', { cut: true }), false, 'and says that it cannot be cut')
  reader.exec('COMMIT')
  assert.equal(await store.step('checkpoint', { cut: true }), true)
  assert.equal(await sizeOfLog(), 0)
  assert.equal((await store.query('measureStore', null)).parts.wal, 0)
  assert.equal(store.healthy(), true)
})
