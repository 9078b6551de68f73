import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import { StoreError } from '../../../server/store/engine/driver.ts'
import { splitEvents } from '../../../server/store/state/events.ts'
import { WriteGroups } from '../../../server/store/state/groups.ts'
import { openStore } from '../../../server/store/store.ts'
import { makeExchange, openTestLog, openTestStore } from './fixtures.ts'
import { countRows, makeConversation, makeEvents, makeItem, makeTurn } from './state-fixtures.ts'

/** Transactions in a write-ahead log: frames of 24 bytes and a page, whose second word is set in the last one of each. */
async function countCommits(path: string): Promise<number> {
  const log = await readFile(`${path}-wal`)
  let commits = 0
  for (let offset = 32; offset + 24 <= log.length; offset += 24 + 4096) {
    if (log.readUInt32BE(offset + 4) !== 0) commits += 1
  }
  return commits
}

test('writes at the same time share a transaction', async (t) => {
  const store = await openTestStore(t)
  const { state } = store
  await state.commitTurn(makeTurn())
  const before = await countCommits(store.path)
  await Promise.all(Array.from({ length: 200 }, () => state.commitTurn(makeTurn())))
  // One for the first, which found the writer free, and one for all that waited meanwhile.
  assert.equal((await countCommits(store.path)) - before, 2)
  assert.equal(countRows(store.path).responses, 201)
})

test('a write that fails does not take those along that it shares a transaction with', async (t) => {
  const store = await openTestStore(t)
  const { state } = store
  const turn = makeTurn()
  await state.commitTurn(turn)
  const good = [makeTurn(), makeTurn()]
  const conversation = await makeConversation(state)
  const results = await Promise.allSettled([
    state.lockConversation('acme', conversation, 'resp_1'),
    ...good.map((one) => state.commitTurn(one)),
    state.commitTurn({ ...turn, input: '[]' }),
    state.commitTurn(makeTurn({ model: undefined as unknown as string })),
    state.lockConversation('acme', conversation, 'resp_2'),
  ])
  assert.deepEqual(
    results.map((result) => (result.status === 'fulfilled' ? result.value : result.reason.problem)),
    ['locked-by-us', 'committed', 'committed', 'failed', 'failed', 'locked'],
  )
  assert.equal(countRows(store.path).responses, 3)
  assert.deepEqual((await state.getResponse('acme', turn.id))?.input, JSON.parse(turn.input))
  assert.equal(store.problem(), null)
})

test('a group is bounded, keeps its order, and hands its failure to each', async () => {
  const sizes: number[] = []
  const refusals: (() => void)[] = []
  const groups = new WriteGroups({
    writeTimeout: 600_000,
    send: ({ writes, patience }) => {
      sizes.push(writes.length)
      assert.ok(patience > 0 && patience <= 600_000)
      if (sizes.length === 1)
        return new Promise((_, reject) => refusals.push(() => reject(new Error('gone'))))
      return Promise.resolve(writes.map(({ argument }) => ({ ok: true, value: argument })))
    },
  })
  const results = Array.from({ length: 400 }, (_, index) => groups.write('takeJobs', { limit: index }))
  const settled = Promise.allSettled(results)
  assert.deepEqual(sizes, [1])
  refusals[0]?.()
  const [first, ...rest] = await settled
  assert.equal(first?.status, 'rejected')
  assert.deepEqual(
    rest.map((result) => result.status === 'fulfilled' && result.value),
    Array.from({ length: 399 }, (_, index) => ({ limit: index + 1 })),
  )
  assert.deepEqual(sizes, [1, 256, 143])
  await groups.settled()
})

test('a full disk refuses in time, is told, and is over once there is room', async (t) => {
  const store = await openTestStore(t, { maxPages: 240, writeTimeout: 100 })
  const { state } = store
  const noise = () => makeItem(randomBytes(30_000).toString('base64'))
  const kept: string[] = []
  let refused: unknown = null
  while (refused === null) {
    const turn = makeTurn({ output: [noise()] })
    await state.commitTurn(turn).then(
      () => kept.push(turn.id),
      (error: unknown) => {
        refused = error
      },
    )
  }
  assert.ok(refused instanceof StoreError)
  assert.equal(refused.problem, 'disk_full')
  assert.equal(store.healthy(), false)
  assert.match(store.problem() ?? '', /cannot grow/)
  assert.ok(kept.length > 3)
  // Reading goes on, and what was acknowledged is there.
  for (const id of kept) assert.equal((await state.readChain('acme', id)).kind, 'found')
  // In the same transaction a small one passes where a large one cannot.
  const [large, room] = await Promise.allSettled([
    state.commitTurn(makeTurn({ output: [noise()] })),
    state.deleteResponse('acme', kept[0] ?? ''),
  ])
  assert.equal(large.status, 'rejected')
  assert.equal(room.status, 'fulfilled')
  assert.equal(await state.commitTurn(makeTurn({ output: [noise()] })), 'committed')
  assert.equal(store.problem(), null)
})

test('a lock that another program holds refuses in time, also behind a log that waits', async (t) => {
  const store = await openTestStore(t, { writeTimeout: 300 })
  const { state } = store
  const log = await openTestLog(store)
  const other = new Database(store.path)
  t.after(() => other.close())
  other.exec('BEGIN IMMEDIATE')
  log.finished?.(makeExchange())
  await store.flush()
  const turn = makeTurn()
  const results = await Promise.allSettled([state.commitTurn(turn), state.commitTurn(makeTurn())])
  for (const result of results) {
    assert.ok(result.status === 'rejected')
    assert.equal(result.reason.problem, 'locked')
  }
  assert.match(store.problem() ?? '', /locked by another process/)
  assert.deepEqual(await state.readChain('acme', turn.id), { kind: 'missing' })
  other.exec('COMMIT')
  assert.equal(await state.commitTurn(turn), 'committed')
  while (!store.healthy()) await new Promise((resolve) => setTimeout(resolve, 5))
  await store.flush()
  assert.equal(log.dropped(), 0)
})

test('state overtakes what waits of the log', async (t) => {
  const store = await openTestStore(t, { retryDelay: 20, writeTimeout: 60_000 })
  const log = await openTestLog(store)
  await store.flush()
  // Nothing is written before all of it waits, however fast the writer is.
  const other = new Database(store.path)
  t.after(() => other.close())
  other.exec('BEGIN IMMEDIATE')
  const order: string[] = []
  const batches = Array.from({ length: 200 }, async (_, index) => {
    const batch = store.startBatch()
    await store.writeRequests(batch.take()).then(() => order.push(`log ${index}`))
  })
  const turn = store.state.commitTurn(makeTurn()).then(() => order.push('turn'))
  other.exec('COMMIT')
  await Promise.all([...batches, turn])
  assert.ok(order.indexOf('turn') < 10, `the turn came after ${order.indexOf('turn')} batches`)
  await log.close()
})

test('what was asked before closing is kept; afterwards all is refused', async (t) => {
  const store = await openTestStore(t)
  const turns = Array.from({ length: 20 }, () => makeTurn())
  const commits = turns.map((turn) => store.state.commitTurn(turn))
  await store.close()
  assert.deepEqual(new Set(await Promise.all(commits)), new Set(['committed']))
  await assert.rejects(store.state.commitTurn(makeTurn()), { name: 'StoreError', message: /closed/ })
  await assert.rejects(store.state.getResponse('acme', turns[0]?.id ?? ''), { name: 'StoreError' })
  const again = await openStore({ url: `sqlite:${store.path}` })
  t.after(() => again.close())
  for (const { id } of turns) assert.notEqual(await again.state.getResponse('acme', id), null)
})

test('events are cut between each other', () => {
  const whole = makeEvents(7, 50, 100)
  const parts = splitEvents(whole, 400)
  assert.ok(parts.length > 10)
  assert.equal(parts.map(({ text }) => text).join(''), whole.text)
  let next = 7
  for (const { first, count, text } of parts) {
    assert.equal(first, next)
    assert.deepEqual({ first, count, text }, makeEvents(first, count, 100))
    next += count
  }
  assert.equal(next, 57)
  assert.deepEqual(splitEvents({ first: 0, count: 0, text: '' }), [])
})
