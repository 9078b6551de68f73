import type { Context, Span, TracerProvider } from '@opentelemetry/api'
import type { Adaptation } from '../../translators/shared/translator.ts'
import type { Attempt, Exchange, ExchangeError, Observer } from '../gateway/exchange.ts'
import type { Conventions } from './conventions.ts'
import {
  describeAnswer,
  describeCall,
  describeOutcome,
  describeRequest,
  describeResumption,
  nameCall,
  nameRequest,
} from './tracing-attributes.ts'
import { describeContent } from './tracing-content.ts'

/** The module `@opentelemetry/api`; imported by who creates the observer, so that it costs nothing when tracing is off. */
export type OpenTelemetry = typeof import('@opentelemetry/api')

interface Spans {
  request: Span
  context: Context
  /** It has no request of its own: the process that took that is gone. */
  resumed: boolean
  /** Calls whose span has not ended. */
  calls: Map<Attempt, Span>
}

/**
 * One SERVER span per request, joined to the caller's trace, and under it one CLIENT span per call to a provider.
 * All times are the exchange's own. The spans of the last calls are told with the request, when all is known about them.
 *
 * The SERVER span of a background response lasts as long as the response. A later process that goes on with it tells a
 * CONSUMER span under the SERVER span of the first, with the calls that it makes.
 */
export function createTracingObserver({
  api,
  provider,
  version,
  captureContent,
  conventions,
}: {
  api: OpenTelemetry
  provider: TracerProvider
  version: string
  /** Whether prompts and answers become attributes; they need the log's bodies to be kept. */
  captureContent: boolean
  conventions: Conventions
}): Observer {
  const tracer = provider.getTracer('dragoman', version)
  const open = new WeakMap<Exchange, Spans>()

  /** A provider's words may quote the prompt: who did not opt in gets the code alone, in `error.type`. */
  function setError(span: Span, { origin, message }: ExchangeError): void {
    const told = captureContent || origin === 'gateway'
    span.setStatus({ code: api.SpanStatusCode.ERROR, ...(told ? { message } : {}) })
  }

  function endCall(exchange: Exchange, attempt: Attempt, span: Span): void {
    if (span.isRecording()) {
      span.setAttributes(describeOutcome(exchange, attempt, conventions))
      for (const adaptation of attempt.adaptations)
        tellAdaptation(span, adaptation, toWallClock(exchange, attempt.startedAt))
      if (attempt.error !== null) setError(span, attempt.error)
    }
    // What comes as one body is output only after its last byte, and stands in the span all the same.
    const { endedAt, firstOutputAt } = attempt
    const end = endedAt === null || firstOutputAt === null ? endedAt : Math.max(endedAt, firstOutputAt)
    span.end(toWallClock(exchange, end ?? exchange.endedAt))
  }

  return {
    started(exchange) {
      // A request is not known to run in the background before it has been read.
      const resumed = exchange.background
      // What else the caller tells of itself (baggage) is no business of the provider's.
      const { baggage: _baggage, ...headers } = exchange.clientRequestHeaders
      const parent = api.propagation.extract(api.ROOT_CONTEXT, { ...headers, ...exchange.traceHeaders })
      const request = tracer.startSpan(
        resumed ? exchange.operation : nameRequest(exchange),
        {
          kind: resumed ? api.SpanKind.CONSUMER : api.SpanKind.SERVER,
          startTime: exchange.createdAt,
          attributes: resumed ? describeResumption(exchange) : describeRequest(exchange),
        },
        parent,
      )
      const context = api.trace.setSpan(parent, request)
      open.set(exchange, { request, context, resumed, calls: new Map() })
      exchange.traceHeaders = {}
      api.propagation.inject(context, exchange.traceHeaders)
      const spanContext = request.spanContext()
      exchange.traceId = api.isSpanContextValid(spanContext) ? spanContext.traceId : null
    },
    attemptStarted(exchange, attempt, headers) {
      const spans = open.get(exchange)
      if (spans === undefined) return
      const call = tracer.startSpan(
        nameCall(attempt),
        {
          kind: api.SpanKind.CLIENT,
          startTime: toWallClock(exchange, attempt.startedAt),
          attributes: spans.request.isRecording() ? describeCall(exchange, attempt, conventions) : {},
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
        if (captureContent && call.isRecording() && attempt === answering)
          call.setAttributes(describeContent(exchange))
        endCall(exchange, attempt, call)
      }
      endRequest(exchange, spans)
    },
  }

  function endRequest(exchange: Exchange, { request, resumed }: Spans): void {
    const end = toWallClock(exchange, exchange.endedAt)
    if (request.isRecording()) {
      request.setAttributes(describeAnswer(exchange, { resumed }))
      for (const adaptation of adaptationsOfRequest(exchange)) tellAdaptation(request, adaptation, end)
      const { error } = exchange
      // HTTP conventions: what the caller did wrong is no error of the server.
      if (error !== null && error.origin !== 'client') setError(request, error)
    }
    request.end(end)
  }
}

function tellAdaptation(span: Span, { field, action, detail }: Adaptation, at: number): void {
  const attributes = {
    'dragoman.adaptation.field': field,
    'dragoman.adaptation.action': action,
    'dragoman.adaptation.detail': detail,
  }
  span.addEvent('dragoman.adaptation', attributes, at)
}

/** Those that no call is told with. */
function adaptationsOfRequest({ adaptations, attempts }: Exchange): Adaptation[] {
  const ofCalls = new Set(attempts.flatMap((attempt) => attempt.adaptations))
  return adaptations.filter((adaptation) => !ofCalls.has(adaptation))
}

/** Unix milliseconds of a moment that the exchange tells by `performance.now()`. */
function toWallClock(exchange: Exchange, moment: number | null): number {
  return exchange.createdAt + ((moment ?? performance.now()) - exchange.startedAt)
}
