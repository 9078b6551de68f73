/** By which time the record grows old while its clock is set. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createRemovalClock } from '../../../server/jobs/removal-clock.ts'

const minute = 60_000
const day = 86_400_000
const start = Date.UTC(2026, 0, 1)

function prepare() {
  let steady = 1000
  let set = 0
  const doubts: number[] = []
  const now = createRemovalClock({
    onDoubt: (ahead) => doubts.push(ahead),
    wall: () => start + steady - 1000 + set,
    steady: () => steady,
  })
  const go = (milliseconds: number) => {
    steady += milliseconds
  }
  const move = (milliseconds: number) => {
    set += milliseconds
  }
  return { now, go, move, doubts }
}

it('follows its clock, also when that is put right by less than an hour, or back by any time', () => {
  const { now, go, move, doubts } = prepare()
  assert.equal(now(), start)
  go(10 * day)
  move(59 * minute)
  assert.equal(now(), start + 10 * day + 59 * minute)
  move(-100 * day)
  assert.equal(now(), start - 90 * day + 59 * minute)
  assert.deepEqual(doubts, [])
})

it('does not believe a jump ahead for an hour', () => {
  const { now, go, move, doubts } = prepare()
  move(100 * day)
  assert.equal(now(), start)
  go(59 * minute)
  assert.equal(now(), start + 59 * minute)
  go(minute)
  assert.equal(now(), start + 100 * day + 60 * minute)
  assert.deepEqual(doubts, [100 * day])
})

it('has lost nothing when the clock is set back within the hour', () => {
  const { now, go, move, doubts } = prepare()
  move(100 * day)
  now()
  go(30 * minute)
  move(-100 * day)
  assert.equal(now(), start + 30 * minute)
  move(2 * day)
  go(45 * minute)
  assert.equal(now(), start + 75 * minute)
  assert.deepEqual(doubts, [100 * day, 2 * day])
})
