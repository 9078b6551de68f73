/** Semantic events, as OpenAI and its kin send them, complete or sparse → what happened, told to the emitter. */
import { isObject, type JsonObject } from '../shared/canonical.ts'
import { itemTypeOfOwnEvent, streamedMemberOfEvent } from '../shared/item-kinds.ts'
import type { LaneCursor } from './cursor.ts'
import { readItem, readObjects, readPart, textOfPart } from './shapes.ts'
import { MessageSlot, ReasoningSlot, type Slot, WholeSlot } from './slots.ts'
import type { OutputTracker } from './tracker.ts'

/** Where the text of an event goes: the item's kind, the lane, the kind of part, the member that holds the text. */
interface TextEvent {
  part: 'output_text' | 'refusal' | 'reasoning_text' | 'summary_text'
  moment: 'delta' | 'done'
}

/** Both spellings of raw reasoning, and the older one of summaries. */
const textEvents: { readonly [type: string]: TextEvent } = {
  'response.output_text.delta': { part: 'output_text', moment: 'delta' },
  'response.output_text.done': { part: 'output_text', moment: 'done' },
  'response.refusal.delta': { part: 'refusal', moment: 'delta' },
  'response.refusal.done': { part: 'refusal', moment: 'done' },
  'response.reasoning_text.delta': { part: 'reasoning_text', moment: 'delta' },
  'response.reasoning_text.done': { part: 'reasoning_text', moment: 'done' },
  'response.reasoning.delta': { part: 'reasoning_text', moment: 'delta' },
  'response.reasoning.done': { part: 'reasoning_text', moment: 'done' },
  'response.reasoning_summary_text.delta': { part: 'summary_text', moment: 'delta' },
  'response.reasoning_summary_text.done': { part: 'summary_text', moment: 'done' },
  'response.reasoning_summary.delta': { part: 'summary_text', moment: 'delta' },
  'response.reasoning_summary.done': { part: 'summary_text', moment: 'done' },
}

const partEvents: { readonly [type: string]: { moment: 'added' | 'done'; part: string } } = {
  'response.content_part.added': { moment: 'added', part: 'output_text' },
  'response.content_part.done': { moment: 'done', part: 'output_text' },
  'response.reasoning_part.added': { moment: 'added', part: 'reasoning_text' },
  'response.reasoning_part.done': { moment: 'done', part: 'reasoning_text' },
  'response.reasoning_summary_part.added': { moment: 'added', part: 'summary_text' },
  'response.reasoning_summary_part.done': { moment: 'done', part: 'summary_text' },
}

export interface SemanticOptions {
  tracker: OutputTracker
  cleanHarmony: boolean
}

/** Handles one event about the output. Returns false when nobody knows its type. */
export function applyOutputEvent(type: string, event: JsonObject, options: SemanticOptions): boolean {
  const text = textEvents[type]
  if (text !== undefined) {
    applyText(text, event, options.tracker)
    return true
  }
  const streamed = streamedMemberOfEvent(type)
  if (streamed !== null) {
    applyStreamed(streamed, event, options.tracker)
    return true
  }
  const part = partEvents[type]
  if (part !== undefined) {
    applyPart(part, event, options.tracker)
    return true
  }
  return applyItem(type, event, options)
}

function applyText({ part, moment }: TextEvent, event: JsonObject, tracker: OutputTracker): void {
  const key = readKey(event)
  if (moment === 'delta') {
    const { delta } = event
    const text = typeof delta === 'string' ? delta : isObject(delta) ? String(delta.text ?? '') : ''
    if (text === '') return
    cursorOf(tracker.locate(itemTypeOf(part), event), part)?.delta(
      part,
      key,
      text,
      readLogprobs(event.logprobs),
    )
    return
  }
  const whole = readPart({ ...event, type: part }, part)
  if (whole !== null)
    cursorOf(tracker.locate(itemTypeOf(part), event, textOfPart(whole)), part)?.done(part, key, whole)
}

/** No array is made for the many deltas without logprobs. */
function readLogprobs(value: unknown): JsonObject[] {
  return Array.isArray(value) && value.length > 0 ? readObjects(value) : []
}

function applyPart(
  { moment, part: kind }: { moment: 'added' | 'done'; part: string },
  event: JsonObject,
  tracker: OutputTracker,
): void {
  const part = readPart(event.part, kind)
  if (part === null) return
  const cursor = cursorOf(tracker.locate(itemTypeOf(part.type), event, textOfPart(part)), part.type)
  if (moment === 'done') cursor?.done(part.type, readKey(event), part)
  else cursor?.begin(part.type, readKey(event), textOfPart(part))
}

function applyStreamed(
  { itemType, moment }: { itemType: string; moment: 'delta' | 'done' },
  event: JsonObject,
  tracker: OutputTracker,
): void {
  if (moment === 'delta') {
    if (typeof event.delta !== 'string' || event.delta === '') return
    const slot = tracker.locate(itemType, event)
    if (slot instanceof WholeSlot) slot.delta(event.delta)
    return
  }
  const value = event.arguments ?? event.input ?? event.code
  if (typeof value !== 'string') return
  const slot = tracker.locate(itemType, event, value)
  if (slot instanceof WholeSlot) slot.settleText(value)
}

function applyItem(type: string, event: JsonObject, { tracker, cleanHarmony }: SemanticOptions): boolean {
  if (type === 'response.output_item.added' || type === 'response.output_item.done') {
    const item = readItem(event.item, cleanHarmony)
    if (item === null) return true
    if (type.endsWith('.added')) tracker.add(item, event.output_index)
    else tracker.finish(item, event.output_index)
    return true
  }
  if (type === 'response.output_text.annotation.added') {
    if (isObject(event.annotation))
      cursorOf(tracker.locate('message', event, ''), 'output_text')?.annotate(event.annotation)
    return true
  }
  const itemType = itemTypeOfOwnEvent(type)
  if (itemType === null) return false
  const slot = tracker.findOpen(itemType, event)
  if (slot instanceof WholeSlot) slot.event(type, event)
  return true
}

function itemTypeOf(part: string): string {
  return part === 'reasoning_text' || part === 'summary_text' ? 'reasoning' : 'message'
}

function cursorOf(slot: Slot | null, part: string): LaneCursor | null {
  if (slot instanceof ReasoningSlot) return part === 'summary_text' ? slot.summary : slot.content
  return slot instanceof MessageSlot ? slot.cursor : null
}

function readKey(event: JsonObject): number | null {
  const key = event.content_index ?? event.summary_index
  return typeof key === 'number' ? key : null
}
