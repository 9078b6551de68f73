import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { createMaintenance } from '../../../server/jobs/index.ts'

const nothing = { responses: 0, conversations: 0, idempotencyKeys: 0, more: false }

describe('maintenance', () => {
  it('removes in steps until nothing is left, one step at a time, round after round', async () => {
    let steps = 0
    let rotations = 0
    let running = 0
    const limits = new Set<number>()
    const maintenance = createMaintenance({
      state: {
        async sweep(_now, limit) {
          running += 1
          assert.equal(running, 1, 'never two at once')
          await pause(2)
          running -= 1
          steps += 1
          limits.add(limit)
          return { ...nothing, more: steps % 3 !== 0 }
        },
      },
      holdLease: async () => true,
      sealer: {
        async rotate() {
          assert.equal(steps % 3, 0, 'after the last step')
          rotations += 1
        },
      },
      onTrouble: (error) => assert.fail(String(error)),
      interval: 1,
      stepSize: 7,
      stepPause: 1,
    })
    maintenance.start()
    while (rotations < 3) await pause(1)
    await maintenance.stop()
    assert.ok(steps >= 9)
    assert.deepEqual([...limits], [7])
    const done = steps
    await pause(5)
    assert.equal(steps, done, 'nothing after the stop')
  })
  it('leaves what has just expired to the turns that go on from it', async () => {
    const asked: number[] = []
    const before = Date.now()
    const maintenance = createMaintenance({
      state: {
        async sweep(now) {
          asked.push(Date.now() - now)
          return nothing
        },
      },
      holdLease: async () => true,
      sealer: { rotate: async () => {} },
      onTrouble: (error) => assert.fail(String(error)),
      interval: 1,
    })
    maintenance.start()
    while (asked.length === 0) await pause(1)
    await maintenance.stop()
    assert.ok(Number(asked[0]) >= 3_600_000)
    assert.ok(Number(asked[0]) <= 3_600_000 + Date.now() - before)
  })
  it('goes on after what went wrong, and says it', async () => {
    const troubles: string[] = []
    let rotations = 0
    const maintenance = createMaintenance({
      state: { sweep: () => Promise.reject(new Error('disk full')) },
      holdLease: async () => true,
      sealer: {
        rotate: async () => {
          rotations += 1
        },
      },
      onTrouble: (error) => troubles.push(String(error)),
      interval: 1,
    })
    maintenance.start()
    while (rotations < 2) await pause(1)
    await maintenance.stop()
    assert.ok(troubles.length >= 2)
    assert.equal(troubles[0], 'Error: disk full')
  })
  it('stops in the middle of many steps', async () => {
    let steps = 0
    const maintenance = createMaintenance({
      state: {
        async sweep() {
          steps += 1
          return { ...nothing, more: true }
        },
      },
      holdLease: async () => true,
      sealer: { rotate: async () => {} },
      onTrouble: () => {},
      interval: 1,
      stepPause: 60_000,
    })
    maintenance.start()
    while (steps === 0) await pause(1)
    await maintenance.stop()
    assert.equal(steps, 1)
  })
  it('removes only while it has the right to, and renews the sealing key all the same', async () => {
    const held: boolean[] = []
    let sweeps = 0
    let rotations = 0
    const leases: string[] = []
    const maintenance = createMaintenance({
      state: {
        async sweep() {
          sweeps += 1
          return { ...nothing, more: sweeps === 1 }
        },
      },
      sealer: {
        async rotate() {
          rotations += 1
        },
      },
      async holdLease({ name, milliseconds }) {
        leases.push(`${name} ${milliseconds}`)
        // It is lost in the middle of the first round.
        held.push(held.length === 0)
        return held.at(-1) === true
      },
      onTrouble: (error) => assert.fail(String(error)),
      interval: 1,
      stepPause: 1,
      leaseTime: 7,
    })
    maintenance.start()
    while (rotations < 3) await pause(1)
    await maintenance.stop()
    assert.equal(sweeps, 1)
    assert.equal(leases[0], 'expired-state 7')
  })
})
