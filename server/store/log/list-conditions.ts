/** The filters of a list as SQL: as conditions on a row, and, where an index holds it, as what a list can be driven by. */

import type { Dialect, SqlValue } from '../engine/driver.ts'
import type { NumberRange, RequestFilter } from './query-input.ts'
import type { KeyRange } from './search-parts.ts'
import { searchCondition, searchSelect } from './search-query.ts'

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
  /** Selects matching keys (as `key`) in their order, without looking at rows. Null where no index serves. */
  keys: ((window: KeyWindow) => SqlPart) | null
  /** Where set, `keys` reads all matches at once and is for few only; this counts them up to a number, its last parameter. */
  few: SqlPart | null
  /**
   * Whether `keys` is asked alone first: a search goes from table to table, and the statement for whole rows, which takes
   * time and memory to prepare, is not worth it for those without a match.
   */
  probed?: boolean
}

/** Also the filters on `from` and `below` are left to the window. `table`: what a search looks into (search-parts.ts). */
export function toConditions(dialect: Dialect, filter: RequestFilter, table: string): Condition[] {
  const { words, flags, statuses, numbers, tags, session, unpriced, terms } = filter
  const conditions = [
    ...words.map(([column, value]) => onWord(column, value)),
    ...flags.map(([column, value]) => unindexed(part(`${column} = ?`, value ? 1 : 0))),
    ...numbers.map(onNumber),
    ...tags.map(onTag),
  ]
  if (statuses.length > 0) {
    const choices = statuses.map((status) =>
      status === 'error' ? part('error_code IS NOT NULL') : part('status = ?', status),
    )
    conditions.push(onEither(choices))
  }
  if (session !== null)
    conditions.push(
      onEither([
        part('session_id = ?', session),
        // The first of a chain, as its session counts it.
        part('response_id = ? AND session_id IS NULL', session),
      ]),
    )
  if (unpriced === true) conditions.push(indexed(part('cost_reason IS NOT NULL')))
  if (unpriced === false) conditions.push(unindexed(part('cost_reason IS NULL')))
  if (terms.length > 0) {
    const target = { dialect, table, terms }
    const keys = ({ order, below, from, most }: KeyWindow) => {
      const { sql, params } = searchSelect(target, order)
      return { sql, params: [...params, below, from, most] }
    }
    conditions.push({ within: (range) => searchCondition(target, range), keys, few: null, probed: true })
  }
  return conditions
}

const indexedWords: ReadonlySet<string> = new Set([
  'project',
  'key_name',
  'model',
  'provider',
  'error_code',
  'user_id',
  'conversation_id',
])

function onWord(column: string, value: string): Condition {
  if (indexedWords.has(column)) return indexed(part(`${column} = ?`, value))
  // Only rows with an error have an origin, and those have an index.
  if (column === 'error_origin') return indexed(part('error_code IS NOT NULL AND error_origin = ?', value))
  return unindexed(part(`${column} = ?`, value))
}

/** Any of several, each with an index: their keys are merged, since neither engine keeps the order over an "or". */
function onEither(choices: readonly SqlPart[]): Condition {
  const [only, second] = choices
  if (only !== undefined && second === undefined) return indexed(only)
  const either = {
    sql: `(${choices.map(({ sql }) => sql).join(' OR ')})`,
    params: choices.flatMap(({ params }) => params),
  }
  return {
    within: () => either,
    keys: (window) => {
      const each = choices.map((choice) => selectKeys(choice, window))
      const selects = each.map(({ sql }, index) => `SELECT key FROM (${sql}) AS choice_${index}`)
      return {
        sql: `${selects.join(' UNION ')} ORDER BY key ${window.order} LIMIT ?`,
        params: [...each.flatMap(({ params }) => params), window.most],
      }
    },
    few: null,
  }
}

/** Every key, for filters that no index serves. */
export function selectEveryKey(window: KeyWindow): SqlPart {
  return selectKeys(part('1 = 1'), window)
}

function selectKeys({ sql, params }: SqlPart, { order, below, from, most }: KeyWindow): SqlPart {
  return {
    sql: `SELECT key FROM requests WHERE ${sql} AND key < ? AND key >= ? ORDER BY key ${order} LIMIT ?`,
    params: [...params, below, from, most],
  }
}

function onTag(tag: string): Condition {
  return {
    within: () =>
      part('EXISTS (SELECT 1 FROM request_tags WHERE tag = ? AND request_tags.key = requests.key)', tag),
    keys: ({ order, below, from, most }) => ({
      sql: `SELECT key FROM request_tags WHERE tag = ? AND key < ? AND key >= ? ORDER BY key ${order} LIMIT ?`,
      params: [tag, below, from, most],
    }),
    few: null,
  }
}

const indexedNumbers: ReadonlySet<string> = new Set(['total_tokens', 'cost_nano', 'latency_us'])

function onNumber({ column, min, max }: NumberRange): Condition {
  const sql = [min === null ? null : `${column} >= ?`, max === null ? null : `${column} <= ?`]
    .filter((bound) => bound !== null)
    .join(' AND ')
  const params = [min, max].filter((bound) => bound !== null)
  if (!indexedNumbers.has(column)) return unindexed({ sql, params })
  return {
    within: () => ({ sql, params }),
    // The sign keeps the engines from walking the keys, for which there would be no end when matches are few.
    keys: ({ order, below, from, most }) => ({
      sql: `SELECT key FROM requests WHERE ${sql} AND +key < ? AND +key >= ? ORDER BY +key ${order} LIMIT ?`,
      params: [...params, below, from, most],
    }),
    few: {
      sql: `SELECT count(*) AS size FROM (SELECT 1 FROM requests WHERE ${sql} LIMIT ?) AS found`,
      params,
    },
  }
}

function indexed(own: SqlPart): Condition {
  return { within: () => own, keys: (window) => selectKeys(own, window), few: null }
}

function unindexed(own: SqlPart): Condition {
  return { within: () => own, keys: null, few: null }
}

function part(sql: string, ...params: SqlValue[]): SqlPart {
  return { sql, params }
}
