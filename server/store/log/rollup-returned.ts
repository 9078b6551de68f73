/**
 * Requests whose gateway was taken for dead while they ran, and which it ends after all: another gateway has ended and
 * counted them as `gateway_restarted`. What that counted is taken back in the transaction that writes their real end.
 *
 * Whether there are such is asked just before. One that is taken for dead in the milliseconds between, after twelve
 * seconds without a sign of life, is counted twice: to exclude that, every batch would have to lock its rows.
 */

import type { Driver, SqlValue, Statement } from '../engine/driver.ts'
import { RollupCells, writeCells } from './rollup-cells.ts'
import { type CountedRow, countedColumns } from './rollup-row.ts'
import { measures, periods } from './rollup-schema.ts'
import { leaveSession } from './session-writes.ts'

/** Milliseconds that a request has run at least when its gateway is taken for dead, which takes more than twice as long. */
export const shortestAbsence = 5000

/** `keys`: of requests that are about to be written as over, or removed. */
export async function takeBackLost(driver: Driver, keys: readonly number[]): Promise<Statement[]> {
  // A file has one gateway, which is not there to end anything late.
  if (keys.length === 0 || driver.dialect === 'sqlite') return []
  const rows = (await driver.all(
    `SELECT ${countedColumns.join(', ')} FROM requests WHERE key IN (${keys.map(() => '?').join(', ')})
      AND status = 'failed' AND error_code = 'gateway_restarted' AND instance IS NULL`,
    [...keys],
  )) as CountedRow[]
  return takeBack(driver, rows)
}

function takeBack(driver: Driver, rows: readonly CountedRow[]): Statement[] {
  if (rows.length === 0) return []
  const cells = new RollupCells()
  // As they were counted: without times, as nobody knew any.
  for (const row of rows) cells.add({ ...row, latency_us: null, ttft_us: null, overhead_us: null }, -1)
  const moments = new Set(rows.map(({ created_at: at }) => Number(at)))
  return [
    ...writeCells(cells.list(), driver.dialect),
    ...[...moments].flatMap((at) => Object.values(periods).map((period) => removeEmpty(period, at))),
    ...rows.flatMap(leaveSession),
  ]
}

/** So that nothing of it is left to be listed. */
function removeEmpty(period: number, time: number): Statement {
  const params: SqlValue[] = [period, time - (time % period)]
  return {
    sql: `DELETE FROM rollups WHERE grain IN ('full', 'caller', 'route', 'outcome') AND period = ? AND at = ?
      AND histograms = '' AND ${measures.map((name) => `${name} = 0`).join(' AND ')}`,
    params,
  }
}
