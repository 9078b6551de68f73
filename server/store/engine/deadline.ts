/**
 * Bounds the time of a query. It is worked off in steps, with a look at the time in between: a running statement of
 * SQLite cannot be interrupted, one of PostgreSQL is told how long it may take.
 */

import { performance } from 'node:perf_hooks'

export class DeadlineError extends Error {
  constructor() {
    super('The query took too long.')
    this.name = 'DeadlineError'
  }
}

export interface Deadline {
  passed(): boolean
  /** Milliseconds left; 0 when it has passed. */
  remaining(): number
  /** Throws DeadlineError once the time is over. */
  check(): void
}

export function createDeadline(milliseconds: number): Deadline {
  const end = performance.now() + milliseconds
  const passed = () => performance.now() >= end
  return {
    passed,
    remaining: () => Math.max(0, end - performance.now()),
    check: () => {
      if (passed()) throw new DeadlineError()
    },
  }
}
