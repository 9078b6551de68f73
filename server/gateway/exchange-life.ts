import type { IncomingMessage } from 'node:http'
import type { GatewayError } from '../errors.ts'
import { joinHeaders } from '../headers.ts'
import { takeUsage } from './attempt-life.ts'
import { createCapture } from './capture.ts'
import type { Exchange } from './exchange.ts'
import { createId } from './ids.ts'

/** A client's own request id that is fit for a header, a log line and a URL. */
const saneRequestId = /^[A-Za-z0-9._:-]{1,128}$/

/** The client's own `x-request-id`; null when there is none or it is not sane. */
export function readRequestId(headers: IncomingMessage['headers']): string | null {
  const id = headers['x-request-id']
  return typeof id === 'string' && saneRequestId.test(id) ? id : null
}

/** The client's `x-dragoman-session`; null when there is none or it is not sane. */
function readSession(headers: IncomingMessage['headers']): string | null {
  const session = headers['x-dragoman-session']
  return typeof session === 'string' && saneRequestId.test(session) ? session : null
}

export interface ExchangeStart {
  headers: IncomingMessage['headers']
  clientAddress: string
  operation: Exchange['operation']
}

/** The record of a request that has just been admitted. */
export function createExchange({ headers, clientAddress, operation }: ExchangeStart): Exchange {
  const presented = headers.authorization?.replace(/^bearer\s+/i, '')
  const admin = headers['x-admin-key']
  return {
    id: createId('req'),
    receivedId: null,
    clientRequestId: readRequestId(headers),
    operation,
    createdAt: Date.now(),
    startedAt: performance.now(),
    firstOutputAt: null,
    endedAt: null,
    caller: null,
    clientAddress,
    userAgent: headers['user-agent'] ?? '',
    model: '',
    stream: false,
    background: false,
    handedOver: false,
    traceHeaders: { traceparent: single(headers.traceparent), tracestate: single(headers.tracestate) },
    traceId: null,
    attempts: [],
    adaptations: [],
    responseId: null,
    itemIds: [],
    status: null,
    httpStatus: null,
    error: null,
    usage: null,
    usageSource: null,
    usageEstimator: null,
    cost: null,
    session: readSession(headers),
    upstreamMs: 0,
    secrets: [presented, single(admin)].filter(
      (secret): secret is string => secret !== undefined && secret !== '',
    ),
    settings: null,
    clientRequest: createCapture(),
    clientRequestHeaders: joinHeaders(headers),
    clientResponseHeaders: {},
    clientResponse: createCapture(),
  }
}

/** Notes a failure that was told to the client, or would have been had it stayed. */
export function failExchange(exchange: Exchange, error: GatewayError): void {
  const { type, code, message, param, origin } = error
  exchange.error = { type, code, message, param, origin }
  const gone = code === 'client_closed_request'
  exchange.status = gone ? 'cancelled' : 'failed'
  exchange.httpStatus = gone ? 499 : (exchange.httpStatus ?? error.status)
}

/** Closes the record: the last moment, and the usage of attempts that ended without an answer. */
export function finishExchange(exchange: Exchange): void {
  exchange.endedAt = performance.now()
  exchange.upstreamMs = exchange.endedAt - exchange.startedAt - measureOwnTime(exchange, exchange.endedAt)
  const last = exchange.attempts.at(-1)
  if (exchange.usage !== null || last === undefined) return
  takeUsage(exchange, last)
}

/**
 * Milliseconds since the start in which the gateway did not wait for a provider, up to `now` (of `performance.now()`).
 * Waiting for a client that reads slowly holds the provider up and counts as its time. For a running exchange.
 */
export function measureOwnTime(exchange: Exchange, now: number): number {
  let waited = exchange.upstreamMs
  for (const { startedAt, endedAt, ownMs } of exchange.attempts)
    waited += Math.max(0, (endedAt ?? now) - startedAt - ownMs)
  return Math.max(0, now - exchange.startedAt - waited)
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value
}
