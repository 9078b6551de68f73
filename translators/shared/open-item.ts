/** One item of a stream that others wrote, as far as its events tell it; it can be closed where they broke off. */
import { type CanonicalEvent, type ContentPart, type Item, isObject, type JsonObject } from './canonical.ts'
import { isTextPart, type LaneOwner, PartLane, type SentPart } from './emitter-parts.ts'
import type { EventLog } from './event-log.ts'
import { needsName, streamedMember, streamedMemberOfEvent } from './item-kinds.ts'

export class OpenItem implements LaneOwner {
  readonly id: string
  readonly outputIndex: number
  /** As it was added; as it is, once it is done or closed. */
  whole: Item
  private readonly log: EventLog
  private readonly content: PartLane
  private readonly summary: PartLane
  /** What the deltas of the streamed member add up to. */
  private value = ''
  private member: 'silent' | 'growing' | 'done' = 'silent'

  constructor(added: Item, outputIndex: number, log: EventLog) {
    this.id = String(added.id)
    this.outputIndex = outputIndex
    this.whole = added
    this.log = log
    this.content = new PartLane(log, this, 'content')
    this.summary = new PartLane(log, this, 'summary')
  }

  /** An event that stands between `added` and `done` of the item, or its `done`. */
  read(event: CanonicalEvent): void {
    const { type } = event
    const lane = 'summary_index' in event ? this.summary : this.content
    if (type === 'response.output_item.done') this.whole = event.item as Item
    else if (type.endsWith('_part.added')) lane.parts.push(openPart(event.part as ContentPart))
    else if (streamedMemberOfEvent(type) !== null) this.readMember(event)
    else {
      const part = lane.parts.at(-1)
      if (part !== undefined) readPart(part, event)
    }
  }

  /** Tells the rest: parts, the item itself, as incomplete. */
  close(): void {
    this.summary.closeCurrent()
    this.content.closeCurrent()
    const { type } = this.whole
    if (this.member === 'growing' || (type === 'function_call' && this.member === 'silent'))
      this.log.memberDone(this.whole, this.outputIndex, this.value)
    this.whole = { ...this.whole, ...this.contents() }
    if (typeof this.whole.status === 'string') this.whole.status = 'incomplete'
    this.log.add('response.output_item.done', { output_index: this.outputIndex, item: this.whole })
  }

  private readMember({ type, delta }: CanonicalEvent): void {
    if (type.endsWith('.done')) this.member = 'done'
    else {
      this.member = 'growing'
      this.value += String(delta)
    }
  }

  private contents(): JsonObject {
    const { type } = this.whole
    if (type === 'message') return { content: this.content.renderAll() }
    if (type === 'reasoning') {
      const content = this.content.renderAll()
      return { summary: this.summary.renderAll(), ...(content.length > 0 ? { content } : {}) }
    }
    const streamed = streamedMember(type)
    if (streamed === null || (this.member === 'silent' && !needsName(type))) return {}
    return { [streamed.member]: this.value }
  }
}

function openPart(part: ContentPart): SentPart {
  const whole = isTextPart(part.type) ? null : part
  return { type: part.type, text: '', logprobs: [], annotations: [], open: true, whole }
}

function readPart(part: SentPart, event: CanonicalEvent): void {
  const { type, delta, logprobs, annotation } = event
  if (type.endsWith('_part.done')) {
    part.open = false
    part.whole = event.part as ContentPart
  } else if (type.endsWith('.delta')) {
    part.text += String(delta)
    if (Array.isArray(logprobs)) part.logprobs.push(...(logprobs as JsonObject[]))
  } else if (type.endsWith('.done')) part.isTextDone = true
  else if (isObject(annotation)) part.annotations.push(annotation)
}
