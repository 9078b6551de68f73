import type { ServerResponse } from 'node:http'
import type { GatewayError } from '../errors.ts'

export interface ErrorReply {
  body: string
  headers: Record<string, string | number>
}

/** The contract's error answer for a GatewayError: body and headers, the hints for retrying clients among them. */
export function renderError(error: GatewayError, requestId: string): ErrorReply {
  const body = JSON.stringify(error.toBody())
  const headers: Record<string, string | number> = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'x-request-id': requestId,
  }
  if (error.status === 401) headers['www-authenticate'] = 'Bearer'
  if (error.retryAfterSeconds !== null) headers['retry-after'] = Math.ceil(error.retryAfterSeconds)
  // OpenAI's SDKs retry these by themselves; where that cannot help they are told so.
  const retriedByClients =
    error.status >= 500 || error.status === 408 || error.status === 409 || error.status === 429
  if (retriedByClients && !error.retryable) headers['x-should-retry'] = 'false'
  // The rest of the body will not come.
  if (error.status === 408) headers.connection = 'close'
  return { body, headers }
}

/** Sends the error unless the answer has begun. @returns the body that was sent, or null */
export function sendError(
  response: ServerResponse,
  error: GatewayError,
  requestId: string,
  extra: Record<string, string> = {},
): string | null {
  if (response.headersSent || response.destroyed) return null
  const { body, headers } = renderError(error, requestId)
  response.writeHead(error.status, { ...headers, ...extra })
  response.end(body)
  return body
}
