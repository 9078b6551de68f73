/**
 * A list read in windows: the keys that may match, so many at a time, and then the rows of those keys. Every statement is
 * short, and no row is read that an index rules out.
 */

import { performance } from 'node:perf_hooks'
import type { Deadline } from '../engine/deadline.ts'
import type { Driver, SqlRow } from '../engine/driver.ts'
import { fillKeys, marks } from './key-lists.ts'
import { type Condition, joinParts, type KeyWindow, requestsBy, type SqlPart } from './list-conditions.ts'
import { type FoundKeys, findDriving, findKeys, type KeySearch } from './list-keys.ts'
import { createPace } from './list-pace.ts'
import type { KeyRange } from './search-parts.ts'

/** Keys of an index that are looked up in others in one statement. */
const lookedUp = { first: 500, smallest: 100, largest: 16_000 }
/** Keys whose rows are read in one statement. */
const fetched = { first: 128, smallest: 16, largest: 2048 }

export interface WindowReader {
  /** The next rows in the order of the list, at most `limit`. */
  next(limit: number): Promise<SqlRow[]>
  /** Every match up to this key (included) has been given; null when there are no more. */
  reached(): number | null
}

export interface WindowOptions {
  driver: Driver
  conditions: readonly Condition[]
  /** Columns of `requests`, `key` among them. */
  columns: readonly string[]
  order: KeyWindow['order']
  /** Keys from `from` up to `below`, which is not included. */
  from: number
  below: number
  /** After which nothing more will be asked for: windows become small before it. */
  deadline: Deadline
}

export async function readWindows(options: WindowOptions): Promise<WindowReader> {
  const { driver, conditions, order, from, below, deadline } = options
  const search: KeySearch = {
    driver,
    conditions,
    order,
    driving: await findDriving(driver, conditions),
    pace: createPace({ ...lookedUp, deadline }),
  }
  const pace = createPace({ ...fetched, deadline })
  // What one index gives, or the table, is the page itself: every row that is read is wanted, whatever it takes.
  const isAlone = conditions.length === search.driving.length && conditions.length < 2
  let reached: number | null = order === 'DESC' ? below : from - 1
  return {
    reached: () => reached,
    async next(limit) {
      if (reached === null) return []
      const range = order === 'DESC' ? { from, below: reached } : { from: reached + 1, below }
      const size = isAlone ? limit : pace.size()
      const found = await findKeys(search, range, size)
      const looked = found.keys?.length ?? size
      const startedAt = performance.now()
      const rows = await readRows(options, found, limit)
      if (looked > 0) pace.tell(looked, performance.now() - startedAt)
      reached = rows.length < limit ? found.reached : Number(rows.at(-1)?.key)
      return rows
    },
  }
}

/** The rows of keys that match in all: an index may not tell everything, and a row may have changed or gone since. */
async function readRows(
  { driver, columns, conditions, order }: WindowOptions,
  { keys, range, held }: FoundKeys,
  limit: number,
): Promise<SqlRow[]> {
  if (keys?.length === 0) return []
  const wanted = keys === null ? inRange(range) : amongKeys(keys)
  // What a search finds is looked for in all of a range at once: the smaller it is, the better.
  const near = keys === null ? range : { from: Math.min(...keys), below: Math.max(...keys) + 1 }
  const asked = conditions
    .filter((condition) => !(condition.lasting && held.includes(condition)))
    .map((condition) => condition.within(near))
  const { sql, params } = joinParts([wanted, ...asked], ' AND ')
  return driver.all(
    `SELECT ${columns.join(', ')} FROM ${requestsBy(driver.dialect, 'key')} WHERE ${sql} ORDER BY key ${order} LIMIT ?`,
    [...params, limit],
  )
}

function inRange({ from, below }: KeyRange): SqlPart {
  return { sql: 'key < ? AND key >= ?', params: [below, from] }
}

function amongKeys(keys: readonly number[]): SqlPart {
  const params = fillKeys(keys)
  return { sql: `key IN (${marks(params)})`, params }
}
