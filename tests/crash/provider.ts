/**
 * The provider of the crash suite: it outlives the gateway, and counts who called it, how often, and whether two calls
 * for the same thing ever ran at once. `/plain/v1` answers at once, `/native/v1` knows background responses and
 * idempotency keys as well.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Item, isObject, type JsonObject } from '../../translators/shared/canonical.ts'
import { type Ask, answerPieces, describeItem, digestContext, outputAsk, parseAsk, textOf } from './script.ts'

/** The calls for one tag. */
export interface CallCount {
  /** Calls that were begun. */
  begun: number
  /** Calls that were answered whole. */
  ended: number
  running: number
  /** The most that ran at once. */
  most: number
  /** What happened when, for whoever has to find out why. */
  story: string[]
}

export interface CrashProvider {
  /** E.g. `http://127.0.0.1:40123`. */
  origin: string
  countCalls(tag: string): CallCount
  /** What is called when a call begins, and just when its last byte has been written; takes the place of an earlier one. */
  onCall(listener: (moment: 'begun' | 'ended') => void): void
  /** Requests that could not be understood: defects of the gateway or of this suite. */
  readonly complaints: string[]
  close(): Promise<void>
}

/** A call as the provider sees it. */
interface Work {
  ask: Ask
  context: string[]
  body: JsonObject
  id: string
  /** Ends the call's time as running. */
  settle(ended: boolean): void
}

interface Kept {
  work: Work
  /** When it will be complete, of `performance.now()`. */
  doneAt: number
  cancelled: boolean
}

interface Desk {
  counts: Map<string, CallCount>
  kept: Map<string, Kept>
  /** Responses by the key that they were made under. */
  keys: Map<string, string>
  listener: (moment: 'begun' | 'ended') => void
  complaints: string[]
  responses: number
}

export async function startProvider(): Promise<CrashProvider> {
  const desk: Desk = {
    counts: new Map(),
    kept: new Map(),
    keys: new Map(),
    listener: () => {},
    complaints: [],
    responses: 0,
  }
  // An unused connection is for the gateway to close: a call on one that its server is just closing is lost.
  const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
    response.on('error', () => {})
    serve(desk, request, response).catch((error: unknown) => {
      desk.complaints.push(String(error instanceof Error ? error.stack : error))
      response.destroy()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://127.0.0.1:${port}`,
    countCalls: (tag) => desk.counts.get(tag) ?? noCalls(),
    onCall(listener) {
      desk.listener = listener
    },
    complaints: desk.complaints,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function serve(desk: Desk, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = '', url = '' } = request
  const [, kind, id, verb] = /^\/(plain|native)\/v1\/responses(?:\/(\w+)(?:\/(cancel))?)?$/.exec(url) ?? []
  if (kind === undefined) throw new Error(`${method} ${url} is not served here`)
  if (id !== undefined) {
    const kept = desk.kept.get(id)
    if (kept === undefined) throw new Error(`${method} ${url}: no such response`)
    if (verb === 'cancel') cancelKept(kept)
    sendJson(response, renderKept(kept))
    return
  }
  const body = await readJson(request)
  // Of a gateway that was killed meanwhile: its end has been told already and would not be told again.
  if (body === null || request.socket.destroyed) return
  const key = request.headers['idempotency-key']
  if (kind === 'native' && body.background === true) takeOn(desk, body, key, response)
  else await answerCall(begin(desk, body, response), response)
}

async function readJson(request: IncomingMessage): Promise<JsonObject | null> {
  let text = ''
  try {
    for await (const chunk of request) text += chunk
  } catch {
    return null
  }
  return JSON.parse(text)
}

function begin(desk: Desk, body: JsonObject, response: ServerResponse | null): Work {
  const items = typeof body.input === 'string' ? [userMessage(body.input)] : (body.input as Item[])
  for (const name of ['previous_response_id', 'conversation', 'prompt'])
    if (body[name] != null) throw new Error(`${name} reached the provider`)
  const context = items.map(describeItem)
  const ask = findAsk(items)
  const count = desk.counts.get(ask.tag) ?? noCalls()
  desk.counts.set(ask.tag, count)
  count.begun += 1
  count.running += 1
  count.most = Math.max(count.most, count.running)
  tell(count, `begun, ${count.running} running`)
  desk.listener('begun')
  let settled = false
  function settle(ended: boolean): void {
    if (settled) return
    settled = true
    count.running -= 1
    tell(count, ended ? 'answered' : 'broken off')
    if (!ended) return
    count.ended += 1
    desk.listener('ended')
  }
  response?.once('close', () => settle(false))
  return { ask, context, body, id: `resp_${++desk.responses}`, settle }
}

function noCalls(): CallCount {
  return { begun: 0, ended: 0, running: 0, most: 0, story: [] }
}

function tell({ story }: CallCount, what: string): void {
  story.push(`${new Date().toISOString().slice(14, -1)} ${what}`)
}

function userMessage(content: string): Item {
  return { type: 'message', role: 'user', content }
}

/** The last user message asks; the output of a tool asks for the plain answer to what called it. */
function findAsk(items: readonly Item[]): Ask {
  const last = items.at(-1)
  const message = items.findLast(({ role }) => role === 'user')
  const ask = message === undefined ? null : parseAsk(textOf(message))
  if (ask === null) throw new Error(`the provider was asked nothing: ${JSON.stringify(items).slice(-500)}`)
  if (last?.type !== 'function_call_output') return ask
  return outputAsk(ask)
}

/** Milliseconds until a JSON answer. */
const duration = ({ chunks, delay }: Ask) => chunks * delay

async function answerCall(work: Work, response: ServerResponse): Promise<void> {
  const { ask, body } = work
  if (body.stream !== true) {
    await pause(duration(ask))
    // Settled in the same step as the last write, so that whoever hears of it can be quicker than the gateway.
    sendJson(response, renderResponse(work, 'completed'))
    work.settle(true)
    return
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  const frames = [...renderFrames(work)]
  for (const [index, { text, isPiece }] of frames.entries()) {
    if (isPiece) await pause(ask.delay)
    if (response.destroyed) return
    response.write(text)
    if (index === frames.length - 1) work.settle(true)
  }
  response.end()
}

function takeOn(desk: Desk, body: JsonObject, key: string | string[] | undefined, response: ServerResponse) {
  const known = typeof key === 'string' ? desk.kept.get(desk.keys.get(key) ?? '') : undefined
  if (known !== undefined) {
    sendJson(response, renderKept(known))
    return
  }
  const work = begin(desk, body, null)
  const kept: Kept = { work, doneAt: performance.now() + duration(work.ask), cancelled: false }
  desk.kept.set(work.id, kept)
  if (typeof key === 'string') desk.keys.set(key, work.id)
  setTimeout(() => work.settle(!kept.cancelled), duration(work.ask))
  sendJson(response, renderKept(kept))
}

function cancelKept(kept: Kept): void {
  if (performance.now() >= kept.doneAt) return
  kept.cancelled = true
  kept.work.settle(false)
}

function renderKept({ work, doneAt, cancelled }: Kept): JsonObject {
  if (cancelled) return renderResponse(work, 'cancelled')
  return renderResponse(work, performance.now() >= doneAt ? 'completed' : 'in_progress')
}

function renderResponse(work: Work, status: string): JsonObject {
  const isDone = status === 'completed'
  return {
    id: work.id,
    object: 'response',
    created_at: 1,
    status,
    model: 'crash',
    output: isDone ? [renderItem(work)] : [],
    usage: isDone ? { input_tokens: 3, output_tokens: 2, total_tokens: 5 } : null,
  }
}

function renderItem({ ask, context, id }: Work): JsonObject {
  if (ask.tool) {
    const call = { id: `fc_${id}`, type: 'function_call', status: 'completed', call_id: `call_${ask.tag}` }
    return { ...call, name: 'look', arguments: JSON.stringify({ context: digestContext(context) }) }
  }
  const text = answerPieces(ask, context).join('')
  const content = [{ type: 'output_text', text, annotations: [] }]
  return { id: `msg_${id}`, type: 'message', role: 'assistant', status: 'completed', content }
}

function* renderFrames(work: Work): Generator<{ text: string; isPiece: boolean }> {
  const { ask, context, id } = work
  const item = renderItem(work)
  let sequence = 0
  const frame = (type: string, members: JsonObject, isPiece = false) => ({
    text: `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: sequence++, ...members })}\n\n`,
    isPiece,
  })
  yield frame('response.created', { response: renderResponse(work, 'in_progress') })
  const opened = ask.tool ? { ...item, arguments: '' } : { ...item, content: [] }
  yield frame('response.output_item.added', { output_index: 0, item: { ...opened, status: 'in_progress' } })
  if (ask.tool) {
    const args = { item_id: `fc_${id}`, output_index: 0, delta: item.arguments }
    yield frame('response.function_call_arguments.delta', args, true)
  } else {
    const place = { item_id: `msg_${id}`, output_index: 0, content_index: 0 }
    for (const delta of answerPieces(ask, context))
      yield frame('response.output_text.delta', { ...place, delta }, true)
  }
  yield frame('response.output_item.done', { output_index: 0, item })
  yield frame('response.completed', { response: renderResponse(work, 'completed') })
}

function sendJson(response: ServerResponse, body: JsonObject): void {
  const text = JSON.stringify(body)
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
  response.end(text)
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}

/** The text of a response's output, or the line of its call: what `answerLines` says that it must be. */
export function outputLines(response: unknown): string[] {
  const output = isObject(response) && Array.isArray(response.output) ? (response.output as Item[]) : []
  return output.map(describeItem)
}
