/** A provider made of bare sockets, for answers that no HTTP library would give. */

import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import {
  createUpstreamClient,
  type UpstreamCall,
  type UpstreamControl,
  type UpstreamError,
} from '../../../server/upstream/client.ts'

export interface RawServer {
  url: string
  /** Requests read so far, as text. */
  requests: string[]
  sockets: Socket[]
  close(): Promise<void>
}

/** `answer` is called once per complete request, with the count of requests (from 1) on that socket. */
export async function startRawServer(
  answer: (socket: Socket, requestOnSocket: number, request: string) => void,
): Promise<RawServer> {
  const requests: string[] = []
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    let text = ''
    let count = 0
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      for (let length = requestLength(text); length > 0; length = requestLength(text)) {
        const request = text.slice(0, length)
        text = text.slice(length)
        requests.push(request)
        count += 1
        answer(socket, count, request)
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    sockets,
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

function requestLength(text: string): number {
  const head = text.indexOf('\r\n\r\n')
  if (head === -1) return 0
  const length = head + 4 + Number(/content-length: (\d+)/i.exec(text.slice(0, head))?.[1] ?? 0)
  return text.length >= length ? length : 0
}

export interface Outcome {
  head: { status: number; headers: Record<string, string> } | null
  body: string
  error: UpstreamError | null
  /** Names of the callbacks in order, runs of `data` as one. */
  calls: string[]
}

export interface Sending {
  control: UpstreamControl
  outcome: Outcome
  done: Promise<Outcome>
}

export const patient = { connect: 20_000, firstByte: 20_000, idle: 20_000, total: 60_000 }

type Client = ReturnType<typeof createUpstreamClient>

export function sendCall(
  client: Client,
  url: string,
  call: Partial<UpstreamCall> = {},
  onData: (chunk: Uint8Array, outcome: Outcome) => void = () => {},
): Sending {
  const outcome: Outcome = { head: null, body: '', error: null, calls: [] }
  const note = (name: string) => outcome.calls.at(-1) === name || outcome.calls.push(name)
  const { promise, resolve } = Promise.withResolvers<Outcome>()
  const control = client.send(
    {
      method: 'POST',
      url,
      headers: { 'content-type': 'application/json' },
      body: '{}',
      timeouts: patient,
      ...call,
    },
    {
      onHead: (head) => {
        outcome.calls.push('head')
        outcome.head = head
      },
      onData: (chunk) => {
        note('data')
        outcome.body += Buffer.from(chunk).toString()
        onData(chunk, outcome)
      },
      onEnd: () => {
        outcome.calls.push('end')
        resolve(outcome)
      },
      onError: (error) => {
        outcome.calls.push('error')
        outcome.error = error
        resolve(outcome)
      },
    },
  )
  // The connection is free again a moment after the end was told.
  const done = promise.then((ended) => delay(2, ended))
  return { control, outcome, done }
}

/** Runs `test` with a server and a client, and closes both. */
export async function withServer(
  answer: Parameters<typeof startRawServer>[0],
  test: (parts: { server: RawServer; client: Client }) => Promise<void>,
): Promise<void> {
  const server = await startRawServer(answer)
  const client = createUpstreamClient()
  try {
    await test({ server, client })
  } finally {
    await client.destroy()
    await server.close()
  }
}

/** Resolves once the server's side of the connection has been closed. */
export async function socketClosed(server: RawServer): Promise<void> {
  const socket = server.sockets[0]
  if (socket !== undefined && !socket.closed) await once(socket, 'close')
}
