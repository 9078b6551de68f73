/**
 * The size of what lives in a PostgreSQL database. Its relations do not shrink when rows are deleted, so their sizes say
 * nothing of that: rows that live (the server counts them) are multiplied by the size of some of them.
 */

import type { Driver, Statement } from '../engine/driver.ts'
import type { StoreMeasure } from './retention-measure.ts'

/** Tables of which rows go by bytes, with what is measured of a row. The rest is taken as large as it is on the disk. */
const measured = {
  blocks: 'octet_length(content)',
  media_contents: 'octet_length(content)',
  search: 'pg_column_size(words)',
  requests: 'pg_column_size(requests.*)',
} as const

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
    const expression = measured[table as keyof typeof measured]
    if (expression === undefined) {
      usedBytes += Number(bytes)
      continue
    }
    const size = await sampleRow(driver, table, expression)
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

async function sampleRow(driver: Driver, table: string, expression: string): Promise<number> {
  const [row] = await driver.all(
    `SELECT CAST(avg(size) AS DOUBLE PRECISION) AS value FROM (SELECT ${expression} AS size FROM ${table} LIMIT ${sampled}) AS sample`,
  )
  return Number(row?.value ?? 0) + rowHead
}
