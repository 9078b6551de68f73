/**
 * Whatever a provider of the Responses family streams → legal canonical events. One machine for semantic events,
 * snapshots (chunks without `type`), error bodies under a 200, and streams that just stop.
 */
import { type CanonicalEvent, isObject, type JsonObject } from '../shared/canonical.ts'
import { createEmitter, type Emitter } from '../shared/emitter.ts'
import { makeFailure } from '../shared/failures.ts'
import { readProviderEcho } from '../shared/response-object.ts'
import type {
  Context,
  StreamTranslator,
  UpstreamFacts,
  UpstreamFailure,
  WireEvent,
} from '../shared/translator.ts'
import { applyOutputEvent } from './semantic.ts'
import { readOutput } from './shapes.ts'
import { type SnapshotMode, SnapshotReader } from './snapshot.ts'
import { readEnding, readTerminalEvent } from './status.ts'
import { OutputTracker } from './tracker.ts'

/** What a variant says about its provider's answers. */
export interface StreamHooks {
  /** An error body in the canonical words; the status is 200 for a body that came under a 200. */
  failure(status: number, headers: Record<string, string>, body: unknown): UpstreamFailure
  /** Whether chunks without `type` repeat what came before. Default `auto`: found out by a prefix test. */
  snapshots?: SnapshotMode
  /** Takes leaked control tokens of gpt-oss out of texts and tool names. Default false. */
  cleanHarmony?: boolean
}

export function createResponsesStream(context: Context, hooks: StreamHooks): StreamTranslator {
  return new ResponsesStream(context, hooks)
}

export class ResponsesStream implements StreamTranslator {
  readonly facts: UpstreamFacts = { responseId: null, model: null, metadata: null, serviceTier: null }
  private readonly hooks: StreamHooks
  private readonly emitter: Emitter
  private readonly tracker: OutputTracker
  private readonly snapshots: SnapshotReader
  private readonly cleanHarmony: boolean
  /** The latest snapshot: its status counts at the end. */
  private lastSnapshot: JsonObject | null = null
  /** A snapshot said that it was unfinished: so the status of the last one can be believed. */
  private sawUnfinished = false
  private sawDone = false
  private lastData = ''
  private lastSequence = 0

  constructor(context: Context, hooks: StreamHooks) {
    this.hooks = hooks
    this.cleanHarmony = hooks.cleanHarmony ?? false
    this.emitter = createEmitter(context)
    this.tracker = new OutputTracker({ emitter: this.emitter, cleanHarmony: this.cleanHarmony })
    this.snapshots = new SnapshotReader(this.tracker, hooks.snapshots ?? 'auto')
  }

  get failure() {
    return this.emitter.failure
  }

  get final() {
    return this.emitter.final
  }

  get usage() {
    return this.emitter.toldUsage
  }

  push(wire: WireEvent): CanonicalEvent[] {
    if (this.emitter.ended) return []
    const data = wire.data.trim()
    if (data === '[DONE]') {
      this.sawDone = true
      this.endInOrder()
    } else if (data !== '') this.read(wire.event, data)
    return this.emitter.take()
  }

  end(cut?: { code: string; message: string }): CanonicalEvent[] {
    if (this.emitter.ended) return []
    if (cut === undefined) this.endInOrder()
    else if (this.sawUnfinished && this.isSnapshotFinished()) this.finishSnapshots()
    else this.emitter.fail(makeFailure(cut.code, cut.message))
    return this.emitter.take()
  }

  /** A finished response object: the only one, and the end. */
  readBody(body: JsonObject): void {
    this.finish(body)
  }

  /** A response object so far; with the last one the response ends. */
  private readSnapshot(body: JsonObject): void {
    this.learn(body)
    const { status, isFinished } = readEnding(body)
    if (!isFinished) this.sawUnfinished = true
    this.lastSnapshot = body
    if (status === 'failed') {
      this.finish(body)
      return
    }
    this.snapshots.read(readOutput(body, this.cleanHarmony), isFinished)
  }

  private finishSnapshots(): void {
    if (this.emitter.ended) return
    this.snapshots.end()
    this.finish(this.lastSnapshot ?? {})
  }

  take(): CanonicalEvent[] {
    return this.emitter.take()
  }

  failWith(body: unknown): void {
    this.emitter.fail(this.hooks.failure(200, {}, body))
  }

  private read(eventName: string, data: string): void {
    const event = parseObject(data) ?? this.readBroken(data)
    if (event === null) {
      this.emitter.note('stream', 'dropped', 'an event that is not a JSON object')
      return
    }
    const type = typeof event.type === 'string' ? event.type : typeFromName(eventName)
    event.type = type
    if (type === 'error' || isErrorBody(event, type)) this.failWith(event)
    else if (type === null) this.readUntyped(event)
    else if (!this.isRepeated(event, data)) this.readTyped(type, event)
  }

  /** One recorded provider forgets the last brace of its longest events, the terminal one among them. */
  private readBroken(data: string): JsonObject | null {
    const event = data.startsWith('{') ? (parseObject(`${data}}`) ?? parseObject(`${data}}}`)) : null
    if (event !== null) this.emitter.note('stream', 'mapped', 'an event without its closing brace')
    return event
  }

  private readUntyped(event: JsonObject): void {
    if ('output' in event || 'output_text' in event || 'status' in event || 'id' in event)
      this.readSnapshot(event)
    else this.emitter.note('stream', 'dropped', 'an event of an unknown kind')
  }

  private readTyped(type: string, event: JsonObject): void {
    const response = isObject(event.response) ? event.response : null
    const terminal = readTerminalEvent(type)
    if (terminal !== null) {
      this.finish({
        ...response,
        status: terminal === 'completed' ? (response?.status ?? terminal) : terminal,
      })
      return
    }
    if (response !== null) {
      this.learn(response)
      return
    }
    const { tracker, cleanHarmony } = this
    if (!applyOutputEvent(type, event, { tracker, cleanHarmony }) && !isLifecycle(type)) {
      this.emitter.note('stream', 'dropped', 'an event of an unknown kind')
    }
  }

  /** The same event sent twice. Only trusted where the provider counts its events. */
  private isRepeated(event: JsonObject, data: string): boolean {
    const sequence = event.sequence_number
    if (typeof sequence !== 'number') return false
    const repeated = sequence > 0 && sequence === this.lastSequence && data === this.lastData
    this.lastSequence = sequence
    this.lastData = data
    return repeated
  }

  /** The response as the provider closes it: what is missing of its output is sent, then it ends. */
  private finish(body: JsonObject): void {
    this.learn(body)
    const ending = readEnding(body)
    if (ending.status === 'failed') {
      if (this.emitter.started && this.lastSnapshot === null)
        this.tracker.settleAll(readOutput(body, this.cleanHarmony), 'finished')
      this.emitter.fail(this.readFailure(body))
      return
    }
    if (this.lastSnapshot === null) this.tracker.settleAll(readOutput(body, this.cleanHarmony), 'finished')
    this.tracker.wrapUp()
    if (ending.status === 'incomplete') this.emitter.incomplete(ending.reason)
    else this.emitter.complete()
  }

  private readFailure(body: JsonObject): UpstreamFailure {
    if (body.status === 'cancelled' || body.status === 'canceled') {
      return makeFailure('upstream_cancelled', 'The provider cancelled the response.')
    }
    if (isObject(body.error)) return this.hooks.failure(200, {}, { error: body.error })
    return makeFailure('upstream_error', 'The provider failed without saying why.')
  }

  /** `[DONE]` or a close in order, without a terminal event. */
  private endInOrder(): void {
    if (this.lastSnapshot !== null) this.finishSnapshots()
    else if (this.sawDone && this.tracker.isSettled) {
      this.emitter.note('stream', 'emulated', 'the terminal event was missing')
      this.finish({ status: 'completed' })
    } else {
      this.emitter.fail(
        makeFailure(
          'upstream_disconnected',
          'The provider ended the stream before the response was finished.',
        ),
      )
    }
  }

  private isSnapshotFinished(): boolean {
    return this.lastSnapshot !== null && readEnding(this.lastSnapshot).isFinished
  }

  private learn(body: JsonObject): void {
    const { facts } = this
    if (typeof body.id === 'string') facts.responseId = body.id
    if (typeof body.model === 'string') facts.model = body.model
    if (isObject(body.metadata) && Object.keys(body.metadata).length > 0) facts.metadata = body.metadata
    const echo = readProviderEcho(body)
    facts.serviceTier = echo.service_tier ?? facts.serviceTier
    this.emitter.describeProvider(echo)
    if (body.usage !== null && body.usage !== undefined) this.emitter.usage(body.usage)
  }
}

const lifecycle = new Set([
  'response.created',
  'response.queued',
  'response.in_progress',
  'keepalive',
  'ping',
])

function isLifecycle(type: string): boolean {
  return lifecycle.has(type)
}

/** The `event:` line stands in for a missing `type`, where it names one. */
function typeFromName(name: string): string | null {
  return name === 'error' || name.startsWith('response.') ? name : null
}

/** An error body as a data event: `{"error": …}`, `{"object": "error", …}`, or FastAPI's `{"detail": …}`. */
export function isErrorBody(body: JsonObject, type: string | null = null): boolean {
  if (body.object === 'error') return true
  if (type !== null) {
    if (type.startsWith('response.') || typeof body.message !== 'string') return false
    return body.code !== undefined || /error$/i.test(type)
  }
  if (body.error !== null && body.error !== undefined && body.output === undefined) return true
  return body.detail !== undefined && body.output === undefined && body.id === undefined
}

function parseObject(data: string): JsonObject | null {
  try {
    const value: unknown = JSON.parse(data)
    return isObject(value) ? value : null
  } catch {
    return null
  }
}
