/** Background responses: accepted, run, followed, cancelled, and kept going over restarts. */

import { GatewayError } from '../errors.ts'
import type { BackgroundJobs } from '../gateway/background.ts'
import { acceptJob } from './accept.ts'
import { cancelResponse, renderCancelled } from './cancel.ts'
import type { JobsContext, JobsDependencies } from './dependencies.ts'
import { EventHub } from './event-hub.ts'
import { followResponse } from './follow.ts'
import { JobRunner } from './runner.ts'

export type { JobsDependencies } from './dependencies.ts'
export { createMaintenance } from './maintenance.ts'
export { createRemovalClock } from './removal-clock.ts'
export { createRetention } from './retention.ts'
export { createRollupBacklog } from './rollup-backlog.ts'

export interface Jobs extends BackgroundJobs {
  /** Says that this instance is alive, and begins to run jobs. Rejects with StoreError. */
  start(): Promise<void>
  /** Takes no more, lets the running ones end, and gives back what has not ended after `timeout` milliseconds. */
  stop(timeout: number): Promise<void>
  /** Says that this instance is gone, once its requests have ended as well. Never rejects. */
  leave(): Promise<void>
  /** Jobs that were accepted here and wait for a place. */
  queued(): number
}

/** Milliseconds that those who follow a response have to read its end before it is deleted. */
const farewell = 1000

export function createJobs(dependencies: JobsDependencies): Jobs {
  const context: JobsContext = { ...dependencies, hub: new EventHub() }
  const runner = new JobRunner(context)
  return {
    start: () => runner.start(),
    stop: (timeout) => runner.stop(timeout),
    leave: () => runner.leave(),
    running: () => runner.running,
    queued: () => runner.queued,
    accept: (options) => acceptJob(context, runner, options),
    follow: (options) => followResponse(context, runner, options),
    async cancel(project, responseId) {
      return renderCancelled(await cancelResponse(context, runner, { project, responseId }))
    },
    async remove(project, responseId) {
      await cancelResponse(context, runner, { project, responseId }).catch((error: unknown) => {
        // There is none, or one that cannot be cancelled: the store knows.
        if (!(error instanceof GatewayError)) throw error
      })
      await context.hub.unfollowed(responseId, farewell)
      return context.state.deleteResponse(project, responseId)
    },
  }
}
