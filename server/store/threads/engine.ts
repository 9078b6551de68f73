/** The engine under the writer's thread: where there is one and where there are several gateways on a store. */

import type { Driver } from '../engine/driver.ts'
import type { KeyLane } from '../engine/keys.ts'
import type { PostgresPlace } from '../engine/postgres-place.ts'

/** Where an engine finds its data. */
export type EnginePlace = { kind: 'file'; path: string } | PostgresPlace

export interface OpenedStore {
  /** Newest key that the lane may have; the next one is above it. */
  lastKey: number
  lane: KeyLane
  /** Requests that stopped gateways had left open, and that were ended. */
  leftovers: number
  /** Steps of the schema. */
  applied: string[]
}

export interface WriterEngine {
  /** For batches of the log, and upkeep. */
  log: Driver
  /** For state: never behind a batch of the log where the engine can do two things at once. */
  state: Driver
  opened: OpenedStore
  blocks: BlockIds
  close(): Promise<void>
}

/** Ids for blocks: they rise, and no other gateway has the same. */
export class BlockIds {
  readonly #take: () => Promise<{ first: number; end: number }>
  #next = 0
  #end = 0

  /** `take` gives ids from `first` up to `end`, which is not one of them. */
  constructor(take: () => Promise<{ first: number; end: number }>) {
    this.#take = take
  }

  /** The first of so many ids. Throws StoreError. */
  async reserve(count: number): Promise<number> {
    if (this.#next + count > this.#end) {
      const { first, end } = await this.#take()
      this.#next = first
      this.#end = end
    }
    return this.#next
  }

  /** All below have been used. */
  use(next: number): void {
    this.#next = next
  }
}
