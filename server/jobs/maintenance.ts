/**
 * What has to be done now and then: removing what has expired, in small steps, by one instance at a time; and renewing
 * the sealing key, of which each instance has to know.
 */

import type { Sealer } from '../gateway/state/seal.ts'
import { waitFor } from '../gateway/wait.ts'
import type { StateStore } from '../store/state/state.ts'

export interface MaintenanceOptions {
  state: Pick<StateStore, 'sweep'>
  sealer: Pick<Sealer, 'rotate'>
  /** Takes a right that one instance has at a time, or holds it for longer; see store/log/leases.ts. */
  holdLease(lease: { name: string; milliseconds: number }): Promise<boolean>
  onTrouble(error: unknown): void
  /** Milliseconds between two rounds. Default 15 000. */
  interval?: number
  /** Milliseconds that the right to remove is held without a sign of life, longer than a round. Default 40 000. */
  leaseTime?: number
  /** Responses, conversations and keys that one step removes at most. Default 100 each. */
  stepSize?: number
  /** Milliseconds between two steps, which traffic has for itself. Default 50. */
  stepPause?: number
  /**
   * Milliseconds that what has expired is left in the store, where nobody is shown it any more: a turn that went on from
   * it before may run for as long, and would break its chain. Default one hour.
   */
  grace?: number
  /** Unix milliseconds by which things have expired (removal-clock.ts). Default the clock. */
  now?: () => number
}

export interface Maintenance {
  start(): void
  /** Resolves when nothing is under way any more. */
  stop(): Promise<void>
}

export function createMaintenance({
  state,
  sealer,
  holdLease,
  onTrouble,
  interval = 15_000,
  leaseTime = 40_000,
  stepSize = 100,
  stepPause = 50,
  grace = 3_600_000,
  now = () => Date.now(),
}: MaintenanceOptions): Maintenance {
  const stopping = new AbortController()
  const { signal } = stopping
  let timer: NodeJS.Timeout | null = null
  let round: Promise<void> = Promise.resolve()

  async function sweepAll(): Promise<void> {
    while (!signal.aborted && (await holdLease({ name: 'expired-state', milliseconds: leaseTime }))) {
      const { more } = await state.sweep(now() - grace, stepSize)
      if (!more) return
      await waitFor(stepPause, signal)
    }
  }
  /** The next round begins after the end of this one, so that there are never two. */
  async function run(): Promise<void> {
    for (const work of [sweepAll, () => sealer.rotate(Date.now())]) await work().catch(onTrouble)
    schedule()
  }
  function schedule(): void {
    if (signal.aborted) return
    timer = setTimeout(() => {
      round = run()
    }, interval).unref()
  }
  return {
    start: schedule,
    async stop() {
      stopping.abort()
      if (timer !== null) clearTimeout(timer)
      await round
    },
  }
}
