/** Requests that a stopped process left open, counted as failed: in SQL alone, since nobody holds their rows. */

import type { Statement } from '../engine/driver.ts'
import { namesOf } from './rollup-cells.ts'
import { type Dimension, dimensions, type Grain, grainsOf, measures, periods } from './rollup-schema.ts'
import { countLeftoverSessions, leftoverMeasures, mayHaveCost } from './session-writes.ts'

/** As rollup-row.ts says it. */
const namesInSql = {
  project: "coalesce(substr(project, 1, 256), '')",
  key_name: "coalesce(substr(key_name, 1, 256), '')",
  model: "CASE WHEN attempts > 0 THEN coalesce(substr(model, 1, 256), '') ELSE '' END",
  provider: "coalesce(substr(provider, 1, 256), '')",
  status: "'failed'",
  error_origin: "'gateway'",
  error_code: "'gateway_restarted'",
} as const satisfies Record<Dimension, string>

const sumsInSql = measures.map((name) => `sum(${leftoverMeasures[name]})`)

/**
 * Ends such requests; the same `where`. What they cost is not known, but for those that waited for their turn and those
 * that no model runs for: where a provider was asked, it may have been paid.
 */
export function endLeftovers(where: string): string {
  return `UPDATE requests SET status = 'failed', error_type = 'server_error', error_code = 'gateway_restarted',
    error_message = 'The gateway stopped before this request ended.', error_origin = 'gateway', instance = NULL,
    cost_nano = CASE WHEN ${mayHaveCost} THEN NULL ELSE 0 END,
    cost_reason = CASE WHEN ${mayHaveCost} THEN 'no_usage' END
    WHERE ${where}`
}

/**
 * Counts the requests that are about to be failed as `gateway_restarted`: goes before that statement, into its
 * transaction. `where`: which they are, over the columns of `requests` and without parameters. What clients say of such
 * requests (spend_days) is not counted: there they are among those without a value.
 */
export function leftoverStatements(where: string): Statement[] {
  return [forgetWaiting(where), ...countLeftovers(where)].map((sql) => ({ sql, params: [] }))
}

/**
 * What only waited has not failed: whoever runs it, or ran it, tells of it in a record of its own. One that was
 * cancelled or deleted as it waited has no other.
 */
function forgetWaiting(where: string): string {
  return `DELETE FROM requests WHERE (${where}) AND status = 'queued' AND (
    EXISTS (SELECT 1 FROM jobs WHERE jobs.response_id = requests.response_id)
    OR EXISTS (SELECT 1 FROM responses WHERE id = requests.response_id AND status <> 'cancelled'))`
}

function countLeftovers(where: string): string[] {
  const cells = Object.values(periods).flatMap((period) =>
    grainsOf[period].map((grain) => countInto(grain, period, where)),
  )
  return [...cells, ...countLeftoverSessions(where)]
}

function countInto(grain: Grain, period: number, where: string): string {
  const every = dimensions.map((name) => namesInSql[name])
  const names = namesOf(grain, every).map((sql) => (sql === '' ? "''" : sql))
  const cell = dimensions.map((name) => `cell_${name}`).join(', ')
  return `INSERT INTO rollups (grain, period, at, ${dimensions.join(', ')}, ${measures.join(', ')}, histograms)
    SELECT '${grain}', ${period}, cell_at, ${cell}, ${sumsInSql.join(', ')}, ''
    FROM (SELECT *, created_at / ${period} * ${period} AS cell_at,
      ${names.map((sql, index) => `${sql} AS cell_${dimensions[index]}`).join(', ')}
      FROM requests WHERE ${where}) AS leftovers
    GROUP BY cell_at, ${cell}
    ON CONFLICT (grain, period, at, ${dimensions.join(', ')}) DO UPDATE SET
    ${measures.map((name) => `${name} = rollups.${name} + excluded.${name}`).join(', ')}`
}
