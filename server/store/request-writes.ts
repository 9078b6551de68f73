/** The statements that write requests. Runs on the writer's thread, where text is redacted and bodies are compressed. */

import { encodeMessages, joinChunks, messagesEncoding, type StoredMessage } from './body-codec.ts'
import type { SqlValue, Statement } from './driver.ts'
import type {
  AdaptationRecord,
  AttemptRow,
  BodyRecord,
  ErrorRecord,
  RecordFilter,
  RequestRecord,
} from './records.ts'

const requestColumns = [
  'id',
  'client_request_id',
  'operation',
  'created_at',
  'project',
  'key_name',
  'model',
  'provider',
  'upstream_model',
  'status',
  'http_status',
  'stream',
  'input_tokens',
  'cached_tokens',
  'output_tokens',
  'reasoning_tokens',
  'total_tokens',
  'usage_source',
  'latency_us',
  'ttft_us',
  'upstream_us',
  'overhead_us',
  'attempts',
  'response_id',
  'trace_id',
  'user_agent',
  'client_address',
] as const

const attemptColumns = [
  'attempt',
  'provider',
  'variant',
  'upstream_model',
  'url',
  'http_status',
  'started_us',
  'ttfb_us',
  'ttft_us',
  'duration_us',
  'upstream_response_id',
  'upstream_reported_model',
  'input_tokens',
  'cached_tokens',
  'output_tokens',
  'reasoning_tokens',
  'total_tokens',
  'events',
] as const

const sharedColumns = [
  'error_type',
  'error_code',
  'error_message',
  'error_param',
  'error_origin',
  'adaptations',
] as const

const upsertRequest = (() => {
  const columns = [...requestColumns, ...sharedColumns]
  const updates = columns.map((column) => `${column} = excluded.${column}`)
  return `INSERT INTO requests (key, ${columns.join(', ')}) VALUES (?${', ?'.repeat(columns.length)})
    ON CONFLICT (key) DO UPDATE SET ${updates.join(', ')}`
})()

const insertAttempt = (() => {
  const columns = [...attemptColumns, ...sharedColumns]
  return `INSERT INTO attempts (request_key, ${columns.join(', ')}) VALUES (?${', ?'.repeat(columns.length)})
    ON CONFLICT (request_key, attempt) DO NOTHING`
})()

const insertBodies = `INSERT INTO bodies (request_key, encoding, content) VALUES (?, ?, ?)
  ON CONFLICT (request_key) DO NOTHING`

/** Columns with text that callers or providers wrote. The others hold words and ids of our own. */
const freeText: ReadonlySet<string> = new Set([
  'client_request_id',
  'model',
  'upstream_model',
  'user_agent',
  'url',
  'upstream_response_id',
  'upstream_reported_model',
])

type Redact = (text: string, truncated?: boolean) => string

/** Everything that a record says, as statements; text has gone through the filter. */
export function writeRequest(record: RequestRecord, filter: RecordFilter): Statement[] {
  const { key, row, secrets } = record
  const redact: Redact = (text, truncated = false) => filter.text(text, { secrets, truncated })
  return [
    {
      sql: upsertRequest,
      params: [
        key,
        ...requestColumns.map((column) => toSql(row[column], freeText.has(column) ? redact : null)),
        ...sharedValues(row.error, row.adaptations, redact),
      ],
    },
    ...record.attempts.map((attempt) => writeAttempt(key, attempt, redact)),
    ...(record.bodies.length > 0 ? [writeBodies(record, filter)] : []),
  ]
}

function writeAttempt(key: number, attempt: AttemptRow, redact: Redact): Statement {
  return {
    sql: insertAttempt,
    params: [
      key,
      ...attemptColumns.map((column) => toSql(attempt[column], freeText.has(column) ? redact : null)),
      ...sharedValues(attempt.error, attempt.adaptations, redact),
    ],
  }
}

function writeBodies({ key, secrets, bodies }: RequestRecord, filter: RecordFilter): Statement {
  const content = encodeMessages(bodies.map((body) => toMessage(body, secrets, filter)))
  return { sql: insertBodies, params: [key, messagesEncoding, content] }
}

function toMessage(body: BodyRecord, secrets: readonly string[], filter: RecordFilter): StoredMessage {
  const { kind, attempt, chunks, bytes, truncated } = body
  return {
    kind,
    attempt,
    headers: filter.headers(body.headers, { secrets }),
    text: chunks && filter.text(joinChunks(chunks, truncated), { secrets, truncated }),
    bytes,
    truncated,
  }
}

function sharedValues(
  error: ErrorRecord | null,
  adaptations: AdaptationRecord[],
  redact: Redact,
): SqlValue[] {
  return [
    error?.type ?? null,
    toSql(error?.code ?? null, redact),
    toSql(error?.message ?? null, redact),
    toSql(error?.param ?? null, redact),
    error?.origin ?? null,
    adaptations.length === 0
      ? null
      : JSON.stringify(adaptations.map((adaptation) => redactAdaptation(adaptation, redact))),
  ]
}

function redactAdaptation({ field, action, detail }: AdaptationRecord, redact: Redact): AdaptationRecord {
  return { field: redact(field), action, detail: redact(detail) }
}

function toSql(value: string | number | boolean | null | undefined, redact: Redact | null): SqlValue {
  if (typeof value === 'string') return redact === null ? value : redact(value)
  if (typeof value === 'boolean') return value ? 1 : 0
  // Token counts come from providers: what is no whole number is not known.
  if (typeof value === 'number') return Number.isFinite(value) ? Math.round(value) : null
  return null
}

/** Ends the rows that a stopped process left open. */
export const failLeftovers: Statement = {
  sql: `UPDATE requests SET status = 'failed', error_type = 'server_error', error_code = 'gateway_restarted',
    error_message = 'The gateway stopped before this request ended.', error_origin = 'gateway'
    WHERE status = 'in_progress' RETURNING key`,
  params: [],
}
