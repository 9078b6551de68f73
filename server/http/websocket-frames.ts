/** The text of what goes to a WebSocket client. */
import type { JsonObject } from '../../translators/shared/canonical.ts'
import type { GatewayError } from '../errors.ts'
import { renderError } from './render-error.ts'

/** What an HTTP client reads in the head of an error answer, and a WebSocket client in its frame. */
const toldHeaders = ['x-request-id', 'retry-after', 'x-should-retry']

/** A JSON object's text with further members at its end. */
export function addMembers(json: string, members: JsonObject): string {
  const text = JSON.stringify(members)
  return text === '{}' ? json : `${json.slice(0, -1)},${text.slice(1)}`
}

export interface ErrorFrameOptions {
  error: GatewayError
  /** Null: no request of the client's has failed but the connection as a whole. */
  requestId: string | null
  /** Of the message at fault. */
  streamId: string | null
}

/** `{"type":"error","status":…,"error":{…}}`, with the hints for retrying clients in `headers`. */
export function renderErrorFrame({ error, requestId, streamId }: ErrorFrameOptions): string {
  const frame: JsonObject = { type: 'error', status: error.status, ...error.toBody() }
  if (requestId !== null) frame.headers = pickHeaders(renderError(error, requestId).headers)
  if (streamId !== null) frame.stream_id = streamId
  return JSON.stringify(frame)
}

function pickHeaders(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => toldHeaders.includes(name)))
}
