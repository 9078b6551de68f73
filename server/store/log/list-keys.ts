/** The keys that the indexes of all filters have in common, before any row is looked at. */

import { performance } from 'node:perf_hooks'
import type { Dialect, Driver, SqlRow } from '../engine/driver.ts'
import {
  type Condition,
  inSets,
  joinParts,
  type KeyWindow,
  type SqlPart,
  selectEveryKey,
} from './list-conditions.ts'
import type { Pace } from './list-pace.ts'
import type { KeyRange } from './search-parts.ts'

/** Keys by which it is seen which filter is the rarest. */
const comparedKeys = 200
/**
 * Up to so many keys of the second rarest to one of the rarest, both are read through; beyond, the second is asked for each
 * key of the first, which takes about as long as to read so many.
 */
const mostBeside = 8
/** Matches of a number's range up to which its index is read whole. */
const fewMatches = 5000
/**
 * For a window that ends with a certain key. Were it bounded by the number of its keys, rows that come meanwhile would push
 * others out of it unseen.
 */
const unlimited = Number.MAX_SAFE_INTEGER

export interface KeySearch {
  driver: Driver
  conditions: readonly Condition[]
  order: KeyWindow['order']
  /** Filters of which one drives the list: its keys are looked up in the others' indexes. Of `findDriving`. */
  driving: readonly Condition[]
  /** Of the keys of the driving filter that are looked up in one statement. */
  pace: Pace
}

export interface FoundKeys {
  /** In their order. Some may not match yet. Null: all of the range. */
  keys: number[] | null
  range: KeyRange
  /** All that may match up to this key (included) has been given; null when there is no more. */
  reached: number | null
  /** The filters that have these keys, as far as their indexes tell. */
  held: readonly Condition[]
}

/** The filters that may drive the list. A range of numbers drives it alone, when it has few matches. */
export async function findDriving(driver: Driver, conditions: readonly Condition[]): Promise<Condition[]> {
  for (const condition of conditions) {
    if (condition.few === null) continue
    const [row] = await driver.all(condition.few.sql, [...condition.few.params, fewMatches + 1])
    if (Number(row?.size) <= fewMatches) return [condition]
  }
  return conditions.filter(({ keys, few }) => keys !== null && few === null)
}

/** The next keys of a range: at most `most`, or fewer, as many as are found in one statement. */
export async function findKeys(search: KeySearch, range: KeyRange, most: number): Promise<FoundKeys> {
  const { driver, conditions, order, driving } = search
  const window: KeyWindow = { ...range, order, most }
  const ranked = await rank(search, range)
  if (ranked === null) return { keys: [], range, reached: null, held: [] }
  const { first, others } = ranked
  if (first === null) {
    const last = await findEnd(driver, null, window)
    return { keys: null, range: upTo(range, last, order), reached: last, held: [] }
  }
  // Where a few numbers drive alone, the rest is still to be looked up.
  const lookedUp = (driving.length > 1 ? others : conditions).filter(
    (condition) => condition.sets !== null && condition !== first,
  )
  const held = [first, ...lookedUp]
  if (lookedUp.length > 0)
    return { ...(await findCommon(search, { ...ranked, first, lookedUp }, window)), held }
  const { sql, params } = selectKeysOf(first, window)
  const keys = toKeys(await driver.all(sql, params))
  return { keys, range, reached: keys.length < most ? null : (keys.at(-1) ?? null), held }
}

interface Plan extends Ranked {
  first: Condition
  lookedUp: readonly Condition[]
}

/** The keys of the first filter that the others have too, in a window that ends with a certain one of them. */
async function findCommon(
  { driver, order, pace }: KeySearch,
  plan: Plan,
  window: KeyWindow,
): Promise<Omit<FoundKeys, 'held'>> {
  const size = pace.size()
  const startedAt = performance.now()
  const last = plan.isWhole ? null : await findEnd(driver, plan.first, { ...window, most: size })
  const range = upTo(window, last, order)
  const { sql, params } = selectCommon(driver.dialect, plan, { ...window, ...range })
  const keys = toKeys(await driver.all(sql, params))
  if (last !== null) pace.tell(size, performance.now() - startedAt)
  return { keys, range, reached: keys.length < window.most ? last : (keys.at(-1) ?? null) }
}

/** A range up to a key (included) in the order; all of it without a key. */
function upTo({ from, below }: KeyRange, key: number | null, order: KeyWindow['order']): KeyRange {
  if (key === null) return { from, below }
  return order === 'DESC' ? { from: key, below } : { from, below: key + 1 }
}

function selectKeysOf(condition: Condition | null, window: KeyWindow): SqlPart {
  return (condition?.keys ?? selectEveryKey)(window)
}

interface Ranked {
  /** The rarest from here on; null when none may drive. */
  first: Condition | null
  others: readonly Condition[]
  /** Whether the first has only so few keys in the range that they need no window. */
  isWhole: boolean
  /** The second, where it is not so common that it is better asked for each key of the first than read beside it. */
  beside: Condition | null
}

/** The driving filters by how far a number of their keys reaches from here. Null when one has none, so that nothing is left. */
async function rank({ driver, driving, order }: KeySearch, range: KeyRange): Promise<Ranked | null> {
  const [only = null] = driving
  if (driving.length < 2) return { first: only, others: [], isWhole: only?.few != null, beside: null }
  const reaches: (Reach & { condition: Condition })[] = []
  for (const condition of driving) {
    const reach = await measure(driver, condition, { ...range, order, most: comparedKeys })
    if (reach.size === 0) return null
    const others = driving.filter((other) => other !== condition)
    if (reach.size < comparedKeys) return { first: condition, others, isWhole: true, beside: null }
    reaches.push({ condition, ...reach })
  }
  reaches.sort((one, other) => (order === 'DESC' ? one.last - other.last : other.last - one.last))
  const [first, second] = reaches
  const isNear = first !== undefined && second !== undefined && spanOf(first) < mostBeside * spanOf(second)
  const areSets = [first, second].every((reach) => reach?.condition.sets?.(range).length === 1)
  const [rarest = null, ...others] = reaches.map(({ condition }) => condition)
  return { first: rarest, others, isWhole: false, beside: isNear && areSets ? (others[0] ?? null) : null }
}

/** Of a window's keys. */
interface Reach {
  size: number
  start: number
  last: number
}

function spanOf({ start, last }: Reach): number {
  return Math.abs(start - last)
}

/** The last key of a window; null when nothing comes after it. */
async function findEnd(
  driver: Driver,
  condition: Condition | null,
  window: KeyWindow,
): Promise<number | null> {
  const { size, last } = await measure(driver, condition, window)
  return size < window.most ? null : last
}

async function measure(driver: Driver, condition: Condition | null, window: KeyWindow): Promise<Reach> {
  const { sql, params } = selectKeysOf(condition, window)
  const [row] = await driver.all(
    `SELECT count(*) AS size, min(key) AS low, max(key) AS high FROM (${sql}) AS candidates`,
    params,
  )
  const [low, high] = [Number(row?.low), Number(row?.high)]
  const [start, last] = window.order === 'DESC' ? [high, low] : [low, high]
  return { size: Number(row?.size), start, last }
}

/** The keys of the first filter in a window that are also those of others. */
function selectCommon(dialect: Dialect, { first, beside, lookedUp }: Plan, window: KeyWindow): SqlPart {
  const rest = lookedUp
    .filter((condition) => condition !== beside)
    .map((condition) => inSets(dialect, 'candidates.key', condition.sets?.(window) ?? []))
  const most = rest.length === 0 ? window.most : unlimited
  const keys =
    beside === null
      ? selectKeysOf(first, { ...window, most })
      : intersect(
          [first, beside].flatMap(({ sets }) => sets?.(window) ?? []),
          { ...window, most },
        )
  if (rest.length === 0) return keys
  const { sql, params } = joinParts(rest, ' AND ')
  return {
    sql: `SELECT candidates.key AS key FROM (${keys.sql}) AS candidates
      WHERE ${sql} ORDER BY candidates.key ${window.order} LIMIT ?`,
    params: [...keys.params, ...params, window.most],
  }
}

/** SQLite reads the sets side by side, and no further than it has to, as long as they are bare. */
function intersect(sets: readonly SqlPart[], { order, most }: KeyWindow): SqlPart {
  const { sql, params } = joinParts(sets, ' INTERSECT ')
  return { sql: `${sql} ORDER BY key ${order} LIMIT ?`, params: [...params, most] }
}

function toKeys(rows: readonly SqlRow[]): number[] {
  return rows.map(({ key }) => Number(key))
}
