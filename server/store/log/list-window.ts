/** A list read in windows: so many keys of one filter's index at a time, so that every statement is short. */

import { performance } from 'node:perf_hooks'
import type { Driver, SqlRow } from '../engine/driver.ts'
import { type Condition, type KeyWindow, type SqlPart, selectEveryKey } from './list-conditions.ts'

/** Keys of the first window, which fills most pages, and of the smallest and largest. */
const firstWindow = 500
const smallestWindow = 250
const largestWindow = 8000
/** Milliseconds that a window should take: it cannot be interrupted, so the next is made larger or smaller. */
const windowTime = 15

/** Matches of a number's range up to which its index is read whole. */
const fewMatches = 5000

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
}

export async function readWindows(options: WindowOptions): Promise<WindowReader> {
  const { driver, order, conditions } = options
  const driving = await findDriving(driver, conditions)
  const isAlone = conditions.length === driving.length && driving.length < 2
  let reached: number | null = order === 'DESC' ? options.below : options.from - 1
  let most = firstWindow
  return {
    reached: () => reached,
    async next(limit) {
      if (reached === null) return []
      const bounds = order === 'DESC' ? { below: reached } : { from: reached + 1 }
      const window: KeyWindow = { order, from: options.from, below: options.below, most, ...bounds }
      const startedAt = performance.now()
      const page = isAlone
        ? await readAlone(options, driving[0] ?? null, { ...window, most: limit })
        : await readWindow(options, await choose(driver, driving, window), limit)
      reached = page.reached
      const took = performance.now() - startedAt
      if (took > windowTime) most = Math.max(Math.floor(most / 2), smallestWindow)
      else if (took < windowTime / 2) most = Math.min(2 * most, largestWindow)
      return page.rows
    },
  }
}

interface Page {
  rows: SqlRow[]
  reached: number | null
}

/** The filters that may drive the list. A range of numbers drives it alone, when it has few matches. */
async function findDriving(driver: Driver, conditions: readonly Condition[]): Promise<Condition[]> {
  for (const condition of conditions) {
    if (condition.few === null) continue
    const [row] = await driver.all(condition.few.sql, [...condition.few.params, fewMatches + 1])
    if (Number(row?.size) <= fewMatches) return [condition]
  }
  return conditions.filter(({ keys, few }) => keys !== null && few === null)
}

/** One filter with an index, or none: the index holds the answer. A key may stand in it whose row is gone. */
async function readAlone(
  { driver, columns, order }: WindowOptions,
  condition: Condition | null,
  window: KeyWindow,
): Promise<Page> {
  const { sql, params } = (condition?.keys ?? selectEveryKey)(window)
  if (condition?.probed && (await driver.all(sql, params)).length === 0) return { rows: [], reached: null }
  const found = await driver.all(
    `SELECT candidates.key AS candidate, ${listOf(columns)}
      FROM (${sql}) AS candidates LEFT JOIN requests ON requests.key = candidates.key
      ORDER BY candidates.key ${order}`,
    params,
  )
  return {
    rows: found.filter(({ key }) => key !== null),
    reached: found.length < window.most ? null : Number(found.at(-1)?.candidate),
  }
}

interface Chosen {
  /** Null: every key. */
  condition: Condition | null
  window: KeyWindow
  /** The last key of the window; null when nothing comes after it. */
  last: number | null
  isEmpty: boolean
}

/** The filter whose window reaches furthest, which makes it the rarest here; every key when no filter has an index. */
async function choose(driver: Driver, driving: readonly Condition[], window: KeyWindow): Promise<Chosen> {
  const end = window.order === 'DESC' ? 'min' : 'max'
  let best: Chosen | null = null
  for (const condition of driving.length === 0 ? [null] : driving) {
    const { sql, params } = (condition?.keys ?? selectEveryKey)(window)
    const [row] = await driver.all(
      `SELECT count(*) AS size, ${end}(key) AS last FROM (${sql}) AS candidates`,
      params,
    )
    if (Number(row?.size) < window.most) {
      return { condition, window, last: null, isEmpty: Number(row?.size) === 0 }
    }
    const last = Number(row?.last)
    if (best?.last == null || (window.order === 'DESC' ? last < best.last : last > best.last))
      best = { condition, window, last, isEmpty: false }
  }
  if (best === null) throw new Error('There is nothing to drive the list.')
  return best
}

/**
 * The rows of a window that the other filters leave. It is bounded by its last key and not by the number of its keys:
 * rows that came meanwhile would push others out of it unseen.
 */
async function readWindow(
  { driver, columns, conditions, order }: WindowOptions,
  { condition, window, last, isEmpty }: Chosen,
  limit: number,
): Promise<Page> {
  if (isEmpty) return { rows: [], reached: null }
  const bounds = last === null ? {} : order === 'DESC' ? { from: last } : { below: last + 1 }
  const whole: KeyWindow = { ...window, ...bounds, most: Number.MAX_SAFE_INTEGER }
  const keys: SqlPart = (condition?.keys ?? selectEveryKey)(whole)
  const others = conditions.filter((other) => other !== condition).map((other) => other.within(whole))
  // CROSS JOIN holds SQLite to this order: the window first, by its index alone, then its rows.
  const rows = await driver.all(
    `SELECT ${listOf(columns)} FROM (${keys.sql}) AS candidates CROSS JOIN requests
      WHERE ${['requests.key = candidates.key', ...others.map(({ sql }) => sql)].join(' AND ')}
      ORDER BY candidates.key ${order} LIMIT ?`,
    [...keys.params, ...others.flatMap(({ params }) => params), limit],
  )
  return { rows, reached: rows.length < limit ? last : Number(rows.at(-1)?.key) }
}

function listOf(columns: readonly string[]): string {
  return columns.map((column) => `requests.${column}`).join(', ')
}
