/** A WebSocket client that keeps every frame as it came. */
import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { type ClientOptions, WebSocket } from 'ws'
import type { CanonicalEvent, CanonicalResponse } from '../../translators/shared/canonical.ts'
import { assertLegalStream } from './legal-stream.ts'

export interface Frame {
  type: string
  /** Of an error frame. */
  status?: number
  error?: { type: string; code: string; message: string; param: string | null }
  headers?: Record<string, string>
  stream_id?: string
  response?: CanonicalResponse
  [member: string]: unknown
}

export interface SocketClient {
  socket: WebSocket
  /** The answer to the upgrade. */
  head: IncomingMessage
  /** Sends a message: text as it is, anything else as JSON. */
  send(message: unknown): void
  /** The next frame; rejects when the connection ends first. */
  next(): Promise<Frame>
  /** The frames up to the end of a turn: its terminal event, or an error frame. */
  turn(): Promise<Frame[]>
  /** Asks `response.create`, proves the answer to be legal, and gives its response. */
  ask(request: Record<string, unknown>): Promise<CanonicalResponse>
  /** Sends a message that is to be answered by nothing but an error frame. */
  fail(message: unknown): Promise<Required<Pick<Frame, 'status' | 'error'>> & Frame>
  /** Frames that nobody has taken yet. */
  pending(): Frame[]
  closed: Promise<{ code: number; reason: string }>
  close(): Promise<void>
}

const terminal = new Set(['response.completed', 'response.incomplete', 'response.failed'])

export async function openSocket(origin: string, options: ClientOptions = {}): Promise<SocketClient> {
  const socket = new WebSocket(`${origin.replace('http', 'ws')}/v1/responses`, options)
  const frames: Frame[] = []
  const waiting: { resolve(frame: Frame): void; reject(error: Error): void }[] = []
  socket.on('message', (data, isBinary) => {
    assert.equal(isBinary, false, 'events are text frames')
    const frame = JSON.parse(String(data)) as Frame
    const waiter = waiting.shift()
    if (waiter) waiter.resolve(frame)
    else frames.push(frame)
  })
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on('close', (code, reason) => {
      for (const { reject } of waiting) reject(new Error(`the connection ended: ${code} ${reason}`))
      resolve({ code, reason: String(reason) })
    })
  })
  const upgraded = new Promise<IncomingMessage>((resolve) => socket.once('upgrade', resolve))
  await new Promise((resolve, reject) => {
    socket.once('open', resolve)
    socket.on('error', reject)
  })
  const client: SocketClient = {
    socket,
    head: await upgraded,
    send: (message) => socket.send(typeof message === 'string' ? message : JSON.stringify(message)),
    next() {
      const frame = frames.shift()
      if (frame) return Promise.resolve(frame)
      if (socket.readyState === WebSocket.CLOSED) return Promise.reject(new Error('the connection has ended'))
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }))
    },
    async turn() {
      for (const taken: Frame[] = []; ; ) {
        const frame = await client.next()
        taken.push(frame)
        if (terminal.has(frame.type) || frame.status !== undefined) return taken
      }
    },
    async ask(request) {
      client.send({ type: 'response.create', ...request })
      const taken = await client.turn()
      const last = taken.at(-1)
      assert.ok(last?.response, `it failed: ${JSON.stringify(last)}`)
      assertLegalStream(taken as unknown as CanonicalEvent[])
      return last.response
    },
    async fail(message) {
      client.send(message)
      const frame = await client.next()
      assert.equal(frame.type, 'error')
      const { status, error } = frame
      assert.ok(status !== undefined && error !== undefined)
      assert.deepEqual(Object.keys(error).sort(), ['code', 'message', 'param', 'type'])
      assert.equal(typeof error.code, 'string')
      return { ...frame, status, error }
    },
    pending: () => frames,
    closed,
    async close() {
      socket.close()
      await closed
    },
  }
  return client
}

/** The answer to an upgrade that is refused. */
export function openRefused(
  origin: string,
  options: ClientOptions = {},
): Promise<{ status: number; headers: IncomingMessage['headers']; body: string }> {
  const socket = new WebSocket(`${origin.replace('http', 'ws')}/v1/responses`, options)
  return new Promise((resolve, reject) => {
    socket.on('open', () => {
      socket.close()
      reject(new Error('the upgrade was not refused'))
    })
    socket.on('error', reject)
    socket.on('unexpected-response', (_, answer) => {
      let body = ''
      answer.on('data', (chunk) => {
        body += chunk
      })
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body }))
    })
  })
}
