/** The event stream of a response that is kept, as the answer of a route. */
import type { Context } from 'koa'
import { type EventStreamOptions, eventStreamHeaders, writeEvents } from './event-stream.ts'

export interface EventAnswerOptions extends Pick<EventStreamOptions, 'pingSeconds' | 'produce'> {
  ctx: Context
}

/** See `writeEvents`. */
export async function answerEvents({ ctx, pingSeconds, produce }: EventAnswerOptions): Promise<void> {
  const { res: response } = ctx
  if (ctx.method === 'HEAD') {
    ctx.set(eventStreamHeaders)
    ctx.status = 200
    return
  }
  ctx.respond = false
  const open = () => {
    response.writeHead(200, eventStreamHeaders)
  }
  await writeEvents({ response, pingSeconds, open, produce })
}
