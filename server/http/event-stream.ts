/** Writing events that others made as text: those of a response that is kept. */
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'

export const eventStreamHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
}

export interface EventStreamOptions {
  response: ServerResponse
  /** Seconds of silence after which a comment is sent. */
  pingSeconds: number
  /** Writes the head; called at once, since the first event may be a while in coming. */
  open(): void
  /** Hands on whole events as they stand on the wire; resolves after the last one, or when the signal aborts. */
  produce(write: (text: string) => Promise<void>, signal: AbortSignal): Promise<unknown>
}

/**
 * Sends the events, then `[DONE]`. Rejects with what `produce` rejects with: the connection is then ended without
 * `[DONE]`, so that the client knows to ask again from the last event that it has.
 */
export async function writeEvents({
  response,
  pingSeconds,
  open,
  produce,
}: EventStreamOptions): Promise<void> {
  const hangUp = new AbortController()
  response.once('close', () => hangUp.abort())
  // A client that vanishes while it is written to must not be an uncaught error.
  response.on('error', () => hangUp.abort())
  if (response.destroyed) hangUp.abort()
  const ping = setTimeout(sendPing, pingSeconds * 1000)

  function sendPing(): void {
    if (!response.writableNeedDrain) response.write(': ping\n\n')
    ping.refresh()
  }
  async function write(text: string): Promise<void> {
    ping.refresh()
    if (response.write(text) || hangUp.signal.aborted) return
    await once(response, 'drain', { signal: hangUp.signal }).catch(() => {})
  }
  try {
    open()
    response.flushHeaders()
    await produce(write, hangUp.signal)
    response.end('data: [DONE]\n\n')
  } catch (error) {
    response.destroy()
    throw error
  } finally {
    clearTimeout(ping)
  }
}
