/** Makes the sums of a range of time again from the rows, beside traffic: after a mishap, or for rows older than the sums. */

import type { RebuildResult } from './log/rollup-rebuild.ts'
import type { Store } from './store.ts'

const hour = 3_600_000
const day = 86_400_000

/** Times that an hour is begun anew because requests of it ended meanwhile. */
const tries = 20

export interface RebuiltRollups {
  /** Hours that were made again. */
  hours: number
  /** Cells that were wrong, or not there. */
  mended: number
  /** Hours whose rows are gone, wholly or in part, and whose sums stay as they are. */
  incomplete: number
  /** Hours and days of which requests ended all the time; the same call may do better later. */
  busy: number
}

/**
 * Widens the range to whole hours. Sums by user and tag (`spend_days`) and sessions stay as they are. Two at the same time
 * disturb each other: hold a lease. Throws StoreError.
 *
 * @param range Unix milliseconds; `to` is not included
 */
export async function rebuildRollups(
  store: Pick<Store, 'step'>,
  range: { from: number; to: number },
): Promise<RebuiltRollups> {
  const done: RebuiltRollups = { hours: 0, mended: 0, incomplete: 0, busy: 0 }
  const count = ({ state, mended }: RebuildResult) => {
    done.mended += mended
    if (state === 'changed') done.busy += 1
    if (state === 'incomplete') done.incomplete += 1
    return state === 'done'
  }
  const days = new Set<number>()
  for (let at = Math.floor(range.from / hour) * hour; at < range.to; at += hour) {
    if (!count(await repeat(() => store.step('rebuildHour', { hour: at })))) continue
    done.hours += 1
    days.add(Math.floor(at / day) * day)
  }
  for (const at of days) count(await repeat(() => store.step('rebuildDay', { day: at })))
  return done
}

async function repeat(step: () => Promise<RebuildResult>): Promise<RebuildResult> {
  for (let left = tries; ; ) {
    const result = await step()
    if (result.state === 'more') continue
    left -= 1
    if (result.state !== 'changed' || left === 0) return result
  }
}
