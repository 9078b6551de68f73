import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createPace, type PaceOptions } from '../../../../server/store/log/list-pace.ts'

/** Milliseconds that are left. */
function paceWith(left: number, sizes: Partial<PaceOptions> = {}) {
  const clock = { left }
  const deadline = {
    passed: () => clock.left <= 0,
    remaining: () => Math.max(0, clock.left),
    check: () => undefined,
  }
  return { pace: createPace({ first: 100, smallest: 10, largest: 1000, deadline, ...sizes }), clock }
}

describe('the pace of a list', () => {
  it('doubles at most, up to the largest', () => {
    const { pace } = paceWith(1000)
    const sizes = Array.from({ length: 6 }, () => {
      const size = pace.size()
      pace.tell(size, 0)
      return size
    })
    assert.deepEqual(sizes, [100, 200, 400, 800, 1000, 1000])
  })

  it('takes on as much as fits in the time of a statement', () => {
    const { pace } = paceWith(1000)
    pace.tell(100, 50)
    assert.equal(pace.size(), 20)
    pace.tell(20, 400)
    assert.equal(pace.size(), 10)
  })

  it('takes on less when little time is left, and never nothing', () => {
    const { pace, clock } = paceWith(1000)
    pace.tell(100, 10)
    assert.equal(pace.size(), 100)
    clock.left = 5
    assert.equal(pace.size(), 50)
    clock.left = 0
    assert.equal(pace.size(), 10)
  })

  it('does not learn from a few keys, unless they took long', () => {
    const { pace } = paceWith(1000)
    pace.tell(3, 1)
    assert.equal(pace.size(), 100)
    pace.tell(3, 60)
    assert.equal(pace.size(), 10)
  })
})
