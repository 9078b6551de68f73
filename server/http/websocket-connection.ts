/** One WebSocket connection: its turns, one at a time and in order, and its end. */
import { randomBytes } from 'node:crypto'
import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import { GatewayError } from '../errors.ts'
import { createLocalTurns } from '../gateway/state/local-turns.ts'
import { renderErrorFrame } from './websocket-frames.ts'
import {
  type Client,
  type Message,
  receiveMessage,
  refuseTurn,
  runTurn,
  type TurnDependencies,
} from './websocket-turn.ts'
import { createFrameWriter } from './websocket-writer.ts'

export interface ConnectionOptions extends Pick<Client, 'headers' | 'address'> {
  socket: WebSocket
  /** The socket under it. */
  transport: Duplex
  /** Milliseconds between pings. A client that has answered none of two is cut off. */
  pingInterval: number
}

export interface Connection {
  /** Closes it as soon as no turn is running: the process stops. */
  drain(): void
}

interface Ending {
  reason: string
  /** What turns that still wait are answered, and the client is told before the end; null: as the gateway says. */
  error: GatewayError | null
}

/** "Going away": clients that can open another connection do. */
const goingAway = 1001

/** Serves a connection until it ends. */
export function serveConnection(
  dependencies: TurnDependencies,
  { socket, transport, headers, address, pingInterval }: ConnectionOptions,
): Connection {
  const limits = dependencies.runtime().webSocket
  const client: Client = {
    headers,
    address,
    writer: createFrameWriter(socket, transport),
    local: createLocalTurns({ maxBytes: limits.maxMemoryBytes }),
  }
  const queue: Message[] = []
  let queuedBytes = 0
  /** Of the running turn. */
  let running: AbortController | null = null
  let ending: Ending | null = null
  let gone = false
  const stopPings = keepAlive(socket, pingInterval)
  const timer = setTimeout(() => end(limitReached(limits.maxMinutes)), limits.maxMinutes * 60_000)

  function receive(data: Buffer, isBinary: boolean): void {
    if (gone || socket.readyState !== socket.OPEN) return
    const message = receiveMessage(dependencies, client, data, isBinary)
    const isFull = queue.length >= limits.maxQueuedTurns || queuedBytes + data.length > limits.maxFrameBytes
    if (running !== null && isFull) {
      refuseTurn(dependencies, client, message, tooManyTurns(limits.maxQueuedTurns))
      holdBack()
      return
    }
    queue.push(message)
    queuedBytes += message.data.length
    if (running === null) void runQueue()
  }
  async function runQueue(): Promise<void> {
    for (let message = queue.shift(); message !== undefined; message = queue.shift()) {
      queuedBytes -= message.data.length
      running = new AbortController()
      if (ending?.error) refuseTurn(dependencies, client, message, ending.error)
      else await runTurn(dependencies, { client, message, signal: running.signal })
      await client.writer.caughtUp()
    }
    running = null
    if (ending !== null) close(ending)
  }
  /** Reads no more of a client that asks on and on without reading what it is answered. */
  function holdBack(): void {
    const caughtUp = client.writer.caughtUp()
    socket.pause()
    void caughtUp.then(() => socket.resume())
  }
  function end(next: Ending): void {
    ending ??= next
    if (running === null) close(ending)
  }
  function close({ reason, error }: Ending): void {
    if (error !== null) client.writer.write([renderErrorFrame({ error, requestId: null, streamId: null })])
    socket.close(goingAway, reason)
  }
  function hangUp(): void {
    if (gone) return
    gone = true
    clearTimeout(timer)
    stopPings()
    running?.abort()
    for (const message of queue.splice(0)) refuseTurn(dependencies, client, message, clientGone())
  }
  socket.on('message', receive)
  socket.on('close', hangUp)
  // Broken frames: `ws` has said so to the client and closes the connection.
  socket.on('error', hangUp)
  return { drain: () => end({ reason: 'shutting down', error: null }) }
}

/** Pings that a client has to answer before it counts as dead. */
const missablePings = 2

function keepAlive(socket: WebSocket, interval: number): () => void {
  let missed = 0
  let asked = Buffer.alloc(0)
  const timer = setInterval(() => {
    if (missed >= missablePings) {
      socket.terminate()
      return
    }
    missed += 1
    asked = randomBytes(4)
    socket.ping(asked)
  }, interval)
  // Only what answers a ping shows that the client still reads: pongs may come unasked as well.
  socket.on('pong', (answer) => {
    if (answer.equals(asked)) missed = 0
  })
  return () => clearInterval(timer)
}

function limitReached(minutes: number): Ending {
  const code = 'websocket_connection_limit_reached'
  return {
    reason: code,
    error: new GatewayError(
      'invalid_request',
      `This connection has lasted the ${minutes} minutes that it may. Open a new one and go on there.`,
      { code },
    ),
  }
}

function tooManyTurns(limit: number): GatewayError {
  return new GatewayError(
    'rate_limit_exceeded',
    `More than ${limit} turns wait on this connection, or they are too large together. Send the next one when an earlier one has ended, or on another connection.`,
    { code: 'too_many_queued_turns', origin: 'client' },
  )
}

function clientGone(): GatewayError {
  return new GatewayError('client_closed_request', 'The client closed the connection.')
}
