/**
 * Puts the requests of an older version's store into the sums, beside traffic: by one gateway at a time, in small steps
 * with pauses, and once. Where it is stopped, the next one goes on.
 */

import type { RetentionRuntime } from '../config/runtime.ts'
import { waitFor } from '../gateway/wait.ts'
import type { Store } from '../store/store.ts'
import { StepSize } from './step-size.ts'

export interface BacklogOptions {
  store: Pick<Store, 'step'>
  settings(): Pick<RetentionRuntime, 'minutes'>
  onTrouble(error: unknown): void
  /** Milliseconds before the first try, so that it does not stand in the way of the start. Default 2000. */
  firstWait?: number
  /** Milliseconds between two tries, while another gateway is at it or after an error. Default 60 000. */
  interval?: number
  /** Milliseconds that the writer is busy with one step. Default 10. */
  stepTime?: number
  /** Milliseconds between two steps at least. Default 20. */
  stepPause?: number
}

export interface RollupBacklog {
  start(): void
  /** Resolves when nothing is under way any more. */
  stop(): Promise<void>
}

/** Milliseconds that the lease is held without a sign of life, and between two signs. */
const leaseTime = 60_000
const leaseInterval = 15_000
const hour = 3_600_000

export function createRollupBacklog({
  store,
  settings,
  onTrouble,
  firstWait = 2000,
  interval = 60_000,
  stepTime = 10,
  stepPause = 20,
}: BacklogOptions): RollupBacklog {
  const stopping = new AbortController()
  const { signal } = stopping
  const size = new StepSize({ first: 50, least: 50, most: 1000, target: stepTime })
  let work: Promise<void> = Promise.resolve()

  /** True: all is counted. */
  async function countAll(): Promise<boolean> {
    let heldAt = Number.NEGATIVE_INFINITY
    if ((await store.step('readBacklog', null)).below === 0) return true
    while (!signal.aborted) {
      if (performance.now() - heldAt >= leaseInterval) {
        if (!(await store.step('holdLease', { name: 'rollup-backlog', milliseconds: leaseTime })))
          return false
        heldAt = performance.now()
      }
      const { minutes } = settings()
      const oldest = minutes === null ? 0 : Date.now() - minutes
      const minutesFrom = oldest - (oldest % hour)
      const { more, milliseconds } = await store.step('countBacklog', { limit: size.current, minutesFrom })
      if (!more) return true
      size.took(milliseconds)
      await waitFor(Math.max(stepPause, milliseconds * 4), signal)
    }
    return true
  }
  async function run(): Promise<void> {
    let pause = firstWait
    while (await waitFor(pause, signal)) {
      pause = interval
      try {
        if (await countAll()) return
      } catch (error) {
        if (!signal.aborted) onTrouble(error)
      }
    }
  }
  return {
    start() {
      work = run()
    },
    async stop() {
      stopping.abort()
      await work
    },
  }
}
