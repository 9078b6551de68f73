/** From stored rows to the admin API's shapes. */

import type { AdminAdaptation, AdminError, AdminRequestRow } from '../../http/admin-contract.ts'
import type { SqlRow, SqlValue } from '../engine/driver.ts'
import { requestColumns } from './records.ts'

/** Kept for look-ups; the admin API's rows do not show it. */
const unlisted: ReadonlySet<string> = new Set(['client_request_id'])

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
    input_tokens: toNumber(row.input_tokens),
    cached_tokens: toNumber(row.cached_tokens),
    output_tokens: toNumber(row.output_tokens),
    reasoning_tokens: toNumber(row.reasoning_tokens),
    total_tokens: toNumber(row.total_tokens),
    usage_source: toText(row.usage_source),
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
