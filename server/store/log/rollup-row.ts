/** What a stored request adds to the sums: the same of a row on its way to the store and of one that is read back. */

import type { AttemptCost } from '../../gateway/money/cost.ts'
import { unpackCost } from '../../gateway/money/pack-cost.ts'
import type { SqlValue } from '../engine/driver.ts'
import { toPostgresText } from '../engine/postgres-text.ts'
import { bucketOf } from './rollup-histograms.ts'
import type { Dimension, Measure } from './rollup-schema.ts'

/** The columns of `requests` that sums are made from. */
export const countedColumns = [
  'key',
  'created_at',
  'project',
  'key_name',
  'model',
  'provider',
  'status',
  'error_origin',
  'error_code',
  'stream',
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
  'latency_us',
  'ttft_us',
  'overhead_us',
  'session_id',
  'response_id',
  'user_id',
  'metadata',
] as const

/** A request as the store has it. */
export type CountedRow = Readonly<Record<(typeof countedColumns)[number], SqlValue>>

/** A request that has ended as its row was, and as it is from now on. */
export interface RowChange {
  before: CountedRow
  after: CountedRow
}

export type Measures = Record<Measure, number>

/** Characters that a name or code may have in a cell: columns of an index have to be short, in PostgreSQL. */
const longestName = 256
const longestCode = 64

/** More than any provider means when it tells a count, and few enough for sums of whole numbers to stay exact. */
const mostTokens = 1e12

/** Whether the request is over: what still runs is not counted. */
export function hasEnded({ status }: Pick<CountedRow, 'status'>): boolean {
  return status !== 'in_progress' && status !== 'queued'
}

/**
 * A value as cells have it: bounded, and '' for none. As PostgreSQL gives it back, so that a row that was read, to be
 * priced or counted again, is in the very cells in which it was counted on its way there.
 */
export function toName(value: SqlValue, longest = longestName): string {
  if (typeof value !== 'string') return ''
  return toPostgresText((value.length > longest ? value.slice(0, longest) : value).toWellFormed())
}

export function dimensionsOf(row: CountedRow): Record<Dimension, string> {
  return {
    project: toName(row.project),
    key_name: toName(row.key_name),
    // What was never sent to a provider may be any word that a stranger made up.
    model: Number(row.attempts) > 0 ? toName(row.model) : '',
    provider: toName(row.provider),
    status: toName(row.status),
    error_origin: toName(row.error_origin),
    error_code: toName(row.error_code, longestCode),
  }
}

export function measuresOf(row: CountedRow): Measures {
  const tokens = [
    row.input_tokens,
    row.cached_tokens,
    row.cache_write_tokens,
    row.output_tokens,
    row.reasoning_tokens,
  ].map(toCount)
  const estimated = row.usage_source === 'estimated'
  const of = (index: number, wanted: boolean) => (estimated === wanted ? (tokens[index] as number) : 0)
  return {
    requests: 1,
    errors: row.error_code === null ? 0 : 1,
    streams: row.stream === 1 ? 1 : 0,
    attempts: toCount(row.attempts),
    input_tokens: of(0, false),
    cached_tokens: of(1, false),
    cache_write_tokens: of(2, false),
    output_tokens: of(3, false),
    reasoning_tokens: of(4, false),
    estimated_input_tokens: of(0, true),
    estimated_cached_tokens: of(1, true),
    estimated_cache_write_tokens: of(2, true),
    estimated_output_tokens: of(3, true),
    estimated_reasoning_tokens: of(4, true),
    cost_nano: typeof row.cost_nano === 'number' ? row.cost_nano : 0,
    estimated_cost_nano: costShares(row).reduce((sum, share) => sum + share.estimated, 0),
    unpriced: row.cost_reason === null ? 0 : 1,
  }
}

function toCount(value: SqlValue): number {
  return typeof value === 'number' ? Math.min(mostTokens, Math.max(0, value)) : 0
}

/** What one provider is paid of a request. */
export interface CostShare {
  provider: string
  /** Nano-dollars. */
  nanos: number
  /** Of them, those that rest on estimated tokens. */
  estimated: number
}

/** The cost by provider; together exactly `cost_nano`. Nothing of a request whose cost is not known. */
export function costShares(row: CountedRow): CostShare[] {
  const { cost_nano: cost } = row
  if (typeof cost !== 'number') return []
  const shares = readAttempts(row)
    .filter(({ nanos }) => nanos !== null && nanos !== 0)
    .map(({ provider, nanos, usage }) => ({
      provider: toName(provider),
      nanos: Number(nanos),
      estimated: usage === 'estimated' ? Number(nanos) : 0,
    }))
  const rest = cost - shares.reduce((sum, { nanos }) => sum + nanos, 0)
  if (rest === 0) return shares
  const estimated = shares.length === 0 && row.usage_source === 'estimated' ? rest : 0
  return [...shares, { provider: toName(row.provider), nanos: rest, estimated }]
}

function readAttempts({ attempts: made, cost_detail: detail }: CountedRow): AttemptCost[] {
  // The one attempt is the request itself: most are so, and parsing costs more than all the rest.
  if (made === 1) return []
  // Null also for a text that a secret was taken out of: it must not stop the batch.
  return (typeof detail === 'string' ? unpackCost(detail) : null) ?? []
}

/** Null also for what is no JSON any more, such as a text that a secret was taken out of: it must not stop the batch. */
export function readJson(text: SqlValue): unknown {
  if (typeof text !== 'string') return null
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** The buckets of its times, as far as they are known. */
export function bucketsOf({
  latency_us: latency,
  ttft_us: ttft,
  overhead_us: overhead,
}: CountedRow): number[] {
  const buckets: number[] = []
  if (typeof latency === 'number') buckets.push(bucketOf('latency', latency))
  if (typeof ttft === 'number') buckets.push(bucketOf('ttft', ttft))
  if (typeof overhead === 'number') buckets.push(bucketOf('overhead', overhead))
  return buckets
}
