/** Retention over a real file: what goes, what stays, and what is given back. */

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { type TestContext, test } from 'node:test'
import Database from 'better-sqlite3'
import type { RetentionRuntime } from '../../../server/config/runtime.ts'
import type { Exchange } from '../../../server/gateway/exchange.ts'
import { createRetention, type RetentionOptions } from '../../../server/jobs/retention.ts'
import type { Store } from '../../../server/store/store.ts'
import { captured, makeExchange, openTestLog, openTestStore } from './fixtures.ts'
import { makeItem, makeTurn } from './state-fixtures.ts'

const day = 86_400_000
const endless: RetentionRuntime = { bodies: null, rows: null, rollups: null, minutes: null, maxBytes: null }

function openRetention(
  t: TestContext,
  store: Store,
  settings: Partial<RetentionRuntime>,
  options: Partial<RetentionOptions> = {},
) {
  const troubles: string[] = []
  const retention = createRetention({
    store,
    settings: () => ({ ...endless, ...settings }),
    onTrouble: (error) => troubles.push(error instanceof Error ? error.message : String(error)),
    stepPause: 1,
    ...options,
  })
  t.after(() => retention.stop())
  return Object.assign(retention, { troubles })
}

/** Counts with a connection of its own. */
function count(path: string, sql: string): number {
  const database = new Database(path, { readonly: true })
  const { value } = database.prepare(sql).get() as { value: number }
  database.close()
  return value
}

/** Some 30 kB that do not compress. */
const bulk = () => captured(JSON.stringify({ input: randomBytes(22_000).toString('base64') }))

test('rows and bodies go by clocks of their own, and what stays can be read', async (t) => {
  const store = await openTestStore(t)
  const log = await openTestLog(store)
  const now = Date.now()
  const ages = [0.5, 6, 8, 50, 89, 91, 95, 200]
  const exchanges: Exchange[] = []
  for (const age of ages.toReversed()) {
    const made = Array.from({ length: 300 }, () => makeExchange({ createdAt: now - age * day }))
    for (const exchange of made) log.finished?.(exchange)
    // No two ages share a block.
    await store.flush()
    exchanges.unshift(...made)
  }
  // Blocks are written now; they are made as old as the requests in them.
  const database = new Database(store.path)
  database.exec(`UPDATE blocks SET written_at = (SELECT max(created_at) FROM requests WHERE block = blocks.id)
    WHERE id IN (SELECT block FROM requests)`)
  database.close()
  const retention = openRetention(t, store, { bodies: 7 * day, rows: 90 * day })
  await retention.run()
  assert.deepEqual(retention.troubles, [])
  assert.equal(count(store.path, 'SELECT count(*) AS value FROM requests'), 5 * 300)
  const oldest = count(store.path, 'SELECT min(created_at) AS value FROM requests')
  assert.ok(oldest > now - 90 * day)
  const orphans = 'SELECT count(*) AS value FROM request_ids WHERE key NOT IN (SELECT key FROM requests)'
  assert.equal(count(store.path, orphans), 0)
  const young = await store.query('getRequest', exchanges[0]?.id ?? '')
  assert.match(young?.client_request?.body.text ?? '', /hello/)
  const middle = await store.query('getRequest', exchanges[2 * 300]?.id ?? '')
  assert.equal(middle?.status, 'completed')
  assert.equal(middle?.client_request?.body.text ?? null, null)
  assert.equal(await store.query('getRequest', exchanges[5 * 300]?.id ?? ''), null)
  const { pruned, lastRunAt, oldestAt, leads } = retention.figures()
  assert.equal(pruned.rows, 900)
  assert.ok(pruned.bodies > 0)
  assert.ok(Number(lastRunAt) >= now)
  assert.equal(leads, true)
  assert.ok(Number(oldestAt.bodies) > now - 7 * day - 1)
  // Another round finds nothing.
  await retention.run()
  assert.equal(retention.figures().pruned.rows, 900)
})

test('past its bytes the oldest bodies go, no row, and the file shrinks', async (t) => {
  const store = await openTestStore(t)
  const log = await openTestLog(store, { settings: { search: false } })
  const exchanges = Array.from({ length: 1800 }, (_, at) =>
    makeExchange({ createdAt: Date.now() - 1800 + at }),
  )
  for (const exchange of exchanges) {
    log.finished?.({ ...exchange, clientRequest: bulk() })
    if (exchange.id.endsWith('0')) await store.flush()
  }
  await store.flush()
  const turn = makeTurn()
  await store.state.commitTurn(turn)
  await store.step('checkpoint', { cut: true })
  const before = (await stat(store.path)).size
  assert.ok(before > 40_000_000, String(before))
  const maxBytes = 16_000_000
  const retention = openRetention(t, store, { maxBytes }, { floor: 0 })
  await retention.run()
  assert.deepEqual(retention.troubles, [])
  assert.equal(retention.warning(), null)
  const { measure, pruned } = retention.figures()
  assert.ok(Number(measure?.usedBytes) <= maxBytes, String(measure?.usedBytes))
  assert.ok(Number(measure?.usedBytes) > maxBytes * 0.8, 'no more than has to')
  assert.equal(pruned.rows, 0)
  const after = (await stat(store.path)).size
  assert.ok(after < maxBytes * 1.3, `${before} → ${after}`)
  const first = await store.query('getRequest', exchanges[0]?.id ?? '')
  assert.equal(first?.status, 'completed')
  assert.equal(first?.client_request?.body.text ?? null, null)
  const last = await store.query('getRequest', exchanges.at(-1)?.id ?? '')
  assert.ok((last?.client_request?.body.text?.length ?? 0) > 29_000)
  assert.equal((await store.state.readChain(turn.project, turn.id)).kind, 'found')
})

test('after a quiet time no more bodies go than have to, though later ones are larger', async (t) => {
  const store = await openTestStore(t)
  const log = await openTestLog(store, { settings: { search: false } })
  for (let at = 0; at < 60; at += 1) {
    log.finished?.(makeExchange())
    await store.flush()
  }
  for (let at = 0; at < 320; at += 1) {
    log.finished?.(makeExchange({ clientRequest: bulk() }))
    if (at % 8 === 7) await store.flush()
  }
  const { usedBytes: before } = await store.query('measureStore', null)
  const maxBytes = Math.floor(before * 0.9)
  const retention = openRetention(t, store, { maxBytes }, { floor: 0 })
  await retention.run()
  assert.deepEqual(retention.troubles, [])
  const { usedBytes = 0 } = retention.figures().measure ?? {}
  assert.ok(usedBytes <= maxBytes, `${usedBytes} of ${maxBytes}`)
  assert.ok(usedBytes > maxBytes * 0.85, `no more than has to: ${usedBytes} of ${maxBytes}`)
})

test('rows go when bodies do not suffice, and what is not the log’s stays and is said', async (t) => {
  const store = await openTestStore(t)
  const log = await openTestLog(store)
  const now = Date.now()
  for (let at = 0; at < 2000; at += 1) log.finished?.(makeExchange({ createdAt: now - 2 * 3_600_000 + at }))
  for (let at = 0; at < 100; at += 1) log.finished?.(makeExchange({ createdAt: now - 60_000 + at }))
  await store.flush()
  const text = randomBytes(300_000).toString('hex')
  for (let at = 0; at < 10; at += 1) await store.state.commitTurn(makeTurn({ input: [makeItem(text)] }))
  const retention = openRetention(t, store, { maxBytes: 1_000_000 })
  await retention.run()
  assert.equal(count(store.path, 'SELECT count(*) AS value FROM requests'), 100)
  assert.ok(count(store.path, 'SELECT count(*) AS value FROM blocks') > 0, 'the last hour stays')
  assert.match(
    retention.warning() ?? '',
    /of the 1000000 that log\.retention\.maxBytes allows.*last 60 minutes/,
  )
  await retention.run()
  assert.equal(retention.troubles.length, 1, 'said once')
  assert.equal(count(store.path, 'SELECT count(*) AS value FROM responses'), 10)
})

test('a full store makes room for what waits, and loses nothing', async (t) => {
  const store = await openTestStore(t, { maxPages: 3000, retryDelay: 20 })
  const log = await openTestLog(store, { settings: { search: false } })
  let finished = 0
  while (!store.full()) {
    log.finished?.(makeExchange({ createdAt: Date.now(), clientRequest: bulk() }))
    finished += 1
    await store.flush()
  }
  assert.match(store.problem() ?? '', /cannot grow/)
  const retention = openRetention(t, store, {}, { floor: 0 })
  await retention.run()
  while (!store.healthy()) await new Promise((resolve) => setTimeout(resolve, 5))
  await store.flush()
  assert.equal(log.written(), finished)
  assert.equal(log.dropped(), 0)
  assert.equal(store.full(), false)
  assert.ok(retention.figures().pruned.bodies > 0)
  // It goes on, round after round: the oldest makes room for the newest.
  for (let at = 0; at < 600; at += 1) {
    log.finished?.(makeExchange({ createdAt: Date.now(), clientRequest: bulk() }))
    if (at % 10 !== 0) continue
    await store.flush()
    if (store.full()) await retention.run()
  }
  while (log.written() + log.dropped() < finished + 600) {
    await store.flush()
    await retention.run()
  }
  assert.equal(log.dropped(), 0)
})
