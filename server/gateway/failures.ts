import type { CanonicalResponse } from '../../translators/shared/canonical.ts'
import type { UpstreamFailure } from '../../translators/shared/translator.ts'
import { type ErrorCode, errorKinds, errorTypeForStatus, GatewayError } from '../errors.ts'
import type { ExchangeError } from './exchange.ts'

/** A failure of a provider as the record keeps it. */
export function describeFailure({ status, code, message, param, origin }: UpstreamFailure): ExchangeError {
  return { type: errorTypeForStatus(status), code, message, param, origin }
}

/** A failure of a provider as the client gets it when no target is left. */
export function failureError(failure: UpstreamFailure): GatewayError {
  return new GatewayError('upstream_error', failure.message, {
    status: failure.status,
    type: errorTypeForStatus(failure.status),
    code: failure.code,
    param: failure.param,
    origin: failure.origin,
    retryable: failure.retryable,
    retryAfterSeconds: failure.retryAfterSeconds,
  })
}

/** A failure of the provider or of the way to it, found by the gateway. */
export function makeUpstreamFailure(code: string, message: string, status = 502): UpstreamFailure {
  return { status, code, message, param: null, retryable: true, retryAfterSeconds: null, origin: 'upstream' }
}

/** The failure that a failed response tells, for an attempt of which the client has seen nothing. */
export function failureOf({ error }: CanonicalResponse): UpstreamFailure {
  const code = error?.code ?? 'upstream_error'
  const message = error?.message ?? 'The provider failed without saying why.'
  // Of the codes that name the caller's fault this one alone cannot mean the gateway's own call.
  if (code === 'context_length_exceeded')
    return { ...makeUpstreamFailure(code, message, 400), origin: 'client', retryable: false }
  const kind = Object.hasOwn(errorKinds, code) ? errorKinds[code as ErrorCode] : null
  return makeUpstreamFailure(code, message, kind?.origin === 'upstream' ? kind.status : 502)
}

/** An error of the gateway as the emitter takes it, for a stream that has been opened. */
export function failureOfError(error: GatewayError): UpstreamFailure {
  const { status, code, message, param, retryable, retryAfterSeconds, origin } = error
  return {
    status,
    code,
    message,
    param,
    retryable,
    retryAfterSeconds,
    origin: origin === 'client' ? 'client' : 'upstream',
  }
}
