/** One item of a provider's answer: what is known of its identity there, and the writer that sends it here. */
import type { ContentPart, Item, JsonObject } from '../shared/canonical.ts'
import type { Emitter } from '../shared/emitter.ts'
import type { WholeItemWriter } from '../shared/emitter-item.ts'
import { isTextPart } from '../shared/emitter-parts.ts'
import { MessageWriter, ReasoningWriter } from '../shared/emitter-writers.ts'
import { type CursorOptions, LaneCursor } from './cursor.ts'
import { partsOf, readObjects, readStreamedText, textOfPart } from './shapes.ts'

export interface SlotIdentity {
  /** The provider's id of the item; some change it with every event. */
  id: string | null
  /** The provider's output index; some jump or repeat. */
  index: number | null
  callId: string | null
}

/** Identity as an event or item tells it. */
export function readIdentity(item: JsonObject, index: unknown): SlotIdentity {
  return {
    id: typeof item.id === 'string' && item.id !== '' ? item.id : null,
    index: typeof index === 'number' && Number.isInteger(index) ? index : null,
    callId: typeof item.call_id === 'string' && item.call_id !== '' ? item.call_id : null,
  }
}

export interface SlotOptions {
  emitter: Emitter
  cleanHarmony: boolean
}

export abstract class Slot {
  abstract readonly type: string
  readonly identity: SlotIdentity
  /** The provider's id in the latest event about the item. */
  latestId: string | null = null
  /** The provider has said that the item is done. */
  done = false
  /** The item that carries on this one's text after it was closed. */
  continuation: Slot | null = null
  /** The latest whole item that the provider told without saying that it is done. */
  private told: Item | null = null

  constructor(identity: SlotIdentity) {
    this.identity = identity
  }

  abstract readonly isOpen: boolean
  /** Whether events go here: also when a guard took the item out, to be swallowed. */
  get takesEvents(): boolean {
    return this.isOpen
  }

  abstract readonly text: string
  /** Tells what a whole item says beyond what has been sent. Returns text that came too late. */
  protected abstract apply(item: Item): string
  protected abstract close(status: 'completed' | 'incomplete'): void
  protected abstract flush(): void
  /** More text of the kind that the item is mostly made of. */
  abstract appendText(text: string): void
  /** A piece of the item, to be put behind the pieces so far. */
  abstract appendItem(item: Item): void

  /** `added` may hold the finished item already; it counts only if nothing better comes. */
  remember(item: Item): void {
    this.told = item
  }

  settle(item: Item): string {
    this.told = null
    return this.apply(item)
  }

  /** The provider closed the item. */
  finish(status: unknown): void {
    this.flush()
    this.done = true
    this.close(status === 'incomplete' ? 'incomplete' : 'completed')
  }

  /** The response is over: sends what was only announced. Closing is the emitter's. */
  wrapUp(): void {
    if (this.told !== null) this.settle(this.told)
    this.flush()
  }
}

export class MessageSlot extends Slot {
  readonly type = 'message'
  readonly cursor: LaneCursor
  private readonly writer: MessageWriter
  private leaked: ReasoningWriter | null = null

  constructor(identity: SlotIdentity, item: JsonObject, { emitter, cleanHarmony }: SlotOptions) {
    super(identity)
    this.writer = new MessageWriter(emitter, item)
    this.cursor = new LaneCursor(this.writer.content, {
      ...contradictionNote(emitter),
      cleanHarmony,
      leak: (reasoning) => {
        if (!this.leaked?.isOpen) this.leaked = emitter.reasoning()
        this.leaked.text(reasoning)
      },
    })
  }

  get isOpen(): boolean {
    return this.writer.isOpen
  }

  get text(): string {
    return this.cursor.text
  }

  override remember(item: Item): void {
    super.remember(item)
    for (const part of partsOf(item.content)) this.cursor.announce(part.type, textOfPart(part))
  }

  appendText(text: string): void {
    this.cursor.delta('output_text', null, text, [])
  }

  appendItem(item: Item): void {
    this.writer.describe(item)
    appendParts(this.cursor, partsOf(item.content))
  }

  protected apply(item: Item): string {
    this.writer.describe(item)
    return this.cursor.settle(partsOf(item.content), this.isOpen)
  }

  protected flush(): void {
    if (this.isOpen) this.cursor.finish()
  }

  protected close(status: 'completed' | 'incomplete'): void {
    this.leaked?.finish()
    this.writer.finish(status)
  }
}

export class ReasoningSlot extends Slot {
  readonly type = 'reasoning'
  readonly content: LaneCursor
  readonly summary: LaneCursor
  private readonly writer: ReasoningWriter

  constructor(identity: SlotIdentity, item: JsonObject, { emitter }: SlotOptions) {
    super(identity)
    this.writer = new ReasoningWriter(emitter, item)
    const options: CursorOptions = { ...contradictionNote(emitter), cleanHarmony: false, leak() {} }
    this.content = new LaneCursor(this.writer.content, options)
    this.summary = new LaneCursor(this.writer.summary, options)
  }

  get isOpen(): boolean {
    return this.writer.isOpen
  }

  get text(): string {
    return this.summary.text + this.content.text
  }

  override remember(item: Item): void {
    super.remember(item)
    for (const part of partsOf(item.content)) this.content.announce(part.type, textOfPart(part))
    for (const part of partsOf(item.summary)) this.summary.announce(part.type, textOfPart(part))
  }

  appendText(text: string): void {
    this.content.delta('reasoning_text', null, text, [])
  }

  appendItem(item: Item): void {
    this.writer.describe(item)
    appendParts(this.summary, partsOf(item.summary))
    appendParts(this.content, partsOf(item.content))
  }

  protected apply(item: Item): string {
    this.writer.describe(item)
    return (
      this.summary.settle(partsOf(item.summary), this.isOpen) +
      this.content.settle(partsOf(item.content), this.isOpen)
    )
  }

  protected flush(): void {
    if (!this.isOpen) return
    this.summary.finish()
    this.content.finish()
  }

  protected close(status: 'completed' | 'incomplete'): void {
    this.writer.finish(status)
  }
}

/** Function calls, built-in tools, unknown kinds. */
export class WholeSlot extends Slot {
  readonly type: string
  private readonly writer: WholeItemWriter
  private readonly emitter: Emitter
  /** Text that came with `added`: deltas may repeat it. */
  private announced = ''

  constructor(identity: SlotIdentity, item: Item, { emitter }: SlotOptions) {
    super(identity)
    this.type = item.type
    this.emitter = emitter
    this.writer = emitter.item(item)
  }

  get isOpen(): boolean {
    return this.writer.isOpen
  }

  override get takesEvents(): boolean {
    return this.writer.isOpen || this.writer.dropped
  }

  get text(): string {
    return this.writer.value
  }

  override remember(item: Item): void {
    super.remember(item)
    this.announced = this.writer.value === '' ? readStreamedText(item) : ''
  }

  delta(delta: string): void {
    const announced = this.announced
    this.announced = ''
    if (!announced.startsWith(delta) && !delta.startsWith(announced)) this.writer.append(announced)
    this.writer.append(delta)
  }

  /** The streamed member's whole value. */
  settleText(text: string): void {
    this.announced = ''
    const sent = this.writer.value
    if (text.startsWith(sent)) this.writer.append(text.slice(sent.length))
    else if (text !== '') this.emitter.note('output', 'mapped', 'a contradicting final text was left out')
  }

  event(type: string, fields: JsonObject): void {
    this.writer.event(type, fields)
  }

  appendText(text: string): void {
    this.writer.append(text)
  }

  appendItem(item: Item): void {
    this.writer.describe(item)
    this.writer.append(readStreamedText(item))
  }

  protected apply(item: Item): string {
    if (!this.isOpen) return ''
    this.writer.describe(item)
    this.settleText(readStreamedText(item))
    return ''
  }

  protected flush(): void {
    if (this.announced !== '' && this.writer.value === '') this.writer.append(this.announced)
    this.announced = ''
  }

  protected close(status: 'completed' | 'incomplete'): void {
    this.writer.finish(status)
  }
}

/** The slot for an item of this type; sends its `added` as soon as that may be. */
export function createSlot(identity: SlotIdentity, item: Item, options: SlotOptions): Slot {
  if (item.type === 'message') return new MessageSlot(identity, item, options)
  if (item.type === 'reasoning') return new ReasoningSlot(identity, item, options)
  return new WholeSlot(identity, item, options)
}

function contradictionNote(emitter: Emitter): Pick<CursorOptions, 'contradiction'> {
  return {
    contradiction: () => emitter.note('output', 'mapped', 'a contradicting final text was left out'),
  }
}

function appendParts(cursor: LaneCursor, parts: readonly ContentPart[]): void {
  for (const part of parts) {
    if (!isTextPart(part.type)) {
      cursor.done(part.type, null, part)
      continue
    }
    cursor.delta(part.type, null, textOfPart(part), readObjects(part.logprobs))
    for (const annotation of readObjects(part.annotations)) cursor.annotate(annotation)
  }
}
