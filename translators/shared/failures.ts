/** Failures that a translator finds by itself, in the form of those that providers tell. */
import type { CanonicalEvent } from './canonical.ts'
import type { EventDialect, UpstreamFailure } from './translator.ts'

/**
 * A failure of the upstream side.
 * @param code canonical, e.g. `upstream_disconnected`; it also decides the HTTP status (504 for a time-out, else 502).
 */
export function makeFailure(code: string, message: string): UpstreamFailure {
  return {
    status: code === 'upstream_timeout' ? 504 : 502,
    code,
    message,
    param: null,
    retryable: true,
    retryAfterSeconds: null,
    origin: 'upstream',
  }
}

/** The contract's error `type` for a failure inside a stream, as OpenAI's SDKs know them. */
export function errorTypeOf(failure: UpstreamFailure): string {
  const { status } = failure
  if (status === 401) return 'authentication_error'
  if (status === 403) return 'permission_error'
  if (status === 404) return 'not_found_error'
  if (status === 409) return 'conflict_error'
  if (status === 429) return 'rate_limit_error'
  return status >= 400 && status < 500 ? 'invalid_request_error' : 'server_error'
}

/**
 * The event that stands before `response.failed`. OpenAI's own wire has the members flat: clients that check it skip an event
 * without them, so in its dialect both stand there.
 */
export function makeErrorEvent(
  failure: UpstreamFailure,
  dialect: EventDialect,
  sequence: number,
): CanonicalEvent {
  const { code, message, param } = failure
  const flat = dialect === 'openai' ? { code, message, param } : {}
  const error = { type: errorTypeOf(failure), code, message, param }
  return { type: 'error', sequence_number: sequence, ...flat, error }
}
