/**
 * The errors of the gateway: few kinds, each with its HTTP status, the contract's `type` and `code`, whose fault
 * it is, and whether the same call may succeed later. OpenAI's SDKs choose their class by the status alone.
 */

/** Whose fault: the caller's request, the gateway itself, or the provider behind it. */
export type ErrorOrigin = 'client' | 'gateway' | 'upstream'

/** The contract's error object, as it stands in `{"error": …}`. */
export interface ErrorBody {
  message: string
  type: string
  param: string | null
  code: string | null
}

interface ErrorKind {
  status: number
  type: string
  origin: ErrorOrigin
  retryable: boolean
}

/** Every kind, keyed by the `code` that the client sees. */
export const errorKinds = {
  invalid_request: { status: 400, type: 'invalid_request_error', origin: 'client', retryable: false },
  invalid_json: { status: 400, type: 'invalid_request_error', origin: 'client', retryable: false },
  unsupported_parameter: { status: 400, type: 'invalid_request_error', origin: 'client', retryable: false },
  previous_response_not_found: {
    status: 400,
    type: 'invalid_request_error',
    origin: 'client',
    retryable: false,
  },
  prompt_not_found: { status: 400, type: 'invalid_request_error', origin: 'client', retryable: false },
  invalid_encrypted_content: {
    status: 400,
    type: 'invalid_request_error',
    origin: 'client',
    retryable: false,
  },
  context_length_exceeded: { status: 400, type: 'invalid_request_error', origin: 'client', retryable: false },
  invalid_api_key: { status: 401, type: 'authentication_error', origin: 'client', retryable: false },
  project_mismatch: { status: 403, type: 'permission_error', origin: 'client', retryable: false },
  permission_denied: { status: 403, type: 'permission_error', origin: 'client', retryable: false },
  not_found: { status: 404, type: 'not_found_error', origin: 'client', retryable: false },
  model_not_found: { status: 404, type: 'not_found_error', origin: 'client', retryable: false },
  conversation_not_found: { status: 404, type: 'not_found_error', origin: 'client', retryable: false },
  method_not_allowed: { status: 405, type: 'invalid_request_error', origin: 'client', retryable: false },
  answer_unread: { status: 408, type: 'invalid_request_error', origin: 'client', retryable: true },
  request_timeout: { status: 408, type: 'invalid_request_error', origin: 'client', retryable: true },
  conversation_locked: { status: 409, type: 'conflict_error', origin: 'client', retryable: true },
  rebuild_in_progress: { status: 409, type: 'conflict_error', origin: 'client', retryable: true },
  reprice_in_progress: { status: 409, type: 'conflict_error', origin: 'client', retryable: true },
  idempotency_key_in_progress: { status: 409, type: 'conflict_error', origin: 'client', retryable: true },
  idempotency_key_conflict: { status: 409, type: 'conflict_error', origin: 'client', retryable: false },
  body_too_large: { status: 413, type: 'invalid_request_error', origin: 'client', retryable: false },
  unsupported_media_type: { status: 415, type: 'invalid_request_error', origin: 'client', retryable: false },
  rate_limit_exceeded: { status: 429, type: 'rate_limit_error', origin: 'upstream', retryable: true },
  client_closed_request: { status: 499, type: 'invalid_request_error', origin: 'client', retryable: false },
  internal_error: { status: 500, type: 'server_error', origin: 'gateway', retryable: true },
  gateway_restarted: { status: 500, type: 'server_error', origin: 'gateway', retryable: true },
  upstream_error: { status: 502, type: 'server_error', origin: 'upstream', retryable: true },
  upstream_unreachable: { status: 502, type: 'server_error', origin: 'upstream', retryable: true },
  upstream_authentication_failed: { status: 502, type: 'server_error', origin: 'upstream', retryable: true },
  upstream_disconnected: { status: 502, type: 'server_error', origin: 'upstream', retryable: true },
  upstream_invalid_response: { status: 502, type: 'server_error', origin: 'upstream', retryable: true },
  invalid_structured_output: { status: 502, type: 'server_error', origin: 'upstream', retryable: true },
  provider_not_configured: { status: 503, type: 'server_error', origin: 'gateway', retryable: false },
  store_unavailable: { status: 503, type: 'server_error', origin: 'gateway', retryable: true },
  shutting_down: { status: 503, type: 'server_error', origin: 'gateway', retryable: true },
  upstream_timeout: { status: 504, type: 'server_error', origin: 'upstream', retryable: true },
} as const satisfies Record<string, ErrorKind>

export type ErrorCode = keyof typeof errorKinds

export interface GatewayErrorOptions {
  /** The canonical field at fault, e.g. `tools[2].name`. */
  param?: string | null
  /** Overrides of the kind, for errors that a provider told with a status of its own. */
  status?: number
  type?: string
  code?: string
  origin?: ErrorOrigin
  retryable?: boolean
  retryAfterSeconds?: number | null
  cause?: unknown
}

/** The one error that request code throws. Its message is for the client and holds the fix, never a secret. */
export class GatewayError extends Error {
  readonly status: number
  readonly type: string
  readonly code: string
  readonly param: string | null
  readonly origin: ErrorOrigin
  readonly retryable: boolean
  readonly retryAfterSeconds: number | null

  constructor(kind: ErrorCode, message: string, options: GatewayErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'GatewayError'
    const base = errorKinds[kind]
    this.status = options.status ?? base.status
    this.type = options.type ?? base.type
    this.code = options.code ?? kind
    this.param = options.param ?? null
    this.origin = options.origin ?? base.origin
    this.retryable = options.retryable ?? base.retryable
    this.retryAfterSeconds = options.retryAfterSeconds ?? null
  }

  /** `{"error": …}` as the contract has it. */
  toBody(): { error: ErrorBody } {
    return { error: { message: this.message, type: this.type, param: this.param, code: this.code } }
  }
}

/**
 * Any thrown value as a GatewayError; a StoreError becomes `store_unavailable`, anything else an `internal_error` that
 * tells the client nothing.
 */
export function toGatewayError(thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown
  // By its name: nothing may be imported here.
  if (thrown instanceof Error && thrown.name === 'StoreError')
    return new GatewayError('store_unavailable', 'The store cannot be used at the moment. Try again.', {
      cause: thrown,
    })
  return new GatewayError(
    'internal_error',
    'The gateway failed unexpectedly. The request id finds it in the log.',
    {
      cause: thrown,
    },
  )
}

/** Whether what was thrown is the operator's business: a defect, or a store that fails. `error` is what became of it. */
export function isOperatorsBusiness(thrown: unknown, error: GatewayError): boolean {
  return error !== thrown || error.code === 'internal_error'
}

/** The contract's error `type` for an HTTP status, as OpenAI's SDKs know them. */
export function errorTypeForStatus(status: number): string {
  if (status === 401) return 'authentication_error'
  if (status === 403) return 'permission_error'
  if (status === 404) return 'not_found_error'
  if (status === 409) return 'conflict_error'
  if (status === 429) return 'rate_limit_error'
  return status >= 500 ? 'server_error' : 'invalid_request_error'
}
