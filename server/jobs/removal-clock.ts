/**
 * The time by which is removed what is too old. A clock that is set ahead by mistake would make all of the record too old
 * at once, and what is removed is gone for good.
 */

const hour = 3_600_000

export interface RemovalClockOptions {
  /** That the clock went ahead by so many milliseconds, which is not believed yet. */
  onDoubt(ahead: number): void
  /** Unix milliseconds. */
  wall?: () => number
  /** Milliseconds from any moment, which nobody sets. */
  steady?: () => number
}

/** Unix milliseconds. When the clock goes ahead by more than an hour at once, it goes on from before for an hour. */
export function createRemovalClock({
  onDoubt,
  wall = Date.now,
  steady = () => performance.now(),
}: RemovalClockOptions): () => number {
  let offset = wall() - steady()
  let doubtedAt: number | null = null
  return () => {
    const now = steady()
    const ahead = wall() - now - offset
    if (ahead > hour && (doubtedAt === null || now - doubtedAt < hour)) {
      if (doubtedAt === null) onDoubt(Math.round(ahead))
      doubtedAt ??= now
    } else {
      offset += ahead
      doubtedAt = null
    }
    return now + offset
  }
}
