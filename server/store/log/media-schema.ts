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

/** The words of each request's texts, by its key. The texts themselves are in its document. */
const search = {
  sqlite: `CREATE VIRTUAL TABLE search USING fts5(words, content = '', contentless_delete = 1,
    tokenize = 'unicode61 remove_diacritics 2')`,
  postgres: 'CREATE TABLE search (key BIGINT PRIMARY KEY, words TSVECTOR NOT NULL)',
}

export const mediaSchema: Migration['statements'] = [
  media,
  'CREATE INDEX media_by_last_use ON media (last_used_at)',
  mediaContents,
  'CREATE INDEX blocks_by_time ON blocks (written_at)',
  search,
  {
    sqlite: 'CREATE VIRTUAL TABLE search_vocabulary USING fts5vocab(search, instance)',
    postgres: null,
  },
  // A merge for the sake of what was removed reads all of a dead segment in one statement: seconds of the writer. What is
  // removed goes with the merges that what is added makes, which are bounded.
  { sqlite: "INSERT INTO search (search, rank) VALUES ('deletemerge', 0)", postgres: null },
  { sqlite: null, postgres: 'CREATE INDEX search_by_word ON search USING gin (words)' },
]
