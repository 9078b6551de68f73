/** The whole gateway in front of providers made of bare sockets, for answers that no real server would admit to. */
import type { Socket } from 'node:net'
import { type RawServer, startRawServer } from '../server/upstream/raw-server.ts'
import { startGateway, type TestGateway } from './start-gateway.ts'

/** What a provider does with one request; `count` is the number of requests it has had, from 1. */
export type Script = (socket: Socket, count: number, request: string) => void

export interface RawGateway extends TestGateway {
  /** The bare providers in the order of `scripts`. */
  providers: RawServer[]
  /** Replaces what a provider does from now on. */
  script(script: Script, provider?: number): void
}

export interface RawGatewayOptions {
  /** Number of providers behind the model `raw/model`, in order. Default 1. */
  providers?: number
  variant?: string
  provider?: Record<string, unknown>
  config?: Record<string, unknown>
  env?: Record<string, string>
}

/** However slow the machine is, none of them comes before what a test waits for. */
export const patientTimeouts = { connect: 60_000, firstByte: 60_000, idle: 60_000, total: 120_000 }
/** For providers that fall silent, and for no others. */
export const silenceTimeouts = { ...patientTimeouts, firstByte: 1000, idle: 1000 }

/** Providers `raw1`, `raw2`, … that all serve `raw/model`. Their key is `provider-key-123456`. */
export async function startRawGateway({
  providers: count = 1,
  variant = 'openai',
  provider = {},
  config = {},
  env = {},
}: RawGatewayOptions = {}): Promise<RawGateway> {
  const scripts: Script[] = []
  const servers: RawServer[] = []
  for (let index = 0; index < count; index++) {
    let requests = 0
    servers.push(
      await startRawServer((socket, _, request) => {
        requests += 1
        scripts[index]?.(socket, requests, request)
      }),
    )
  }
  const settings = {
    variant,
    apiKey: 'provider-key-123456',
    attempts: 1,
    timeouts: patientTimeouts,
    ...provider,
  }
  const gateway = await startGateway({
    env,
    configure: (base) => ({
      ...base,
      providers: Object.fromEntries(
        servers.map(({ url }, index) => [`raw${index + 1}`, { ...settings, baseUrl: `${url}/v1` }]),
      ),
      models: {
        'raw/model': { targets: servers.map((_, index) => ({ provider: `raw${index + 1}`, model: 'm' })) },
      },
      ...config,
    }),
  })
  return {
    ...gateway,
    providers: servers,
    script(script, index = 0) {
      scripts[index] = script
    },
    async close() {
      await gateway.close()
      for (const server of servers) await server.close()
    },
  }
}

export function respond(
  socket: Socket,
  body: string,
  contentType = 'application/json',
  status = '200 OK',
): void {
  socket.write(
    `HTTP/1.1 ${status}\r\ncontent-type: ${contentType}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}

/** The head of an answer that lasts until its connection closes. */
export function openAnswer(socket: Socket, contentType = 'text/event-stream', status = '200 OK'): void {
  socket.write(
    `HTTP/1.1 ${status}\r\n${contentType === '' ? '' : `content-type: ${contentType}\r\n`}connection: close\r\n\r\n`,
  )
}

export const response = (members: Record<string, unknown> = {}) => ({
  id: 'resp_upstream',
  object: 'response',
  status: 'completed',
  model: 'm-2026',
  output: [
    {
      id: 'msg_upstream',
      type: 'message',
      role: 'assistant',
      status: 'completed',
      content: [{ type: 'output_text', text: 'hello', annotations: [] }],
    },
  ],
  usage: { input_tokens: 3, output_tokens: 2, total_tokens: 5 },
  ...members,
})

export function sse(event: Record<string, unknown>): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`
}

export const delta = (text: string) =>
  sse({
    type: 'response.output_text.delta',
    item_id: 'msg_upstream',
    output_index: 0,
    content_index: 0,
    delta: text,
  })

/** The beginning of a stream, up to its first delta. */
export const opening =
  sse({ type: 'response.created', response: response({ status: 'in_progress', output: [] }) }) +
  sse({
    type: 'response.output_item.added',
    output_index: 0,
    item: { id: 'msg_upstream', type: 'message', role: 'assistant', content: [] },
  })

export const completed = sse({ type: 'response.completed', response: response() })
export const wholeStream = `${opening}${delta('hel')}${delta('lo')}${completed}data: [DONE]\n\n`

export interface ReadStream {
  events: (Record<string, unknown> & { type: string })[]
  /** `data: [DONE]` was the last thing sent. */
  done: boolean
  comments: string[]
}

/** A stream as it stood on the wire; throws on anything but whole events, comments and `[DONE]`. */
export function readStream(text: string): ReadStream {
  const read: ReadStream = { events: [], done: false, comments: [] }
  if (!text.endsWith('\n\n')) throw new Error(`the stream ends inside an event: ${text.slice(-80)}`)
  for (const block of text.slice(0, -2).split('\n\n')) {
    if (read.done) throw new Error(`something follows [DONE]: ${block}`)
    if (block.startsWith(':')) read.comments.push(block)
    else if (block === 'data: [DONE]') read.done = true
    else {
      const [, name, data] = /^event: ([^\n]+)\ndata: ([^\n]+)$/.exec(block) ?? []
      if (data === undefined) throw new Error(`not an event: ${block}`)
      const event = JSON.parse(data)
      if (event.type !== name) throw new Error(`${name} holds ${event.type}`)
      read.events.push(event)
    }
  }
  return read
}
