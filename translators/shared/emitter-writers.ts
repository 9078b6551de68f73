/** Writers for the two kinds of items that are made of text parts: messages and reasoning. */
import type { Item, JsonObject } from './canonical.ts'
import type { EmitterCore, ItemWriter } from './emitter-core.ts'
import { type LaneOwner, PartLane } from './emitter-parts.ts'
import { idPrefix } from './ids.ts'

/** Members that the emitter makes itself; whatever else an item carries (`phase`, `namespace`, …) passes through. */
const ownMembers = new Set(['id', 'type', 'status', 'role', 'content', 'summary', 'encrypted_content'])

/** The members of a provider's item that pass through: not ours, and not null (clients want absence, not null). */
function pickExtras(item: JsonObject): JsonObject {
  const extras: JsonObject = {}
  for (const key in item) {
    if (!ownMembers.has(key) && item[key] !== null && item[key] !== undefined) extras[key] = item[key]
  }
  return extras
}

/** What both writers share: identity, and one closing that happens once. */
abstract class PartsWriter implements ItemWriter, LaneOwner {
  abstract readonly type: string
  readonly id: string
  readonly outputIndex: number
  readonly dropped = false
  endedIncomplete = false
  protected readonly core: EmitterCore
  protected extras: JsonObject
  private closed = false

  constructor(core: EmitterCore, type: string, item: JsonObject) {
    this.core = core
    this.extras = pickExtras(item)
    this.id = core.context.newId(idPrefix(type))
    this.outputIndex = core.claimIndex(this)
  }

  get isOpen(): boolean {
    return !this.closed
  }

  /** Later knowledge about the item, e.g. its `phase`, from the provider's own item. */
  describe(item: JsonObject): void {
    if (!this.closed) Object.assign(this.extras, pickExtras(item))
  }

  /** The item is whole. An `incomplete` one stays open until it is known whether it is the last. */
  finish(status: 'completed' | 'incomplete' = 'completed'): void {
    if (this.closed) return
    if (status === 'incomplete') this.endedIncomplete = true
    else this.close('completed')
  }

  close(status: 'completed' | 'incomplete'): void {
    if (this.closed) return
    this.closed = true
    this.closeLanes()
    const item = this.render(status)
    this.core.pushItem('done', this.outputIndex, item)
    this.core.settle(this.outputIndex, item)
  }

  protected abstract closeLanes(): void
  protected abstract render(status: string): Item
}

/** An assistant's message. `new` adds the item to the output. */
export class MessageWriter extends PartsWriter {
  readonly type = 'message'
  readonly content: PartLane
  private readonly role: string

  constructor(core: EmitterCore, item: JsonObject = {}) {
    super(core, 'message', item)
    this.role = typeof item.role === 'string' ? item.role : 'assistant'
    this.content = new PartLane(core, this, 'content')
    core.pushItem('added', this.outputIndex, this.renderWith('in_progress', []))
  }

  text(delta: string, logprobs?: JsonObject[]): void {
    this.content.append('output_text', delta, logprobs)
  }

  refusal(delta: string): void {
    this.content.append('refusal', delta)
  }

  protected closeLanes(): void {
    this.content.closeCurrent()
  }

  protected render(status: string): Item {
    return this.renderWith(status, this.content.renderAll())
  }

  private renderWith(status: string, content: JsonObject[]): Item {
    return { id: this.id, type: 'message', status, role: this.role, content, ...this.extras }
  }
}

/** The model's reasoning: raw text, summaries, encrypted content, in any combination. `new` adds the item. */
export class ReasoningWriter extends PartsWriter {
  readonly type = 'reasoning'
  readonly content: PartLane
  readonly summary: PartLane
  private encrypted: string | null = null

  constructor(core: EmitterCore, item: JsonObject = {}) {
    super(core, 'reasoning', item)
    this.content = new PartLane(core, this, 'content')
    this.summary = new PartLane(core, this, 'summary')
    core.pushItem('added', this.outputIndex, {
      id: this.id,
      type: 'reasoning',
      status: 'in_progress',
      summary: [],
      ...this.extras,
    })
  }

  text(delta: string): void {
    this.content.append('reasoning_text', delta)
  }

  summaryText(delta: string): void {
    this.summary.append('summary_text', delta)
  }

  override describe(item: JsonObject): void {
    super.describe(item)
    if (typeof item.encrypted_content === 'string' && this.isOpen) this.encrypted = item.encrypted_content
  }

  protected closeLanes(): void {
    this.summary.closeCurrent()
    this.content.closeCurrent()
  }

  protected render(status: string): Item {
    const content = this.content.renderAll()
    const encrypted = this.encrypted === null ? null : this.core.seal(this.encrypted, this.id)
    return {
      id: this.id,
      type: 'reasoning',
      status,
      summary: this.summary.renderAll(),
      ...(content.length > 0 ? { content } : {}),
      ...(encrypted === null ? {} : { encrypted_content: encrypted }),
      ...this.extras,
    }
  }
}
