/** A request that has a row: from its admission to the end of its record, whatever happens in between. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type CanonicalRequest, isObject } from '../../translators/shared/canonical.ts'
import { type GatewayError, isOperatorsBusiness, toGatewayError } from '../errors.ts'
import { captureChunk, captureLimit } from '../gateway/capture.ts'
import type { Exchange, Observer } from '../gateway/exchange.ts'
import { createExchange, failExchange, finishExchange } from '../gateway/exchange-life.ts'
import { readSettings } from '../gateway/read-settings.ts'
import { type AdmitDependencies, type AdmittedCaller, admitCaller, noteAsked } from './admit-caller.ts'
import { parseBody } from './parse-body.ts'
import { readBody } from './read-body.ts'
import { renderError } from './render-error.ts'
import { sendHead } from './send-head.ts'
import { publicRequestId, serverTiming } from './server-timing.ts'

export interface ServeDependencies extends AdmitDependencies {
  observer: Required<Observer>
  /** Something threw that is not a GatewayError: a defect. `exchange` is null outside of requests that have a row. */
  onUnexpected(error: unknown, exchange: Exchange | null): void
}

/** Reads and writes the Node objects directly; Koa only led here. Never rejects. */
export type DirectRoute = (request: IncomingMessage, response: ServerResponse) => Promise<void>

export interface Served {
  exchange: Exchange
  request: IncomingMessage
  response: ServerResponse
  /** Aborts when the client goes away. */
  signal: AbortSignal
}

/** @param answer resolves with whether a job goes on with the exchange; what it throws is told to the client. */
export function serveExchange(
  { observer, onUnexpected }: ServeDependencies,
  operation: Exchange['operation'],
  answer: (served: Served) => Promise<boolean>,
): DirectRoute {
  return async function serve(request, response) {
    const exchange = createExchange({
      headers: request.headers,
      clientAddress: request.socket.remoteAddress ?? '',
      operation,
    })
    let handedOver = false
    const hangUp = new AbortController()
    response.once('close', () => {
      if (!response.writableFinished) hangUp.abort()
    })
    // A client that vanishes while it is written to must not be an uncaught error.
    response.on('error', () => hangUp.abort())
    observer.started(exchange)
    try {
      handedOver = await answer({ exchange, request, response, signal: hangUp.signal })
    } catch (thrown) {
      const error = toGatewayError(thrown)
      if (isOperatorsBusiness(thrown, error)) onUnexpected(thrown, exchange)
      concludeWithError(exchange, response, error)
    } finally {
      if (!handedOver) {
        finishExchange(exchange)
        observer.finished(exchange)
      }
    }
  }
}

export interface Admitted extends AdmittedCaller {
  /** The body as it was sent, but for its content-encoding. */
  raw: Buffer
  body: CanonicalRequest
}

/**
 * Who calls, and a body that is valid.
 * @param validate checks what the body holds, and throws GatewayError.
 */
export async function admit(
  dependencies: AdmitDependencies,
  { exchange, request }: Pick<Served, 'exchange' | 'request'>,
  validate: (body: unknown) => CanonicalRequest,
): Promise<Admitted> {
  const { headers } = request
  const { runtime, caller, options } = admitCaller(dependencies, exchange, headers)
  const raw = await readBody(request, {
    limit: runtime.limits.bodyBytes,
    idleTimeout: runtime.limits.bodyIdleTimeout,
  })
  captureChunk(exchange.clientRequest, raw, captureLimit(runtime, exchange))
  const parsed = parseBody(raw, headers['content-type'])
  if (isObject(parsed)) noteAsked(exchange, parsed)
  const body = validate(parsed)
  exchange.settings = readSettings(body)
  return { runtime, caller, options, raw, body }
}

function concludeWithError(exchange: Exchange, response: ServerResponse, error: GatewayError): void {
  failExchange(exchange, error)
  if (error.code === 'client_closed_request') {
    response.destroy()
    return
  }
  if (!response.headersSent && !response.destroyed) {
    const { body, headers } = renderError(error, publicRequestId(exchange))
    captureChunk(exchange.clientResponse, body, body.length)
    sendHead(response, exchange, error.status, { ...headers, 'server-timing': serverTiming(exchange) })
    response.end(body)
  } else if (!response.writableEnded) {
    response.destroy()
  }
}
