/**
 * The moment at which a statement runs, as an expression in Unix milliseconds: by the database's clock where several
 * gateways share one, since theirs may differ; by the gateway's own where there is one gateway.
 */

import type { Dialect, SqlValue } from './driver.ts'

export function clockOf(dialect: Dialect, now: number): { sql: string; params: SqlValue[] } {
  return dialect === 'postgres'
    ? { sql: 'CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)', params: [] }
    : { sql: 'CAST(? AS BIGINT)', params: [now] }
}
