/** An Exchange as the plain record that goes to the store's writer. */

import type { Usage } from '../../translators/shared/canonical.ts'
import type { Adaptation } from '../../translators/shared/translator.ts'
import type { Attempt, CapturedBody, Exchange } from '../gateway/exchange.ts'
import type { RequestCost } from '../gateway/money/cost.ts'
import { packCost } from '../gateway/money/pack-cost.ts'
import type {
  AdaptationRecord,
  AttemptRecord,
  BodyKind,
  DocumentHead,
  HandedOver,
  Keeping,
  RequestRecord,
  RequestRow,
} from '../store/log/records.ts'
import { withoutSecretHeaders } from './redact.ts'

/** How much of a request is kept: all, all but the bodies' contents, or the rows alone. */
export type KeptBodies = 'full' | 'metadata' | 'none'

export interface RecordOptions {
  exchange: Exchange
  key: number
  kept: KeptBodies
  /** Default: nothing of the bodies. */
  keeping?: Keeping
  /** Whether the bodies would have been kept in full, had there been room in the queue. Default false. */
  dropped?: boolean
}

export interface OpenRecordOptions extends Pick<RecordOptions, 'exchange' | 'key'> {
  /** Of this process: when it dies, others end the row. */
  instance: string
}

/** The row as it stands while the request runs. */
export function recordOpen({ exchange, key, instance }: OpenRecordOptions): RequestRecord {
  const status = exchange.background && exchange.attempts.length === 0 ? 'queued' : 'in_progress'
  const row: RequestRow = { ...toRow(exchange), status, http_status: null, instance }
  return { key, row, secrets: exchange.secrets, document: null }
}

/** That the row, if there is one, is not needed any more: another gateway has one of the request. */
export function recordHandedOver({ exchange, key }: Pick<RecordOptions, 'exchange' | 'key'>): RequestRecord {
  const status: HandedOver = 'handed_over'
  return { key, row: { ...toRow(exchange), status }, secrets: exchange.secrets, document: null }
}

/** The row at the end, with the attempts and the bodies. */
export function recordFinished({
  exchange,
  key,
  kept,
  dropped = false,
  keeping = { maxBodyBytes: 0, media: false, search: false },
}: RecordOptions): RequestRecord {
  const messages = kept === 'none' ? [] : listMessages(exchange)
  const head: DocumentHead = {
    user_agent: kept === 'none' || exchange.userAgent === '' ? null : exchange.userAgent,
    client_address: kept === 'none' || exchange.clientAddress === '' ? null : exchange.clientAddress,
    attempts: exchange.attempts.map((attempt) => toAttempt(attempt, exchange.startedAt)),
    ...(dropped && { dropped }),
    messages: messages.map(({ kind, attempt, headers, body }) => ({
      kind,
      attempt,
      headers: withoutSecretHeaders(headers),
      bytes: body.bytes,
      truncated: body.truncated,
    })),
  }
  return {
    key,
    row: toRow(exchange),
    secrets: exchange.secrets,
    document: {
      head: JSON.stringify(head),
      texts: messages.map(({ body }) => (kept === 'full' ? body : null)),
      keeping,
      ids: listIds(exchange),
    },
  }
}

function listIds({ itemIds, attempts, responseId, receivedId }: Exchange): string[] {
  const ids = receivedId === null ? [...itemIds] : [...itemIds, receivedId]
  for (const { facts } of attempts)
    if (facts?.responseId != null && facts.responseId !== responseId) ids.push(facts.responseId)
  return ids
}

/** Bytes that the captured bodies hold in memory. */
export function sizeOfBodies(exchange: Exchange): number {
  let size = sizeOfBody(exchange.clientRequest) + sizeOfBody(exchange.clientResponse)
  for (const attempt of exchange.attempts) size += sizeOfBody(attempt.request) + sizeOfBody(attempt.response)
  return size
}

function sizeOfBody({ chunks, bytes, truncated }: CapturedBody): number {
  if (!truncated) return bytes
  let size = 0
  for (const chunk of chunks) size += chunk.length
  return size
}

function toRow(exchange: Exchange): RequestRow {
  const { attempts, error, adaptations, settings } = exchange
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
    background: exchange.background,
    ...toTokens(exchange.usage),
    usage_source: exchange.usageSource,
    usage_estimator: exchange.usageEstimator,
    ...toCost(exchange.cost),
    session_id: exchange.session,
    conversation_id: settings?.conversationId ?? null,
    previous_response_id: settings?.previousResponseId ?? null,
    user_id: settings?.userId ?? null,
    service_tier: settings?.serviceTier ?? null,
    metadata: toMetadata(settings?.metadata),
    instance: null,
    latency_us: toMicroseconds(latency),
    ttft_us: elapsed(exchange.startedAt, exchange.firstOutputAt),
    upstream_us: latency === null ? null : toMicroseconds(exchange.upstreamMs),
    overhead_us: latency === null ? null : toMicroseconds(Math.max(0, latency - exchange.upstreamMs)),
    attempts: attempts.length,
    response_id: exchange.responseId,
    trace_id: exchange.traceId,
    error_type: error?.type ?? null,
    error_code: error?.code ?? null,
    error_message: error?.message ?? null,
    error_param: error?.param ?? null,
    error_origin: error?.origin ?? null,
    adaptations: adaptations.length === 0 ? null : JSON.stringify(toAdaptations(adaptations)),
  }
}

/** A request that is over is not in progress, whatever its response had come to. */
function finalStatus({ status, httpStatus }: Exchange): string {
  if (status !== null && status !== 'in_progress' && status !== 'queued') return status
  return httpStatus === 499 ? 'cancelled' : 'failed'
}

function toAttempt(attempt: Attempt, requestStartedAt: number): AttemptRecord {
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
    adaptations: toAdaptations(attempt.adaptations),
  }
}

function toCost(cost: RequestCost | null): Pick<RequestRow, 'cost_nano' | 'cost_reason' | 'cost_detail'> {
  const attempts = cost?.attempts ?? []
  return {
    cost_nano: cost?.nanos ?? null,
    cost_reason: cost?.reason ?? null,
    cost_detail: attempts.length === 0 ? null : packCost(attempts),
  }
}

function toMetadata(metadata: Record<string, string> | null | undefined): string | null {
  return metadata == null || Object.keys(metadata).length === 0 ? null : JSON.stringify(metadata)
}

function toAdaptations(adaptations: readonly Adaptation[]): AdaptationRecord[] {
  return adaptations.map(({ field, action, detail }) => ({ field, action, detail }))
}

function toTokens(usage: Usage | null) {
  return {
    input_tokens: usage?.input_tokens ?? null,
    cached_tokens: usage?.input_tokens_details.cached_tokens ?? null,
    output_tokens: usage?.output_tokens ?? null,
    reasoning_tokens: usage?.output_tokens_details.reasoning_tokens ?? null,
    total_tokens: usage?.total_tokens ?? null,
    cache_write_tokens: usage?.input_tokens_details.cache_write_tokens ?? null,
  }
}

interface Message {
  kind: BodyKind
  attempt: number
  headers: Readonly<Record<string, string>>
  body: CapturedBody
}

function listMessages(exchange: Exchange): Message[] {
  const messages: Message[] = [
    {
      kind: 'client_request',
      attempt: 0,
      headers: exchange.clientRequestHeaders,
      body: exchange.clientRequest,
    },
  ]
  for (const { index, request, requestHeaders, response, responseHeaders } of exchange.attempts) {
    messages.push(
      { kind: 'upstream_request', attempt: index, headers: requestHeaders, body: request },
      { kind: 'upstream_response', attempt: index, headers: responseHeaders, body: response },
    )
  }
  messages.push({
    kind: 'client_response',
    attempt: 0,
    headers: exchange.clientResponseHeaders,
    body: exchange.clientResponse,
  })
  return messages
}

function elapsed(from: number, to: number | null): number | null {
  return to === null ? null : toMicroseconds(Math.max(0, to - from))
}

function toMicroseconds(milliseconds: number | null): number | null {
  return milliseconds === null ? null : Math.round(milliseconds * 1000)
}
