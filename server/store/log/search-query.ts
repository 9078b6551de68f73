/**
 * Full-text search: what a user typed, as each engine's own syntax. Words are all looked for, in any order; `"a phrase"`
 * stands as it is, `prefix*` begins a word, `-word` (or `-"a phrase"`) must not occur. Case and accents do not count.
 */

import { GatewayError } from '../../errors.ts'
import type { Dialect, SqlValue } from '../engine/driver.ts'
import type { ReadContext } from './reads.ts'
import { type KeyRange, listSlices, readSlice } from './search-parts.ts'
import { foldWords, spaceIdeographs } from './search-words.ts'

/** Words that stand beside each other; one word is a phrase of one. */
export interface SearchTerm {
  /** Letters and digits with single spaces between, so no text of a user is syntax. */
  words: string
  /** Whether the last word may go on. */
  prefix: boolean
  /** Whether it must not occur. */
  negated: boolean
}

const longestQuery = 1000
const mostTerms = 32

const term = /(-?)"([^"]*)"?(\*?)|(-?)([^\s"]+)/g
const word = /[\p{L}\p{N}\p{Co}][\p{L}\p{N}\p{Co}\p{M}]*/gu

/** Throws GatewayError `invalid_request` naming `param` when there is no word to look for, or too many. */
export function parseSearch(query: string, param = 'search'): SearchTerm[] {
  if (query.length > longestQuery)
    throw refused(param, `"${param}" may have ${longestQuery} characters, not ${query.length}.`)
  const terms = [...query.matchAll(term)].map(toTerm).filter(({ words }) => words !== '')
  if (terms.length > mostTerms)
    throw refused(param, `"${param}" may have ${mostTerms} words and phrases, not ${terms.length}.`)
  if (!terms.some(({ negated }) => !negated))
    throw refused(param, `"${param}" must have a word to look for, beside those that must not occur.`)
  return terms
}

function toTerm([whole, phraseSign, phrase, star, wordSign, text = '']: RegExpMatchArray): SearchTerm {
  const isPhrase = phrase !== undefined
  return {
    words: (spaceIdeographs(isPhrase ? phrase : text).match(word) ?? []).join(' '),
    prefix: isPhrase ? star === '*' : whole.endsWith('*'),
    negated: (isPhrase ? phraseSign : wordSign) === '-',
  }
}

function refused(param: string, message: string): GatewayError {
  return new GatewayError('invalid_request', message, { param })
}

/** The terms in the syntax of FTS5 or of `to_tsquery`: the parameter of the texts below. */
export function toMatch(dialect: Dialect, terms: readonly SearchTerm[]): string {
  const write = dialect === 'sqlite' ? toFts5 : toTsquery
  const wanted = terms.filter(({ negated }) => !negated).map(write)
  const unwanted = terms.filter(({ negated }) => negated).map(write)
  if (dialect === 'postgres') return [...wanted, ...unwanted.map((text) => `!${text}`)].join(' & ')
  const without = unwanted.length === 0 ? '' : ` NOT (${unwanted.join(' OR ')})`
  return `(${wanted.join(' AND ')})${without}`
}

function toFts5({ words, prefix }: SearchTerm): string {
  return prefix ? `"${words}" *` : `"${words}"`
}

function toTsquery({ words, prefix }: SearchTerm): string {
  const lexemes = foldWords(words)
    .split(' ')
    .map((lexeme) => `'${lexeme}'`)
  return `(${lexemes.join(' <-> ')}${prefix ? ':*' : ''})`
}

export interface SearchSql {
  sql: string
  params: SqlValue[]
}

export interface SearchTarget {
  dialect: Dialect
  /** Of the slice (search-parts.ts) that it looks into. */
  table: string
  terms: readonly SearchTerm[]
}

/**
 * Gives the keys (as `key`) of matching requests in the order of the keys. The driving part of a list: after `params`
 * come three more: the key that all are below, the key that none is below, and the number of rows at most.
 */
export function searchSelect(
  { dialect, table, terms }: SearchTarget,
  order: 'ASC' | 'DESC' = 'DESC',
): SearchSql {
  const { key, match } = columnsOf(dialect, table)
  return {
    sql: `SELECT ${key} AS key FROM ${table} WHERE ${match} AND ${key} < ? AND ${key} >= ? ORDER BY ${key} ${order} LIMIT ?`,
    params: [toMatch(dialect, terms)],
  }
}

/**
 * A condition on rows of `requests` in a range of keys, for a list that another filter drives. SQLite finds all that match
 * in the range once, and then each row among them: asked row by row, it would go on from a row that does not match to the
 * next that does.
 */
export function searchCondition({ dialect, table, terms }: SearchTarget, range: KeyRange): SearchSql {
  const { key, match } = columnsOf(dialect, table)
  const params = [toMatch(dialect, terms)]
  if (dialect === 'postgres')
    return { sql: `EXISTS (SELECT 1 FROM ${table} WHERE ${key} = requests.key AND ${match})`, params }
  return {
    sql: `requests.key IN (SELECT ${key} FROM ${table} WHERE ${match} AND ${key} < ? AND ${key} >= ?)`,
    params: [...params, range.below, range.from],
  }
}

function columnsOf(dialect: Dialect, table: string): { key: string; match: string } {
  return dialect === 'sqlite'
    ? { key: 'rowid', match: `${table} MATCH ?` }
    : { key: `${table}.key`, match: `${table}.words @@ to_tsquery('simple', CAST(? AS TEXT))` }
}

export interface SearchKeysInput {
  /** Of `parseSearch`. */
  terms: readonly SearchTerm[]
  /** All keys are below it; null for the newest. */
  before: number | null
  /** No key is below it. Default 0. */
  from?: number
  limit: number
}

/** Keys of matching requests, newest first. */
export async function searchKeys(
  { driver }: Pick<ReadContext, 'driver'>,
  { terms, before, from = 0, limit }: SearchKeysInput,
): Promise<number[]> {
  const range = { from, below: before ?? Number.MAX_SAFE_INTEGER }
  const keys: number[] = []
  for (const slice of await listSlices({ driver, range, order: 'DESC' })) {
    const { sql, params } = searchSelect({ dialect: driver.dialect, table: slice.table, terms })
    const bounds = [slice.below, slice.from, limit - keys.length]
    const rows = await readSlice(driver, slice, () => driver.all(sql, [...params, ...bounds]))
    keys.push(...(rows ?? []).map(({ key }) => Number(key)))
    if (keys.length >= limit) break
  }
  return keys
}
