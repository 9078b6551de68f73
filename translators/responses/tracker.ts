/**
 * Which item of the answer an event or a whole item is about. Ids may change with every event, indexes may jump or
 * repeat, `added` may be missing or come twice: identity is looked for in the order call_id, id, index, likeness.
 */
import type { Item, JsonObject } from '../shared/canonical.ts'
import { cleanHarmonyText } from '../shared/harmony.ts'
import { hasProgress, needsName, streamedMember } from '../shared/item-kinds.ts'
import { readStreamedText, textOfParts } from './shapes.ts'
import {
  createSlot,
  readIdentity,
  type Slot,
  type SlotIdentity,
  type SlotOptions,
  WholeSlot,
} from './slots.ts'

export class OutputTracker {
  readonly slots: Slot[] = []
  private readonly options: SlotOptions
  /** The slot of the last delta: nearly every event is about it. */
  private last: Slot | null = null
  /** An item's id has come a second time: this provider does not change them, so a new id is a new item. */
  private idsAreStable = false

  constructor(options: SlotOptions) {
    this.options = options
  }

  /** Whether the provider has closed every item, and there is one. */
  get isSettled(): boolean {
    return this.slots.length > 0 && this.slots.every((slot) => slot.done || !slot.isOpen)
  }

  /** `output_item.added`. */
  add(item: Item, index: unknown): void {
    const identity = readIdentity(item, index)
    const known = this.findAdded(item.type, identity)
    const slot = known ?? this.create(identity, item)
    if (known instanceof WholeSlot) known.settle({ ...item })
    else slot.remember(item)
  }

  /** `output_item.done`. */
  finish(item: Item, index: unknown): void {
    const identity = readIdentity(item, index)
    const slot = this.findDone(item, identity) ?? this.create(identity, item)
    slot.latestId = identity.id
    this.settle(slot, item)
    slot.finish(item.status)
  }

  /**
   * The item of this type that an event is about, made when there is none (its `added` is missing).
   * @param told for events that only repeat: what they say. A closed item that has said it makes null.
   */
  locate(type: string, event: JsonObject): Slot
  locate(type: string, event: JsonObject, told: string): Slot | null
  locate(type: string, event: JsonObject, told: string | null = null): Slot | null {
    const id = typeof event.item_id === 'string' && event.item_id !== '' ? event.item_id : null
    const { last } = this
    if (last?.takesEvents && last.type === type && id !== null && knows(last, id)) {
      this.idsAreStable = true
      return last
    }
    const identity = readIdentity({ id, call_id: event.call_id }, event.output_index)
    const isNew = this.idsAreStable && /\.(delta|added)$/.test(String(event.type)) && !this.isKnown(id)
    const open = isNew ? null : this.find(type, identity)
    if (open === null && told !== null && this.isEcho(type, identity, told)) return null
    const slot = open ?? this.createLate(type, identity)
    slot.latestId = id
    this.last = slot
    return slot
  }

  /** The open item of this type that an event is about; none is made for an event that only shows progress. */
  findOpen(type: string, event: JsonObject): Slot | null {
    return this.find(type, readIdentity({ id: event.item_id }, event.output_index))
  }

  /** A bracket that comes after its item was closed. */
  private isEcho(type: string, { id, index }: SlotIdentity, told: string): boolean {
    return this.slots.some(
      (slot) =>
        slot.type === type &&
        !slot.isOpen &&
        ((id !== null && knows(slot, id)) ||
          (index !== null && told !== '' && slot.identity.index === index)) &&
        slot.text.includes(told),
    )
  }

  private isKnown(id: string | null): boolean {
    return id === null || this.slots.some((slot) => knows(slot, id))
  }

  /** The item of this type that an event is about, or null. */
  find(type: string, { id, index, callId }: SlotIdentity): Slot | null {
    const open = this.slots.filter((slot) => slot.type === type && slot.takesEvents)
    return (
      (callId !== null && open.findLast((slot) => slot.identity.callId === callId)) ||
      (id !== null && open.findLast((slot) => knows(slot, id))) ||
      (index !== null && open.findLast((slot) => slot.identity.index === index)) ||
      (id === null && index === null && open.at(-1)) ||
      null
    )
  }

  /**
   * The whole output, or all of it so far, as the provider tells it: what is missing of it is sent.
   * @param extent `finished` closes the items; the last one is left to the end of the response unless it says itself
   * that it is completed.
   */
  settleAll(items: readonly Item[], extent: 'finished' | 'so far'): void {
    const matches = this.matchAll(items)
    for (const [index, item] of items.entries()) {
      const slot = matches.get(item) ?? this.create({ ...readIdentity(item, null), index }, item)
      this.settle(slot, item)
      const isLast = index === items.length - 1
      if (item.status === 'incomplete') slot.finish('incomplete')
      else if (extent === 'finished' ? !isLast || item.status === 'completed' : !isLast && isWhole(slot))
        slot.finish(item.status)
    }
  }

  /** A piece of an answer whose pieces are to be put together. */
  appendAll(items: readonly Item[]): void {
    for (const item of items) {
      const identity = readIdentity(item, null)
      const last = this.slots.at(-1)
      const isSame = last?.isOpen && last.type === item.type && agrees(last.identity, identity, item.type)
      const slot = isSame ? last : this.create(identity, item)
      slot.appendItem(item)
    }
  }

  /** The response is over in order: sends what was only announced. */
  wrapUp(): void {
    for (const slot of this.slots) if (slot.isOpen) slot.wrapUp()
  }

  private create(identity: SlotIdentity, item: Item): Slot {
    const slot = createSlot(identity, item, this.options)
    this.slots.push(slot)
    return slot
  }

  /** No item of this type is open: its `added` is missing, or it was closed too early and this is more of it. */
  private createLate(type: string, identity: SlotIdentity): Slot {
    const slot = this.create(identity, { type })
    const closed =
      identity.id === null ? undefined : this.slots.find((known) => known.identity.id === identity.id)
    if (closed !== undefined && closed !== slot && closed.type === type) closed.continuation ??= slot
    return slot
  }

  /** Text that a closed item lacks goes on in a new item: nothing is lost, nothing is changed after its end. */
  private settle(slot: Slot, item: Item): void {
    slot.identity.callId ??= readIdentity(item, null).callId
    const unsent = slot.settle(item)
    if (unsent === '') return
    slot.continuation ??= this.create({ ...slot.identity }, { type: slot.type })
    const sent = slot.continuation.text
    if (unsent.startsWith(sent)) slot.continuation.appendText(unsent.slice(sent.length))
  }

  /** What an item says, as far as slots keep it: for comparing. */
  likeness(item: Item): string {
    if (item.type === 'message') {
      const text = textOfParts(item.content)
      return this.options.cleanHarmony ? cleanHarmonyText(text).text : text
    }
    if (item.type === 'reasoning') return textOfParts(item.summary) + textOfParts(item.content)
    return readStreamedText(item)
  }

  /** The same `added` twice. Another id is another item, even at the same index. */
  private findAdded(type: string, identity: SlotIdentity): Slot | null {
    const { id, index, callId } = identity
    const same = this.slots.filter((slot) => slot.type === type)
    if (callId !== null) {
      const call = same.find((slot) => slot.identity.callId === callId)
      if (call !== undefined) return call
    }
    return (
      (id !== null && same.findLast((slot) => slot.isOpen && slot.identity.id === id)) ||
      same.findLast(
        (slot) => isBlank(slot) && index !== null && slot.identity.index === index && id === null,
      ) ||
      null
    )
  }

  private findDone(item: Item, identity: SlotIdentity): Slot | null {
    const { id, index, callId } = identity
    const same = this.slots.filter((slot) => slot.type === item.type)
    const call = callId !== null && same.findLast((slot) => slot.identity.callId === callId)
    if (call) return call
    const compatible = same.filter((slot) => mayBe(slot, callId))
    const open = compatible.filter((slot) => slot.isOpen)
    const text = this.likeness(item)
    return (
      (id !== null && compatible.findLast((slot) => knows(slot, id))) ||
      (index !== null && open.findLast((slot) => slot.identity.index === index)) ||
      open.findLast((slot) => slot.text !== '' && text.startsWith(slot.text)) ||
      (id === null && index === null && open.at(-1)) ||
      // The same `done` twice, under another id.
      (index !== null &&
        text !== '' &&
        compatible.findLast((slot) => slot.done && slot.identity.index === index && slot.text === text)) ||
      null
    )
  }

  /** The surest likeness first, over all items: what an item is known by must not be taken by another. */
  private matchAll(items: readonly Item[]): Map<Item, Slot> {
    const continuations = new Set(this.slots.map((slot) => slot.continuation))
    const free = new Set(this.slots.filter((slot) => !continuations.has(slot)))
    const matches = new Map<Item, Slot>()
    const wanted = items.map((item) => ({
      item,
      identity: readIdentity(item, null),
      text: this.likeness(item),
    }))
    for (const isLike of likenesses) {
      for (const { item, identity, text } of wanted) {
        if (matches.has(item)) continue
        for (const slot of free) {
          if (slot.type !== item.type || !isLike(slot, identity, text)) continue
          matches.set(item, slot)
          free.delete(slot)
          break
        }
      }
    }
    return matches
  }
}

type Likeness = (slot: Slot, identity: SlotIdentity, text: string) => boolean

const likenesses: readonly Likeness[] = [
  (slot, { callId }) => callId !== null && slot.identity.callId === callId,
  (slot, { id, callId }) => mayBe(slot, callId) && id !== null && knows(slot, id),
  (slot, { callId }, text) => mayBe(slot, callId) && text !== '' && slot.text === text,
  (slot, { callId }, text) => mayBe(slot, callId) && text.startsWith(slot.text),
  (slot, { callId }) => mayBe(slot, callId),
]

/** Calls with different call_ids are different calls. */
function mayBe(slot: Slot, callId: string | null): boolean {
  return !needsName(slot.type) || callId === null || slot.identity.callId === null
}

function knows(slot: Slot, id: string): boolean {
  return slot.identity.id === id || slot.latestId === id
}

/** Kinds that do not grow: told once, told whole. */
function isWhole(slot: Slot): boolean {
  return slot.type !== 'message' && slot.type !== 'reasoning' && !hasProgress(slot.type)
}

function isBlank(slot: Slot): boolean {
  return slot.isOpen && slot.text === '' && slot.identity.callId === null
}

/** In pieces, an item goes on unless its identity says otherwise. */
function agrees(known: SlotIdentity, told: SlotIdentity, type: string): boolean {
  if (told.callId !== null && known.callId !== null) return told.callId === known.callId
  if (needsName(type)) return told.callId === null
  if (type === 'message' || type === 'reasoning' || streamedMember(type) !== null) return true
  return told.id === known.id
}
