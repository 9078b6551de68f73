/** Which cells say what happened in a range of time: the longest that are whole in it, then shorter ones at its ends. */

import type { Driver } from '../engine/driver.ts'
import { type Period, periods } from './rollup-schema.ts'

/** Unix milliseconds; `to` is not included. */
export interface TimeRange {
  from: number
  to: number
}

/** Whole cells of one period. */
export interface Segment extends TimeRange {
  period: Period
}

/**
 * The range, widened to cells that are kept: to whole minutes, and where the minutes are gone to whole hours.
 * `minutesFrom`: see `findMinutes`.
 */
export function snapRange({ from, to }: TimeRange, minutesFrom: number): TimeRange {
  const floor = (time: number) => time - (time % unitAt(time, minutesFrom))
  const ceiling = (time: number) => {
    const unit = unitAt(time, minutesFrom)
    return Math.ceil(time / unit) * unit
  }
  return { from: floor(from), to: ceiling(to) }
}

function unitAt(time: number, minutesFrom: number): Period {
  return time < minutesFrom ? periods.hour : periods.minute
}

/**
 * From when on every minute is kept; before it, hours are. Where no minute has been removed yet, that is from the
 * beginning.
 */
export async function findMinutes(driver: Driver): Promise<number> {
  const oldest = async (period: Period) => {
    const [row] = await driver.all(
      "SELECT min(at) AS at FROM rollups WHERE grain = 'outcome' AND period = ?",
      [period],
    )
    return typeof row?.at === 'number' ? row.at : null
  }
  const [minute, hour] = [await oldest(periods.minute), await oldest(periods.hour)]
  if (hour === null) return 0
  if (minute === null) return Number.POSITIVE_INFINITY
  return hour < minute - (minute % periods.hour) ? minute : 0
}

/** The range, which is snapped, in cells of the given periods (the longest first): each moment once. */
export function coverRange({ from, to }: TimeRange, [period, ...shorter]: readonly Period[]): Segment[] {
  if (period === undefined || from >= to) return []
  const first = Math.ceil(from / period) * period
  const end = Math.floor(to / period) * period
  if (first >= end) return coverRange({ from, to }, shorter)
  return [
    ...coverRange({ from, to: first }, shorter),
    { period, from: first, to: end },
    ...coverRange({ from: end, to }, shorter),
  ]
}

/** What there is of every grain. Weeks are of the finest alone (rollup-schema.ts). */
export const longestFirst: readonly Period[] = [periods.day, periods.hour, periods.minute]
export const weeksFirst: readonly Period[] = [periods.week, ...longestFirst]
