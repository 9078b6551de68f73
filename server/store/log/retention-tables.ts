/**
 * The size of what lives in a PostgreSQL database. Its relations do not shrink when rows are deleted, so their sizes say
 * nothing of that: rows that live (the server counts them) are multiplied by the size of some of them.
 */

import type { Driver, Statement } from '../engine/driver.ts'
import type { StoreMeasure } from './retention-measure.ts'

interface MeasuredTable {
  /** Bytes of a row. */
  size: string
  key: string
  /** Whether keys follow the time, and sizes with them: an hour without much traffic, or with long texts. */
  inTime: boolean
}

/** Tables of which rows go by bytes. The rest is taken as large as it is on the disk. */
const measured: Readonly<Record<string, MeasuredTable>> = {
  blocks: { size: 'octet_length(content)', key: 'id', inTime: true },
  // By their hashes, which are in no order.
  media_contents: { size: 'octet_length(content)', key: 'hash', inTime: false },
  search: { size: 'pg_column_size(words)', key: 'key', inTime: true },
  requests: { size: 'pg_column_size(requests.*)', key: 'key', inTime: true },
}

const partOf: Readonly<Record<string, string>> = {
  blocks: 'bodies',
  media: 'media',
  media_contents: 'media',
  search: 'search',
  requests: 'rows',
  request_tags: 'rows',
  request_ids: 'rows',
  rollups: 'rollups',
  spend_days: 'rollups',
  spend_months: 'rollups',
  spend_totals: 'rollups',
  spend_dimensions: 'rollups',
  sessions: 'rollups',
}
const stateTables = new Set([
  'responses',
  'items',
  'response_events',
  'jobs',
  'conversations',
  'conversation_items',
  'idempotency_keys',
  'prompts',
  'seal_keys',
])

/** Rows whose size is looked at. */
const sampled = 100
/** Bytes of a row that are not its columns. */
const rowHead = 40

const sizesSql = `
  SELECT relname AS name, n_live_tup AS live, pg_total_relation_size(relid) AS bytes, pg_indexes_size(relid) AS indexes,
    pg_table_size(relid) AS rows
  FROM pg_stat_user_tables WHERE schemaname = current_schema()`

export async function measureTables(driver: Driver): Promise<Omit<StoreMeasure, 'oldestAt'>> {
  const parts: Record<string, number> = {}
  const perRow = new Map<string, number>()
  let usedBytes = 0
  for (const { name, live, bytes, indexes, rows } of await driver.all(sizesSql)) {
    const table = String(name)
    const part = partOf[table] ?? (stateTables.has(table) ? 'state' : 'other')
    parts[part] = (parts[part] ?? 0) + Number(bytes)
    const how = measured[table]
    if (how === undefined) {
      usedBytes += Number(bytes)
      continue
    }
    const size = await sampleRow(driver, table, how)
    // Indexes hold room of deleted rows as their table does, so their share stays.
    const each = size * (1 + Math.min(3, Number(indexes) / Math.max(1, Number(rows))))
    perRow.set(table, each)
    usedBytes += Math.min(Number(bytes), Number(live) * each)
  }
  return {
    usedBytes,
    freeBytes: 0,
    parts,
    bytesPer: { bodies: perRow.get('blocks') ?? rowHead, rows: perRow.get('requests') ?? rowHead },
  }
}

/**
 * To go into a transaction that removes: PostgreSQL counts what it removed before it answers. It may take ten seconds
 * otherwise, and who measures meanwhile removes as much again.
 */
export function countAtOnce({ dialect }: Pick<Driver, 'dialect'>): Statement[] {
  return dialect === 'postgres' ? [{ sql: 'SELECT pg_stat_force_next_flush()', params: [] }] : []
}

async function sampleRow(driver: Driver, table: string, how: MeasuredTable): Promise<number> {
  const [row] = await driver.all(how.inTime ? spreadSql(table, how) : firstSql(table, how))
  return Number(row?.value ?? 0) + rowHead
}

const average = 'CAST(avg(size) AS DOUBLE PRECISION) AS value'

function firstSql(table: string, { size, key }: MeasuredTable): string {
  return `SELECT ${average} FROM (SELECT ${size} AS size FROM ${table} ORDER BY ${key} LIMIT ${sampled}) AS sample`
}

/** Rows in equal distances between the oldest and the newest. */
function spreadSql(table: string, { size, key }: MeasuredTable): string {
  return `SELECT ${average} FROM (SELECT min(${key}) AS oldest, max(${key}) AS newest FROM ${table}) AS ends,
    generate_series(0, ${sampled - 1}) AS place,
    LATERAL (SELECT ${size} AS size FROM ${table} WHERE ${key} >= oldest + (newest - oldest) / ${sampled - 1} * place
      ORDER BY ${key} LIMIT 1) AS sample`
}
