/** Retention in steps: what is too old of one kind, or the oldest of it when the store is too large. */

import type { Driver } from '../engine/driver.ts'
import { pruneBodies } from './prune-bodies.ts'
import { pruneRows } from './retention-rows.ts'
import { readBacklog } from './rollup-backlog.ts'
import { pruneRollups, pruneSessions } from './rollup-prune.ts'
import type { StepContext } from './steps.ts'

/** `minutes` and `rollups` are sums, per minute and longer. */
export type PrunedKind = 'bodies' | 'rows' | 'sessions' | 'minutes' | 'rollups'

export interface PruneInput {
  kind: PrunedKind
  /** Unix milliseconds: what is younger stays. */
  before: number
  /** How much goes in this step, in requests. */
  limit: number
  /** Whether only the very oldest goes, so that all kinds of it keep in step: as the store is too large. Default false. */
  oldest?: boolean
}

export interface Pruned {
  /** Of blocks of bodies, rows, sessions or sums. */
  removed: number
  /** Of media, which go with the bodies that held them. */
  media: number
  /** Whether another step has more to remove. */
  more: boolean
  /** That the writer was busy with it. */
  milliseconds: number
}

export async function prune(context: StepContext, input: PruneInput): Promise<Pruned> {
  const started = performance.now()
  const pruned = await pruners[input.kind](context, input)
  return { ...pruned, milliseconds: performance.now() - started }
}

type Pruner = (context: StepContext, input: PruneInput) => Promise<Omit<Pruned, 'milliseconds'>>

const pruners: Record<PrunedKind, Pruner> = {
  async bodies(context, { before, limit, oldest = false }) {
    const end = oldest ? await endOfOldest(context.driver, before, limit) : before
    const { blocks, media, more } = await pruneBodies(context, { before: end, limit })
    return { removed: blocks, media, more: more || end < before }
  },
  async rows(context, { before, limit, oldest = false }) {
    // They would be in no sum for ever. A store that is too large does not wait for that.
    if (!oldest && (await readBacklog(context)).below > 0) return { removed: 0, media: 0, more: false }
    const { rows, more } = await pruneRows(context, { before, limit })
    return { removed: rows, media: 0, more }
  },
  async sessions(context, { before, limit }) {
    return { ...(await pruneSessions(context, { before, limit })), media: 0 }
  },
  async minutes(context, { before, limit }) {
    const pruned = await pruneRollups(context, { minuteBefore: before, hourAndDayBefore: 0, limit })
    return { ...pruned, media: 0 }
  },
  async rollups(context, { before, limit }) {
    const pruned = await pruneRollups(context, { minuteBefore: 0, hourAndDayBefore: before, limit })
    return { ...pruned, media: 0 }
  },
}

/** The moment up to which a step's worth of blocks was written; `before` when there are no more than these. */
async function endOfOldest(driver: Driver, before: number, limit: number): Promise<number> {
  const size = Math.max(1, Math.ceil(limit / 10))
  const [oldest] = await driver.all(
    `SELECT max(written_at) AS last, count(*) AS size FROM
      (SELECT written_at FROM blocks WHERE written_at < ? ORDER BY written_at LIMIT ?) AS oldest`,
    [before, size],
  )
  if (typeof oldest?.last !== 'number' || Number(oldest.size) < size) return before
  return Math.min(before, oldest.last + 1)
}
