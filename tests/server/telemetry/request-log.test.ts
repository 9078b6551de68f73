import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createAdminQueries } from '../../../server/store/admin-queries.ts'
import type { Store } from '../../../server/store/store.ts'
import {
  captured,
  makeAttempt,
  makeExchange,
  openTestLog,
  openTestStore,
  testLogSettings,
} from '../store/fixtures.ts'

/** A store whose writes wait until they are let through. */
function holdWrites(store: Store): { store: Store; release: () => void } {
  let release = () => {}
  const gate = new Promise<void>((resolve) => {
    release = resolve
  })
  const held: Store = Object.assign(Object.create(store) as Store, {
    nextKey: (createdAt: number) => store.nextKey(createdAt),
    addQueue: (flush: () => Promise<void>) => store.addQueue(flush),
    setFilter: (source: Parameters<Store['setFilter']>[0]) => store.setFilter(source),
    healthy: () => store.healthy(),
    problem: () => store.problem(),
    startBatch: (expectedBytes?: number) => store.startBatch(expectedBytes),
    writeRequests: async (records: Parameters<Store['writeRequests']>[0]) => {
      await gate
      return store.writeRequests(records)
    },
  })
  return { store: held, release }
}

test('rows beyond the bound are dropped and counted, those of running requests always end', async (t) => {
  const store = await openTestStore(t)
  const { store: held, release } = holdWrites(store)
  const told: number[] = []
  const log = await openTestLog(held, {
    settings: { queueRows: 10 },
    onDropped: ({ rows }) => told.push(rows),
  })
  const exchanges = Array.from({ length: 25 }, () => makeExchange())
  for (const exchange of exchanges) log.started?.(exchange)
  assert.equal(log.queued(), 10)
  for (const exchange of exchanges) log.finished?.(exchange)
  assert.equal(log.queued(), 10)
  assert.equal(log.dropped(), 15)
  assert.deepEqual(told, [1])
  release()
  await store.flush()
  assert.equal(log.written(), 10)
  const { data } = await createAdminQueries(store).listRequests({})
  assert.deepEqual(
    data.map((row) => [row.id, row.status]),
    exchanges
      .slice(0, 10)
      .reverse()
      .map(({ id }) => [id, 'completed']),
  )
  await log.close()
  assert.deepEqual(told, [1, 14])
})

test('bodies beyond the bound are dropped and counted, their rows kept', async (t) => {
  const store = await openTestStore(t)
  const { store: held, release } = holdWrites(store)
  const log = await openTestLog(held, { settings: { queueBytes: 25_000 } })
  const exchanges = Array.from({ length: 4 }, () =>
    makeExchange({ attempts: [], clientRequest: captured('x'.repeat(10_000)), clientResponse: captured() }),
  )
  for (const exchange of exchanges) log.finished?.(exchange)
  assert.equal(log.bodiesDropped(), 2)
  assert.equal(log.dropped(), 0)
  assert.equal(log.queuedBytes(), 20_000)
  release()
  await store.flush()
  assert.equal(log.queuedBytes(), 0)
  const bodies = await Promise.all(
    exchanges.map(async ({ id }) => (await createAdminQueries(store).getRequest(id))?.client_request?.body),
  )
  assert.deepEqual(
    bodies.map((body) => [body?.text?.length, body?.bytes]),
    [
      [10_000, 10_000],
      [10_000, 10_000],
      [undefined, 10_000],
      [undefined, 10_000],
    ],
  )
})

test('a finished request can be read without anyone asking for a flush', async (t) => {
  const store = await openTestStore(t)
  const log = await openTestLog(store)
  const exchange = makeExchange()
  log.finished?.(exchange)
  while ((await createAdminQueries(store).getRequest(exchange.id)) === null)
    await new Promise((resolve) => setTimeout(resolve, 5))
})

test('a writer that stops is replaced, and what it held is counted', async (t) => {
  const store = await openTestStore(t, { retryDelay: 10 })
  const log = await openTestLog(store)
  const deadly = 'export const createRecordFilter = () => ({ text: () => process.exit(3) })'
  await store.setFilter({ module: `data:text/javascript,${encodeURIComponent(deadly)}`, settings: null })
  log.finished?.(makeExchange())
  while (log.dropped() === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.match(store.problem() ?? '', /exited with code 3/)
  await log.configure({ settings: testLogSettings, projects: new Map(), providerSecrets: [] })
  while (!store.healthy()) await new Promise((resolve) => setTimeout(resolve, 5))
  const exchange = makeExchange()
  log.finished?.(exchange)
  await store.flush()
  assert.equal((await createAdminQueries(store).getRequest(exchange.id))?.status, 'completed')
  assert.equal(log.dropped(), 1)
})

test('a batch that cannot be cloned is counted, and the log goes on', async (t) => {
  const store = await openTestStore(t)
  const log = await openTestLog(store)
  const odd = makeExchange({ model: (() => 'x') as unknown as string })
  log.finished?.(odd)
  await store.flush()
  assert.equal(log.dropped(), 1)
  log.finished?.(makeExchange())
  await store.flush()
  assert.equal(log.written(), 1)
})

test('bodies: metadata keeps headers and sizes, none keeps the rows alone', async (t) => {
  const store = await openTestStore(t)
  const log = await openTestLog(store, { settings: { bodies: 'metadata' } })
  const metadata = makeExchange()
  log.finished?.(metadata)
  await store.flush()
  const first = await createAdminQueries(store).getRequest(metadata.id)
  assert.deepEqual(first?.client_request, {
    headers: { 'content-type': 'application/json' },
    body: { text: null, bytes: metadata.clientRequest.bytes, truncated: false, absent: 'not_kept' },
  })
  assert.equal(first.attempt_list[0]?.response.body.text, null)

  await log.configure({
    settings: { ...testLogSettings, bodies: 'none', queueRows: 10, queueBytes: 10 },
    projects: new Map(),
    providerSecrets: [],
  })
  const none = makeExchange()
  log.finished?.(none)
  await store.flush()
  const second = await createAdminQueries(store).getRequest(none.id)
  assert.equal(second?.client_request, null)
  assert.equal(second.user_agent, null)
  assert.equal(second.attempt_list.length, 1)
})

test('bodies come back as they were, whatever their chunks', async (t) => {
  const store = await openTestStore(t)
  const log = await openTestLog(store)
  const text = `\uFEFF${'héllo 😀 \u0000 "quoted" \\ \r\n'.repeat(300)}`
  const bytes = Buffer.from(text)
  const large = Buffer.alloc(100_000, 0x20)
  bytes.copy(large, 50_000)
  const cases = {
    string: captured(text),
    // A surrogate pair in two strings, a character in two buffers.
    strings: captured(...text.split('')),
    bytes: captured(...Array.from(bytes, (_, index) => bytes.subarray(index, index + 1))),
    view: captured(large.subarray(50_000, 50_000 + bytes.length)),
    mixed: captured(text, bytes),
    empty: captured(),
    binary: captured(Buffer.from([0xff, 0x41, 0xc3])),
  }
  const exchanges = Object.entries(cases).map(([name, clientRequest]) => ({
    name,
    ...makeExchange({ clientRequest }),
  }))
  for (const exchange of exchanges) log.finished?.(exchange)
  await store.flush()
  const wanted: Record<string, string> = {
    mixed: text + text,
    empty: '',
    binary: '\uFFFDA\uFFFD',
  }
  for (const { name, id } of exchanges) {
    const body = (await createAdminQueries(store).getRequest(id))?.client_request?.body
    assert.equal(body?.text, wanted[name] ?? text, name)
    assert.equal(body.truncated, false)
  }
})

test('a cut body is marked, and a character that the cut split is left out', async (t) => {
  const store = await openTestStore(t)
  const log = await openTestLog(store)
  const bytes = Buffer.from('aé€😀')
  const wanted = ['', 'a', 'a', 'aé', 'aé', 'aé', 'aé€', 'aé€', 'aé€', 'aé€', 'aé€😀']
  const cut = (chunks: (string | Uint8Array)[]) =>
    makeExchange({
      clientRequest: { chunks, bytes: 5000, truncated: true },
      attempts: [makeAttempt({ response: { chunks, bytes: 5000, truncated: true } })],
    })
  const exchanges = wanted.map((_, length) => cut([bytes.subarray(0, length)]))
  const half = cut(['ab\uD83D'])
  for (const exchange of [...exchanges, half]) log.finished?.(exchange)
  await store.flush()
  for (const [length, { id }] of exchanges.entries()) {
    const found = await createAdminQueries(store).getRequest(id)
    const body = { text: wanted[length], bytes: 5000, truncated: true, absent: null }
    assert.deepEqual(found?.client_request?.body, body, `cut at ${length}`)
    assert.deepEqual(found.upstream_response?.body, body)
  }
  assert.equal((await createAdminQueries(store).getRequest(half.id))?.client_request?.body.text, 'ab')
})

test('a short request is written once, a long one gets its row while it runs', async (t) => {
  const store = await openTestStore(t)
  const rows: number[] = []
  const counted: Store = Object.assign(Object.create(store) as Store, {
    nextKey: (createdAt: number) => store.nextKey(createdAt),
    addQueue: (flush: () => Promise<void>) => store.addQueue(flush),
    setFilter: (source: Parameters<Store['setFilter']>[0]) => store.setFilter(source),
    healthy: () => store.healthy(),
    startBatch: (expectedBytes?: number) => store.startBatch(expectedBytes),
    writeRequests: (batch: Parameters<Store['writeRequests']>[0]) => {
      rows.push(batch.rows)
      return store.writeRequests(batch)
    },
  })
  const log = await openTestLog(counted)
  const short = makeExchange()
  log.started?.(short)
  log.finished?.(short)
  await store.flush()
  assert.deepEqual(rows, [1])

  const long = makeExchange({ status: null, httpStatus: null, endedAt: null })
  log.started?.(long)
  assert.equal(log.queued(), 1)
  while ((await createAdminQueries(store).getRequest(long.id)) === null)
    await new Promise((resolve) => setTimeout(resolve, 20))
  assert.equal((await createAdminQueries(store).getRequest(long.id))?.status, 'in_progress')
  // The row can be read a moment before the writer has said that it is written.
  await store.flush()
  assert.equal(log.queued(), 0)
  assert.equal(log.written(), 1)
  Object.assign(long, { status: 'completed', httpStatus: 200, endedAt: 3000 })
  log.finished?.(long)
  await store.flush()
  assert.deepEqual(rows, [1, 1, 1])
  assert.equal((await createAdminQueries(store).getRequest(long.id))?.status, 'completed')
})

test('every document of a batch is found, whatever its neighbours had to lose and however large they are', async (t) => {
  const store = await openTestStore(t)
  const secret = 'schlüssel-äöü-geheim'
  const log = await openTestLog(store, {
    providerSecrets: [secret],
    settings: { maxBodyBytes: 4_000_000 },
  })
  const texts = [
    'plain',
    `before ${secret} after`,
    'é'.repeat(400_000),
    Buffer.from(`bytes ${JSON.stringify(JSON.stringify({ secret }))} Bearer abcdefgh1234`),
    'x'.repeat(3_000_000),
    'last',
  ]
  const exchanges = texts.map((text) => makeExchange({ clientRequest: captured(text) }))
  for (const exchange of exchanges) log.finished?.(exchange)
  await store.flush()
  const found = await Promise.all(
    exchanges.map(
      async ({ id }) => (await createAdminQueries(store).getRequest(id))?.client_request?.body.text,
    ),
  )
  assert.deepEqual(found, [
    'plain',
    'before [redacted] after',
    texts[2],
    'bytes "{\\"secret\\":\\"[redacted]\\"}" Bearer [redacted]',
    texts[4],
    'last',
  ])
  assert.equal(log.queuedBytes(), 0)
})
