/** Reads what was used of requests, and writes what it costs by other prices: rows and sums in one transaction. */

import type { Statement } from '../engine/driver.ts'
import { keyAt } from '../engine/keys.ts'
import type { ReadContext } from './reads.ts'
import { type Backlog, findUncounted, moveBacklog, withBacklog } from './rollup-backlog.ts'
import { type CountedRow, countedColumns, hasEnded } from './rollup-row.ts'
import { rollupDelta } from './rollup-writes.ts'
import type { StepContext } from './steps.ts'

export interface CostsQuery {
  /** Unix milliseconds: requests admitted then or later. */
  from: number
  /** Unix milliseconds: requests admitted before. */
  to: number
  /** The last key of an earlier page; null: from the beginning. */
  after: number | null
  /** Requests at most. */
  limit: number
  /** Only requests whose cost is not known, by their `cost_reason`. */
  unpriced: boolean
}

/** What a request used, as far as its row says. */
export interface CostRow {
  key: number
  operation: string
  /** Unix milliseconds. */
  created_at: number
  status: string
  provider: string | null
  upstream_model: string | null
  attempts: number
  usage_source: string | null
  input_tokens: number | null
  cached_tokens: number | null
  cache_write_tokens: number | null
  output_tokens: number | null
  reasoning_tokens: number | null
  cost_nano: number | null
  cost_reason: string | null
  cost_detail: string | null
}

const costColumns = [
  'key',
  'operation',
  'created_at',
  'status',
  'provider',
  'upstream_model',
  'attempts',
  'usage_source',
  'input_tokens',
  'cached_tokens',
  'cache_write_tokens',
  'output_tokens',
  'reasoning_tokens',
  'cost_nano',
  'cost_reason',
  'cost_detail',
] as const satisfies (keyof CostRow)[]

/** A page of requests by their key, the oldest first. Those that still run are among them. */
export async function readCosts(
  { driver }: ReadContext,
  { from, to, after, limit, unpriced }: CostsQuery,
): Promise<CostRow[]> {
  const rows = await driver.all(
    `SELECT ${costColumns.join(', ')} FROM requests
      WHERE key >= CAST(? AS BIGINT) AND key < CAST(? AS BIGINT) ${unpriced ? 'AND cost_reason IS NOT NULL' : ''}
      ORDER BY key LIMIT CAST(? AS BIGINT)`,
    [after === null ? keyAt(from) : Math.max(keyAt(from), after + 1), keyAt(to), limit],
  )
  return rows as unknown as CostRow[]
}

/** What a request costs from now on. */
export interface NewCost {
  key: number
  cost_nano: number | null
  cost_reason: string | null
  cost_detail: string | null
}

export interface AppliedCosts {
  /** Rows that were changed; the others had this cost already, are gone, or still run. */
  changed: number
  /** What all sums changed by, in nano-dollars. */
  nanos: bigint
}

/** Requests in one step. Some 10 ms with 100. */
export const costsPerStep = 100

/**
 * One bounded step: sets the cost of requests that are over, and moves the sums by the difference. Doing it twice
 * changes nothing. Callers hold the lease `reprice`, so that no two gateways move the sums by the same difference.
 */
export async function applyCosts(
  context: Pick<StepContext, 'driver'>,
  { costs }: { costs: readonly NewCost[] },
): Promise<AppliedCosts> {
  if (costs.length === 0) return { changed: 0, nanos: 0n }
  if (costs.length > costsPerStep)
    throw new Error(`at most ${costsPerStep} requests are repriced in one step`)
  return withBacklog(context, (backlog) => applyOver(context, costs, backlog))
}

async function applyOver(
  context: Pick<StepContext, 'driver'>,
  costs: readonly NewCost[],
  backlog: Backlog,
): Promise<AppliedCosts> {
  const { driver } = context
  const rows = (await driver.all(
    `SELECT ${countedColumns.join(', ')} FROM requests WHERE key IN (${costs.map(() => '?').join(', ')})`,
    costs.map(({ key }) => key),
  )) as CountedRow[]
  const wanted = new Map(costs.map((cost) => [cost.key, cost]))
  const changes = rows.filter(hasEnded).flatMap((before) => {
    const cost = wanted.get(Number(before.key))
    return cost === undefined || isSame(before, cost) ? [] : [{ before, after: { ...before, ...cost } }]
  })
  if (changes.length > 0) {
    const keys = changes.map(({ before }) => Number(before.key))
    const uncounted = await findUncounted(context, backlog, keys)
    await driver.batch([
      ...(uncounted.size === 0 ? [] : [moveBacklog(backlog, backlog.below)]),
      ...changes.map(({ after }) => updateRow(after)),
      ...rollupDelta(changes, driver.dialect, uncounted),
    ])
  }
  const nanos = changes.reduce(
    (sum, { before, after }) => sum + BigInt(Number(after.cost_nano)) - BigInt(Number(before.cost_nano)),
    0n,
  )
  return { changed: changes.length, nanos }
}

function isSame(row: CountedRow, cost: NewCost): boolean {
  return (
    row.cost_nano === cost.cost_nano &&
    row.cost_reason === cost.cost_reason &&
    row.cost_detail === cost.cost_detail
  )
}

function updateRow({
  key,
  cost_nano: nano,
  cost_reason: reason,
  cost_detail: detail,
}: CountedRow): Statement {
  return {
    sql: `UPDATE requests SET cost_nano = CAST(? AS BIGINT), cost_reason = CAST(? AS TEXT), cost_detail = CAST(? AS TEXT)
      WHERE key = ?`,
    params: [nano, reason, detail, key],
  }
}
