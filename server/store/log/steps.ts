/**
 * Every piece of upkeep of the request log by its name: bounded steps on the writer's thread, between two batches. A
 * step reads, decides and commits in a few milliseconds, and says whether there is more to do.
 */

import type { Driver } from '../engine/driver.ts'
import { holdLease, releaseLease } from './leases.ts'
import { pruneBodies } from './prune-bodies.ts'
import { applyCosts } from './reprice.ts'
import { checkpoint, releaseSpace } from './retention-space.ts'
import { prune } from './retention-step.ts'
import { countBacklog, readBacklog } from './rollup-backlog.ts'
import { pruneRollups, pruneSessions } from './rollup-prune.ts'
import { rebuildDay, rebuildHour, rebuildWeek } from './rollup-rebuild.ts'

export interface StepContext {
  driver: Driver
  /** Of this process. */
  instance: string
  /** Unix milliseconds. */
  now: number
}

export const logSteps = {
  holdLease,
  releaseLease,
  pruneBodies,
  applyCosts,
  prune,
  releaseSpace,
  checkpoint,
  pruneRollups,
  pruneSessions,
  rebuildHour,
  rebuildDay,
  rebuildWeek,
  readBacklog,
  countBacklog,
} satisfies Record<string, (context: StepContext, argument: never) => Promise<unknown>>

type LogSteps = typeof logSteps
export type LogStepName = keyof LogSteps
export type LogStepArgument<K extends LogStepName> = LogSteps[K] extends (
  context: StepContext,
  argument: infer A,
) => Promise<unknown>
  ? A
  : never
export type LogStepValue<K extends LogStepName> = LogSteps[K] extends (
  context: StepContext,
  argument: never,
) => Promise<infer V>
  ? V
  : never
