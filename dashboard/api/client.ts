/** HTTP to the gateway's admin API: the key, JSON, and errors in one shape. */

import { parseEventStream, type StreamEvent } from '../model/event-stream.ts'

const storageKey = 'dragoman.admin-key'

/** A call that failed. `status` is 0 when no answer came. */
export class ApiError extends Error {
  readonly status: number
  readonly code: string | null

  constructor(message: string, { status, code = null }: { status: number; code?: string | null }) {
    super(message)
    this.name = 'ApiError'
    this.status = status
    this.code = code
  }
}

/** Kept for this tab only, gone when it is closed. */
export function readAdminKey(): string | null {
  return sessionStorage.getItem(storageKey)
}

export function saveAdminKey(key: string | null): void {
  if (key === null) sessionStorage.removeItem(storageKey)
  else sessionStorage.setItem(storageKey, key)
}

/** Members of a query; those that are undefined or empty are left out. */
export type Query = Readonly<Record<string, string | number | boolean | undefined>>

interface CallOptions {
  query?: Query
  signal?: AbortSignal | undefined
}

/** GET with the admin key; rejects with an ApiError, or with the signal's AbortError. */
export async function getJson<Answer>(
  path: string,
  { query = {}, signal }: CallOptions = {},
): Promise<Answer> {
  const response = await send(joinQuery(path, query), signal)
  const text = await response.text()
  if (!response.ok) throw readError(response.status, text)
  try {
    return JSON.parse(text) as Answer
  } catch {
    throw new ApiError('The gateway answered something that is not JSON.', { status: response.status })
  }
}

/** A file. It is fetched, not linked to, since a link cannot carry the admin key. Rejects as `getJson` does. */
export async function getBlob(
  path: string,
  { query = {}, signal, onProgress }: CallOptions & { onProgress?: (bytes: number) => void } = {},
): Promise<Blob> {
  const response = await send(joinQuery(path, query), signal)
  if (!response.ok || !response.body) throw readError(response.status, await response.text())
  const chunks: Uint8Array<ArrayBuffer>[] = []
  let bytes = 0
  try {
    for await (const chunk of readChunks(response.body)) {
      chunks.push(chunk)
      bytes += chunk.length
      onProgress?.(bytes)
    }
  } catch (thrown) {
    if (signal?.aborted) throw thrown
    throw new ApiError('The gateway stopped in the middle of the file. Try again.', { status: 0 })
  }
  return new Blob(chunks, { type: response.headers.get('content-type') ?? 'application/octet-stream' })
}

/** Server-sent events as they come; `EventSource` cannot send the admin key. Rejects as `getJson` does. */
export async function* readEvents(
  path: string,
  { query = {}, signal, onOpen }: CallOptions & { onOpen?: () => void } = {},
): AsyncGenerator<StreamEvent> {
  const response = await send(joinQuery(path, query), signal)
  if (!response.ok || !response.body) throw readError(response.status, await response.text())
  onOpen?.()
  const decoder = new TextDecoder()
  let waiting = ''
  for await (const chunk of readChunks(response.body)) {
    waiting += decoder.decode(chunk, { stream: true })
    const end = waiting.lastIndexOf('\n\n')
    if (end === -1) continue
    yield* parseEventStream(waiting.slice(0, end))
    waiting = waiting.slice(end + 2)
  }
}

/** Not every browser's stream can be iterated. */
async function* readChunks(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const reader = body.getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      yield value
    }
  } finally {
    // Whoever stops reading lets the connection go.
    reader.cancel().catch(() => undefined)
  }
}

async function send(path: string, signal: AbortSignal | undefined): Promise<Response> {
  const key = readAdminKey()
  try {
    return await fetch(path, {
      headers: { ...(key === null ? {} : { 'x-admin-key': key }) },
      cache: 'no-store',
      credentials: 'same-origin',
      signal: signal ?? null,
    })
  } catch (thrown) {
    if (signal?.aborted) throw thrown
    throw new ApiError('The gateway does not answer. Is it running?', { status: 0 })
  }
}

function joinQuery(path: string, query: Query): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') parameters.set(name, String(value))
  }
  const text = parameters.toString()
  return text === '' ? path : `${path}?${text}`
}

function readError(status: number, text: string): ApiError {
  let message = `The gateway answered ${status}.`
  let code: string | null = null
  try {
    const { error } = JSON.parse(text) as { error?: { message?: unknown; code?: unknown } }
    if (typeof error?.message === 'string') message = error.message
    if (typeof error?.code === 'string') code = error.code
  } catch {
    // A proxy's page, perhaps: the status has to do.
  }
  return new ApiError(message, { status, code })
}
