/** The answer of a repeated call: what the first one with its Idempotency-Key got, byte for byte. */
import type { ServerResponse } from 'node:http'
import type { ResponseStatus } from '../../translators/shared/canonical.ts'
import { GatewayError } from '../errors.ts'
import { captureChunk } from '../gateway/capture.ts'
import type { Exchange } from '../gateway/exchange.ts'
import type { IdempotentAnswer } from '../store/state/state.ts'
import { sendHead } from './send-head.ts'
import { publicRequestId, serverTiming } from './server-timing.ts'

/** Added to the headers of the first answer. */
export const replayedHeader = { 'idempotent-replayed': 'true' }

/** Characters of a stream that are written at once, up to the end of the event that stands there. */
const pieceLength = 64 * 1024

export interface IdempotentAnswerOptions {
  response: ServerResponse
  exchange: Exchange
  answer: IdempotentAnswer
  /** Bytes of the answer kept for the log. */
  captureLimit: number
  /** Aborts when the client goes away. */
  signal: AbortSignal
}

/** @throws GatewayError `client_closed_request` when the client does not stay for all of a stream. */
export async function sendIdempotentAnswer(options: IdempotentAnswerOptions): Promise<void> {
  const { response, exchange, answer, captureLimit, signal } = options
  noteReplay(exchange, readStatus(answer))
  const headers: Record<string, string> = { ...answer.headers, ...replayedHeader }
  headers['x-request-id'] = publicRequestId(exchange)
  headers['server-timing'] = serverTiming(exchange)
  const { body } = answer
  captureChunk(exchange.clientResponse, body, captureLimit)
  if (!isStream(answer)) {
    headers['content-length'] = String(Buffer.byteLength(body))
    sendHead(response, exchange, answer.status, headers)
    response.end(body)
    return
  }
  sendHead(response, exchange, answer.status, headers)
  for (let start = 0; start < body.length; ) {
    const end = endOfEvent(body, start + pieceLength)
    const hasRoom = response.write(body.slice(start, end))
    if (!hasRoom && !(await drained(response, signal))) throw clientGone()
    start = end
  }
  response.end()
}

/**
 * Says in the record that the answer was given before: no provider was called, and no tokens were used. The row has no
 * response id, by which the first call's is found.
 */
export function noteReplay(exchange: Exchange, status: ResponseStatus): void {
  exchange.status = status
  exchange.adaptations.push({ field: 'idempotency', action: 'emulated', detail: 'replayed' })
}

function isStream({ headers }: IdempotentAnswer): boolean {
  return headers['content-type']?.startsWith('text/event-stream') === true
}

/** Where the first event ends that reaches past `from`. */
function endOfEvent(text: string, from: number): number {
  const blank = text.indexOf('\n\n', from)
  return blank === -1 ? text.length : blank + 2
}

/** False: the client has gone. */
function drained(response: ServerResponse, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted || response.destroyed) return Promise.resolve(false)
  return new Promise((resolve) => {
    function settle(): void {
      response.off('drain', settle)
      signal.removeEventListener('abort', settle)
      resolve(!signal.aborted)
    }
    response.on('drain', settle)
    signal.addEventListener('abort', settle)
  })
}

/**
 * The status that the response had at its end. What has none (a compaction, a count) is complete, and so is the repeated
 * call itself where a background response was only queued.
 */
function readStatus(answer: IdempotentAnswer): ResponseStatus {
  const found = isStream(answer)
    ? /^event: response\.(.+)$/m.exec(answer.body.slice(lastEvent(answer.body)))?.[1]
    : (JSON.parse(answer.body) as { status?: string }).status
  return found === 'incomplete' ? found : 'completed'
}

function lastEvent(text: string): number {
  return Math.max(0, text.lastIndexOf('\nevent: '))
}

function clientGone(): GatewayError {
  return new GatewayError('client_closed_request', 'The client closed the connection.')
}
