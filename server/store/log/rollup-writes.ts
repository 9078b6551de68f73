/** The statements that keep all sums in step with the rows; they go into the transaction that writes these. */

import type { Dialect, SqlValue, Statement } from '../engine/driver.ts'
import { requestColumns } from './records.ts'
import { RollupCells, writeCells, writeKeptCells } from './rollup-cells.ts'
import { type CountedRow, countedColumns, hasEnded, type RowChange } from './rollup-row.ts'
import { longPeriods } from './rollup-schema.ts'
import { SpendCells } from './rollup-spend-days.ts'
import { moveSession, sessionStatements } from './session-writes.ts'

const columns: readonly string[] = ['key', ...requestColumns]
const countedAt = countedColumns.map((name) => [name, columns.indexOf(name)] as const)

/** `values`: the key, then those of `requestColumns`, as they are stored. */
export function toCountedRow(values: readonly SqlValue[]): CountedRow {
  return Object.fromEntries(countedAt.map(([name, index]) => [name, values[index] ?? null])) as CountedRow
}

export interface CountOptions {
  /** Whether their minutes are kept. Default true. */
  minutes?: boolean
  /** `named`: only of requests that name theirs, not of those that may be the first of a chain. Default `all`. */
  sessions?: 'all' | 'named'
}

/**
 * Counts requests, each once: in the batch that ends it. Rows of requests that still run are passed over. The statements
 * follow those that write the rows, and touch what is counted in the same order on every gateway.
 */
export function rollupStatements(
  rows: readonly CountedRow[],
  dialect: Dialect,
  options: CountOptions = {},
): Statement[] {
  return inExactParts(rows.filter(hasEnded), costOf).flatMap((ended) => countRows(ended, dialect, options))
}

function countRows(
  ended: readonly CountedRow[],
  dialect: Dialect,
  { minutes = true, sessions = 'all' }: CountOptions,
): Statement[] {
  const cells = new RollupCells()
  const spend = new SpendCells()
  for (const row of ended) {
    cells.add(row)
    spend.add(row)
  }
  const belonging = sessions === 'all' ? ended : ended.filter((row) => row.session_id !== null)
  return [
    ...writeCells(cells.list(minutes ? undefined : longPeriods), dialect),
    ...spend.statements({ dialect }),
    ...sessionStatements(belonging, dialect),
  ]
}

/**
 * What sums that hold the requests as they were have to be moved by, to hold them as they are: when their cost changes.
 * Goes into the transaction that changes the rows. Requests that still run are passed over, as they are in no sum.
 * `uncounted`: keys of those that are in no sum for another reason (rollup-backlog.ts); sessions may have them.
 */
export function rollupDelta(
  changes: readonly RowChange[],
  dialect: Dialect,
  uncounted: ReadonlySet<number> = new Set(),
): Statement[] {
  const ended = changes.filter(({ before, after }) => hasEnded(before) && hasEnded(after))
  return inExactParts(ended, ({ before, after }) => costOf(before) + costOf(after)).flatMap((some) =>
    moveRows(some, dialect, uncounted),
  )
}

function moveRows(
  ended: readonly RowChange[],
  dialect: Dialect,
  uncounted: ReadonlySet<number>,
): Statement[] {
  const cells = new RollupCells()
  const spend = new SpendCells()
  for (const { before, after } of ended) {
    if (uncounted.has(Number(before.key))) continue
    cells.add(before, -1)
    cells.add(after)
    spend.add(before, -1)
    spend.add(after)
  }
  const inSessions = ended.filter(
    ({ before }) => before.session_id === null || !uncounted.has(Number(before.key)),
  )
  return [
    ...writeKeptCells(cells.list()),
    ...spend.statements({ dialect }),
    ...inSessions.flatMap(moveSession),
  ]
}

function costOf({ cost_nano: nanos }: CountedRow): number {
  return typeof nanos === 'number' ? nanos : 0
}

/** So few at a time that what they cost together is an exact number. Mostly all of them: it is some nine million dollars. */
function inExactParts<T>(items: readonly T[], cost: (item: T) => number): (readonly T[])[] {
  if (items.length === 0) return []
  const sum = items.reduce((sum, item) => sum + cost(item), 0)
  if (items.length === 1 || sum <= Number.MAX_SAFE_INTEGER) return [items]
  const middle = items.length >> 1
  return [...inExactParts(items.slice(0, middle), cost), ...inExactParts(items.slice(middle), cost)]
}
