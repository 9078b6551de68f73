import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { forecastSpend } from '../../../../server/gateway/money/forecast-spend.ts'
import { formatNanos } from '../../../../server/gateway/money/format-cost.ts'

const day = 86_400_000
/** A Monday. */
const monday = Date.UTC(2026, 5, 1)
const june = { from: monday, to: Date.UTC(2026, 6, 1) }
/** Spend of the days from May 4, four weeks before. */
const days = (count: number, spend: (weekday: number) => bigint, since = monday - 28 * day) =>
  Array.from({ length: count }, (_, index) => ({ day: since + index * day, nanos: spend(index % 7) }))

describe('a forecast', () => {
  it('is null with fewer than seven whole days', () => {
    const known = days(6, () => 1n, monday - 6 * day)
    assert.equal(forecastSpend({ ...june, now: monday + 1, days: known }), null)
    assert.equal(forecastSpend({ ...june, now: monday, days: [] }), null)
    assert.ok(forecastSpend({ ...june, now: monday + 1, days: days(7, () => 1n, monday - 7 * day) }))
  })

  it('of an even spend is that spend for every day', () => {
    const made = forecastSpend({ ...june, now: monday + 5 * day + 1000, days: days(33, () => 700n) })
    assert.deepEqual(made, { nanos: 30n * 700n, days: 28, since: monday - 23 * day, until: monday + 5 * day })
  })

  it('weighs each day of the week by itself', () => {
    const onMondays = (weekday: number) => (weekday === 0 ? 1000n : 0n)
    const made = forecastSpend({ ...june, now: monday + day, days: days(29, onMondays) })
    assert.equal(made?.nanos, 5000n, 'June 2026 has five Mondays')
  })

  it('keeps what was spent, and takes more than the average of today for what it is', () => {
    const known = [...days(28, () => 10n), { day: monday, nanos: 500n }]
    assert.equal(forecastSpend({ ...june, now: monday + day / 2, days: known })?.nanos, 500n + 29n * 10n)
    assert.equal(forecastSpend({ ...june, now: monday + 1, days: days(28, () => 10n) })?.nanos, 300n)
  })

  it('counts days without requests as nothing, but none before the first request', () => {
    const known = [
      { day: monday - 10 * day, nanos: 100n },
      { day: monday - 5 * day, nanos: 100n },
    ]
    const made = forecastSpend({ ...june, now: monday + 1, days: known })
    assert.equal(made?.days, 10)
    assert.equal(made?.nanos, 30n * 20n)
  })
})

describe('dollars', () => {
  it('have nine decimals', () => {
    assert.equal(formatNanos(0n), '0.000000000')
    assert.equal(formatNanos(123_450n), '0.000123450')
    assert.equal(formatNanos(-1_500_000_000n), '-1.500000000')
    assert.equal(formatNanos(12_345_678_901_234_567_890n), '12345678901.234567890')
  })
})
