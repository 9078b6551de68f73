/** An Exchange as the plain record that goes to the store's writer. */

import type { Usage } from '../../translators/shared/canonical.ts'
import type { Attempt, CapturedBody, Exchange } from '../gateway/exchange.ts'
import type { AttemptRow, BodyKind, BodyRecord, RequestRecord, RequestRow } from '../store/records.ts'

/** How much of a request is kept: all, all but the bodies' contents, or the rows alone. */
export type KeptBodies = 'full' | 'metadata' | 'none'

export interface RecordOptions {
  exchange: Exchange
  key: number
  kept: KeptBodies
}

/** The row as it stands while the request runs. */
export function recordOpen({ exchange, key, kept }: RecordOptions): RequestRecord {
  const row: RequestRow = { ...toRow(exchange, kept), status: 'in_progress', http_status: null }
  return { key, row, attempts: [], bodies: [], secrets: exchange.secrets }
}

/** The row at the end, with the attempts and the bodies. */
export function recordFinished({ exchange, key, kept }: RecordOptions): RequestRecord {
  return {
    key,
    row: toRow(exchange, kept),
    attempts: exchange.attempts.map((attempt) => toAttempt(attempt, exchange.startedAt)),
    bodies: kept === 'none' ? [] : toBodies(exchange, kept),
    secrets: exchange.secrets,
  }
}

/** Bytes that the captured bodies hold in memory, roughly: strings count one byte a character. */
export function sizeOfBodies(exchange: Exchange): number {
  let size = sizeOfBody(exchange.clientRequest) + sizeOfBody(exchange.clientResponse)
  for (const attempt of exchange.attempts) size += sizeOfBody(attempt.request) + sizeOfBody(attempt.response)
  return size
}

function sizeOfBody({ chunks }: CapturedBody): number {
  let size = 0
  for (const chunk of chunks) size += chunk.length
  return size
}

function toRow(exchange: Exchange, kept: KeptBodies): RequestRow {
  const { attempts, error } = exchange
  const answered = attempts.findLast((attempt) => attempt.error === null) ?? attempts.at(-1)
  const latency = exchange.endedAt === null ? null : exchange.endedAt - exchange.startedAt
  return {
    id: exchange.id,
    client_request_id: exchange.clientRequestId,
    operation: exchange.operation,
    created_at: exchange.createdAt,
    project: exchange.caller?.projectId ?? null,
    key_name: exchange.caller?.keyName ?? null,
    model: exchange.model === '' ? null : exchange.model,
    provider: answered?.provider ?? null,
    upstream_model: answered?.upstreamModel ?? null,
    status: finalStatus(exchange),
    http_status: exchange.httpStatus,
    stream: exchange.stream,
    ...toTokens(exchange.usage),
    usage_source: exchange.usageSource,
    latency_us: toMicroseconds(latency),
    ttft_us: elapsed(exchange.startedAt, exchange.firstOutputAt),
    upstream_us: latency === null ? null : toMicroseconds(exchange.upstreamMs),
    overhead_us: latency === null ? null : toMicroseconds(Math.max(0, latency - exchange.upstreamMs)),
    attempts: attempts.length,
    response_id: exchange.responseId,
    trace_id: exchange.traceId,
    error: error === null ? null : { ...error },
    adaptations: exchange.adaptations.map(({ field, action, detail }) => ({ field, action, detail })),
    user_agent: kept === 'none' || exchange.userAgent === '' ? null : exchange.userAgent,
    client_address: kept === 'none' || exchange.clientAddress === '' ? null : exchange.clientAddress,
  }
}

/** A request that is over is not in progress, whatever its response had come to. */
function finalStatus({ status, httpStatus }: Exchange): string {
  if (status !== null && status !== 'in_progress' && status !== 'queued') return status
  return httpStatus === 499 ? 'cancelled' : 'failed'
}

function toAttempt(attempt: Attempt, requestStartedAt: number): AttemptRow {
  const { startedAt, error, facts } = attempt
  return {
    attempt: attempt.index,
    provider: attempt.provider,
    variant: attempt.variant,
    upstream_model: attempt.upstreamModel,
    url: attempt.url,
    http_status: attempt.httpStatus,
    started_us: elapsed(requestStartedAt, startedAt) ?? 0,
    ttfb_us: elapsed(startedAt, attempt.headAt),
    ttft_us: elapsed(startedAt, attempt.firstOutputAt),
    duration_us: elapsed(startedAt, attempt.endedAt),
    upstream_response_id: facts?.responseId ?? null,
    upstream_reported_model: facts?.model ?? null,
    ...toTokens(attempt.usage),
    events: attempt.events,
    error: error === null ? null : { ...error },
    adaptations: attempt.adaptations.map(({ field, action, detail }) => ({ field, action, detail })),
  }
}

function toTokens(usage: Usage | null) {
  return {
    input_tokens: usage?.input_tokens ?? null,
    cached_tokens: usage?.input_tokens_details.cached_tokens ?? null,
    output_tokens: usage?.output_tokens ?? null,
    reasoning_tokens: usage?.output_tokens_details.reasoning_tokens ?? null,
    total_tokens: usage?.total_tokens ?? null,
  }
}

function toBodies(exchange: Exchange, kept: KeptBodies): BodyRecord[] {
  const body = (
    kind: BodyKind,
    attempt: number,
    captured: CapturedBody,
    headers: Record<string, string>,
  ): BodyRecord => ({
    kind,
    attempt,
    headers: { ...headers },
    chunks: kept === 'full' ? captured.chunks.map(withoutNeighbours) : null,
    bytes: captured.bytes,
    truncated: captured.truncated,
  })
  return [
    body('client_request', 0, exchange.clientRequest, exchange.clientRequestHeaders),
    ...exchange.attempts.flatMap((attempt) => [
      body('upstream_request', attempt.index, attempt.request, attempt.requestHeaders),
      body('upstream_response', attempt.index, attempt.response, attempt.responseHeaders),
    ]),
    body('client_response', 0, exchange.clientResponse, {}),
  ]
}

/** postMessage clones the whole buffer behind a view, so a small view of a large one is copied out first. */
function withoutNeighbours(chunk: string | Uint8Array): string | Uint8Array {
  if (typeof chunk === 'string') return chunk
  const { buffer, byteLength } = chunk
  return buffer.byteLength > 16_384 && buffer.byteLength > 4 * byteLength ? new Uint8Array(chunk) : chunk
}

function elapsed(from: number, to: number | null): number | null {
  return to === null ? null : toMicroseconds(Math.max(0, to - from))
}

function toMicroseconds(milliseconds: number | null): number | null {
  return milliseconds === null ? null : Math.round(milliseconds * 1000)
}
