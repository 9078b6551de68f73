/**
 * One HTTP call to a provider: a stream of server-sent events handed on as they come, or a body read to its end.
 * Which of the two is told by the content type and the first byte, since providers answer either to both.
 */
import type { WireEvent } from '../../translators/shared/translator.ts'
import type { TimeoutsRuntime } from '../config/runtime.ts'
import { GatewayError } from '../errors.ts'
import type { UpstreamClient, UpstreamControl } from '../upstream/client.ts'
import type { createSseParser } from '../upstream/sse-parser.ts'
import { captureChunk } from './capture.ts'
import type { Attempt } from './exchange.ts'

/** Bytes of a provider's JSON body at most; more is a broken provider. */
const maxBodyBytes = 128 * 1024 * 1024

export type UpstreamReply =
  | { kind: 'body'; status: number; headers: Record<string, string>; text: string }
  /** The stream is over, in order or by `onEvents` returning `stop`. */
  | { kind: 'stream' }
  /** `client_closed_request` when `signal` aborted. */
  | { kind: 'error'; error: GatewayError; midStream: boolean }

export interface UpstreamCallPlan {
  client: UpstreamClient
  createSseParser: typeof createSseParser
  method: 'GET' | 'POST'
  url: string
  headers: Record<string, string>
  body: string | null
  timeouts: TimeoutsRuntime
  maxConnections: number
  attempt: Attempt
  captureLimit: number
  signal: AbortSignal
  /** The events of one chunk. `stop`: nothing more is needed. `pause`: the client is behind; `resume` is called later. */
  onEvents(events: WireEvent[]): 'go' | 'pause' | 'stop'
  /** Gives the function that lets a paused provider go on. */
  onResumable(resume: () => void): void
}

/** How long a provider may take to end a stream after its terminal event, so that its connection can be used again. */
const lingerMs = 1000

/** Never rejects. Resolves at once when `signal` aborts, with an error. */
export function callUpstream(plan: UpstreamCallPlan): Promise<UpstreamReply> {
  return new Promise((resolve) => {
    const { attempt, signal } = plan
    let mode: 'unknown' | 'stream' | 'body' = 'unknown'
    let status = 0
    let headers: Record<string, string> = {}
    let settled = false
    let control: UpstreamControl | null = null
    let linger: NodeJS.Timeout | null = null
    const chunks: Uint8Array[] = []
    let bodyBytes = 0
    let pending: WireEvent[] = []
    const parser = plan.createSseParser({ onEvent: (event) => pending.push(event) })

    function settle(reply: UpstreamReply): void {
      if (settled) return
      settled = true
      attempt.endedAt = performance.now()
      signal.removeEventListener('abort', onAbort)
      resolve(reply)
    }
    function settleError(error: GatewayError): void {
      settle({ kind: 'error', error, midStream: mode === 'stream' })
    }
    function onAbort(): void {
      settleError(new GatewayError('client_closed_request', 'The client closed the connection.'))
      control?.abort()
    }
    function fail(message: string): void {
      settleError(new GatewayError('upstream_invalid_response', message))
      control?.abort()
    }
    function handEvents(): void {
      if (pending.length === 0) return
      const events = pending
      pending = []
      const verdict = plan.onEvents(events)
      if (verdict === 'pause') control?.pause()
      if (verdict !== 'stop') return
      linger = setTimeout(() => control?.abort(), lingerMs)
      linger.unref()
      settle({ kind: 'stream' })
    }
    function takeChunk(chunk: Uint8Array): void {
      captureChunk(attempt.response, chunk, plan.captureLimit)
      if (mode === 'unknown') mode = status < 300 ? detectMode(headers['content-type'], chunk) : 'body'
      if (mode === 'stream') {
        parser.push(chunk)
        handEvents()
        return
      }
      if (mode === 'unknown') return
      chunks.push(chunk)
      bodyBytes += chunk.byteLength
      if (bodyBytes > maxBodyBytes) fail('The provider sent a larger answer than any response can be.')
    }
    /** Runs the gateway's own work on provider data, timed, and turned into a failure of the provider if it throws. */
    function timed(work: () => void): void {
      const begin = performance.now()
      try {
        work()
      } catch (error) {
        fail(error instanceof GatewayError ? error.message : 'The provider sent something unreadable.')
      }
      attempt.ownMs += performance.now() - begin
    }

    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort)
    control = plan.client.send(
      {
        method: plan.method,
        url: plan.url,
        headers: plan.headers,
        body: plan.body,
        timeouts: plan.timeouts,
        maxConnections: plan.maxConnections,
      },
      {
        onHead(head) {
          status = head.status
          headers = head.headers
          attempt.headAt ??= performance.now()
          attempt.httpStatus = status
          attempt.responseHeaders = headers
        },
        onData(chunk) {
          if (!settled) timed(() => takeChunk(chunk))
        },
        onEnd() {
          if (linger !== null) clearTimeout(linger)
          if (settled) return
          if (mode === 'stream') {
            timed(() => {
              parser.end()
              handEvents()
            })
            settle({ kind: 'stream' })
            return
          }
          settle({ kind: 'body', status, headers, text: Buffer.concat(chunks).toString('utf8') })
        },
        onError(error) {
          if (linger !== null) clearTimeout(linger)
          settleError(error)
        },
      },
    )
    plan.onResumable(() => control?.resume())
  })
}

/**
 * A body that begins like JSON is JSON whatever its content type says, since errors come as JSON under
 * `text/event-stream`; else the content type decides, and a missing or wrong one is settled by the first byte.
 */
function detectMode(contentType: string | undefined, chunk: Uint8Array): 'unknown' | 'stream' | 'body' {
  let index = 0
  if (chunk[0] === 0xef && chunk[1] === 0xbb && chunk[2] === 0xbf) index = 3
  while (index < chunk.length && (chunk[index] === 0x20 || chunk[index] === 0x0a || chunk[index] === 0x0d))
    index++
  const first = chunk[index]
  if (first === 0x7b || first === 0x5b) return 'body'
  if (contentType?.includes('text/event-stream')) return 'stream'
  if (first === 0x3a) return 'stream'
  const head = Buffer.from(
    chunk.buffer,
    chunk.byteOffset + index,
    Math.min(6, chunk.byteLength - index),
  ).toString('latin1')
  return head.startsWith('data:') || head.startsWith('event:') ? 'stream' : 'body'
}
