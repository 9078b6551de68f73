/** What a finished request is found by besides its columns: its words, the ids that came with it, its metadata. */

import type { Dialect, SqlValue, Statement } from '../engine/driver.ts'
import { hourOf } from './search-slices.ts'
import { foldWords, hourMark, keyMark, spaceIdeographs } from './search-words.ts'
import { readTags } from './tags.ts'

/** Each may be written again, when nobody knows whether the first time was committed. */
const insertWords = {
  sqlite: 'INSERT OR REPLACE INTO search (rowid, words) VALUES (?, ?)',
  postgres:
    "INSERT INTO search (key, words) VALUES (?, to_tsvector('simple', CAST(? AS TEXT))) ON CONFLICT (key) DO NOTHING",
} satisfies Record<Dialect, string>
const insertId = 'INSERT INTO request_ids (id, key) VALUES (?, ?) ON CONFLICT (id, key) DO NOTHING'
const insertTag = 'INSERT INTO request_tags (tag, key) VALUES (?, ?) ON CONFLICT (tag, key) DO NOTHING'

/** Ids of a request that are kept, and the characters of one. */
const mostIds = 256
const longestId = 256

export interface Findings {
  key: number
  /** Clean text, as `collectText` gives it. */
  text: string
  ids: readonly string[]
  /** The row's, clean. */
  metadata: SqlValue
}

export function indexRequest(dialect: Dialect, { key, text, ids, metadata }: Findings): Statement[] {
  const statements: Statement[] = readTags(metadata).map((tag) => ({ sql: insertTag, params: [tag, key] }))
  for (const id of ids.slice(0, mostIds))
    if (id !== '' && id.length <= longestId) statements.push({ sql: insertId, params: [id, key] })
  if (text !== '') {
    const words = spaceIdeographs(text)
    const written =
      dialect === 'sqlite' ? `${words} ${keyMark}${key} ${hourMark}${hourOf(key)}` : foldWords(words)
    statements.push({ sql: insertWords[dialect], params: [key, written] })
  }
  return statements
}
