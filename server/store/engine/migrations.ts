/**
 * The schema as the list of steps that made it. Append-only: a released step is never edited, renamed or removed.
 *
 * Conventions: `key` orders requests by admission (see keys.ts), so a range of keys is a range of time and every page is
 * a range of keys; SQLite appends it to each index of the table by itself. `*_at` are Unix milliseconds, `*_us`
 * microseconds, booleans 0 or 1, JSON is text.
 */

import { listSchema } from '../log/list-schema.ts'
import { mediaSchema } from '../log/media-schema.ts'
import { postgresSchema } from '../log/postgres-schema.ts'
import { recordSchema } from '../log/record-schema.ts'
import { backlogSchema } from '../log/rollup-backlog.ts'
import { rollupSchema } from '../log/rollup-schema.ts'
import { instancesSchema, stateSchema } from '../state/schema.ts'
import type { Dialect } from './driver.ts'
import { lanesSchema } from './lanes.ts'

export interface Migration {
  name: string
  /**
   * In SQLite's words, of which the driver of the other engine knows its own (INTEGER, BLOB, WITHOUT ROWID); or one text
   * for each engine, where null is nothing to do.
   */
  statements: readonly (string | Readonly<Record<Dialect, string | null>>)[]
}

/** Names of the steps that a database has. */
export const migrationsTable = `
  CREATE TABLE IF NOT EXISTS migrations (
    name TEXT PRIMARY KEY,
    applied_at INTEGER NOT NULL
  )`

const requests = `
  CREATE TABLE requests (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    client_request_id TEXT,
    operation TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    project TEXT,
    key_name TEXT,
    model TEXT,
    provider TEXT,
    upstream_model TEXT,
    status TEXT NOT NULL,
    http_status INTEGER,
    stream INTEGER NOT NULL,
    input_tokens INTEGER,
    cached_tokens INTEGER,
    output_tokens INTEGER,
    reasoning_tokens INTEGER,
    total_tokens INTEGER,
    usage_source TEXT,
    latency_us INTEGER,
    ttft_us INTEGER,
    upstream_us INTEGER,
    overhead_us INTEGER,
    attempts INTEGER NOT NULL,
    response_id TEXT,
    trace_id TEXT,
    error_type TEXT,
    error_code TEXT,
    error_message TEXT,
    error_param TEXT,
    error_origin TEXT,
    adaptations TEXT,
    block INTEGER,
    block_offset INTEGER
  )`

/**
 * What only the page of one request shows, attempts, headers and bodies, is its document. The documents of a batch are
 * compressed together (document-codec.ts); `requests.block` and `block_offset` say where one stands. Ids rise.
 */
const blocks = `
  CREATE TABLE blocks (
    id INTEGER PRIMARY KEY,
    written_at INTEGER NOT NULL,
    encoding TEXT NOT NULL,
    content BLOB NOT NULL
  )`

export const migrations: readonly Migration[] = [
  {
    name: '0001-requests',
    statements: [
      requests,
      blocks,
      'CREATE UNIQUE INDEX requests_by_id ON requests (id)',
      'CREATE INDEX requests_by_client_id ON requests (client_request_id) WHERE client_request_id IS NOT NULL',
      'CREATE INDEX requests_by_project ON requests (project)',
      'CREATE INDEX requests_by_model ON requests (model)',
      'CREATE INDEX requests_by_provider ON requests (provider)',
      'CREATE INDEX requests_by_status ON requests (status)',
      'CREATE INDEX requests_with_error ON requests (key) WHERE error_code IS NOT NULL',
      'CREATE INDEX requests_by_response ON requests (response_id) WHERE response_id IS NOT NULL',
      'CREATE INDEX requests_by_trace ON requests (trace_id) WHERE trace_id IS NOT NULL',
    ],
  },
  { name: '0002-state', statements: stateSchema },
  {
    name: '0003-requests-background',
    statements: ['ALTER TABLE requests ADD COLUMN background INTEGER NOT NULL DEFAULT 0'],
  },
  { name: '0004-record', statements: recordSchema },
  { name: '0005-rollups', statements: rollupSchema },
  { name: '0005-instances', statements: instancesSchema },
  { name: '0006-media', statements: mediaSchema },
  { name: '0007-lanes', statements: lanesSchema },
  { name: '0008-lists', statements: listSchema },
  { name: '0009-rollup-backlog', statements: backlogSchema },
  { name: '0010-postgres', statements: postgresSchema },
]
