/** What of an exchange goes into which series. */
import type { Registry } from 'prom-client'
import type { Usage } from '../../translators/shared/canonical.ts'
import { errorKinds } from '../errors.ts'
import type { Attempt, Exchange } from '../gateway/exchange.ts'
import {
  cacheChildren,
  createClosedLabel,
  createFieldLabel,
  type LabelLimiter,
  otherLabel,
} from './metrics-labels.ts'
import { createAttemptSeries, createGenAiSeries, createRequestSeries } from './metrics-series.ts'

const errorTypes = [...Object.values(errorKinds).map((kind) => kind.type), 'conflict_error']
/** Codes that clients and attempts may carry: the gateway's own, and those that only a provider's answer has. */
const errorCodes = [
  ...Object.keys(errorKinds),
  'upstream_quota_exceeded',
  'upstream_model_not_found',
  'server_error',
  'insufficient_quota',
]
const statuses = ['completed', 'incomplete', 'failed', 'cancelled', 'queued', 'in_progress']

/** Records a finished request. */
export function createRequestRecorder(registry: Registry, models: LabelLimiter, fields: Iterable<string>) {
  const series = createRequestSeries(registry)
  const errorType = createClosedLabel(errorTypes)
  const errorCode = createClosedLabel(errorCodes)
  const status = createClosedLabel(statuses)
  const field = createFieldLabel(fields)
  const requests = cacheChildren((...labels) => series.requests.labels(...labels))
  const errors = cacheChildren((...labels) => series.errors.labels(...labels))
  const adaptations = cacheChildren((...labels) => series.adaptations.labels(...labels))
  const disconnects = cacheChildren((...labels) => series.disconnects.labels(...labels))
  const times = createTimesRecorder(series)
  const tokens = createTokensRecorder(series)

  return function record(exchange: Exchange): void {
    const { error } = exchange
    const provider = exchange.attempts.at(-1)?.provider ?? ''
    const model = models.label(exchange.model, isAnswered(exchange))
    const stream = String(exchange.stream)
    const httpStatus = exchange.httpStatus === null ? '' : `${Math.trunc(exchange.httpStatus / 100)}xx`
    requests(
      provider,
      model,
      stream,
      status(exchange.status ?? ''),
      httpStatus,
      errorType(error?.type ?? ''),
    ).inc()
    if (error !== null) errors(error.origin, errorCode(error.code)).inc()
    if (exchange.httpStatus === 499 || error?.code === 'client_closed_request') disconnects(stream).inc()
    for (const change of exchange.adaptations) adaptations(provider, field(change.field), change.action).inc()
    tokens(exchange, model)
    times(exchange, provider, model, stream)
  }
}

/** A name takes one of the free places only once a provider has answered to it: clients can invent names, not answers. */
function isAnswered(exchange: Exchange): boolean {
  return exchange.status === 'completed' || exchange.status === 'incomplete'
}

type RequestSeries = ReturnType<typeof createRequestSeries>

function createTimesRecorder(series: RequestSeries) {
  const durations = cacheChildren((...labels) => series.duration.labels(...labels))
  const firstTokens = cacheChildren((...labels) => series.firstToken.labels(...labels))
  const overheads = cacheChildren((...labels) => series.overhead.labels(...labels))
  return (exchange: Exchange, provider: string, model: string, stream: string): void => {
    if (exchange.endedAt === null) return
    const total = exchange.endedAt - exchange.startedAt
    const outcome = exchange.error === null ? 'success' : 'error'
    durations(provider, model, stream, outcome).observe(toSeconds(total))
    overheads(stream).observe(toSeconds(total - exchange.upstreamMs))
    if (exchange.stream && exchange.firstOutputAt !== null)
      firstTokens(provider, model).observe(toSeconds(exchange.firstOutputAt - exchange.startedAt))
  }
}

/** Every call costs tokens, also one that failed; only when the answering one told none does the gateway's own count stand in. */
function createTokensRecorder(series: RequestSeries) {
  const tokens = cacheChildren((...labels) => series.tokens.labels(...labels))
  function add(usage: Usage, provider: string, model: string): void {
    for (const [type, count] of countTypes(usage)) if (count > 0) tokens(provider, model, type).inc(count)
  }
  return (exchange: Exchange, model: string): void => {
    for (const attempt of exchange.attempts)
      if (attempt.usage !== null) add(attempt.usage, attempt.provider, model)
    const last = exchange.attempts.at(-1)
    if (exchange.usage !== null && (last?.usage ?? null) === null)
      add(exchange.usage, last?.provider ?? '', model)
  }
}

function countTypes(usage: Usage): [type: string, count: number][] {
  return [
    ['input', toCount(usage.input_tokens)],
    ['cached_input', toCount(usage.input_tokens_details.cached_tokens)],
    ['output', toCount(usage.output_tokens)],
    ['reasoning', toCount(usage.output_tokens_details.reasoning_tokens)],
  ]
}

/** prom-client throws on a number that is none, and a provider's usage is only a claim. */
function toCount(value: number): number {
  return Number.isFinite(value) && value > 0 ? value : 0
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
  registry,
  models,
  responseModels,
  providers,
}: {
  registry: Registry
  models: LabelLimiter
  responseModels: LabelLimiter
  providers: Iterable<string>
}) {
  const series = createAttemptSeries(registry)
  const errorCode = createClosedLabel(errorCodes)
  const attempts = cacheChildren((...labels) => series.attempts.labels(...labels))
  const retries = cacheChildren((...labels) => series.retries.labels(...labels))
  const fallbacks = cacheChildren((...labels) => series.fallbacks.labels(...labels))
  for (const provider of providers) {
    attempts(provider, '').inc(0)
    retries(provider).inc(0)
  }
  const recordGenAi = createGenAiRecorder(registry, models, responseModels)
  return {
    started(exchange: Exchange, attempt: Attempt): void {
      const previous = attempt.index > 1 ? exchange.attempts[attempt.index - 2] : undefined
      if (previous === undefined) return
      if (previous.provider === attempt.provider && previous.upstreamModel === attempt.upstreamModel)
        retries(attempt.provider).inc()
      else fallbacks(previous.provider, attempt.provider).inc()
    },
    ended(exchange: Exchange, attempt: Attempt): void {
      attempts(attempt.provider, errorCode(codeOf(attempt))).inc()
      recordGenAi(exchange, attempt)
    },
  }
}

function createGenAiRecorder(registry: Registry, models: LabelLimiter, responseModels: LabelLimiter) {
  const series = createGenAiSeries(registry)
  // The conventions' own word for an error that is not in the list.
  const errorType = createClosedLabel(errorCodes, '_OTHER')
  const durations = cacheChildren((...labels) => series.operationDuration.labels(...labels))
  const firstChunks = cacheChildren((...labels) => series.timeToFirstChunk.labels(...labels))
  const outputChunks = cacheChildren((...labels) => series.timePerOutputChunk.labels(...labels))
  const tokens = cacheChildren((...labels) => series.tokenUsage.labels(...labels))

  return function record(exchange: Exchange, attempt: Attempt): void {
    const { endedAt, firstOutputAt, usage } = attempt
    const code = codeOf(attempt)
    const succeeded = code === ''
    const model = models.label(attempt.upstreamModel, succeeded)
    const reported = attempt.facts?.model ?? ''
    const responseModel =
      model === otherLabel && reported !== '' ? otherLabel : responseModels.label(reported, succeeded)
    const common = ['chat', attempt.provider, model, responseModel]
    if (endedAt !== null)
      durations(...common, errorType(code)).observe(toSeconds(endedAt - attempt.startedAt))
    if (exchange.stream && firstOutputAt !== null) {
      firstChunks(...common).observe(toSeconds(firstOutputAt - attempt.startedAt))
      if (endedAt !== null && attempt.events > 1)
        outputChunks(...common).observe(toSeconds((endedAt - firstOutputAt) / (attempt.events - 1)))
    }
    if (usage === null || exchange.usageSource === 'estimated') return
    // Nothing cached and nothing reasoned are no recordings: they would drown the sizes of those that did.
    for (const [type, count] of countTypes(usage))
      if (count > 0 || type === 'input' || type === 'output') tokens(...common, type).observe(count)
  }
}
