/** What will have been spent by the end of a day or month, from what was spent on days before. */

/** What a whole day of UTC came to. */
export interface DaySpend {
  /** Unix milliseconds of its beginning. */
  day: number
  nanos: bigint
}

export interface ForecastInput {
  /** The period that is running: whole days of UTC, in Unix milliseconds. */
  from: number
  to: number
  now: number
  /** Days that had requests, up to today; those without are days on which nothing was spent. */
  days: readonly DaySpend[]
}

export interface Forecast {
  nanos: bigint
  /** Whole days that it rests on, and the first and the day after the last of them. */
  days: number
  since: number
  until: number
}

const day = 86_400_000
/** Whole weeks, so that each day of the week counts as often. */
export const daysLookedBack = 28
/** Fewer say nothing of a week. */
const fewestDays = 7

/**
 * Spent so far, and for each day that is left what the same day of the week came to on average in the last 28 whole
 * days; today counts as that average too, unless more has been spent already. With fewer than 14 days, each day counts
 * as the average of all of them.
 *
 * @returns null when there are fewer than 7 whole days since the first request.
 */
export function forecastSpend({ from, to, now, days }: ForecastInput): Forecast | null {
  const today = Math.floor(now / day) * day
  const spent = new Map(days.map(({ day, nanos }) => [day, nanos]))
  const first = Math.min(today, ...spent.keys())
  const since = Math.max(first, today - daysLookedBack * day)
  const count = (today - since) / day
  if (count < fewestDays) return null
  const known = Array.from({ length: count }, (_, index) => since + index * day)
  const averageOf = (some: readonly number[]) =>
    some.reduce((sum, at) => sum + (spent.get(at) ?? 0n), 0n) / BigInt(some.length)
  const expected = (at: number) =>
    averageOf(count < 2 * 7 ? known : known.filter((other) => weekday(other) === weekday(at)))
  let nanos = 0n
  for (let at = from; at < to; at += day) {
    const real = spent.get(at) ?? 0n
    const guess = at < today ? 0n : expected(at)
    nanos += real > guess ? real : guess
  }
  return { nanos, days: count, since, until: today }
}

function weekday(at: number): number {
  return (at / day) % 7
}
