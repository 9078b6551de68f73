/** Retention by bytes on either engine, and the write-ahead log of SQLite. */

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { createRetention } from '../../../server/jobs/retention.ts'
import { openEmptyStore, testEngines } from './engines.ts'
import { captured, makeExchange, openTestLog, openTestStore } from './fixtures.ts'

const endless = { bodies: null, rows: null, rollups: null, minutes: null, maxBytes: null }
/** Some 30 kB that do not compress. */
const bulk = () => captured(JSON.stringify({ input: randomBytes(22_000).toString('base64') }))

testEngines('past its bytes the oldest bodies go, as many as have to', async (t, engine) => {
  const store = await openEmptyStore(t, engine)
  const log = await openTestLog(store, { settings: { search: false } })
  for (let at = 0; at < 700; at += 1) {
    log.finished?.(makeExchange({ createdAt: Date.now() - 700 + at, clientRequest: bulk() }))
    if (at % 20 === 0) await store.flush()
  }
  await store.flush()
  const measure = () => store.query('measureStore', null)
  // PostgreSQL brings its counts together from time to time.
  while ((await measure()).usedBytes < 14_000_000) await pause(100)
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
