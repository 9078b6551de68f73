/**
 * Requests as a file, page by page: never more than two pages in memory, and other queries come in between. The last
 * record says whether the file is whole, and how many rows it has.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { toGatewayError } from '../../errors.ts'
import type { AdminQueries } from '../../store/admin-queries.ts'
import type { AdminExportQuery, AdminRequestRow } from './contract.ts'
import { formatRecord } from './csv.ts'

const pageRows = 500
/** Milliseconds to wait while too many queries are waiting, and how often. */
const overloadDelay = 200
const overloadTries = 50

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

interface Writer {
  head: string
  row(row: AdminRequestRow): string
  /** The last record; `error` says why the file is not whole. */
  end(rows: number, error: string | null): string
}

const writers: Readonly<Record<AdminExportQuery['format'], Writer>> = {
  csv: {
    head: formatRecord(Object.keys(columns)),
    row: (row) => formatRecord(Object.values(columns).map((read) => read(row))),
    end(rows, error) {
      const text = error === null ? `# complete: ${rows} rows` : `# incomplete after ${rows} rows: ${error}`
      return formatRecord([text, ...Array.from({ length: Object.keys(columns).length - 1 }, () => null)])
    },
  },
  jsonl: {
    head: '',
    row: (row) => `${JSON.stringify(row)}\n`,
    end: (rows, error) =>
      `${JSON.stringify({ export: { rows, complete: error === null, ...(error !== null && { error }) } })}\n`,
  },
}

/** The first page, so that what is wrong with the question is refused before anything is sent. */
export async function startExport(
  queries: Pick<AdminQueries, 'listRequests'>,
  { format, ...query }: AdminExportQuery,
): Promise<AsyncGenerator<string>> {
  const readPage = (before: string | null) =>
    queries.listRequests({ ...query, limit: pageRows, ...(before !== null && { before }) })
  return writePages(writers[format], await readPage(null), readPage)
}

async function* writePages(
  { head, row, end }: Writer,
  first: Awaited<ReturnType<AdminQueries['listRequests']>>,
  readPage: (before: string | null) => ReturnType<AdminQueries['listRequests']>,
): AsyncGenerator<string> {
  let rows = 0
  let page = first
  if (head !== '') yield head
  try {
    for (;;) {
      rows += page.data.length
      if (page.data.length > 0) yield page.data.map(row).join('')
      const { next } = page
      if (next === null) break
      page = await patiently(() => readPage(next))
    }
  } catch (error) {
    // The status is sent already: only the file itself can say it.
    yield end(rows, toGatewayError(error).message)
    return
  }
  yield end(rows, null)
}

/** An export stands back while others ask more than the store can answer. */
async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await ask()
    } catch (error) {
      if (toGatewayError(error).code !== 'query_overload' || tries === overloadTries) throw error
      await sleep(overloadDelay)
    }
  }
}
