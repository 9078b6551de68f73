/** What a finished request is found by besides its columns: its words, the ids that came with it, its metadata. */

import type { Dialect, Driver, SqlValue, Statement } from '../engine/driver.ts'
import { keyAt } from '../engine/keys.ts'
import { inRuns, insertMany, recordsOf, toJson } from './many-rows.ts'
import { tableOfPart } from './search-parts.ts'
import { foldWords, spaceIdeographs } from './search-words.ts'
import { readTags } from './tags.ts'

/** Both tables have a key beside what a request is found by, together once. */
const tables = {
  request_tags: ['tag', 'key'],
  request_ids: ['id', 'key'],
} as const
type FoundBy = keyof typeof tables

/** Ids of a request that are kept, and the characters of one. */
const mostIds = 256
const longestId = 256

export interface Findings {
  key: number
  ids: readonly string[]
  /** The row's, clean. */
  metadata: SqlValue
}

export function indexRequests(findings: readonly Findings[], dialect: Dialect): Statement[] {
  const tags = findings.flatMap(({ key, metadata }) => readTags(metadata).map((tag) => [tag, key] as const))
  const ids = findings.flatMap(({ key, ids }) =>
    ids
      .slice(0, mostIds)
      .filter((id) => id !== '' && id.length <= longestId)
      .map((id) => [id, key] as const),
  )
  return [...insertInto('request_tags', tags, dialect), ...insertInto('request_ids', ids, dialect)]
}

function insertInto(table: FoundBy, rows: readonly (readonly SqlValue[])[], dialect: Dialect): Statement[] {
  const columns = tables[table]
  const conflict = `ON CONFLICT (${columns.join(', ')}) DO NOTHING`
  if (dialect === 'postgres') return insertMany({ table, columns, rows, conflict })
  const sql = `INSERT INTO ${table} (${columns.join(', ')}) VALUES (?, ?) ${conflict}`
  return rows.map((params) => ({ sql, params }))
}

export interface SearchText {
  key: number
  /** Clean, as `collectText` gives it. */
  text: string
}

/** What makes a part full: its table is dropped in some 20 ms, and read from end to end in as many. */
export const partLimits = { requests: 20_000, characters: 16_000_000, keys: keyAt(6 * 3_600_000) }

/**
 * The statements that make texts findable. Each may run again, when nobody knows whether the first time was committed;
 * also after the part was dropped, as retention makes room while a batch waits for it. On the writer's thread.
 */
export async function indexTexts(
  driver: Driver,
  texts: readonly SearchText[],
  limits = partLimits,
): Promise<Statement[]> {
  // In the order of their keys: FTS5 begins another segment whenever a key is not above the last.
  const sorted = texts.filter(({ text }) => text !== '').sort((one, other) => one.key - other.key)
  const [first] = sorted
  if (first === undefined) return []
  if (driver.dialect === 'postgres') return insertVectors(sorted)
  const parts = await readParts(driver, first.key)
  const touched = new Set<Part>()
  const inserts = sorted.map(({ key, text }) => {
    const part = choosePart(parts, key, limits)
    touched.add(part)
    part.firstKey = Math.min(part.firstKey, key)
    part.lastKey = Math.max(part.lastKey, key)
    part.requests += 1
    part.characters += text.length
    const sql = `INSERT OR REPLACE INTO ${tableOfPart(part.id)} (rowid, words) VALUES (?, ?)`
    return { sql, params: [key, spaceIdeographs(text)] }
  })
  return [...[...touched].flatMap(writePart), ...inserts]
}

/** A long text takes a server some milliseconds. */
const textsAtOnce = 100

function insertVectors(texts: readonly SearchText[]): Statement[] {
  const sql = `INSERT INTO search (key, words) SELECT key, to_tsvector('simple', text)
    FROM ${recordsOf} AS found (key BIGINT, text TEXT) ON CONFLICT (key) DO NOTHING`
  const rows = texts.map(({ key, text }) => [key, foldWords(spaceIdeographs(text))])
  return inRuns(rows, textsAtOnce).map((some) => ({ sql, params: [toJson(['key', 'text'], some)] }))
}

interface Part {
  id: number
  firstKey: number
  lastKey: number
  requests: number
  characters: number
}

/** From the part that a key falls into to the newest, in their order. */
async function readParts(driver: Driver, key: number): Promise<Part[]> {
  const rows = await driver.all(
    `SELECT id, first_key, last_key, requests, characters FROM search_parts WHERE first_key >=
      coalesce((SELECT max(first_key) FROM search_parts WHERE first_key <= ?), 0) ORDER BY first_key`,
    [key],
  )
  return rows.map((row) => ({
    id: Number(row.id),
    firstKey: Number(row.first_key),
    lastKey: Number(row.last_key),
    requests: Number(row.requests),
    characters: Number(row.characters),
  }))
}

/**
 * A request that ends late goes where those stand that were admitted with it, full or not. Only one that is newer than all
 * opens another part when the newest is full, or older than all.
 */
function choosePart(parts: Part[], key: number, limits: typeof partLimits): Part {
  const found = parts.findLastIndex(({ firstKey }) => firstKey <= key)
  const nearest = parts[Math.max(0, found)]
  const isWithin = found >= 0 && (found < parts.length - 1 || key <= (nearest?.lastKey ?? 0))
  if (nearest !== undefined && (isWithin || !isFull(nearest, key, limits))) return nearest
  const opened = { id: key, firstKey: key, lastKey: key, requests: 0, characters: 0 }
  parts.splice(found + 1, 0, opened)
  return opened
}

function isFull({ firstKey, lastKey, requests, characters }: Part, key: number, limits: typeof partLimits) {
  const span = Math.max(lastKey, key) - Math.min(firstKey, key)
  return requests >= limits.requests || characters >= limits.characters || span >= limits.keys
}

/** The numbers are of the part as it will be, so that this may run again. */
function writePart({ id, firstKey, lastKey, requests, characters }: Part): Statement[] {
  return [
    {
      sql: `CREATE VIRTUAL TABLE IF NOT EXISTS ${tableOfPart(id)}
        USING fts5(words, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2')`,
      params: [],
    },
    {
      sql: `INSERT INTO search_parts (id, first_key, last_key, requests, characters) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (id) DO UPDATE SET first_key = excluded.first_key, last_key = excluded.last_key,
        requests = excluded.requests, characters = excluded.characters`,
      params: [id, firstKey, lastKey, requests, characters],
    },
  ]
}
