/** One call to a provider: undici's callbacks in, exactly one end out. */

import { Client, type Dispatcher } from 'undici'
import type { TimeoutsRuntime } from '../config/runtime.ts'
import { joinHeaders } from '../headers.ts'
import { createDeadline, type Deadline, type DeadlineKind } from './deadline.ts'
import { type BodyDecoder, createBodyDecoder, isEncoded } from './decode-body.ts'
import { describeFailure, errorCode, UpstreamError } from './upstream-error.ts'

export interface UpstreamCall {
  method: 'POST' | 'GET' | 'DELETE'
  /** Absolute, `http:` or `https:`. */
  url: string
  headers: Record<string, string>
  body: string | null
  timeouts: TimeoutsRuntime
  /** Connections to this origin at most. Default 1024. */
  maxConnections?: number
}

/**
 * What a call tells, never before `send` has returned: `onHead` at most once, `onData` any number of times, then
 * exactly one of `onEnd` and `onError`, and nothing after. An `onHead` or `onData` that throws ends the call with
 * `onError`; the other two must not throw.
 */
export interface UpstreamHandlers {
  /** Any final status, redirects and errors included: none is followed or judged. Names are in lower case. */
  onHead(head: { status: number; headers: Record<string, string> }): void
  /** Decoded bytes. A few may still come after `pause()`, e.g. what was buffered when the provider hung up. */
  onData(chunk: Uint8Array): void
  onEnd(): void
  onError(error: UpstreamError): void
}

export interface UpstreamControl {
  /** Stops reading from the provider. The idle time-out rests meanwhile. */
  pause(): void
  resume(): void
  /** Closes the provider's socket at once; `onError` with kind `aborted` comes before this returns. Idempotent. */
  abort(): void
}

/**
 * A request on a kept-alive connection that the provider was just closing fails within a round trip, unread. A later
 * failure may be of a provider that has been working on it, and is the caller's to judge.
 */
const staleWindow = 1000

const timeoutMessages: { readonly [kind in DeadlineKind]: string } = {
  connect_timeout:
    'No connection to the provider could be opened in time, or all that are allowed stayed in use.',
  first_byte_timeout: 'The provider did not begin to answer in time.',
  idle_timeout: 'The provider stopped in the middle of its answer for too long.',
  total_timeout: 'The provider did not finish its answer in time.',
  unread_timeout: 'The answer was not read in time: its reader was behind until the end of it.',
}

/** A connection of the pool that counts its requests, so that a call knows whether its socket was used before. */
export class CountingClient extends Client {
  private requests = 0

  constructor(origin: URL, options: Client.Options) {
    super(origin, options)
    this.on('connect', () => {
      this.requests = 0
    })
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    if (handler instanceof Call) {
      // It waited for a free connection and was given up meanwhile: starting it would only close this one.
      if (handler.over) return true
      handler.connection = this
    }
    return super.dispatch(options, handler)
  }

  /** @returns whether the open socket has carried a request before this one. */
  countRequest(): boolean {
    this.requests += 1
    return this.requests > 1
  }
}

export class Call implements Dispatcher.DispatchHandler, UpstreamControl {
  connection: CountingClient | null = null
  private readonly handlers: UpstreamHandlers
  private readonly dispatch: (call: Call) => void
  private readonly deadline: Deadline
  private controller: Dispatcher.DispatchController | null = null
  private decoder: BodyDecoder | null = null
  private done = false
  private returned = false
  private retried = false
  private sent = false
  private responded = false
  private reused = false
  private sentAt = 0
  private paused = false
  /** The decoder is full. */
  private choked = false

  constructor(timeouts: TimeoutsRuntime, handlers: UpstreamHandlers, dispatch: (call: Call) => void) {
    this.handlers = handlers
    this.dispatch = dispatch
    this.deadline = createDeadline(timeouts, (kind) => this.expire(kind))
  }

  /** Whether its one end has been told. */
  get over(): boolean {
    return this.done
  }

  start(): void {
    this.deadline.connecting()
    this.dispatch(this)
    this.returned = true
  }

  pause(): void {
    if (this.done || this.paused) return
    this.paused = true
    if (this.responded) this.deadline.hold()
    this.controller?.pause()
    this.decoder?.pause()
  }

  resume(): void {
    if (this.done || !this.paused) return
    this.paused = false
    if (this.responded) this.deadline.touch()
    this.decoder?.resume()
    this.continueReading()
  }

  abort(): void {
    this.fail(new UpstreamError('aborted', 'The call to the provider was given up.', { sent: this.sent }))
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.done) {
      controller.abort(new Error('given up before it was sent'))
      return
    }
    this.controller = controller
    this.reused = this.connection?.countRequest() ?? false
    this.sent = true
    this.sentAt = performance.now()
    if (this.paused) controller.pause()
    this.deadline.waiting()
  }

  onResponseStarted(): void {
    this.responded = true
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (this.done || status < 200) return
    if (this.paused) this.deadline.hold()
    else this.deadline.touch()
    const flat = joinHeaders(headers)
    const encoding = flat['content-encoding']
    if (isEncoded(encoding) && !this.openDecoder(encoding, flat)) return
    this.run(() => this.handlers.onHead({ status, headers: flat }))
    if (this.paused) controller.pause()
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    // After a pause undici's parser reports an empty chunk, which would be paused upon again, for ever.
    if (this.done || chunk.length === 0) return
    if (!this.paused) this.deadline.touch()
    if (this.decoder === null) {
      this.deliver(chunk)
    } else if (!this.decoder.write(chunk)) {
      this.choked = true
      controller.pause()
    }
  }

  onResponseEnd(): void {
    if (this.done) return
    if (this.decoder === null) {
      this.finish()
      return
    }
    this.deadline.hold()
    this.decoder.end()
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    if (this.done) return
    if (this.isStale(error)) {
      this.retry()
      return
    }
    this.fail(describeFailure(error, { sent: this.sent, responded: this.responded }))
  }

  /** Whether the request went to a kept-alive socket that was already closed at the other end. */
  private isStale(error: Error): boolean {
    if (this.retried || this.responded || !this.reused) return false
    if (performance.now() - this.sentAt > staleWindow) return false
    return ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'].includes(errorCode(error))
  }

  private retry(): void {
    this.retried = true
    this.controller = null
    this.sent = false
    this.reused = false
    this.deadline.connecting()
    // Not from within undici's own bookkeeping, and after the other stale sockets have been told as closed.
    setImmediate(() => {
      if (!this.done) this.dispatch(this)
    })
  }

  private openDecoder(encoding: string, headers: Record<string, string>): boolean {
    this.decoder = createBodyDecoder(encoding, {
      onData: (chunk) => this.deliver(chunk),
      onDrain: () => {
        this.choked = false
        this.continueReading()
      },
      onEnd: () => this.finish(),
      onError: (error) =>
        this.failProtocol("The provider's answer is compressed and cannot be decoded.", error),
    })
    if (this.decoder === null) {
      this.failProtocol("The provider's answer uses a content-encoding that is not supported.")
      return false
    }
    if (this.paused) this.decoder.pause()
    delete headers['content-encoding']
    delete headers['content-length']
    return true
  }

  /** In a microtask: undici's parser must not be resumed from within a callback of any of its calls. */
  private continueReading(): void {
    queueMicrotask(() => {
      if (!this.done && !this.paused && !this.choked) this.controller?.resume()
    })
  }

  private deliver(chunk: Uint8Array): void {
    if (this.done) return
    this.run(() => this.handlers.onData(chunk))
  }

  private run(callback: () => void): void {
    try {
      callback()
    } catch (error) {
      this.fail(this.asError(error))
    }
  }

  private asError(error: unknown): UpstreamError {
    if (error instanceof UpstreamError) return error
    const message =
      error instanceof Error && error.name === 'GatewayError'
        ? error.message
        : "The provider's answer could not be processed."
    return new UpstreamError('protocol', message, { sent: true, cause: error })
  }

  private failProtocol(message: string, cause?: unknown): void {
    this.fail(new UpstreamError('protocol', message, { sent: true, cause }))
  }

  private expire(kind: DeadlineKind): void {
    this.fail(new UpstreamError(kind, timeoutMessages[kind], { sent: this.sent }))
  }

  private finish(): void {
    if (this.done) return
    this.done = true
    this.deadline.stop()
    this.handlers.onEnd()
  }

  private fail(error: UpstreamError): void {
    if (this.done) return
    this.done = true
    this.deadline.stop()
    this.decoder?.destroy()
    this.controller?.abort(error)
    if (this.returned) this.handlers.onError(error)
    else queueMicrotask(() => this.handlers.onError(error))
  }
}
