/** The filters of a list as SQL: as conditions on a row, and, where an index holds it, as what a list can be driven by. */

import type { Dialect, SqlValue } from '../engine/driver.ts'
import type { NumberRange, RequestFilter } from './query-input.ts'
import type { KeyRange } from './search-parts.ts'
import { type SearchTarget, searchCondition, searchSelect } from './search-query.ts'

export interface SqlPart {
  sql: string
  params: SqlValue[]
}

/** A range of keys, and at most so many of them. */
export interface KeyWindow extends KeyRange {
  order: 'ASC' | 'DESC'
  most: number
}

/** On a row of `requests`. */
export interface Condition {
  /** For rows in a range of keys; most conditions are the same in each. */
  within(range: KeyRange): SqlPart
  /**
   * Selects matching keys (as `key`) in their order, by an index alone. It may give keys that do not match, where the index
   * does not hold all that is asked, and such whose row is gone. Null where no index serves.
   */
  keys: ((window: KeyWindow) => SqlPart) | null
  /**
   * Select, each by an index alone, the keys in a range that together are those of `keys`: in no order, to be looked up one
   * by one or merged. Null where that takes a look at rows.
   */
  sets: ((range: KeyRange) => SqlPart[]) | null
  /** Where set, `keys` reads all matches at once and is for few only; this counts them up to a number, its last parameter. */
  few: SqlPart | null
  /** What an index says of a row stays so, and need not be asked of the row again. */
  lasting: boolean
}

/** Also the filters on `from` and `below` are left to the window. `table`: what a search looks into (search-parts.ts). */
export function toConditions(dialect: Dialect, filter: RequestFilter, table: string): Condition[] {
  const { words, flags, statuses, numbers, tags, session, unpriced, terms } = filter
  const onIndex = (...choices: IndexedPart[]) => onIndexes(dialect, choices)
  const conditions = [
    ...words.map(([column, value]) => onWord(dialect, column, value)),
    ...flags.map(([column, value]) => unindexed(part(`${column} = ?`, value ? 1 : 0))),
    ...numbers.map((range) => onNumber(dialect, range)),
    ...tags.map((tag) => onTag(dialect, tag)),
  ]
  if (statuses.length > 0) {
    const choices = statuses.map((status) =>
      status === 'error' ? withError : { index: 'requests_by_status', ...part('status = ?', status) },
    )
    conditions.push(onIndex(...choices))
  }
  if (session !== null) {
    const member = { index: 'requests_by_session', ...part('session_id = ?', session) }
    // The first of a chain, as its session counts it.
    const first = { index: 'requests_by_response', ...part('response_id = ?', session) }
    const either = part('(session_id = ? OR response_id = ? AND session_id IS NULL)', session, session)
    conditions.push({ ...onIndex(member, first), within: () => either })
  }
  if (unpriced === true)
    conditions.push(onIndex({ index: 'requests_unpriced', ...part('cost_reason IS NOT NULL') }))
  if (unpriced === false) conditions.push(unindexed(part('cost_reason IS NULL')))
  if (terms.length > 0) conditions.push(onSearch({ dialect, table, terms }))
  return conditions
}

/** A condition and the index that holds it. */
interface IndexedPart extends SqlPart {
  index: string
}

const withError: IndexedPart = { index: 'requests_with_error', ...part('error_code IS NOT NULL') }

/** By column. */
const indexOf: Readonly<Record<string, string>> = {
  project: 'requests_by_project',
  key_name: 'requests_by_key_name',
  model: 'requests_by_model',
  provider: 'requests_by_provider',
  error_code: 'requests_by_error_code',
  user_id: 'requests_by_user',
  conversation_id: 'requests_by_conversation',
  total_tokens: 'requests_by_tokens',
  cost_nano: 'requests_by_cost',
  latency_us: 'requests_by_latency',
}

function onWord(dialect: Dialect, column: string, value: string): Condition {
  const own = part(`${column} = ?`, value)
  // Only rows with an error have an origin, and those have an index.
  if (column === 'error_origin') return { ...onIndexes(dialect, [withError]), within: () => own }
  const index = indexOf[column]
  return index === undefined ? unindexed(own) : onIndexes(dialect, [{ index, ...own }])
}

/** Any of several, each with an index: their keys are merged, since neither engine keeps the order over an "or". */
function onIndexes(dialect: Dialect, choices: readonly IndexedPart[]): Condition {
  const within = joinParts(choices, ' OR ')
  return {
    within: () => ({ ...within, sql: `(${within.sql})` }),
    keys: (window) => {
      const each = choices.map((choice) => selectKeys(requestsBy(dialect, choice.index), choice, window))
      const [only] = each
      if (only !== undefined && each.length === 1) return only
      const named = each.map(({ sql, params }, index) =>
        part(`SELECT key FROM (${sql}) AS choice_${index}`, ...params),
      )
      const { sql, params } = joinParts(named, ' UNION ')
      return part(`${sql} ORDER BY key ${window.order} LIMIT ?`, ...params, window.most)
    },
    sets: (range) => choices.map((choice) => selectSet(requestsBy(dialect, choice.index), choice, range)),
    few: null,
    lasting: false,
  }
}

/** Texts and their parameters in a row. */
export function joinParts(parts: readonly SqlPart[], between: string): SqlPart {
  return part(parts.map(({ sql }) => sql).join(between), ...parts.flatMap(({ params }) => params))
}

/**
 * SQLite is told by which index (`key`: by the table's own): with statistics of the table it takes a wide range of keys for
 * the better choice, and walks through the rows themselves.
 */
export function requestsBy(dialect: Dialect, index: string): string {
  if (dialect !== 'sqlite') return 'requests'
  return index === 'key' ? 'requests NOT INDEXED' : `requests INDEXED BY ${index}`
}

/** Every key, for filters that no index serves. */
export function selectEveryKey(window: KeyWindow): SqlPart {
  return selectKeys('requests', part('1 = 1'), window)
}

function selectKeys(table: string, own: SqlPart, window: KeyWindow): SqlPart {
  const { sql, params } = selectSet(table, own, window)
  return part(`${sql} ORDER BY key ${window.order} LIMIT ?`, ...params, window.most)
}

function selectSet(table: string, { sql, params }: SqlPart, { below, from }: KeyRange): SqlPart {
  return part(`SELECT key FROM ${table} WHERE ${sql} AND key < ? AND key >= ?`, ...params, below, from)
}

/**
 * Whether a key, which an expression stands for, is in one of the sets, which are of its range. PostgreSQL is kept (`OFFSET`)
 * from making one join of the questions, for which it would read all rows of the range.
 */
export function inSets(dialect: Dialect, key: string, sets: readonly SqlPart[]): SqlPart {
  const apart = dialect === 'postgres' ? ' OFFSET 0' : ''
  const held = sets.map(({ sql, params }) =>
    part(`EXISTS (SELECT 1 FROM (${sql}) AS held WHERE held.key = ${key}${apart})`, ...params),
  )
  const { sql, params } = joinParts(held, ' OR ')
  return part(`(${sql})`, ...params)
}

function onTag(dialect: Dialect, tag: string): Condition {
  const own = part('tag = ?', tag)
  const sets = (range: KeyRange) => [selectSet('request_tags', own, range)]
  return {
    within: (range) => inSets(dialect, 'requests.key', sets(range)),
    keys: (window) => selectKeys('request_tags', own, window),
    sets,
    few: null,
    lasting: true,
  }
}

function onSearch(target: SearchTarget): Condition {
  return {
    within: (range) => searchCondition(target, range),
    keys: ({ order, below, from, most }) => {
      const { sql, params } = searchSelect(target, order)
      return { sql, params: [...params, below, from, most] }
    },
    sets: null,
    few: null,
    lasting: true,
  }
}

function onNumber(dialect: Dialect, { column, min, max }: NumberRange): Condition {
  const sql = [min === null ? null : `${column} >= ?`, max === null ? null : `${column} <= ?`]
    .filter((bound) => bound !== null)
    .join(' AND ')
  const params = [min, max].filter((bound) => bound !== null)
  const index = indexOf[column]
  if (index === undefined) return unindexed({ sql, params })
  const table = requestsBy(dialect, index)
  return {
    ...unindexed({ sql, params }),
    // The sign keeps the engines from walking the keys, for which there would be no end when matches are few.
    keys: ({ order, below, from, most }) => ({
      sql: `SELECT key FROM ${table} WHERE ${sql} AND +key < ? AND +key >= ? ORDER BY +key ${order} LIMIT ?`,
      params: [...params, below, from, most],
    }),
    few: {
      sql: `SELECT count(*) AS size FROM (SELECT 1 FROM ${table} WHERE ${sql} LIMIT ?) AS found`,
      params,
    },
  }
}

function unindexed(own: SqlPart): Condition {
  return { within: () => own, keys: null, sets: null, few: null, lasting: false }
}

function part(sql: string, ...params: SqlValue[]): SqlPart {
  return { sql, params }
}
