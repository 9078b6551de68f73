/** Bounds the time of a query that is worked off in steps: a running SQLite statement cannot be interrupted. */

import { performance } from 'node:perf_hooks'

export class DeadlineError extends Error {
  constructor() {
    super('The query took too long.')
    this.name = 'DeadlineError'
  }
}

export interface Deadline {
  passed(): boolean
  /** Throws DeadlineError once the time is over. */
  check(): void
}

export function createDeadline(milliseconds: number): Deadline {
  const end = performance.now() + milliseconds
  const passed = () => performance.now() >= end
  return {
    passed,
    check: () => {
      if (passed()) throw new DeadlineError()
    },
  }
}
