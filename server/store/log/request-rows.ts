/** From stored rows to the admin API's shapes. */

import { formatNanos } from '../../gateway/money/format-cost.ts'
import { unpackCost } from '../../gateway/money/pack-cost.ts'
import type { AdminAdaptation, AdminCost, AdminError, AdminRequestRow } from '../../http/admin/contract.ts'
import type { SqlRow, SqlValue } from '../engine/driver.ts'
import { requestColumns } from './records.ts'

/** The admin API's rows do not show them. */
const unlisted: ReadonlySet<string> = new Set(['client_request_id', 'cost_detail', 'instance'])

/** The columns of an AdminRequestRow, with the key first. */
export const listColumns: readonly string[] = [
  'key',
  ...requestColumns.filter((column) => !unlisted.has(column)),
]

export function toRequestRow(row: SqlRow): AdminRequestRow {
  return {
    id: toText(row.id) ?? '',
    created_at: toTime(row.created_at),
    operation: toText(row.operation) ?? 'responses.create',
    project: toText(row.project),
    key: toText(row.key_name),
    model: toText(row.model),
    provider: toText(row.provider),
    upstream_model: toText(row.upstream_model),
    status: toText(row.status) ?? 'failed',
    http_status: toNumber(row.http_status),
    stream: row.stream === 1,
    background: row.background === 1,
    ...toUsage(row),
    cost_usd: toDollars(row.cost_nano),
    cost_reason: toText(row.cost_reason),
    session_id: toText(row.session_id),
    conversation_id: toText(row.conversation_id),
    previous_response_id: toText(row.previous_response_id),
    user: toText(row.user_id),
    service_tier: toText(row.service_tier),
    metadata: typeof row.metadata === 'string' ? (JSON.parse(row.metadata) as Record<string, string>) : {},
    latency_ms: toMilliseconds(row.latency_us),
    ttft_ms: toMilliseconds(row.ttft_us),
    upstream_ms: toMilliseconds(row.upstream_us),
    overhead_ms: toMilliseconds(row.overhead_us),
    attempts: toNumber(row.attempts) ?? 0,
    response_id: toText(row.response_id),
    trace_id: toText(row.trace_id),
    error: toError(row),
    adaptations: toAdaptations(row.adaptations),
  }
}

function toUsage(row: SqlRow) {
  return {
    input_tokens: toNumber(row.input_tokens),
    cached_tokens: toNumber(row.cached_tokens),
    cache_write_tokens: toNumber(row.cache_write_tokens),
    output_tokens: toNumber(row.output_tokens),
    reasoning_tokens: toNumber(row.reasoning_tokens),
    total_tokens: toNumber(row.total_tokens),
    usage_source: toText(row.usage_source),
    usage_estimator: toText(row.usage_estimator),
  }
}

/** A request's cost line by line; null without any attempt that is billed or unknown. */
export function toCost(row: SqlRow): AdminCost | null {
  if (typeof row.cost_detail !== 'string') return null
  const attempts = unpackCost(row.cost_detail)
  if (attempts === null) return null
  return {
    cost_usd: toDollars(row.cost_nano),
    reason: toText(row.cost_reason),
    estimated: attempts.some(({ usage }) => usage === 'estimated'),
    attempts: attempts.map(({ nanos, parts, ...attempt }) => ({
      attempt: attempt.attempt,
      provider: attempt.provider,
      upstream_model: attempt.upstream_model,
      price: attempt.price,
      usage: attempt.usage,
      cost_usd: toDollars(nanos),
      reason: attempt.reason,
      parts: parts.map(({ kind, quantity, rate, nanos }) => ({
        kind,
        quantity,
        rate_usd: formatNanos(BigInt(rate)),
        amount_usd: formatNanos(BigInt(nanos)),
      })),
    })),
  }
}

export function toError(row: SqlRow): AdminError | null {
  if (row.error_code === null || row.error_code === undefined) return null
  return {
    type: toText(row.error_type) ?? 'server_error',
    code: String(row.error_code),
    message: toText(row.error_message) ?? '',
    param: toText(row.error_param),
    origin: toText(row.error_origin) ?? 'gateway',
  }
}

export function toAdaptations(value: SqlValue | undefined): AdminAdaptation[] {
  return typeof value === 'string' ? (JSON.parse(value) as AdminAdaptation[]) : []
}

export function toText(value: SqlValue | undefined): string | null {
  return typeof value === 'string' ? value : null
}

export function toNumber(value: SqlValue | undefined): number | null {
  return typeof value === 'number' ? value : null
}

/** Microseconds as milliseconds. */
export function toMilliseconds(value: SqlValue | undefined): number | null {
  return typeof value === 'number' ? value / 1000 : null
}

/** Unix milliseconds as ISO 8601. */
export function toTime(value: SqlValue | undefined): string {
  return new Date(toNumber(value) ?? 0).toISOString()
}

/** Whole nano-dollars as the admin API shows money; null stays null. */
export function toDollars(value: SqlValue | undefined): string | null {
  return typeof value === 'number' ? formatNanos(BigInt(value)) : null
}

/** What requests cost together, of which `unpriced` have a cost that is not known: null when that is so of all of them. */
export function formatSum(
  nanos: bigint,
  { requests, unpriced }: { requests: number; unpriced: number },
): string | null {
  const isUnknown = requests > 0 && unpriced === requests && nanos === 0n
  return isUnknown ? null : formatNanos(nanos)
}
