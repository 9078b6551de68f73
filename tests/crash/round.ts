/** One life of the gateway as its clients see it: calls that end with it are lost, and nothing else may go wrong. */
import assert from 'node:assert/strict'
import OpenAI from 'openai'
import type { CanonicalEvent } from '../../translators/shared/canonical.ts'

/** Something that a client has seen. */
export type Moment = 'event' | 'ended' | 'accepted'

export interface Round {
  origin: string
  /** Counts what has died so far, also a gateway that could not be called yet, and the server of the database. */
  deaths(): number
  /** Aborts when the gateway is dead. */
  dead: AbortSignal
  /** Aborts when the clients begin nothing more: with the gateway, or when its store has come back. */
  over: AbortSignal
  /** The store has been away in this round: calls may be refused, and answers not kept, which says so. */
  isTroubled(): boolean
  /** A request was answered, or taken on, which must be in the record. `asked`: to tell it by. */
  answered(requestId: string, asked: unknown): void
  /** Told in the same step in which a client has seen it. */
  say(moment: Moment): void
}

/** Does things to the gateway, and knows what must then be true of it for ever. */
export interface CrashClient {
  name: string
  /** One thing that a client does. Rejects with Lost when the gateway dies over it. */
  act(round: Round): Promise<void>
  /** After a restart: what was acknowledged since the last one is there, and some of what is older. */
  verify(round: Round): Promise<void>
  /** At the end: everything is there, and everything has ended. */
  finish(round: Round): Promise<void>
}

/** The gateway died before it answered, or its store was away: whether the call was done is not known. */
export class Lost extends Error {}

/** Milliseconds after which a call is held to hang, and a lost connection to have nothing to do with a kill. */
const patience = 60_000

export interface Answer {
  status: number
  headers: Headers
  text: string
  json(): Record<string, unknown>
}

export interface CallOptions {
  method?: string
  body?: unknown
  headers?: Record<string, string>
}

/** @throws Lost */
export function call(
  round: Round,
  path: string,
  { method, body, headers }: CallOptions = {},
): Promise<Answer> {
  return lose(round, async () => {
    const answer = await fetch(`${round.origin}${path}`, {
      method: method ?? (body === undefined ? 'GET' : 'POST'),
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(patience),
    })
    const text = await answer.text()
    loseRefused(round, answer.status, text)
    noteAnswered(round, path, answer, { body, headers })
    return { status: answer.status, headers: answer.headers, text, json: () => JSON.parse(text) }
  })
}

/** What the gateway says while its store is away. @throws Lost */
function loseRefused(round: Round, status: number, text: string): void {
  if (status === 503 && round.isTroubled() && text.includes('"store_unavailable"'))
    throw new Lost('the store is away')
}

function noteAnswered(round: Round, path: string, { status, headers }: Response, asked: CallOptions): void {
  if (path === '/v1/responses' && status === 200) round.answered(headers.get('x-request-id') ?? '', asked)
}

/** A call that must be answered well. @throws Lost */
export async function callWell(round: Round, path: string, options: CallOptions = {}): Promise<Answer> {
  const answer = await call(round, path, options)
  assert.equal(answer.status, 200, `${options.method ?? ''} ${path}: ${answer.text.slice(0, 2000)}`)
  return answer
}

export interface Stream {
  /** The whole events that came, as they stood on the wire; comments are left out. */
  text: string
  events: CanonicalEvent[]
  /** `[DONE]` came. */
  isDone: boolean
  headers: Headers | null
}

/** Reads a stream as far as it comes: to its end, or to the gateway's. */
export async function readStream(round: Round, path: string, options: CallOptions = {}): Promise<Stream> {
  const stream: Stream = { text: '', events: [], isDone: false, headers: null }
  let rest = ''
  try {
    await lose(round, async () => {
      const { method, body, headers } = options
      const answer = await fetch(`${round.origin}${path}`, {
        method: method ?? (body === undefined ? 'GET' : 'POST'),
        headers: { 'content-type': 'application/json', ...headers },
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: AbortSignal.timeout(patience),
      })
      if (answer.status !== 200) {
        const text = await answer.text()
        loseRefused(round, answer.status, text)
        assert.fail(`${path} ${answer.status}: ${text}`)
      }
      noteAnswered(round, path, answer, { body, headers })
      stream.headers = answer.headers
      const decoder = new TextDecoder()
      for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>)
        rest = takeEvents(round, stream, rest + decoder.decode(chunk, { stream: true }))
    })
  } catch (error) {
    if (!(error instanceof Lost)) throw error
    if (!round.dead.aborted) throw error
  }
  loseFailed(round, stream)
  if (!stream.isDone) assert.ok(round.dead.aborted, 'a stream ends with [DONE] unless the gateway is killed')
  return stream
}

/** The end of an answer that could not be kept, and that somebody would miss. @throws Lost */
function loseFailed(round: Round, { events }: Stream): void {
  const { error } = (events.at(-1)?.response ?? {}) as { error?: { code: string } | null }
  if (round.isTroubled() && error?.code === 'store_unavailable') throw new Lost('the store is away')
}

/** Takes the whole events off the front of the text; gives what is left. */
function takeEvents(round: Round, stream: Stream, text: string): string {
  for (;;) {
    const end = text.indexOf('\n\n')
    if (end === -1) return text
    const block = text.slice(0, end + 2)
    text = text.slice(end + 2)
    if (block.startsWith(':')) continue
    assert.equal(stream.isDone, false, 'nothing follows [DONE]')
    if (block === 'data: [DONE]\n\n') {
      stream.isDone = true
      continue
    }
    const [, type, data] = /^event: (.+)\ndata: (.+)\n\n$/.exec(block) ?? []
    assert.ok(data !== undefined, `an event: ${block.slice(0, 200)}`)
    const event = JSON.parse(data) as CanonicalEvent
    assert.equal(event.type, type)
    stream.text += block
    stream.events.push(event)
    round.say(isEnd(event) ? 'ended' : 'event')
  }
}

export function isEnd({ type }: CanonicalEvent): boolean {
  return /^response\.(?:completed|incomplete|failed)$/.test(type)
}

/** An answer may say that it was not kept, while the store is away. @throws Lost */
export function loseUnkept(round: Round, response: unknown): void {
  if ((response as { store?: unknown }).store !== false) return
  assert.ok(round.isTroubled(), 'an answer is kept while the store is there')
  throw new Lost('the answer was not kept')
}

/** OpenAI's own client of this life. */
export function clientOf({ origin }: Round): OpenAI {
  return new OpenAI({ baseURL: `${origin}/v1`, apiKey: 'none', maxRetries: 0, timeout: patience })
}

/** What breaks with the connection is Lost when the gateway is dead, and a defect when it is not. */
export async function lose<Result>(round: Round, run: () => Promise<Result>): Promise<Result> {
  try {
    return await run()
  } catch (error) {
    if (error instanceof OpenAI.APIError && error.status === 503 && round.isTroubled())
      loseRefused(round, error.status, JSON.stringify(error.error))
    if (!isConnectionError(error)) throw error
    await deathOf(round)
    if (round.dead.aborted) throw new Lost('the gateway is dead', { cause: error })
    throw new Error('a connection broke, and the gateway lives', { cause: error })
  }
}

function isConnectionError(error: unknown): boolean {
  if (error instanceof OpenAI.APIConnectionTimeoutError) return false
  if (error instanceof OpenAI.APIConnectionError) return true
  // Of fetch: "fetch failed", "terminated", "other side closed".
  return error instanceof TypeError && (error.cause !== undefined || /fetch|terminated/.test(error.message))
}

/** The end of the process may be told a little after that of its connections. */
function deathOf({ dead }: Round): Promise<void> {
  if (dead.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, 30_000)
    dead.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}

/** Looks again and again until there is something. @throws Lost */
export async function pollUntil<Found>(round: Round, look: () => Promise<Found | null>): Promise<Found> {
  const until = performance.now() + patience
  for (;;) {
    const found = await look()
    if (found !== null) return found
    assert.ok(performance.now() < until, 'a response comes to its end')
    await new Promise((resolve) => setTimeout(resolve, 15))
    if (round.dead.aborted) throw new Lost('the gateway is dead')
  }
}

/** The response object when it has ended; null while it runs. @throws Lost */
export async function findEnded(round: Round, id: string): Promise<Record<string, unknown> | null> {
  const found = (await callWell(round, `/v1/responses/${id}`)).json()
  return found.status === 'queued' || found.status === 'in_progress' ? null : found
}
