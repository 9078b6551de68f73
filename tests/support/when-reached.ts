/** Patience with a server of which the code under test has little. */

import { setTimeout as sleep } from 'node:timers/promises'
import { StoreError } from '../../server/store/engine/driver.ts'

/** Milliseconds. */
const longest = 60_000

/**
 * What `work` gives, which is asked again when the server is there but took longer than a connection waits for it: a
 * machine with too much to do takes its time, and whoever uses a driver tries again. Nothing else is forgiven.
 */
export async function whenReached<T>(work: () => Promise<T>): Promise<T> {
  const end = performance.now() + longest
  for (;;) {
    try {
      return await work()
    } catch (error) {
      const isSlow = error instanceof StoreError && /did not answer|has not ended yet/.test(error.message)
      if (!isSlow || performance.now() > end) throw error
      await sleep(50)
    }
  }
}
