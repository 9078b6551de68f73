/** State writes on their way to the writer: those that come while a group is being written make the next one. */

import { StoreError } from '../engine/driver.ts'
import type {
  StateOutcome,
  StateWrite,
  StateWriteArgument,
  StateWriteName,
  StateWriteValue,
} from './writes.ts'

export interface WriteGroupsOptions {
  send: (group: { writes: StateWrite[]; now: number; patience: number }) => Promise<StateOutcome[]>
  /** Milliseconds after which a write that cannot be committed for now is refused. */
  writeTimeout: number
}

interface Waiting {
  write: StateWrite
  /** `performance.now()`. */
  since: number
  resolve: (value: unknown) => void
  reject: (error: unknown) => void
}

/** Writes of one transaction at most, so that no one waits long for the others of its group. */
const largestGroup = 256

export class WriteGroups {
  readonly #send: WriteGroupsOptions['send']
  readonly #writeTimeout: number
  #waiting: Waiting[] = []
  #last: Promise<void> = Promise.resolve()
  #busy = false

  constructor({ send, writeTimeout }: WriteGroupsOptions) {
    this.#send = send
    this.#writeTimeout = writeTimeout
  }

  /** Resolves once committed. Rejects with StoreError. */
  write<K extends StateWriteName>(name: K, argument: StateWriteArgument<K>): Promise<StateWriteValue<K>> {
    return new Promise<unknown>((resolve, reject) => {
      this.#waiting.push({ write: { name, argument }, since: performance.now(), resolve, reject })
      if (!this.#busy) this.#last = this.#sendAll()
    }) as Promise<StateWriteValue<K>>
  }

  /** Resolves when nothing waits any more. */
  settled(): Promise<void> {
    return this.#last
  }

  async #sendAll(): Promise<void> {
    this.#busy = true
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, largestGroup)
      try {
        const outcomes = await this.#send({
          writes: group.map(({ write }) => write),
          now: Date.now(),
          patience: this.#patienceOf(group),
        })
        for (const [index, waiting] of group.entries()) settle(waiting, outcomes[index])
      } catch (error) {
        for (const { reject } of group) reject(error)
      }
    }
    this.#busy = false
  }

  /** That of the first, which has waited longest. */
  #patienceOf([first]: readonly Waiting[]): number {
    return Math.max(0, this.#writeTimeout - (performance.now() - (first?.since ?? 0)))
  }
}

function settle({ resolve, reject }: Waiting, outcome: StateOutcome | undefined): void {
  if (outcome?.ok) resolve(outcome.value)
  else reject(new StoreError(outcome?.problem ?? 'failed', outcome?.message ?? 'The write was not answered.'))
}
