/** What the tail does when a reader, or the store, is not up to it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AdminRequestRow } from '../../../server/http/admin/contract.ts'
import { Tail, type TailEvent, type TailQueries } from '../../../server/http/admin/tail.ts'

/** A store in which rows appear when the test says so. */
function createQueries() {
  const rows: { key: number; row: AdminRequestRow }[] = []
  let looks = 0
  const waiting: (() => void)[] = []
  const queries: TailQueries = {
    tailKeys: async () => {
      looks += 1
      for (const wake of waiting.splice(0)) wake()
      return { from: 0, keys: rows.map(({ key, row }) => ({ key, ended: row.status !== 'in_progress' })) }
    },
    runningKeys: async () => [],
    rowsByKeys: async (keys) => rows.filter(({ key }) => keys.includes(key)),
    rowsSince: async () => ({ rows: rows.map(({ row }) => row), more: true }),
  }
  return {
    queries,
    add: (status = 'completed') => {
      const key = rows.length + 1
      rows.push({ key, row: { id: `req_${key}`, status } as AdminRequestRow })
    },
    end: (key: number) => {
      const found = rows.find((row) => row.key === key)
      if (found) found.row = { ...found.row, status: 'failed' }
    },
    looks: () => looks,
    nextLook: () => new Promise<void>((resolve) => waiting.push(resolve)),
  }
}

const everything = { matches: () => true, lastEventId: null }

test('a reader that does not read loses rows, is told how many, and costs no more memory', async () => {
  const store = createQueries()
  const stop = new AbortController()
  const events = new Tail({ queries: store.queries, draining: () => false }).follow({
    ...everything,
    signal: stop.signal,
  })
  assert.deepEqual((await events.next()).value, [{ name: 'heartbeat' }])
  for (let count = 0; count < 1400; count += 1) store.add()
  await store.nextLook()
  // One look later those of the look before have been handed out.
  await store.nextLook()
  const { value } = await events.next()
  assert.equal(value?.length, 1001)
  assert.deepEqual(value.at(-1), { name: 'dropped', id: null, data: { count: 400 } })
  store.add()
  const { value: later } = await events.next()
  assert.deepEqual(
    later?.map((event: TailEvent) => 'data' in event && 'id' in event.data && event.data.id),
    ['req_1401'],
  )
  stop.abort()
  assert.equal((await events.next()).value?.at(0)?.name ?? 'heartbeat', 'heartbeat')
  await events.return(undefined)
})

test('a row is told of when it starts and when it ends, once each', async () => {
  const store = createQueries()
  const stop = new AbortController()
  store.add('in_progress')
  const events = new Tail({ queries: store.queries, draining: () => false }).follow({
    ...everything,
    signal: stop.signal,
  })
  await events.next()
  store.add('in_progress')
  const told: string[] = []
  const take = async () => {
    for (const event of (await events.next()).value ?? [])
      if (event.name === 'started' || event.name === 'ended') told.push(`${event.name} ${event.data.id}`)
  }
  await take()
  store.end(1)
  await take()
  store.end(2)
  await take()
  assert.deepEqual(told, ['started req_2', 'ended req_1', 'ended req_2'])
  await events.return(undefined)
})

test('one who comes back after too much is told so, and nobody looks once all have gone', async () => {
  const store = createQueries()
  for (let count = 0; count < 3; count += 1) store.add()
  const stop = new AbortController()
  const events = new Tail({ queries: store.queries, draining: () => false }).follow({
    matches: ({ id }) => id !== 'req_2',
    lastEventId: 't1',
    signal: stop.signal,
  })
  await events.next()
  const missed = (await events.next()).value ?? []
  assert.deepEqual(missed[0], { name: 'dropped', id: null, data: { count: null } })
  assert.equal(missed.length, 3)
  await events.return(undefined)
  const looks = store.looks()
  const again = new Tail({ queries: store.queries, draining: () => true }).follow({
    ...everything,
    signal: stop.signal,
  })
  await again.next()
  assert.equal((await again.next()).done, true)
  assert.ok(store.looks() <= looks + 2)
})
