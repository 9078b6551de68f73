/**
 * Full-text search: what a user typed, as each engine's own syntax. Words are all looked for, in any order; `"a phrase"`
 * stands as it is, `prefix*` begins a word, `-word` (or `-"a phrase"`) must not occur. Case and accents do not count.
 */

import { GatewayError } from '../../errors.ts'
import type { Dialect, SqlValue } from '../engine/driver.ts'
import type { ReadContext } from './reads.ts'
import { expandPrefixes } from './search-prefix.ts'
import { listSlices } from './search-slices.ts'
import { foldWords, hourMark, keyMark, spaceIdeographs } from './search-words.ts'

/** Words that stand beside each other; one word is a phrase of one. */
export interface SearchTerm {
  /** Letters and digits with single spaces between, so no text of a user is syntax. */
  words: string
  /** Whether the last word may go on. */
  prefix: boolean
  /** Whether it must not occur. */
  negated: boolean
  /** The phrases that it stands for, once they have been looked up: see search-prefix.ts. */
  choices?: readonly string[]
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
export function toMatch(
  dialect: Dialect,
  terms: readonly SearchTerm[],
  hours: readonly number[] | null = null,
): string {
  const { wanted, unwanted } = writeTerms(terms, dialect === 'sqlite' ? toFts5 : toTsquery)
  if (dialect === 'postgres') return [...wanted, ...unwanted.map((text) => `!${text}`)].join(' & ')
  const within = hours === null ? [] : [`("${hours.map((hour) => hourMark + hour).join('" OR "')}")`]
  return `(${[...within, ...wanted].join(' AND ')})${without(unwanted)}`
}

function writeTerms(terms: readonly SearchTerm[], write: (term: SearchTerm) => string) {
  return {
    wanted: terms.filter(({ negated }) => !negated).map(write),
    unwanted: terms.filter(({ negated }) => negated).map(write),
  }
}

function without(unwanted: readonly string[]): string {
  return unwanted.length === 0 ? '' : ` NOT (${unwanted.join(' OR ')})`
}

function toFts5({ words, prefix, choices }: SearchTerm): string {
  // An empty phrase never occurs.
  if (choices !== undefined) return choices.length === 0 ? '""' : `("${choices.join('" OR "')}")`
  return prefix ? `"${words}" *` : `"${words}"`
}

function toTsquery({ words, prefix }: SearchTerm): string {
  const lexemes = foldWords(words)
    .split(' ')
    .map((lexeme) => `'${lexeme}'`)
  return `(${lexemes.join(' <-> ')}${prefix ? ':*' : ''})`
}

export interface SearchSql {
  /** Its parameters: the match, then what is said with it. */
  sql: string
  params: SqlValue[]
}

export interface SelectOptions {
  /** Default `DESC`. */
  order?: 'ASC' | 'DESC'
  /** Of a slice (search-slices.ts). Default null: of all times. */
  hours?: readonly number[] | null
}

/**
 * Takes terms of `expandPrefixes`. Gives the keys (as `key`) of matching requests in the order of the keys. After `params` come three more: the key that
 * all are below, the key that none is below, and the number of rows at most. The driving part of a list.
 */
export function searchSelect(
  dialect: Dialect,
  terms: readonly SearchTerm[],
  { order = 'DESC', hours = null }: SelectOptions = {},
): SearchSql {
  const [key, match] =
    dialect === 'sqlite'
      ? ['rowid', 'search MATCH ?']
      : ['key', "words @@ to_tsquery('simple', CAST(? AS TEXT))"]
  return {
    sql: `SELECT ${key} AS key FROM search WHERE ${match} AND ${key} < ? AND ${key} >= ? ORDER BY ${key} ${order} LIMIT ?`,
    params: [toMatch(dialect, terms, hours)],
  }
}

/**
 * A condition on a row of `requests`, for a list that another filter drives: some ten microseconds a row. In SQLite each
 * request has a word of its own: without it, the engine goes on from a row that does not match to the next that does.
 */
export function searchCondition(dialect: Dialect, terms: readonly SearchTerm[]): SearchSql {
  if (dialect === 'postgres') {
    const match = "search.key = requests.key AND search.words @@ to_tsquery('simple', CAST(? AS TEXT))"
    return { sql: `EXISTS (SELECT 1 FROM search WHERE ${match})`, params: [toMatch(dialect, terms)] }
  }
  const { wanted, unwanted } = writeTerms(terms, toFts5)
  const match = `('("${keyMark}' || requests.key || '" AND ' || ? || ')' || ?)`
  return {
    sql: `EXISTS (SELECT 1 FROM search WHERE search.rowid = requests.key AND search MATCH ${match})`,
    params: [wanted.join(' AND '), without(unwanted)],
  }
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
  const expanded = await expandPrefixes(driver, terms)
  const keys: number[] = []
  for await (const slice of listSlices({ driver, range, order: 'DESC', terms: expanded })) {
    const { sql, params } = searchSelect(driver.dialect, expanded, { hours: slice.hours })
    const rows = await driver.all(sql, [...params, slice.below, slice.from, limit - keys.length])
    keys.push(...rows.map(({ key }) => Number(key)))
    if (keys.length >= limit) break
  }
  return keys
}
