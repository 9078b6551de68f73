/** Writes an answer to the wire: frame by frame, at the client's pace, until the client goes away. */
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { setTimeout as sleep, setImmediate as yieldLoop } from 'node:timers/promises'
import type { Frame, RecordedRequest, Reply, Script } from './types.ts'

export interface StreamPlan {
  frames: Iterable<Frame>
  script: Script
  /** Written where the script says that the model fails in mid-stream. */
  failed: (sequence: number) => Frame[]
  record: RecordedRequest
  /** Fires when the client goes away. */
  signal: AbortSignal
}

/** Content frames that a failure or a cut in mid-stream lets through. */
const framesBeforeTrouble = 3

/** Each frame is one write. Waits for the socket to drain, so a slow client slows the sandbox. */
export async function writeStream(response: ServerResponse, plan: StreamPlan): Promise<void> {
  const { frames, script, failed, record, signal } = plan
  record.status = 200
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' })
  let deltas = 0
  for (const frame of frames) {
    if (signal.aborted) return
    if (isTrouble(script, deltas, frame)) {
      if (script.ending === 'cut') response.destroy()
      else for (const last of failed(record.events)) await writeFrame(response, last, plan)
      break
    }
    if (frame.delta) {
      deltas += 1
      if (script.delay > 0) await pause(script.delay, signal)
    }
    await writeFrame(response, frame, plan)
  }
  if (!signal.aborted) response.end()
}

/** After a few deltas; or earlier, when the first run of deltas is shorter. */
function isTrouble({ ending }: Script, deltas: number, frame: Frame): boolean {
  if (ending !== 'cut' && ending !== 'fail') return false
  return deltas >= framesBeforeTrouble || (deltas > 0 && !frame.delta && !frame.text.startsWith(':'))
}

async function writeFrame(
  response: ServerResponse,
  frame: Frame,
  { record, signal }: StreamPlan,
): Promise<void> {
  if (signal.aborted) return
  record.events += 1
  // A turn of the event loop after each write keeps the writes apart and the process answering.
  if (response.write(frame.text)) await yieldLoop()
  else await once(response, 'drain', { signal }).catch(() => undefined)
}

/** Waits, but no longer than the client stays. */
export async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, { signal }).catch(() => undefined)
}

export function writeReply(response: ServerResponse, reply: Reply, record: RecordedRequest): void {
  record.status = reply.status
  const headers = { 'content-type': 'application/json', ...reply.headers }
  const text = reply.kind === 'json' ? JSON.stringify(reply.body) : reply.body
  response.writeHead(reply.status, { ...headers, 'content-length': Buffer.byteLength(text) })
  response.end(text)
}

/** Half of a JSON body under the length of the whole one, then the end of the connection. */
export async function writeCutReply(
  response: ServerResponse,
  reply: Reply,
  record: RecordedRequest,
): Promise<void> {
  record.status = reply.status
  const text = reply.kind === 'json' ? JSON.stringify(reply.body) : reply.body
  response.writeHead(reply.status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  })
  await new Promise<void>((resolve) =>
    response.write(text.slice(0, Math.ceil(text.length / 2)), () => resolve()),
  )
  await yieldLoop()
  response.destroy()
}
