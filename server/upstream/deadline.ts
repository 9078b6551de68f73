/** One timer for all of a call's time-outs: moving a deadline later costs nothing until the timer fires. */

import type { TimeoutsRuntime } from '../config/runtime.ts'
import type { UpstreamErrorKind } from './upstream-error.ts'

export type DeadlineKind = Extract<UpstreamErrorKind, `${string}_timeout`>

export interface Deadline {
  /** A connection is being opened (again). */
  connecting(): void
  /** The request was written: the first byte is awaited. */
  waiting(): void
  /** Bytes came; the next ones are awaited. */
  touch(): void
  /** Nothing is awaited of the provider (backpressure); only the total time counts. */
  hold(): void
  stop(): void
}

/** A time-out of 0 is none. Fires `onExpired` once at most. */
export function createDeadline(timeouts: TimeoutsRuntime, onExpired: (kind: DeadlineKind) => void): Deadline {
  const endsAt = timeouts.total > 0 ? performance.now() + timeouts.total : Infinity
  let kind: DeadlineKind = 'connect_timeout'
  let phaseEndsAt = Infinity
  let armedFor = Infinity
  let timer: NodeJS.Timeout | null = null
  let held = false

  function arm(now: number): void {
    const next = Math.min(phaseEndsAt, endsAt)
    if (timer !== null && armedFor <= next) return
    if (timer !== null) clearTimeout(timer)
    armedFor = next
    timer =
      next === Infinity ? null : setTimeout(fire, Math.min(Math.max(1, Math.ceil(next - now)), 2 ** 31 - 1))
  }

  function fire(): void {
    timer = null
    armedFor = Infinity
    const now = performance.now()
    // Whose reader stopped taking it would look like a provider that fails.
    if (now >= endsAt) onExpired(held ? 'unread_timeout' : 'total_timeout')
    else if (now >= phaseEndsAt) onExpired(kind)
    else arm(now)
  }

  function enter(next: DeadlineKind, milliseconds: number): void {
    const now = performance.now()
    held = false
    kind = next
    phaseEndsAt = milliseconds > 0 ? now + milliseconds : Infinity
    arm(now)
  }

  return {
    connecting: () => enter('connect_timeout', timeouts.connect),
    waiting: () => enter('first_byte_timeout', timeouts.firstByte),
    touch: () => enter('idle_timeout', timeouts.idle),
    hold() {
      held = true
      phaseEndsAt = Infinity
    },
    stop() {
      if (timer !== null) clearTimeout(timer)
      timer = null
      phaseEndsAt = Infinity
    },
  }
}
