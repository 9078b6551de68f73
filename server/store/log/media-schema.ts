/** The tables of media and of full-text search. */

import type { Migration } from '../engine/migrations.ts'

/**
 * Pictures, files and recordings out of the bodies, each once, by the SHA-256 (hex) of what is kept. `last_used_at`
 * lags by up to a minute. The content stands apart: to note a use must not touch it.
 */
const media = `
  CREATE TABLE media (
    hash TEXT PRIMARY KEY,
    media_type TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    first_used_at INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL
  )`

const mediaContents = `
  CREATE TABLE media_contents (
    hash TEXT PRIMARY KEY,
    content BLOB NOT NULL
  )`

/**
 * The words of each request's texts, by its key; the texts themselves are in its document. SQLite has them in parts
 * (search-parts.ts), each a table `search_part_<id>` that is made and dropped as time goes by: for the requests with keys
 * from `first_key` up to that of the next part. What is below `kept_from` is not to be found any more.
 */
const search = {
  sqlite: `CREATE TABLE search_parts (
    id INTEGER PRIMARY KEY,
    first_key INTEGER NOT NULL,
    last_key INTEGER NOT NULL,
    kept_from INTEGER NOT NULL DEFAULT 0,
    requests INTEGER NOT NULL,
    characters INTEGER NOT NULL
  )`,
  postgres: 'CREATE TABLE search (key BIGINT PRIMARY KEY, words TSVECTOR NOT NULL)',
}

export const mediaSchema: Migration['statements'] = [
  media,
  'CREATE INDEX media_by_last_use ON media (last_used_at)',
  mediaContents,
  'CREATE INDEX blocks_by_time ON blocks (written_at)',
  search,
  { sqlite: 'CREATE INDEX search_parts_by_key ON search_parts (first_key)', postgres: null },
  { sqlite: null, postgres: 'CREATE INDEX search_by_word ON search USING gin (words)' },
]
