/**
 * Snapshot streams: chunks of the non-stream shape, without a `type`. Whether each repeats what came before
 * (cumulative) or only adds to it (incremental) is documented by nobody: it is found out from the chunks.
 */
import type { Item } from '../shared/canonical.ts'
import type { OutputTracker } from './tracker.ts'

export type SnapshotMode = 'auto' | 'cumulative' | 'incremental'

export class SnapshotReader {
  private readonly tracker: OutputTracker
  private mode: SnapshotMode
  /** Chunks that say the same again: a standstill if cumulative, repeated words if incremental. */
  private held: (readonly Item[])[] = []
  private chunks = 0

  constructor(tracker: OutputTracker, mode: SnapshotMode) {
    this.tracker = tracker
    this.mode = mode
  }

  /** @param isLast the chunk's status says that the response has ended. */
  read(items: readonly Item[], isLast: boolean): void {
    if (items.length === 0) return
    const isFirst = this.tracker.slots.every((slot) => slot.text === '')
    if (this.mode === 'auto' && !isFirst) this.decide(items)
    if (this.mode === 'incremental') this.append(items, isLast)
    else if (this.mode === 'cumulative' || isFirst) this.tracker.settleAll(items, 'so far')
    this.chunks++
  }

  /** The stream ended undecided: what was held counts as cumulative. */
  end(): void {
    const last = this.held.at(-1)
    if (last !== undefined) this.tracker.settleAll(last, 'so far')
    this.held = []
  }

  private append(items: readonly Item[], isLast: boolean): void {
    for (const chunk of this.held) this.tracker.appendAll(chunk)
    this.held = []
    if (isLast && this.chunks > 1 && this.isWholeAgain(items)) this.tracker.settleAll(items, 'so far')
    else this.tracker.appendAll(items)
  }

  /** The last chunk of an incremental stream may be the finished object. */
  private isWholeAgain(items: readonly Item[]): boolean {
    const { slots } = this.tracker
    if (items.length !== slots.length) return false
    return items.every((item, index) => {
      const slot = slots[index]
      return slot !== undefined && slot.type === item.type && slot.text === this.tracker.likeness(item)
    })
  }

  private decide(items: readonly Item[]): void {
    const verdict = this.judge(items)
    if (verdict === 'auto') this.held.push(items)
    else this.mode = verdict
    if (verdict === 'cumulative') this.held = []
  }

  /** The prefix test: a cumulative chunk begins, item by item, with all that has been sent. */
  private judge(items: readonly Item[]): SnapshotMode {
    const { slots } = this.tracker
    let repeats = false
    let grows = false
    for (const [index, item] of items.entries()) {
      const slot = slots[index]
      if (slot === undefined) return 'cumulative'
      if (slot.type !== item.type) return 'incremental'
      const callId = item.call_id
      if (typeof callId === 'string' && slot.identity.callId !== null && slot.identity.callId !== callId) {
        return 'incremental'
      }
      const text = this.tracker.likeness(item)
      if (!text.startsWith(slot.text)) return text === '' ? 'auto' : 'incremental'
      if (text !== slot.text) grows = true
      if (slot.text !== '') repeats = true
    }
    if (grows && repeats) return 'cumulative'
    return items.length < slots.length ? 'incremental' : 'auto'
  }
}
