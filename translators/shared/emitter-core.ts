/** What the emitter and its writers know of each other. */
import type { CanonicalEvent, Item, JsonObject } from './canonical.ts'
import type { Adaptation, Context } from './translator.ts'

/** What the emitter and a dialect see of a writer. */
export interface ItemWriter {
  readonly type: string
  readonly isOpen: boolean
  /** A guard took it out: nothing of it is sent. */
  readonly dropped: boolean
  /** The provider said that the item is incomplete. */
  readonly endedIncomplete: boolean
  readonly outputIndex: number
  finish(status?: 'completed' | 'incomplete'): void
  close(status: 'completed' | 'incomplete'): void
}

/** What writers need of the emitter. */
export interface EmitterCore {
  readonly context: Context
  nextSequence(): number
  push(event: CanonicalEvent): void
  pushItem(moment: 'added' | 'done', outputIndex: number, item: Item): void
  /** Starts the stream when this is the first item. */
  claimIndex(writer: ItemWriter): number
  settle(outputIndex: number, item: Item): void
  /** Asks the guards. False: the item must leave no trace. */
  admit(type: string, item: JsonObject): boolean
  /** False when the id has been used in this response already. */
  claimCorrelation(key: string): boolean
  note(field: string, action: Adaptation['action'], detail: string): void
  /** The provider's `encrypted_content` as it may be handed out; null: not at all. */
  seal(content: string, itemId: string): string | null
  /** An item that cannot be sent. */
  lose(what: string): void
}
