/** The event stream of a response that is kept. */
import { once } from 'node:events'
import type { Context } from 'koa'

export interface EventAnswerOptions {
  ctx: Context
  /** Seconds of silence after which a comment is sent. */
  pingSeconds: number
  /** Hands on whole events as they stand on the wire; resolves after the last one, or when the signal aborts. */
  produce(write: (text: string) => Promise<void>, signal: AbortSignal): Promise<void>
}

/**
 * Sends the events, then `[DONE]`. What fails before the first byte is an ordinary error; what fails later ends the
 * connection without `[DONE]`, so that the client knows to ask again from the last event that it has.
 */
export async function answerEvents({ ctx, pingSeconds, produce }: EventAnswerOptions): Promise<void> {
  const { res } = ctx
  ctx.respond = false
  const hangUp = new AbortController()
  res.once('close', () => hangUp.abort())
  // A client that vanishes while it is written to must not be an uncaught error.
  res.on('error', () => hangUp.abort())
  const ping = setTimeout(sendPing, pingSeconds * 1000)

  function open(): void {
    if (res.headersSent) return
    res.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    })
  }
  function sendPing(): void {
    open()
    if (!res.writableNeedDrain) res.write(': ping\n\n')
    ping.refresh()
  }
  async function write(text: string): Promise<void> {
    open()
    ping.refresh()
    if (res.write(text) || hangUp.signal.aborted) return
    await once(res, 'drain', { signal: hangUp.signal }).catch(() => {})
  }
  try {
    if (ctx.method !== 'HEAD') await produce(write, hangUp.signal)
    open()
    res.end('data: [DONE]\n\n')
  } catch (error) {
    if (res.headersSent) res.destroy()
    else ctx.respond = true
    throw error
  } finally {
    clearTimeout(ping)
  }
}
