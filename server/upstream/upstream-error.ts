/** What can go wrong with a call to a provider below HTTP, in words that are safe for the client. */

import { errors } from 'undici'
import { type ErrorCode, GatewayError } from '../errors.ts'

export type UpstreamErrorKind =
  | 'connect_failed'
  | 'connect_timeout'
  | 'first_byte_timeout'
  | 'idle_timeout'
  | 'total_timeout'
  | 'unread_timeout'
  | 'disconnected'
  | 'protocol'
  | 'aborted'

const codes = {
  connect_failed: 'upstream_unreachable',
  connect_timeout: 'upstream_timeout',
  first_byte_timeout: 'upstream_timeout',
  idle_timeout: 'upstream_timeout',
  total_timeout: 'upstream_timeout',
  unread_timeout: 'answer_unread',
  disconnected: 'upstream_disconnected',
  protocol: 'upstream_invalid_response',
  aborted: 'client_closed_request',
} as const satisfies Record<UpstreamErrorKind, ErrorCode>

/**
 * A failed call. The message names no address; `cause` may and is for the process log only.
 * Being a GatewayError, it can be thrown on as it is.
 */
export class UpstreamError extends GatewayError {
  readonly kind: UpstreamErrorKind
  /** Whether any byte of the request may have reached the provider. False: repeating the call cannot do anything twice. */
  readonly sent: boolean

  constructor(kind: UpstreamErrorKind, message: string, options: { sent: boolean; cause?: unknown }) {
    super(codes[kind], message, { cause: options.cause })
    this.name = 'UpstreamError'
    this.kind = kind
    this.sent = options.sent
  }
}

/** How far a call had come when it failed. */
export interface CallProgress {
  /** An open connection was there and the request was written to it. */
  sent: boolean
  /** The first byte of the response was there. */
  responded: boolean
}

const protocolCodes = new Set([
  'UND_ERR_HEADERS_OVERFLOW',
  'UND_ERR_INVALID_ARG',
  'UND_ERR_RES_EXCEEDED_MAX_SIZE',
])

/** An error of undici, the socket, TLS or the resolver, told as one of the kinds. */
export function describeFailure(error: unknown, { sent, responded }: CallProgress): UpstreamError {
  if (error instanceof UpstreamError) return error
  const code = errorCode(error)
  const detail = code === '' ? '' : ` (${code})`
  if (code === 'UND_ERR_CONNECT_TIMEOUT') {
    return new UpstreamError('connect_timeout', 'No connection to the provider could be opened in time.', {
      sent: false,
      cause: error,
    })
  }
  if (!sent && (code === 'UND_ERR_INVALID_ARG' || code === 'ERR_INVALID_URL')) {
    return new UpstreamError(
      'protocol',
      'The request to the provider could not be formed: its URL or a header is invalid.',
      {
        sent,
        cause: error,
      },
    )
  }
  if (error instanceof errors.HTTPParserError && !error.message.includes('Invalid EOF state')) {
    return new UpstreamError('protocol', `The provider's answer is not valid HTTP${detail}.`, {
      sent,
      cause: error,
    })
  }
  if (protocolCodes.has(code) || isBadResponse(error)) {
    return new UpstreamError('protocol', `The provider's answer is not one that HTTP allows here${detail}.`, {
      sent,
      cause: error,
    })
  }
  if (!sent) {
    return new UpstreamError('connect_failed', `The provider could not be reached${detail}.`, {
      sent,
      cause: error,
    })
  }
  const when = responded ? 'in the middle of its answer' : 'before it answered'
  return new UpstreamError('disconnected', `The provider closed the connection ${when}.`, {
    sent,
    cause: error,
  })
}

/** undici's words for a response that nobody asked for, or an upgrade. */
function isBadResponse(error: unknown): boolean {
  return error instanceof Error && (error.message === 'bad response' || error.message === 'bad upgrade')
}

/** `error.code` where it is one word; of several failed addresses, the first one's. */
export function errorCode(error: unknown): string {
  if (!(error instanceof Error)) return ''
  const { code } = error as Error & { code?: unknown }
  if (typeof code === 'string') return /^\w+$/.test(code) ? code : ''
  return error instanceof AggregateError ? errorCode(error.errors[0]) : ''
}
