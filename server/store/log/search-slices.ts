/**
 * A search in slices of time. SQLite looks for the next match of several words or a phrase until there is one, which may
 * be never and takes seconds in a large store, where nothing can stop it. The hours that the words are looked for in bound
 * each statement.
 */

import type { Driver } from '../engine/driver.ts'
import { keyAt, timeOf } from '../engine/keys.ts'
import type { SearchTerm } from './search-query.ts'

/** Requests in a slice, unless one hour has more: some 10 ms. */
const sliceRequests = 20_000
const mostHours = 500
const hour = 3_600_000

export interface KeyRange {
  /** Keys from `from` up to `below`, which is not included. */
  from: number
  below: number
}

export interface Slice extends KeyRange {
  /** Unix hours of all that is in it; null: not bounded by them. */
  hours: readonly number[] | null
  /** When all of it was seen: up to this key (included), in the order, nothing is left; null when nothing is left at all. */
  reached: number | null
}

export interface SliceOptions {
  driver: Driver
  range: KeyRange
  order: 'ASC' | 'DESC'
  terms: readonly SearchTerm[]
}

/** The range in slices, in that order: one that is all of it, where no search has to be bounded. */
export async function* listSlices({ driver, range, order, terms }: SliceOptions): AsyncGenerator<Slice> {
  if (!canTakeLong(driver, terms)) {
    yield { ...range, hours: null, reached: null }
    return
  }
  let { from, below } = range
  while (from < below) {
    const slice = await nextSlice(driver, { from, below }, order)
    if (slice === null) return
    if (order === 'DESC') below = slice.from
    else from = slice.below
    yield { ...slice, reached: from >= below ? null : order === 'DESC' ? below : from - 1 }
  }
}

/** One word, or any of several, is found at once or not at all. */
function canTakeLong({ dialect }: Driver, terms: readonly SearchTerm[]): boolean {
  if (dialect !== 'sqlite') return false
  return terms.length > 1 || terms.some(({ words }) => words.includes(' '))
}

/** Null when nothing that is indexed is in the range. */
async function nextSlice(
  driver: Driver,
  { from, below }: KeyRange,
  order: 'ASC' | 'DESC',
): Promise<Omit<Slice, 'reached'> | null> {
  const rows = await driver.all(
    `SELECT DISTINCT id / ${keyAt(hour)} AS hour FROM
      (SELECT id FROM search_docsize WHERE id >= ? AND id < ? ORDER BY id ${order} LIMIT ?) AS slice
      ORDER BY hour ${order} LIMIT ?`,
    [from, below, sliceRequests, mostHours],
  )
  const hours = rows.map((row) => Number(row.hour))
  const last = hours.at(-1)
  if (last === undefined) return null
  // Before the slice, in this order, and between its hours nothing is indexed.
  return order === 'DESC'
    ? { from: Math.max(from, keyAt(last * hour)), below, hours }
    : { from, below: Math.min(below, keyAt((last + 1) * hour)), hours }
}

export function hourOf(key: number): number {
  return Math.floor(timeOf(key) / hour)
}
