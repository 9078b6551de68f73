import type { Context, Span, TracerProvider } from '@opentelemetry/api'
import type { Attempt, Exchange, Observer } from '../gateway/exchange.ts'
import { describeAnswer, describeCall, describeOutcome, describeRequest } from './tracing-attributes.ts'
import { describeContent } from './tracing-content.ts'

/** The module `@opentelemetry/api`; imported by who creates the observer, so that it costs nothing when tracing is off. */
export type OpenTelemetry = typeof import('@opentelemetry/api')

interface Spans {
  request: Span
  context: Context
  /** Calls whose span has not ended. */
  calls: Map<Attempt, Span>
}

/**
 * One SERVER span per request, joined to the caller's trace, and under it one CLIENT span per call to a provider.
 * All times are the exchange's own. The span of the last call ends with the request, when all is known about it.
 */
export function createTracingObserver({
  api,
  provider,
  version,
  captureContent,
}: {
  api: OpenTelemetry
  provider: TracerProvider
  version: string
  /** Whether prompts and answers become attributes; they need the log's bodies to be kept. */
  captureContent: boolean
}): Observer {
  const tracer = provider.getTracer('dragoman', version)
  const open = new WeakMap<Exchange, Spans>()

  function endCall(exchange: Exchange, attempt: Attempt, span: Span): void {
    if (span.isRecording()) {
      span.setAttributes(describeOutcome(exchange, attempt))
      for (const { field, action, detail } of attempt.adaptations)
        span.addEvent(
          'dragoman.adaptation',
          { field, action, detail },
          toWallClock(exchange, attempt.startedAt),
        )
      if (attempt.error !== null)
        span.setStatus({ code: api.SpanStatusCode.ERROR, message: attempt.error.message })
    }
    span.end(toWallClock(exchange, attempt.endedAt ?? exchange.endedAt))
  }

  return {
    started(exchange) {
      const parent = api.propagation.extract(api.ROOT_CONTEXT, exchange.traceHeaders)
      const options = {
        kind: api.SpanKind.SERVER,
        startTime: exchange.createdAt,
        attributes: describeRequest(exchange),
      }
      const request = tracer.startSpan('POST /v1/responses', options, parent)
      open.set(exchange, { request, context: api.trace.setSpan(parent, request), calls: new Map() })
      const spanContext = request.spanContext()
      exchange.traceId = api.isSpanContextValid(spanContext) ? spanContext.traceId : null
    },
    attemptStarted(exchange, attempt, headers) {
      const spans = open.get(exchange)
      if (spans === undefined) return
      const call = tracer.startSpan(
        `chat ${attempt.upstreamModel}`,
        {
          kind: api.SpanKind.CLIENT,
          startTime: toWallClock(exchange, attempt.startedAt),
          attributes: spans.request.isRecording() ? describeCall(exchange, attempt) : {},
        },
        spans.context,
      )
      spans.calls.set(attempt, call)
      api.propagation.inject(api.trace.setSpan(spans.context, call), headers)
    },
    firstOutput(exchange, attempt) {
      const at = toWallClock(exchange, attempt.firstOutputAt)
      open.get(exchange)?.calls.get(attempt)?.addEvent('dragoman.first_output', at)
    },
    attemptEnded(exchange, attempt, willRetry) {
      const spans = open.get(exchange)
      const call = spans?.calls.get(attempt)
      if (!willRetry || spans === undefined || call === undefined) return
      spans.calls.delete(attempt)
      endCall(exchange, attempt, call)
    },
    finished(exchange) {
      const spans = open.get(exchange)
      if (spans === undefined) return
      open.delete(exchange)
      const answering = exchange.attempts.at(-1)
      for (const [attempt, call] of spans.calls) {
        if (call.isRecording() && attempt === answering) {
          // The word the response has for its end: whether a tool call or a stop ended it stands in the output alone.
          if (exchange.status !== null) call.setAttribute('gen_ai.response.finish_reasons', [exchange.status])
          if (captureContent) call.setAttributes(describeContent(exchange))
        }
        endCall(exchange, attempt, call)
      }
      endRequest(exchange, spans.request)
    },
  }

  function endRequest(exchange: Exchange, request: Span): void {
    if (request.isRecording()) {
      request.setAttributes(describeAnswer(exchange))
      const { error } = exchange
      // HTTP conventions: what the caller did wrong is no error of the server.
      if (error !== null && error.origin !== 'client')
        request.setStatus({ code: api.SpanStatusCode.ERROR, message: error.message })
    }
    request.end(toWallClock(exchange, exchange.endedAt))
  }
}

/** Unix milliseconds of a moment that the exchange tells by `performance.now()`. */
function toWallClock(exchange: Exchange, moment: number | null): number {
  return exchange.createdAt + ((moment ?? performance.now()) - exchange.startedAt)
}
