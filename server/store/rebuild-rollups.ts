/** Makes the sums of a range of time again from the rows, beside traffic: after a mishap. */

import { setTimeout as sleep } from 'node:timers/promises'
import type { RebuildResult } from './log/rollup-rebuild.ts'
import type { Store } from './store.ts'

const hour = 3_600_000
const day = 86_400_000
const week = 604_800_000

/** Times that an hour is begun anew because requests of it ended meanwhile. */
const tries = 20
/** Milliseconds between two steps, which traffic has for itself. */
const stepPause = 5
/** Milliseconds for which the right to do it is held, at most; each hour and day asks for it again. */
const leaseTime = 120_000

export interface RebuildWish {
  /** Unix milliseconds: sums of the hour of this time, and later. */
  from: number
  /** Unix milliseconds: of hours that begin before. */
  to: number
  /** Hours at most. */
  limit: number
}

export interface RebuiltRollups {
  /** Hours that were made again. */
  hours: number
  /** Cells that were wrong, or not there. */
  mended: number
  /** Hours whose rows are gone, wholly or in part, and whose sums stay as they are. */
  incomplete: number
  /** Hours, days and weeks of which requests ended all the time; the same call may do better later. */
  busy: number
  /** Hours that are not in the sums yet, since an older version wrote them: they are counted in the background. */
  pending: number
  /** To go on from as `from`; null when all is done. */
  next: number | null
}

export interface RollupRebuilding {
  /** Null when another gateway on the same database is at it. Throws StoreError. */
  rebuild(wish: RebuildWish): Promise<RebuiltRollups | null>
}

/** Sums by user and tag (`spend_days`, `spend_months`) and sessions stay as they are. */
export function createRollupRebuilding(store: Pick<Store, 'step'>): RollupRebuilding {
  const name = 'rollup-rebuild'
  const hold = () => store.step('holdLease', { name, milliseconds: leaseTime })
  // What fails here goes when its time is over.
  const release = () => store.step('releaseLease', { name }).catch(() => undefined)
  let running = 0
  return {
    async rebuild(wish) {
      running += 1
      // Kept in between by who will go on, so that no other gateway begins in the middle.
      let goesOn = false
      try {
        const done = await rebuildRange(store, hold, wish)
        goesOn = done !== null && done.next !== null
        return done
      } finally {
        running -= 1
        if (running === 0 && !goesOn) await release()
      }
    },
  }
}

/** Null when the right to it is another's. */
async function rebuildRange(
  store: Pick<Store, 'step'>,
  hold: () => Promise<boolean>,
  { from, to, limit }: RebuildWish,
): Promise<RebuiltRollups | null> {
  const done: RebuiltRollups = { hours: 0, mended: 0, incomplete: 0, busy: 0, pending: 0, next: null }
  const count = ({ state, mended }: RebuildResult) => {
    done.mended += mended
    if (state === 'changed') done.busy += 1
    if (state === 'incomplete') done.incomplete += 1
    if (state === 'pending') done.pending += 1
    return state === 'done'
  }
  const first = Math.floor(from / hour) * hour
  const end = Math.min(Math.ceil(to / hour) * hour, first + limit * hour)
  const days = new Set<number>()
  for (let at = first; at < end; at += hour) {
    if (!(await hold())) return null
    if (!count(await repeat(() => store.step('rebuildHour', { hour: at })))) continue
    done.hours += 1
    days.add(Math.floor(at / day) * day)
  }
  for (const at of days) {
    if (!(await hold())) return null
    count(await repeat(() => store.step('rebuildDay', { day: at })))
  }
  for (const at of new Set([...days].map((at) => at - (at % week)))) {
    if (!(await hold())) return null
    count(await repeat(() => store.step('rebuildWeek', { week: at })))
  }
  return { ...done, next: end < to ? end : null }
}

async function repeat(step: () => Promise<RebuildResult>): Promise<RebuildResult> {
  for (let left = tries; ; ) {
    const result = await step()
    if (result.state !== 'more') left -= 1
    if (result.state !== 'more' && (result.state !== 'changed' || left === 0)) return result
    await sleep(stepPause)
  }
}
