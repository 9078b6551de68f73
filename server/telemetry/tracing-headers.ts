import type { Observer } from '../gateway/exchange.ts'

/** W3C Trace Context: version, trace id, parent id, flags; all zero ids are invalid. */
const traceparentPattern =
  /^[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-[\x21-\x7e]*)?$/
const tracestatePattern = /^[\x20-\x7e\t]{1,512}$/

/**
 * For a gateway that does not trace: the caller's trace goes on to the provider as it came, and its id into the
 * log. What is no valid trace context is left out rather than passed on.
 */
export const passTraceHeaders: Observer = {
  started(exchange) {
    exchange.traceId = traceparentPattern.exec(exchange.traceHeaders.traceparent ?? '')?.[1] ?? null
  },
  attemptStarted({ traceHeaders: { traceparent, tracestate } }, _attempt, headers) {
    if (traceparent === undefined || !traceparentPattern.test(traceparent)) return
    headers.traceparent = traceparent
    if (tracestate !== undefined && tracestatePattern.test(tracestate)) headers.tracestate = tracestate
  },
}
