/** What has to be done now and then: removing what has expired, in small steps, and renewing the sealing key. */

import type { Sealer } from '../gateway/state/seal.ts'
import { waitFor } from '../gateway/wait.ts'
import type { StateStore } from '../store/state/state.ts'

export interface MaintenanceOptions {
  state: Pick<StateStore, 'sweep'>
  sealer: Pick<Sealer, 'rotate'>
  onTrouble(error: unknown): void
  /** Milliseconds between two rounds. Default 60 000. */
  interval?: number
  /** Responses, conversations and keys that one step removes at most. Default 100 each. */
  stepSize?: number
  /** Milliseconds between two steps, which traffic has for itself. Default 50. */
  stepPause?: number
  /**
   * Milliseconds that what has expired is left in the store, where nobody is shown it any more: a turn that went on from
   * it before may run for as long, and would break its chain. Default one hour.
   */
  grace?: number
}

export interface Maintenance {
  start(): void
  /** Resolves when nothing is under way any more. */
  stop(): Promise<void>
}

export function createMaintenance({
  state,
  sealer,
  onTrouble,
  interval = 60_000,
  stepSize = 100,
  stepPause = 50,
  grace = 3_600_000,
}: MaintenanceOptions): Maintenance {
  const stopping = new AbortController()
  const { signal } = stopping
  let timer: NodeJS.Timeout | null = null
  let round: Promise<void> = Promise.resolve()

  async function sweepAll(): Promise<void> {
    while (!signal.aborted) {
      const { more } = await state.sweep(Date.now() - grace, stepSize)
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
