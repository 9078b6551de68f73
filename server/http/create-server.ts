/** The HTTP server below the routes: limits, unread bodies, and what is no HTTP at all. */
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { LimitsRuntime } from '../config/runtime.ts'
import { GatewayError } from '../errors.ts'
import { createId } from '../gateway/ids.ts'
import { renderError, renderRawAnswer } from './render-error.ts'
import type { WebSockets } from './websocket.ts'

/**
 * Milliseconds that a client gets to end a request which was answered before it was complete. Closing at once would
 * reset the connection, and with it the answer that the client has not read yet.
 */
const lingerMs = 5000
/** Milliseconds without any progress after which a client that does not read the end of its answer is given up. */
const unreadMs = 300_000

export interface ServerOptions {
  limits: Pick<LimitsRuntime, 'keepAliveTimeout' | 'headersTimeout'>
  handler: RequestListener
  /** Default: none are taken, and requests for one are ordinary requests. */
  webSockets?: WebSockets
  /** Default 5000. */
  linger?: number
  /** Default five minutes. */
  unread?: number
}

export interface HttpServer {
  server: Server
  /**
   * Ends the connections without a request under way, also those that never had one (browsers open some in advance),
   * and WebSockets without a turn.
   */
  closeIdle(): void
  /** Cuts off everything. */
  closeAll(): void
}

export function createHttpServer({
  limits,
  handler,
  webSockets,
  linger = lingerMs,
  unread = unreadMs,
}: ServerOptions): HttpServer {
  const latest = new WeakMap<Duplex, ServerResponse>()
  /** Whether what is written there now comes after all that was answered before. */
  const isFree = (socket: Duplex) => latest.get(socket)?.writableEnded !== false
  const unused = new Set<Socket>()
  const server = createServer({
    keepAliveTimeout: limits.keepAliveTimeout,
    headersTimeout: limits.headersTimeout,
    // Bodies have their own time-out, counted from byte to byte.
    requestTimeout: 0,
    shouldUpgradeCallback: (request) => webSockets?.matches(request) === true && isFree(request.socket),
  })
  if (webSockets !== undefined) server.on('upgrade', webSockets.upgrade)
  server.on('connection', (socket) => {
    unused.add(socket)
    socket.once('close', () => unused.delete(socket))
  })
  server.on('request', (request, response) => {
    unused.delete(request.socket)
    latest.set(request.socket, response)
    discardUnread(request, response, linger)
    giveUpUnread(response, unread)
    handler(request, response)
  })
  server.on('clientError', (error, socket) => {
    const response = latest.get(socket)
    const isAnswering = response?.headersSent === true && !response.writableFinished
    if (!socket.writable || isAnswering || (error as NodeJS.ErrnoException).code === 'ECONNRESET')
      socket.destroy()
    else socket.end(renderRefusal(error as NodeJS.ErrnoException))
  })
  return {
    server,
    closeIdle() {
      server.closeIdleConnections()
      webSockets?.drain()
      for (const socket of unused) if (socket.bytesRead === 0) socket.destroy()
    },
    closeAll() {
      server.closeAllConnections()
      webSockets?.terminate()
    },
  }
}

/** Reads on what is left of a body after the answer, within bounds, so that the connection can be used again. */
function discardUnread(request: IncomingMessage, response: ServerResponse, linger: number): void {
  response.once('finish', () => {
    if (request.complete) return
    request.resume()
    const timer = setTimeout(() => request.socket.destroy(), linger)
    request.once('close', () => clearTimeout(timer))
  })
}

/**
 * Ends the connection of a client that takes nothing of what is left of an answer: it would be held for ever. An answer
 * that is still being made has the time-outs of its provider.
 */
function giveUpUnread(response: ServerResponse, unread: number): void {
  response.once('prefinish', () => {
    const { socket } = response
    socket?.setTimeout(unread)
    // Unless the server has set that of an idle connection by then: another answer may be under way on it already.
    response.once('finish', () => socket?.timeout === unread && socket.setTimeout(0))
  })
}

/** A whole response for bytes that never became a request. */
function renderRefusal({ code }: NodeJS.ErrnoException): string {
  const error = describeRefusal(code)
  const { body, headers } = renderError(error, createId('req'))
  return renderRawAnswer(error.status, { ...headers, connection: 'close' }, body)
}

function describeRefusal(code: string | undefined): GatewayError {
  if (code === 'HPE_HEADER_OVERFLOW')
    return new GatewayError('invalid_request', 'The request headers are larger than 16 KB.', { status: 431 })
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return new GatewayError('request_timeout', 'The request headers did not arrive in time.')
  return new GatewayError('invalid_request', 'The request is not valid HTTP/1.1.')
}
