import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { createRetention, type RetentionOptions } from '../../../server/jobs/retention.ts'
import type { StoreMeasure } from '../../../server/store/log/retention-measure.ts'

const day = 86_400_000
const settings = { bodies: 7 * day, rows: 90 * day, rollups: 400 * day, minutes: 7 * day, maxBytes: 1000 }

interface Call {
  name: string
  argument: { kind?: string; limit?: number; before?: number; oldest?: boolean; pages?: number }
}

/** A store of so many blocks of bodies and rows that are too old, and of `used` bytes. */
function fakeStore({ old = {} as Record<string, number>, used = 500, leads = true, blocks = 0 } = {}) {
  const calls: Call[] = []
  const store = {
    used,
    blocks,
    leads,
    failing: false,
    full: () => false,
    async step(name: string, argument: Call['argument']) {
      calls.push({ name, argument })
      if (store.failing) throw new Error('the disk is gone')
      if (name === 'holdLease') return store.leads
      if (name === 'releaseSpace') return { pages: 0, free: 0, total: 100, milliseconds: 0 }
      if (name !== 'prune') return true
      const { kind = '', limit = 0, oldest } = argument
      const has = oldest ? store.blocks : (old[kind] ?? 0)
      const removed = Math.min(has, oldest ? Math.ceil(limit / 10) : limit)
      if (oldest) {
        store.blocks -= kind === 'bodies' ? removed : 0
        store.used -= kind === 'bodies' ? removed * 100 : 0
      } else old[kind] = has - removed
      return {
        removed: kind === 'rows' && oldest ? 0 : removed,
        media: 0,
        more: has > removed,
        milliseconds: 8,
      }
    },
    async query(): Promise<StoreMeasure> {
      return {
        usedBytes: store.used,
        freeBytes: 0,
        parts: {},
        bytesPer: { bodies: 100, rows: 10 },
        oldestAt: { bodies: 1, rows: 2 },
      }
    },
  }
  return { store, calls, pruned: () => calls.filter(({ name }) => name === 'prune') }
}

function open(store: ReturnType<typeof fakeStore>['store'], options: Partial<RetentionOptions> = {}) {
  const troubles: string[] = []
  const retention = createRetention({
    store: store as unknown as RetentionOptions['store'],
    settings: () => settings,
    onTrouble: (error) => troubles.push(String(error)),
    stepPause: 0,
    stepTime: 8,
    ...options,
  })
  return { retention, troubles }
}

describe('retention', () => {
  it('removes each kind by its own clock, in steps, and counts', async () => {
    const { store, pruned } = fakeStore({
      old: { bodies: 120, rows: 75, minutes: 1, rollups: 2, sessions: 3 },
    })
    const { retention, troubles } = open(store)
    const started = Date.now()
    await retention.run()
    assert.deepEqual(troubles, [])
    const { pruned: counts, leads, oldestAt } = retention.figures()
    assert.deepEqual(counts, { bodies: 120, rows: 75, minutes: 1, rollups: 2, sessions: 3, media: 0 })
    assert.deepEqual([leads, oldestAt], [true, { bodies: 1, rows: 2 }])
    const clocks = { bodies: 7, rows: 90, sessions: 90, minutes: 7, rollups: 400 }
    for (const { argument } of pruned()) {
      const kept = clocks[argument.kind as keyof typeof clocks] * day
      assert.ok(Math.abs(started - Number(argument.before) - kept) < 60_000, argument.kind)
    }
  })
  it('leaves all to the gateway that has the lease', async () => {
    const { store, pruned } = fakeStore({ old: { bodies: 10 }, used: 5000, leads: false })
    const { retention } = open(store)
    await retention.run()
    assert.deepEqual(pruned(), [])
    assert.equal(retention.figures().leads, false)
    assert.equal(retention.figures().measure?.usedBytes, 5000, 'but it knows how large the store is')
    store.leads = true
    await retention.run()
    assert.equal(retention.figures().pruned.bodies, 10)
  })
  it('removes no more for bytes than is too much', async () => {
    const { store, pruned } = fakeStore({ used: 2000, blocks: 100 })
    const { retention } = open(store)
    await retention.run()
    // To 950 bytes, in blocks of 100.
    assert.equal(retention.figures().pruned.bodies, 11)
    assert.deepEqual(
      new Set(pruned().flatMap(({ argument }) => (argument.oldest ? argument.kind : []))),
      new Set(['bodies']),
    )
    assert.equal(retention.warning(), null)
  })
  it('stops where the log has nothing more to give, and says so once', async () => {
    const { store } = fakeStore({ used: 5000, blocks: 3 })
    const { retention, troubles } = open(store)
    await retention.run()
    await retention.run()
    assert.equal(store.used, 4700)
    assert.match(retention.warning() ?? '', /uses 4700 bytes of the 1000/)
    assert.equal(troubles.length, 1)
    store.used = 900
    await retention.run()
    assert.equal(retention.warning(), null)
  })
  it('goes on after what went wrong, and counts it', async () => {
    const { store } = fakeStore({ old: { rows: 5 } })
    const { retention, troubles } = open(store, { interval: 1 })
    store.failing = true
    retention.start()
    while (retention.figures().failures < 2) await pause(1)
    assert.match(troubles[0] ?? '', /the disk is gone/)
    store.failing = false
    while (retention.figures().pruned.rows < 5) await pause(1)
    await retention.stop()
  })
  it('stops in the middle of many steps', async () => {
    const { store, pruned } = fakeStore({ old: { bodies: 1_000_000 } })
    const { retention } = open(store, { stepPause: 60_000 })
    const round = retention.run()
    while (pruned().length === 0) await pause(1)
    await retention.stop()
    await round
    assert.equal(pruned().length, 1)
  })
})
