/** What the live tail asks again and again: which rows are new or have ended since. Runs on the reader's thread. */

import type { AdminRequestRow } from '../../http/admin/contract.ts'
import type { SqlRow } from '../engine/driver.ts'
import { keyAt } from '../engine/keys.ts'
import { fillKeys, marks } from './key-lists.ts'
import type { ReadContext } from './reads.ts'
import { listColumns, toRequestRow } from './request-rows.ts'

/** Newest rows that one look takes in. */
const mostNewest = 20_000
/** Keys in one statement. */
const keysAtOnce = 512
/** Rows that are told of again to one who comes back. */
const mostSince = 2000
/** Milliseconds that a request may have run before the time asked for. */
const reach = 120_000
/** Milliseconds from the end of a request to its row. */
const writeDelay = 2000

const isEnded = "CASE WHEN status IN ('queued', 'in_progress') THEN 0 ELSE 1 END AS ended"

export interface TailKey {
  key: number
  ended: boolean
}

export interface TailKeys {
  /** The key from which all rows are given. */
  from: number
  /** In their order. */
  keys: TailKey[]
}

/** The rows admitted at the time (Unix milliseconds) or later, and those of the given keys that have ended. */
export async function tailKeys(
  { driver }: Pick<ReadContext, 'driver'>,
  { since, open }: { since: number; open: readonly number[] },
): Promise<TailKeys> {
  const from = keyAt(since)
  const newest = await driver.all(
    `SELECT key, ${isEnded} FROM requests WHERE key >= ? ORDER BY key DESC LIMIT ?`,
    [from, mostNewest],
  )
  const found = newest.map(toTailKey)
  for (const keys of inParts(open)) {
    const rows = await driver.all(
      `SELECT key, ${isEnded} FROM requests WHERE key IN (${marks(keys)}) AND status NOT IN ('queued', 'in_progress')`,
      keys,
    )
    found.push(...rows.map(toTailKey))
  }
  return { from, keys: found.sort((one, other) => one.key - other.key) }
}

/** Requests that run, of any age. */
export async function runningKeys(
  { driver }: Pick<ReadContext, 'driver'>,
  { limit }: { limit: number },
): Promise<number[]> {
  const rows = await driver.all(
    "SELECT key FROM requests WHERE status IN ('queued', 'in_progress') ORDER BY key DESC LIMIT ?",
    [limit],
  )
  return rows.map(({ key }) => Number(key))
}

export interface KeyedRow {
  key: number
  row: AdminRequestRow
}

/** In the order of the keys. */
export async function rowsByKeys(
  { driver }: Pick<ReadContext, 'driver'>,
  { keys }: { keys: readonly number[] },
): Promise<KeyedRow[]> {
  const rows: SqlRow[] = []
  for (const some of inParts(keys)) {
    rows.push(
      ...(await driver.all(
        `SELECT ${listColumns.join(', ')} FROM requests WHERE key IN (${marks(some)}) ORDER BY key`,
        some,
      )),
    )
  }
  return rows.map((row) => ({ key: Number(row.key), row: toRequestRow(row) }))
}

/**
 * The newest rows that have ended at the time (Unix milliseconds) or later, or still run; the oldest first. One that ran
 * for longer than `reach` before that time is not found.
 */
export async function rowsSince(
  { driver }: Pick<ReadContext, 'driver'>,
  { since }: { since: number },
): Promise<{ rows: AdminRequestRow[]; more: boolean }> {
  const rows = await driver.all(
    `SELECT ${listColumns.join(', ')} FROM requests WHERE key >= ?
      AND (created_at + coalesce(latency_us, 0) / 1000 >= ? OR status IN ('queued', 'in_progress'))
      ORDER BY key DESC LIMIT ?`,
    [keyAt(since - reach), since - writeDelay, mostSince + 1],
  )
  const more = rows.length > mostSince
  return { rows: rows.slice(0, mostSince).reverse().map(toRequestRow), more }
}

function toTailKey({ key, ended }: SqlRow): TailKey {
  return { key: Number(key), ended: Number(ended) === 1 }
}

function inParts(keys: readonly number[]): number[][] {
  return Array.from({ length: Math.ceil(keys.length / keysAtOnce) }, (_, index) =>
    fillKeys(keys.slice(index * keysAtOnce, (index + 1) * keysAtOnce)),
  )
}
