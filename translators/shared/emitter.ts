/**
 * The emitter: the only code that makes ids, indexes, sequence numbers, brackets and the terminal event. A dialect
 * tells it what happened; whatever it is told, and in whatever order, what comes out is legal.
 *
 *   (waiting) ──first item, or the end──► created → in_progress     (only in_progress where `created` has been sent)
 *        │                                     │
 *        │                                     ▼
 *        │        ┌─► item added → ( part added → delta* → done → part done )* → item done ─┐
 *        │        └─────────────────────── next item (may overlap) ◄───────────────────────┘
 *        │                                     │
 *        ├── complete ──► verify ─────────► completed | incomplete      (open items are closed first)
 *        └── fail ─┬─ nothing sent yet ───► no event at all: `failure` is set, another target may answer
 *                  └─ something sent ─────► (open items closed as incomplete) → error → failed
 *
 * Nothing is emitted before the first item, so that a failure before it can still be answered by another target.
 * An item's index is given when it is added; an `incomplete` item is the last one, so an item that ended incomplete
 * stays open until the end shows whether another followed. A dropped item (see `Guards`) leaves no trace.
 */
import type { CanonicalEvent, CanonicalResponse, Item, JsonObject, Usage } from './canonical.ts'
import type { EmitterCore, ItemWriter } from './emitter-core.ts'
import { admitItem, findEmptiness, type GuardState } from './emitter-guards.ts'
import { WholeItemWriter } from './emitter-item.ts'
import { MessageWriter, ReasoningWriter } from './emitter-writers.ts'
import { makeErrorEvent, makeFailure } from './failures.ts'
import { buildEcho, buildFinal, type ProviderEcho } from './response-object.ts'
import type { Adaptation, Context, UpstreamFailure } from './translator.ts'
import { readUsage, toContractUsage } from './usage.ts'

const inProgress = 'response.in_progress'

export class Emitter implements EmitterCore {
  readonly context: Context
  failure: UpstreamFailure | null = null
  final: CanonicalResponse | null = null
  private provider: ProviderEcho = {}
  private echo: CanonicalResponse | null = null
  private events: CanonicalEvent[] = []
  private sequence: number
  private lastUsage: Usage | null = null
  private readonly writers: ItemWriter[] = []
  private readonly waiting = new Set<WholeItemWriter>()
  private readonly output: Item[] = []
  private readonly correlations = new Set<string>()
  private readonly notes = new Set<string>()
  private readonly guardState: GuardState = {
    toolCalls: 0,
    clientCalls: 0,
    dropped: 0,
    unusable: 0,
    droppedCallIds: new Set(),
  }

  constructor(context: Context) {
    this.context = context
    this.sequence = context.resume?.nextSequence ?? 0
  }

  /** Whether the client has been sent anything. */
  get started(): boolean {
    return this.echo !== null
  }

  get ended(): boolean {
    return this.failure !== null || this.final !== null
  }

  /** The provider's usage so far; null when it told none. */
  get toldUsage(): Usage | null {
    return this.lastUsage
  }

  /** The events since the last call. */
  take(): CanonicalEvent[] {
    const taken = this.events
    if (taken.length > 0) this.events = []
    return taken
  }

  /** Defaults that the provider told; they count for the echo when told before the first item. */
  describeProvider(provider: ProviderEcho): void {
    Object.assign(this.provider, provider)
  }

  message(item?: JsonObject): MessageWriter {
    return new MessageWriter(this, item)
  }

  reasoning(item?: JsonObject): ReasoningWriter {
    return new ReasoningWriter(this, item)
  }

  /** Any other item: a function call, a built-in tool, an unknown kind. */
  item(item: Item): WholeItemWriter {
    const writer = new WholeItemWriter(this, item)
    if (writer.isOpen && writer.outputIndex < 0) this.waiting.add(writer)
    return writer
  }

  /** The provider's usage in any of its spellings; the last one told counts. */
  usage(value: unknown): void {
    this.lastUsage = readUsage(value) ?? this.lastUsage
  }

  complete(): void {
    this.end('completed', null)
  }

  /** @param reason `max_output_tokens`, `content_filter`, … */
  incomplete(reason: string): void {
    this.end('incomplete', reason)
  }

  /** Before the first event: sets `failure` and emits nothing. After it: `error`, then `response.failed`. */
  fail(failure: UpstreamFailure): void {
    if (this.ended) return
    if (!this.started) {
      this.failure = failure
      return
    }
    this.failAloud(failure)
  }

  /** As `fail`, but also emits when nothing was sent: for a client whose stream has been opened already. */
  failAloud(failure: UpstreamFailure): void {
    if (this.ended) return
    this.start()
    this.closeOpen('failed')
    this.pushFailure(failure)
  }

  nextSequence(): number {
    return this.sequence++
  }

  push(event: CanonicalEvent): void {
    this.events.push(event)
  }

  pushItem(moment: 'added' | 'done', outputIndex: number, item: Item): void {
    this.push({
      type: `response.output_item.${moment}`,
      sequence_number: this.nextSequence(),
      output_index: outputIndex,
      item,
    })
  }

  claimIndex(writer: ItemWriter): number {
    this.start()
    this.writers.push(writer)
    if (writer instanceof WholeItemWriter) this.waiting.delete(writer)
    return this.writers.length - 1
  }

  settle(outputIndex: number, item: Item): void {
    this.output[outputIndex] = item
  }

  admit(type: string, item: JsonObject): boolean {
    const refusal = admitItem(this.context.sent, this.guardState, type, item)
    if (refusal === null) return true
    this.note(refusal.field, 'emulated', refusal.detail)
    return false
  }

  claimCorrelation(key: string): boolean {
    if (this.correlations.has(key)) return false
    this.correlations.add(key)
    return true
  }

  note(field: string, action: Adaptation['action'], detail: string): void {
    const key = `${field}\n${action}\n${detail}`
    if (this.notes.has(key)) return
    this.notes.add(key)
    this.context.note({ field, action, detail })
  }

  lose(what: string): void {
    this.guardState.unusable++
    this.note('output', 'dropped', what)
  }

  seal(content: string, itemId: string): string | null {
    return this.context.seal ? this.context.seal(content, itemId) : content
  }

  private start(): void {
    if (this.echo !== null) return
    this.echo = buildEcho(this.context, this.provider)
    const isCreated = this.context.resume?.created ?? false
    for (const type of isCreated ? [inProgress] : ['response.created', inProgress]) {
      this.push({ type, sequence_number: this.nextSequence(), response: this.echo })
    }
  }

  private end(status: 'completed' | 'incomplete', reason: string | null): void {
    if (this.ended) return
    const last = this.closeOpen(status)
    if (status === 'completed' && last === 'incomplete') {
      status = 'incomplete'
      reason = 'max_output_tokens'
    }
    const failure = status === 'completed' ? this.findFault() : null
    if (failure !== null) {
      if (this.started) this.pushFailure(failure)
      else this.failure = failure
      return
    }
    this.start()
    this.pushTerminal(status, reason, null)
  }

  /**
   * Closes whatever is open, in order. Only the last item may be incomplete; an earlier one that the provider never
   * closed counts as whole. In a failure, a call whose arguments break off never looks callable, wherever it stands.
   * @returns how the last item ended.
   */
  private closeOpen(end: 'completed' | 'incomplete' | 'failed'): 'completed' | 'incomplete' {
    if (end !== 'failed') for (const writer of this.waiting) writer.close('completed')
    this.waiting.clear()
    const last = this.writers.at(-1)
    for (const writer of this.writers) {
      if (!writer.isOpen) continue
      const isCut = writer === last && (end !== 'completed' || writer.endedIncomplete)
      const isBrokenCall = end === 'failed' && writer instanceof WholeItemWriter && !writer.isPlausiblyWhole
      writer.close(isCut || isBrokenCall ? 'incomplete' : 'completed')
    }
    return this.output.at(-1)?.status === 'incomplete' ? 'incomplete' : 'completed'
  }

  /** What forbids to call the response completed: every call was refused, or the output does not verify. */
  private findFault(): UpstreamFailure | null {
    const emptiness = findEmptiness(this.guardState, this.output)
    if (emptiness !== null) return emptiness
    const fault = this.context.verify?.(this.output)
    return fault ? makeFailure(fault.code, fault.message) : null
  }

  private pushFailure(failure: UpstreamFailure): void {
    const { code, message } = failure
    this.push(makeErrorEvent(failure, this.context.events, this.nextSequence()))
    this.pushTerminal('failed', null, { code, message })
  }

  private estimateUsage(): Usage | null {
    const estimated = this.context.estimateUsage?.(this.output) ?? null
    if (estimated !== null) this.note('usage', 'emulated', 'estimated')
    return estimated
  }

  private pushTerminal(
    status: 'completed' | 'incomplete' | 'failed',
    reason: string | null,
    error: { code: string; message: string } | null,
  ): void {
    const echo = this.echo as CanonicalResponse
    this.final = buildFinal(echo, {
      status,
      output: this.output,
      usage: this.lastUsage === null ? this.estimateUsage() : toContractUsage(this.lastUsage),
      error,
      incompleteReason: reason,
      completedAt: status === 'completed' ? Math.max(this.context.now(), echo.created_at) : null,
      serviceTier: this.provider.service_tier ?? null,
    })
    this.push({
      type: `response.${status}`,
      sequence_number: this.nextSequence(),
      response: this.final,
    })
  }
}

/** A machine for one response; see the drawing above. */
export function createEmitter(context: Context): Emitter {
  return new Emitter(context)
}
