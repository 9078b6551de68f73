import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { assertProblem, loadWith } from './fixtures.ts'

const day = 86_400_000
const load = (retention: object) => {
  const { log, warnings } = loadWith({ log: { retention } })
  return { ...log.retention, warnings }
}

describe('how long the log is kept', () => {
  it('is bounded by age and bytes by itself', () => {
    assert.deepEqual(loadWith({}).log.retention, {
      bodies: 7 * day,
      rows: 90 * day,
      rollups: 400 * day,
      minutes: 7 * day,
      maxBytes: 10_000_000_000,
    })
  })
  it('has no end where 0 stands, but that of what it goes with', () => {
    assert.deepEqual(load({ bodyDays: 0, rowDays: 0, rollupDays: 0, minuteDays: 0, maxBytes: 0 }), {
      bodies: null,
      rows: null,
      rollups: null,
      minutes: null,
      maxBytes: null,
      warnings: [],
    })
    const within = load({ bodyDays: 0, minuteDays: 0, rowDays: 2, rollupDays: 3.5 })
    assert.deepEqual([within.bodies, within.minutes, within.warnings], [2 * day, 3.5 * day, []])
    assert.equal(load({ bodyDays: 30, rowDays: 0 }).bodies, 30 * day)
  })
  it('is that of the row for bodies that were to outlive it, with a word of warning', () => {
    const { bodies, rows, warnings } = load({ rowDays: 3 })
    assert.deepEqual([bodies, rows], [3 * day, 3 * day])
    assert.match(warnings.join(), /after 3 days and not 7 \(bodyDays\); raise rowDays/)
    const sums = load({ bodyDays: 1, rowDays: 2, rollupDays: 3, minuteDays: 4 })
    assert.equal(sums.minutes, 3 * day)
    assert.match(sums.warnings.join(), /after 3 days and not 4 \(minuteDays\)/)
  })
  it('is that of rows for sums that were to go before them: what was spent is the sum of the rows', () => {
    const { rollups, minutes, warnings } = load({ rowDays: 90, rollupDays: 30 })
    assert.deepEqual([rollups, minutes], [90 * day, 7 * day])
    assert.match(warnings.join(), /for 90 days and not 30 \(rollupDays\); lower rowDays/)
  })
  it('is refused where it makes no sense, with what does', () => {
    const path = 'log.retention.maxBytes'
    assertProblem(
      () => load({ maxBytes: 10 }),
      path,
      /10 bytes hold no log; .*100000000.*10000000000.* 0 for/,
    )
    assertProblem(() => load({ bodyDays: -1 }), 'log.retention.bodyDays', /0 to 36500, is -1/)
    assertProblem(() => load({ days: 3 }), 'log.retention.days', /is not an option; .*"rowDays"/)
  })
})
