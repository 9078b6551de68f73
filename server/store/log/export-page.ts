/** A page of the list as the text of a file. It is written on the reader's thread: there it holds no stream up. */

import { formatRecord } from '../../csv.ts'
import type { AdminExportQuery, AdminRequestRow } from '../../http/admin/contract.ts'
import { listRequests } from './list-requests.ts'
import type { ListInput } from './query-input.ts'
import type { ReadContext } from './reads.ts'

export interface ExportInput {
  list: ListInput
  format: AdminExportQuery['format']
}

export interface ExportPage {
  /** Whole records; before those of the first page what a file of the format begins with. */
  text: string
  /** Requests in it. */
  rows: number
  /** Fields of a record. */
  width: number
  /** The cursor of the next page; null after the last. */
  next: string | null
}

export async function exportPage(context: ReadContext, { list, format }: ExportInput): Promise<ExportPage> {
  const { data, next } = await listRequests(context, list)
  const { head, row } = writers[format]
  const start = list.place === null ? head : ''
  return { text: start + data.map(row).join(''), rows: data.length, width: names.length, next }
}

type Value = string | number | boolean | null

/** In the order of the columns; new ones are added at the end. */
const columns: Readonly<Record<string, (row: AdminRequestRow) => Value>> = {
  id: (row) => row.id,
  created_at: (row) => row.created_at,
  operation: (row) => row.operation,
  project: (row) => row.project,
  key: (row) => row.key,
  model: (row) => row.model,
  provider: (row) => row.provider,
  upstream_model: (row) => row.upstream_model,
  status: (row) => row.status,
  http_status: (row) => row.http_status,
  stream: (row) => row.stream,
  background: (row) => row.background,
  input_tokens: (row) => row.input_tokens,
  cached_tokens: (row) => row.cached_tokens,
  cache_write_tokens: (row) => row.cache_write_tokens,
  output_tokens: (row) => row.output_tokens,
  reasoning_tokens: (row) => row.reasoning_tokens,
  total_tokens: (row) => row.total_tokens,
  usage_source: (row) => row.usage_source,
  usage_estimator: (row) => row.usage_estimator,
  cost_usd: (row) => row.cost_usd,
  cost_reason: (row) => row.cost_reason,
  latency_ms: (row) => row.latency_ms,
  ttft_ms: (row) => row.ttft_ms,
  upstream_ms: (row) => row.upstream_ms,
  overhead_ms: (row) => row.overhead_ms,
  attempts: (row) => row.attempts,
  session_id: (row) => row.session_id,
  conversation_id: (row) => row.conversation_id,
  previous_response_id: (row) => row.previous_response_id,
  response_id: (row) => row.response_id,
  trace_id: (row) => row.trace_id,
  user: (row) => row.user,
  service_tier: (row) => row.service_tier,
  metadata: (row) => (Object.keys(row.metadata).length === 0 ? null : JSON.stringify(row.metadata)),
  error_type: (row) => row.error?.type ?? null,
  error_code: (row) => row.error?.code ?? null,
  error_origin: (row) => row.error?.origin ?? null,
  error_param: (row) => row.error?.param ?? null,
  error_message: (row) => row.error?.message ?? null,
  adaptations: (row) => (row.adaptations.length === 0 ? null : JSON.stringify(row.adaptations)),
}

const names = Object.keys(columns)
const readers = Object.values(columns)

interface Writer {
  head: string
  row(row: AdminRequestRow): string
}

const writers: Readonly<Record<AdminExportQuery['format'], Writer>> = {
  csv: {
    head: formatRecord(names),
    row: (row) => formatRecord(readers.map((read) => read(row))),
  },
  jsonl: { head: '', row: (row) => `${JSON.stringify(row)}\n` },
}
