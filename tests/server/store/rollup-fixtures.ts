/** Rows of requests straight into a database, with their sums, as the writer does it. */

import { createDeadline } from '../../../server/store/engine/deadline.ts'
import type { Driver, SqlRow, SqlValue, Statement } from '../../../server/store/engine/driver.ts'
import { keyAt } from '../../../server/store/engine/keys.ts'
import type { ReadContext } from '../../../server/store/log/reads.ts'
import { type RequestRow, requestColumns } from '../../../server/store/log/records.ts'
import type { CountedRow } from '../../../server/store/log/rollup-row.ts'
import { rollupStatements, toCountedRow } from '../../../server/store/log/rollup-writes.ts'
import type { StepContext } from '../../../server/store/log/steps.ts'

export type StoredRow = RequestRow & { key: number }

export const minute = 60_000
export const hour = 3_600_000
export const day = 86_400_000

let made = 0

/** A request that was completed, of 2026-03-04 05:06:07 unless `changes` says otherwise. */
export function makeRow(changes: Partial<StoredRow> = {}): StoredRow {
  made += 1
  const created = changes.created_at ?? Date.UTC(2026, 2, 4, 5, 6, 7)
  const none = Object.fromEntries(requestColumns.map((name) => [name, null])) as unknown as RequestRow
  return {
    ...none,
    key: keyAt(created) + (made % 1024),
    id: `req_${made}`,
    operation: 'responses.create',
    created_at: created,
    project: 'acme',
    key_name: 'acme/1',
    model: 'org/model',
    provider: 'sail',
    status: 'completed',
    stream: false,
    background: false,
    usage_source: 'provider',
    input_tokens: 10,
    cached_tokens: 4,
    output_tokens: 20,
    reasoning_tokens: 5,
    cost_nano: 1000,
    latency_us: 50_000,
    ttft_us: 20_000,
    overhead_us: 900,
    attempts: 1,
    response_id: `resp_${made}`,
    ...changes,
  }
}

const columns = ['key', ...requestColumns] as const
const insert = `INSERT INTO requests (${columns.join(', ')}) VALUES (?${', ?'.repeat(columns.length - 1)})
  ON CONFLICT (key) DO UPDATE SET ${requestColumns.map((name) => `${name} = excluded.${name}`).join(', ')}`

function valuesOf(row: StoredRow): SqlValue[] {
  return columns.map((name) => {
    const value = row[name]
    return typeof value === 'boolean' ? Number(value) : value
  })
}

export function countedRow(row: StoredRow): CountedRow {
  return toCountedRow(valuesOf(row))
}

export function rowStatements(rows: readonly StoredRow[]): Statement[] {
  return rows.map((row) => ({ sql: insert, params: valuesOf(row) }))
}

/** One batch of the writer. */
export async function writeRows(driver: Driver, rows: readonly StoredRow[]): Promise<void> {
  await driver.batch([...rowStatements(rows), ...rollupStatements(rows.map(countedRow), driver.dialect)])
}

export function readContext(driver: Driver): ReadContext {
  return { driver, deadline: createDeadline(120_000) }
}

export function stepContext(driver: Driver): StepContext {
  return { driver, instance: 'one', now: Date.now() }
}

/** All that a table has, in one order. */
export async function readTable(driver: Driver, table: string): Promise<SqlRow[]> {
  const rows = await driver.all(`SELECT * FROM ${table}`)
  return rows
    .map((row) => ({ ...row }))
    .sort((one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1))
}
