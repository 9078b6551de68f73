/** Many rows in one statement, for a server: to be asked takes it longer than what it does. */

import type { Driver, SqlRow, SqlValue, Statement } from '../engine/driver.ts'
import { toPostgresText } from '../engine/postgres-text.ts'

/** PostgreSQL's function for rows of the table from a parameter of `toJson`. Faster than JSONB, which is read twice. */
export function rowsOf(table: string): string {
  return `json_populate_recordset(CAST(NULL AS ${table}), CAST(CAST(? AS TEXT) AS JSON))`
}

/** The same for rows of no table, such as `(id TEXT, key BIGINT)`. To be followed by their name and columns. */
export const recordsOf = 'json_to_recordset(CAST(CAST(? AS TEXT) AS JSON))'

/** Rows as such a parameter; `columns` in their order. Without bytes, which JSON does not have. */
export function toJson(columns: readonly string[], rows: readonly (readonly SqlValue[])[]): string {
  return JSON.stringify(
    rows.map((row) => Object.fromEntries(columns.map((column, index) => [column, toJsonValue(row[index])]))),
  )
}

/** JSON may have the character zero and halves of pairs, and PostgreSQL then refuses all of it. */
function toJsonValue(value: SqlValue | undefined): SqlValue {
  return typeof value === 'string' ? toPostgresText(value).toWellFormed() : (value ?? null)
}

export interface ManyRows {
  table: string
  columns: readonly string[]
  /** No two that are in conflict with each other. */
  rows: readonly (readonly SqlValue[])[]
  /** From `ON CONFLICT` on. */
  conflict: string
}

/** A statement has its time, after which the server gives it up: also a large batch on a busy server must be done by then. */
const rowsAtOnce = 500

export function insertMany({ table, columns, rows, conflict }: ManyRows): Statement[] {
  const names = columns.join(', ')
  const sql = `INSERT INTO ${table} (${names}) SELECT ${names} FROM ${rowsOf(table)} WHERE true ${conflict}`
  return inRuns(rows, rowsAtOnce).map((some) => ({ sql, params: [toJson(columns, some)] }))
}

export function inRuns<T>(items: readonly T[], length: number): T[][] {
  const count = Math.ceil(items.length / length)
  return Array.from({ length: count }, (_, index) => items.slice(index * length, (index + 1) * length))
}

/**
 * Thousands of rows of a query. A server tells each column as one text: rows are messages of their own, whose values are
 * taken out one by one, which takes longer than to find them. `columns`: all that the query gives, none of them bytes.
 */
export async function readMany(
  driver: Driver,
  columns: readonly string[],
  { sql, params }: Statement,
): Promise<SqlRow[]> {
  if (driver.dialect === 'sqlite') return driver.all(sql, params)
  const texts = columns.map((name) => `CAST(json_agg(${name}) AS TEXT) AS ${name}`).join(', ')
  const [told = {}] = await driver.all(`SELECT ${texts} FROM (${sql}) AS found`, params)
  // Null when there are no rows.
  const values = columns.map((name) => JSON.parse(String(told[name])) as SqlValue[] | null)
  return (values[0] ?? []).map((_, index) => {
    const row: SqlRow = {}
    columns.forEach((name, place) => {
      row[name] = values[place]?.[index] ?? null
    })
    return row
  })
}
