import type { Observer } from './exchange.ts'
import { waitFor } from './wait.ts'

export interface UnderWay {
  /** Goes after those who must have seen the end of an exchange before it counts as over. */
  observer: Observer
  /** Resolves when no exchange is under way, or after `patience` milliseconds. @returns how many still are. */
  settled(patience: number): Promise<number>
}

/** Milliseconds between two looks. */
const pause = 10

/** Counts the exchanges that have started and not finished: a client that has gone leaves work behind without a connection. */
export function createUnderWay(): UnderWay {
  let count = 0
  return {
    observer: {
      started: () => {
        count += 1
      },
      finished: () => {
        count -= 1
      },
    },
    async settled(patience) {
      const signal = AbortSignal.timeout(patience)
      while (count > 0 && (await waitFor(pause, signal)));
      return count
    },
  }
}
