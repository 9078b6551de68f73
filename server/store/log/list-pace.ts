/** How much a list takes on at a time. */

import type { Deadline } from '../engine/deadline.ts'

/** Milliseconds that a statement should take: it cannot be interrupted. */
const statementTime = 10

export interface Pace {
  /** So many keys may the next statement look at. */
  size(): number
  /** That it looked at so many and took so many milliseconds. */
  tell(keys: number, took: number): void
}

export interface PaceOptions {
  first: number
  smallest: number
  largest: number
  /** Of the list: when little is left, less is taken on. */
  deadline: Deadline
}

/**
 * As many keys as the last statement would have looked at in the time that there is, and at most twice as many as it had:
 * what comes next may have to be read from the disk where that was in memory.
 */
export function createPace({ first, smallest, largest, deadline }: PaceOptions): Pace {
  let size = first
  let timePerKey: number | null = null
  const within = (most: number) => Math.max(smallest, Math.min(most, largest))
  return {
    size: () =>
      timePerKey === null ? size : within(Math.min(size, Math.floor(deadline.remaining() / timePerKey))),
    tell: (keys, took) => {
      // Of a few keys, most of the time went into the statement.
      if (2 * keys < size && took < statementTime) return
      timePerKey = Math.max(took, 0.01) / keys
      size = within(Math.min(2 * size, Math.floor(statementTime / timePerKey)))
    },
  }
}
