/** Whether a row that is at hand passes the filters of a list, without asking the store. */

import type { AdminRequestRow } from '../../http/admin/contract.ts'
import { keyAt } from '../engine/keys.ts'
import type { NumberColumn, RequestFilter, WordColumn } from './query-input.ts'
import { formatTag } from './tags.ts'

type Row = AdminRequestRow

const words: Readonly<Record<WordColumn, (row: Row) => string | null>> = {
  project: (row) => row.project,
  key_name: (row) => row.key,
  model: (row) => row.model,
  provider: (row) => row.provider,
  upstream_model: (row) => row.upstream_model,
  error_code: (row) => row.error?.code ?? null,
  error_origin: (row) => row.error?.origin ?? null,
  operation: (row) => row.operation,
  user_id: (row) => row.user,
  conversation_id: (row) => row.conversation_id,
}

const numbers: Readonly<Record<NumberColumn, (row: Row) => number | null>> = {
  total_tokens: (row) => row.total_tokens,
  input_tokens: (row) => row.input_tokens,
  output_tokens: (row) => row.output_tokens,
  cost_nano: (row) => (row.cost_usd === null ? null : Number(row.cost_usd.replace('.', ''))),
  latency_us: (row) => toMicroseconds(row.latency_ms),
  ttft_us: (row) => toMicroseconds(row.ttft_ms),
}

/** All but full-text search. */
export function matchesFilter(filter: RequestFilter, row: Row): boolean {
  const admitted = keyAt(Date.parse(row.created_at))
  if (admitted < filter.from || admitted >= filter.below) return false
  const tags = Object.entries(row.metadata).map(([name, value]) => formatTag(name, value))
  return (
    filter.words.every(([column, value]) => words[column](row) === value) &&
    filter.flags.every(([column, value]) => row[column] === value) &&
    filter.numbers.every(({ column, min, max }) => isWithin(numbers[column](row), min, max)) &&
    filter.tags.every((tag) => tags.includes(tag)) &&
    (filter.statuses.length === 0 || filter.statuses.some((status) => hasStatus(row, status))) &&
    (filter.session === null || filter.session === (row.session_id ?? row.response_id)) &&
    (filter.unpriced === null || (row.cost_reason !== null) === filter.unpriced)
  )
}

function hasStatus(row: Row, status: string): boolean {
  return status === 'error' ? row.error !== null : row.status === status
}

function isWithin(value: number | null, min: number | null, max: number | null): boolean {
  return value !== null && (min === null || value >= min) && (max === null || value <= max)
}

function toMicroseconds(milliseconds: number | null): number | null {
  return milliseconds === null ? null : Math.round(milliseconds * 1000)
}
