/** A provider of the Responses dialect that answers when the test says so: for what must happen in a certain moment. */
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { CanonicalResponse, JsonObject } from '../../translators/shared/canonical.ts'
import { replayEvents } from '../../translators/shared/replay-events.ts'

export interface GatedCall {
  method: string
  path: string
  headers: IncomingHttpHeaders
  body: JsonObject
  /** The whole answer: a finished response, streamed when that was asked. */
  answer(text?: string): void
  /** The beginning of a stream, up to some words of its text. */
  begin(text?: string): void
  /** The rest of a stream that began with this text. */
  finish(text?: string): void
  /** The beginning of a stream, up to some words of a thought. */
  beginThought(text: string): void
  /** Any stream. */
  stream(text: string): void
  /** Any JSON. */
  json(status: number, body: unknown): void
  /** Breaks the connection. */
  cut(): void
  /** Resolves when the connection is over, by either side. */
  closed: Promise<unknown>
  readonly isOpen: boolean
}

export interface GatedProvider {
  url: string
  calls: GatedCall[]
  /** The next call that has not been given out, once it is there. */
  next(): Promise<GatedCall>
  /** Calls that were open at the same time, at most. */
  mostOpen(): number
  /** Called for each new call; answers by itself where it does. Default: nothing. */
  onCall: (call: GatedCall) => void
  /** As it was at first, for the next test; calls that have not been answered are broken off. */
  forget(): void
  close(): Promise<void>
}

export async function startGatedProvider(): Promise<GatedProvider> {
  const calls: GatedCall[] = []
  const waiting: ((call: GatedCall) => void)[] = []
  const untaken: GatedCall[] = []
  let mostOpen = 0
  const provider: GatedProvider = {
    url: '',
    calls,
    next: () => {
      const call = untaken.shift()
      return call === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(call)
    },
    mostOpen: () => mostOpen,
    onCall: () => {},
    forget() {
      for (const call of calls) if (call.isOpen) call.cut()
      calls.length = 0
      untaken.length = 0
      waiting.length = 0
      mostOpen = 0
      provider.onCall = () => {}
    },
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  // An unused connection is for the client to close: a call on one that its server is just closing is lost.
  const server = createServer({ keepAliveTimeout: 0 }, async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString()
    const body = text === '' ? {} : (JSON.parse(text) as JsonObject)
    const { method = '', url: path = '', headers } = request
    const call = describeCall(response, { method, path, headers, body })
    calls.push(call)
    mostOpen = Math.max(mostOpen, calls.filter(({ isOpen }) => isOpen).length)
    provider.onCall(call)
    const taker = waiting.shift()
    if (taker === undefined) untaken.push(call)
    else taker(call)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  provider.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`
  return provider
}

function describeCall(
  response: ServerResponse,
  request: Pick<GatedCall, 'method' | 'path' | 'headers' | 'body'>,
): GatedCall {
  let isOpen = true
  const closed = once(response, 'close').then(() => {
    isOpen = false
  })
  const wantsStream = request.body.stream === true
  return {
    ...request,
    closed,
    get isOpen() {
      return isOpen
    },
    json(status, body) {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    },
    stream(text) {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).end(text)
    },
    answer(text = 'hello') {
      const final = finalResponse(text)
      if (!wantsStream) {
        this.json(200, final)
        return
      }
      if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.end(eventTexts(final).join(''))
    },
    cut: () => response.destroy(),
    begin(text = 'hello there') {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(eventTexts(finalResponse(text)).slice(0, 5).join(''))
    },
    finish: (text = 'hello there') => response.end(eventTexts(finalResponse(text)).slice(5).join('')),
    beginThought(text) {
      const content = [{ type: 'reasoning_text', text }]
      const thought = { id: 'rs_1', type: 'reasoning', status: 'completed', summary: [], content }
      const final = { ...finalResponse(''), output: [thought] } as unknown as CanonicalResponse
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(eventTexts(final).slice(0, 5).join(''))
    },
  }
}

function eventTexts(final: CanonicalResponse): string[] {
  return replayEvents(final, 'openai').map(
    (event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`,
  )
}

function finalResponse(text: string): CanonicalResponse {
  return {
    id: 'resp_upstream',
    object: 'response',
    created_at: 1_790_000_000,
    completed_at: 1_790_000_001,
    status: 'completed',
    model: 'm',
    output: [
      {
        id: 'msg_upstream',
        type: 'message',
        role: 'assistant',
        status: 'completed',
        content: [{ type: 'output_text', text, annotations: [], logprobs: [] }],
      },
    ],
    error: null,
    incomplete_details: null,
    usage: {
      input_tokens: 3,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: 2,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: 5,
    },
  } as unknown as CanonicalResponse
}
