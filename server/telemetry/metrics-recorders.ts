/** What of an exchange goes into which series. */
import { errorKinds } from '../errors.ts'
import type { Attempt, Exchange } from '../gateway/exchange.ts'
import { nameOperation } from './conventions.ts'
import type { GenAiSeries } from './metrics-genai.ts'
import { createClosedLabel, createFieldLabel, type LabelLimiter, otherLabel } from './metrics-labels.ts'
import type { AttemptSeries, RequestSeries } from './metrics-series.ts'
import { createUseRecorder, type UseSeries } from './metrics-tokens.ts'

const errorTypes = [...Object.values(errorKinds).map((kind) => kind.type), 'conflict_error']
/** Codes that clients and attempts may carry: the gateway's own, and those that only a provider's answer has. */
const errorCodes = [
  ...Object.keys(errorKinds),
  'upstream_quota_exceeded',
  'upstream_model_not_found',
  'upstream_not_implemented',
  'upstream_overloaded',
  'server_error',
  'insufficient_quota',
]
const statuses = ['completed', 'incomplete', 'failed', 'cancelled', 'queued', 'in_progress']

/** Records a finished request. */
export function createRequestRecorder({
  series,
  use,
  models,
  fields,
}: {
  series: RequestSeries
  use: UseSeries
  models: LabelLimiter
  fields: Iterable<string>
}) {
  const errorType = createClosedLabel(errorTypes)
  const errorCode = createClosedLabel(errorCodes)
  const status = createClosedLabel(statuses)
  const field = createFieldLabel(fields)
  const times = createTimesRecorder(series)
  const recordUse = createUseRecorder(use)

  return function record(exchange: Exchange): void {
    const { error } = exchange
    const provider = exchange.attempts.at(-1)?.provider ?? ''
    const model = models.label(exchange.model, isAnswered(exchange))
    const stream = String(exchange.stream)
    const httpStatus = exchange.httpStatus === null ? '' : `${Math.trunc(exchange.httpStatus / 100)}xx`
    series.requests
      .cell(provider, model, stream, status(exchange.status ?? ''), httpStatus, errorType(error?.type ?? ''))
      .inc()
    if (error !== null) series.errors.cell(error.origin, errorCode(error.code)).inc()
    if (exchange.httpStatus === 499 || error?.code === 'client_closed_request')
      series.disconnects.cell(stream).inc()
    for (const change of exchange.adaptations)
      series.adaptations.cell(provider, field(change.field), change.action).inc()
    recordUse(exchange, model)
    times(exchange, provider, model, stream)
  }
}

/** A name takes one of the free places only once a provider has answered to it: clients can invent names, not answers. */
function isAnswered(exchange: Exchange): boolean {
  return exchange.status === 'completed' || exchange.status === 'incomplete'
}

function createTimesRecorder(series: RequestSeries) {
  return (exchange: Exchange, provider: string, model: string, stream: string): void => {
    if (exchange.endedAt === null) return
    const total = exchange.endedAt - exchange.startedAt
    const outcome = exchange.error === null ? 'success' : 'error'
    const trace = findTrace(exchange)
    series.duration.cell(provider, model, stream, outcome).observe(toSeconds(total), trace)
    series.overhead.cell(stream).observe(toSeconds(total - exchange.upstreamMs), trace)
    if (exchange.stream && exchange.firstOutputAt !== null)
      series.firstToken
        .cell(provider, model)
        .observe(toSeconds(exchange.firstOutputAt - exchange.startedAt), trace)
  }
}

/** Of a trace that is kept: a chart that leads to one that is not leads nowhere. */
function findTrace({ traceId, traceHeaders: { traceparent } }: Exchange): string | null {
  if (traceId === null || traceparent === undefined) return traceId
  const flags = Number.parseInt(traceparent.slice(-2), 16)
  return (flags & 1) === 1 ? traceId : null
}

function toSeconds(milliseconds: number): number {
  return Math.max(0, milliseconds) / 1000
}

/** A call without an error of its own and without an answer was given up because the client had gone. Empty: it succeeded. */
function codeOf({ error, facts }: Attempt): string {
  if (error !== null) return error.code
  return facts === null ? 'client_closed_request' : ''
}

/** Records calls to providers, ours and those of the GenAI conventions. */
export function createAttemptRecorder({
  series,
  genAi,
  models,
  responseModels,
  providers,
}: {
  series: AttemptSeries
  genAi: GenAiSeries
  models: LabelLimiter
  responseModels: LabelLimiter
  providers: Iterable<string>
}) {
  const errorCode = createClosedLabel(errorCodes)
  for (const provider of providers) {
    series.attempts.cell(provider, '').inc(0)
    series.retries.cell(provider).inc(0)
  }
  const recordGenAi = createGenAiRecorder(genAi, models, responseModels)
  return {
    started(exchange: Exchange, attempt: Attempt): void {
      const previous = attempt.index > 1 ? exchange.attempts[attempt.index - 2] : undefined
      if (previous === undefined) return
      if (previous.provider === attempt.provider && previous.upstreamModel === attempt.upstreamModel)
        series.retries.cell(attempt.provider).inc()
      else series.fallbacks.cell(previous.provider, attempt.provider).inc()
    },
    ended(exchange: Exchange, attempt: Attempt): void {
      series.attempts.cell(attempt.provider, errorCode(codeOf(attempt))).inc()
      recordGenAi(exchange, attempt)
    },
  }
}

function createGenAiRecorder(series: GenAiSeries, models: LabelLimiter, responseModels: LabelLimiter) {
  // The conventions' own word for an error that is not in the list.
  const errorType = createClosedLabel(errorCodes, '_OTHER')

  return function record(exchange: Exchange, attempt: Attempt): void {
    const { endedAt, firstOutputAt, usage } = attempt
    const code = codeOf(attempt)
    const succeeded = code === ''
    const model = models.label(attempt.upstreamModel, succeeded)
    const reported = attempt.facts?.model ?? ''
    const responseModel =
      model === otherLabel && reported !== '' ? otherLabel : responseModels.label(reported, succeeded)
    const streamed = exchange.stream && firstOutputAt !== null
    series.record({
      labels: [nameOperation(attempt.url), attempt.provider, model, responseModel],
      errorType: errorType(code),
      duration: endedAt === null ? null : toSeconds(endedAt - attempt.startedAt),
      timeToFirstChunk: streamed ? toSeconds(firstOutputAt - attempt.startedAt) : null,
      timePerOutputChunk:
        streamed && endedAt !== null && attempt.events > 1
          ? toSeconds((endedAt - firstOutputAt) / (attempt.events - 1))
          : null,
      usage: isEstimated(exchange, attempt) ? null : usage,
      traceId: findTrace(exchange),
    })
  }
}

function isEstimated(exchange: Exchange, attempt: Attempt): boolean {
  return attempt.usageSource === 'estimated' || exchange.usageSource === 'estimated'
}
