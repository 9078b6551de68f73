/**
 * One HTTP call to a provider: a stream of server-sent events handed on as they come, or a body read to its end.
 * Which of the two is told by how it begins and its content type, since providers answer either to both.
 */
import type { WireEvent } from '../../translators/shared/translator.ts'
import type { TimeoutsRuntime } from '../config/runtime.ts'
import { GatewayError } from '../errors.ts'
import type { UpstreamClient, UpstreamControl, UpstreamHandlers } from '../upstream/client.ts'
import type { createSseParser } from '../upstream/sse-parser.ts'
import { captureChunk } from './capture.ts'
import { detectReply } from './detect-reply.ts'
import type { Attempt } from './exchange.ts'

/** Bytes of a provider's JSON body at most; more is a broken provider. */
const maxBodyBytes = 128 * 1024 * 1024

/** Milliseconds that a provider may take to end a stream after its terminal event, so that its connection can be used again. */
const lingerMs = 1000

export type UpstreamReply =
  /** `body` is parsed JSON, else the text; empty for an error answer that was cut. */
  | { kind: 'body'; status: number; headers: Record<string, string>; body: unknown }
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
  /** The gateway's own code threw at what the provider sent: a defect, or an answer nobody foresaw. */
  onUnexpected(error: unknown): void
}

/** Never rejects. Resolves at once when `signal` aborts, with an error. */
export function callUpstream(plan: UpstreamCallPlan): Promise<UpstreamReply> {
  return new Promise((resolve) => new UpstreamReader(plan, resolve).start())
}

class UpstreamReader implements UpstreamHandlers {
  private readonly plan: UpstreamCallPlan
  private readonly resolve: (reply: UpstreamReply) => void
  private readonly parser: ReturnType<typeof createSseParser>
  private control: UpstreamControl | null = null
  private mode: 'unknown' | 'stream' | 'document' = 'unknown'
  private status = 0
  private headers: Record<string, string> = {}
  private settled = false
  private linger: NodeJS.Timeout | null = null
  /** Of a document, or of what is not known yet. */
  private chunks: Uint8Array[] = []
  private bytes = 0
  private pending: WireEvent[] = []

  constructor(plan: UpstreamCallPlan, resolve: (reply: UpstreamReply) => void) {
    this.plan = plan
    this.resolve = resolve
    this.parser = plan.createSseParser({ onEvent: (event) => this.pending.push(event) })
  }

  start(): void {
    const { client, signal, method, url, headers, body, timeouts, maxConnections } = this.plan
    if (signal.aborted) {
      this.giveUp()
      return
    }
    signal.addEventListener('abort', this.giveUp)
    this.control = client.send({ method, url, headers, body, timeouts, maxConnections }, this)
    this.plan.onResumable(() => this.control?.resume())
  }

  onHead({ status, headers }: { status: number; headers: Record<string, string> }): void {
    const { attempt } = this.plan
    this.status = status
    this.headers = headers
    attempt.headAt ??= performance.now()
    attempt.httpStatus = status
    attempt.responseHeaders = headers
    if (status >= 300) this.mode = 'document'
  }

  onData(chunk: Uint8Array): void {
    if (this.settled) return
    captureChunk(this.plan.attempt.response, chunk, this.plan.captureLimit)
    this.measure(() => this.takeChunk(chunk))
  }

  onEnd(): void {
    this.stopLingering()
    if (this.settled) return
    if (this.mode !== 'stream') {
      const text = this.text()
      this.settleBody(parseJson(text) ?? text.trim())
      return
    }
    this.measure(() => {
      this.parser.end()
      this.handEvents()
    })
    this.settle({ kind: 'stream' })
  }

  onError(error: GatewayError): void {
    this.stopLingering()
    // An error answer that was cut still says more than the cut does.
    if (this.status >= 300) this.settleBody(parseJson(this.text()) ?? '')
    else this.settle({ kind: 'error', error, midStream: this.mode === 'stream' })
  }

  private readonly giveUp = (): void => {
    this.fail(new GatewayError('client_closed_request', 'The client closed the connection.'))
  }

  private fail(error: GatewayError): void {
    this.settle({ kind: 'error', error, midStream: this.mode === 'stream' })
    this.control?.abort()
  }

  private settle(reply: UpstreamReply): void {
    if (this.settled) return
    this.settled = true
    this.chunks = []
    this.plan.attempt.endedAt = performance.now()
    this.plan.signal.removeEventListener('abort', this.giveUp)
    this.resolve(reply)
  }

  private settleBody(body: unknown): void {
    this.settle({ kind: 'body', status: this.status, headers: this.headers, body })
  }

  private text(): string {
    return Buffer.concat(this.chunks).toString('utf8')
  }

  private takeChunk(chunk: Uint8Array): void {
    if (this.mode === 'stream') this.parse(chunk)
    else this.keep(chunk)
  }

  private keep(chunk: Uint8Array): void {
    this.chunks.push(chunk)
    this.bytes += chunk.byteLength
    if (this.bytes > maxBodyBytes) {
      this.fail(invalid('The provider sent a larger answer than any response can be.'))
    } else if (this.mode === 'unknown') {
      const start = this.chunks.length === 1 ? chunk : Buffer.concat(this.chunks)
      this.mode = detectReply(this.headers['content-type'], start)
      if (this.mode !== 'stream') return
      this.chunks = []
      this.parse(start)
    }
  }

  private parse(chunk: Uint8Array): void {
    this.parser.push(chunk)
    this.handEvents()
  }

  private handEvents(): void {
    if (this.pending.length === 0) return
    const events = this.pending
    this.pending = []
    const verdict = this.plan.onEvents(events)
    if (verdict === 'pause') this.control?.pause()
    if (verdict !== 'stop') return
    this.linger = setTimeout(() => this.control?.abort(), lingerMs).unref()
    this.settle({ kind: 'stream' })
  }

  private stopLingering(): void {
    if (this.linger !== null) clearTimeout(this.linger)
  }

  /** Runs the gateway's own work on provider data, timed, and turned into a failure of the provider if it throws. */
  private measure(work: () => void): void {
    const begin = performance.now()
    try {
      work()
    } catch (error) {
      if (!(error instanceof GatewayError)) this.plan.onUnexpected(error)
      this.fail(
        invalid(error instanceof GatewayError ? error.message : 'The provider sent something unreadable.'),
      )
    }
    this.plan.attempt.ownMs += performance.now() - begin
  }
}

/** Undefined when the text is no JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text)
  } catch {
    return undefined
  }
}

function invalid(message: string): GatewayError {
  return new GatewayError('upstream_invalid_response', message)
}
