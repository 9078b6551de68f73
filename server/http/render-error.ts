import { STATUS_CODES } from 'node:http'
import type { GatewayError } from '../errors.ts'

export interface ErrorReply {
  body: string
  headers: Record<string, string>
}

/** The contract's error answer for a GatewayError: body and headers, the hints for retrying clients among them. */
export function renderError(error: GatewayError, requestId: string): ErrorReply {
  const body = JSON.stringify(error.toBody())
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    'x-request-id': requestId,
  }
  if (error.status === 401) headers['www-authenticate'] = 'Bearer'
  if (error.retryAfterSeconds !== null) headers['retry-after'] = String(Math.ceil(error.retryAfterSeconds))
  // OpenAI's SDKs retry these by themselves; where that cannot help they are told so.
  const retriedByClients =
    error.status >= 500 || error.status === 408 || error.status === 409 || error.status === 429
  if (retriedByClients && !error.retryable) headers['x-should-retry'] = 'false'
  // The rest of the body will not come.
  if (error.status === 408) headers.connection = 'close'
  return { body, headers }
}

/** A whole answer as it stands on the wire, for sockets that Node's HTTP server has given up or never took. */
export function renderRawAnswer(status: number, headers: Record<string, string>, body: string): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n${body}`
}
