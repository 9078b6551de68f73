/** WebSockets at `/v1/responses`: who may open one, and which are open. */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocket, WebSocketServer } from 'ws'
import { GatewayError, isOperatorsBusiness, toGatewayError } from '../errors.ts'
import { captureChunk } from '../gateway/capture.ts'
import type { Exchange } from '../gateway/exchange.ts'
import { createExchange, failExchange, finishExchange, readRequestId } from '../gateway/exchange-life.ts'
import { createId } from '../gateway/ids.ts'
import { admitCaller } from './admit-caller.ts'
import { renderError, renderRawAnswer } from './render-error.ts'
import { publicRequestId } from './server-timing.ts'
import { type Connection, serveConnection } from './websocket-connection.ts'
import { renderErrorFrame } from './websocket-frames.ts'
import type { TurnDependencies } from './websocket-turn.ts'

const path = '/v1/responses'

export interface WebSocketDependencies extends TurnDependencies {
  /** Milliseconds between two pings. Default 30 000. */
  pingInterval?: number
}

/** What the HTTP server does with requests to upgrade. */
export interface WebSockets {
  /** Whether a request asks for a WebSocket here; every other one is ordinary HTTP, whatever it offers to upgrade to. */
  matches(request: IncomingMessage): boolean
  /** Takes over a connection: answers 101 or an error. */
  upgrade(request: IncomingMessage, transport: Duplex, head: Buffer): void
  /** Closes what has no turn running, and the rest as soon as its turn has ended. May be called again and again. */
  drain(): void
  /** Cuts off all that is open. */
  terminate(): void
}

/** Milliseconds that a client gets to read why it was refused. */
const lingerMs = 5000

export function createWebSockets({
  pingInterval = 30_000,
  ...dependencies
}: WebSocketDependencies): WebSockets {
  const open = new Map<WebSocket, Connection>()
  const server = new WebSocketServer({ noServer: true, clientTracking: false, WebSocket: ClientSocket })
  server.on('headers', (lines, { headers }) => {
    lines.push(`x-request-id: ${readRequestId(headers) ?? createId('req')}`)
  })
  server.on('wsClientError', ({ message }, transport, request) => {
    refuse(dependencies, openRecord(request), transport, new GatewayError('invalid_request', `${message}.`))
  })
  return {
    matches,
    upgrade(request, transport, head) {
      const headers = withoutIdempotency(request.headers)
      const exchange = openRecord(request)
      try {
        if (!matches(request)) throw notHere()
        admitCaller(dependencies, exchange, headers)
      } catch (thrown) {
        refuse(dependencies, exchange, transport, thrown)
        return
      }
      server.options.maxPayload = dependencies.runtime().webSocket.maxFrameBytes
      server.handleUpgrade(request, transport, head, (socket) => {
        const address = request.socket.remoteAddress ?? ''
        open.set(socket, serveConnection(dependencies, { socket, transport, headers, address, pingInterval }))
        socket.on('close', () => open.delete(socket))
      })
    },
    drain() {
      for (const connection of open.values()) connection.drain()
    },
    terminate() {
      for (const socket of open.keys()) socket.terminate()
    },
  }
}

function matches({ method, url = '', headers }: IncomingMessage): boolean {
  return method === 'GET' && url.split('?', 1)[0] === path && headers.upgrade?.toLowerCase() === 'websocket'
}

/** A key for repeated calls says nothing of the turns of a connection. */
function withoutIdempotency(headers: IncomingMessage['headers']): IncomingMessage['headers'] {
  const { 'idempotency-key': _key, 'x-idempotency-key': _other, ...rest } = headers
  return rest
}

/** Only a refusal is recorded: after it the turns are, each by itself. */
function openRecord({ headers, socket }: IncomingMessage): Exchange {
  const exchange = createExchange({
    headers,
    clientAddress: socket.remoteAddress ?? '',
    operation: 'responses.create',
  })
  exchange.stream = true
  return exchange
}

/** Before Node.js 22.21 and 24.9 every request to upgrade comes here, whatever to. */
function notHere(): GatewayError {
  return new GatewayError(
    'invalid_request',
    `Only GET ${path} is upgraded here, to a WebSocket. Leave the Upgrade header out.`,
  )
}

/** Answers a request to upgrade with an ordinary error. */
function refuse(
  { observer, onUnexpected }: TurnDependencies,
  exchange: Exchange,
  transport: Duplex,
  thrown: unknown,
): void {
  const error = toGatewayError(thrown)
  observer.started(exchange)
  if (isOperatorsBusiness(thrown, error)) onUnexpected(thrown, exchange)
  failExchange(exchange, error)
  const { body, headers } = renderError(error, publicRequestId(exchange))
  const allHeaders = { ...headers, 'sec-websocket-version': '13', connection: 'close' }
  captureChunk(exchange.clientResponse, body, body.length)
  exchange.clientResponseHeaders = allHeaders
  finishExchange(exchange)
  observer.finished(exchange)
  transport.on('error', () => transport.destroy())
  transport.resume()
  transport.end(renderRawAnswer(error.status, allHeaders, body))
  const timer = setTimeout(() => transport.destroy(), lingerMs)
  transport.once('close', () => clearTimeout(timer))
}

/** What is wrong with frames for which `ws` closes a connection, by the close code. */
const brokenFrames: Readonly<Record<number, GatewayError>> = {
  1002: new GatewayError('invalid_request', 'A frame is not valid by RFC 6455.'),
  1007: new GatewayError('invalid_request', 'A text frame is not valid UTF-8.'),
  1008: new GatewayError('invalid_request', 'A message came in too many fragments.'),
  1009: new GatewayError(
    'body_too_large',
    'The message is too large. Send less, or ask the operator to raise webSocket.maxFrameBytes.',
  ),
}

/** A socket that says what was wrong before it is closed for broken frames, of which `ws` tells the bare code. */
class ClientSocket extends WebSocket {
  override close(code?: number, reason?: string | Buffer): void {
    const error = code === undefined || reason !== undefined ? undefined : brokenFrames[code]
    if (error !== undefined && this.readyState === WebSocket.OPEN)
      this.send(renderErrorFrame({ error, requestId: null, streamId: null }))
    super.close(code, error?.message ?? reason)
  }
}
