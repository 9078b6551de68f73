/** Responses that run without their client: what the gateway and the runner of jobs (server/jobs) know of each other. */
import type { CanonicalRequest } from '../../translators/shared/canonical.ts'
import type { Context, EventDialect, UnsupportedPolicy } from '../../translators/shared/translator.ts'
import type { StoredResponse } from '../store/state/state.ts'
import type { Caller, Exchange } from './exchange.ts'
import type { ClaimedKey } from './state/idempotency.ts'

/** A response that a job runs. */
export interface JobRun {
  responseId: string
  /** Unix milliseconds. */
  createdAt: number
  /** What of the stream has been sent already: see `Context.resume`. */
  resume: Context['resume']
  /** A provider's own background response that an earlier run of the job had begun. */
  upstream: UpstreamJob | null
  /** Its prompt stands in the request's members already. */
  isPrompted: boolean
  /** The turn has its conversation, and a provider is about to be asked. What it rejects with ends the run. */
  onBegin(): Promise<void>
  /** A provider has taken the response on as its own background response, to be asked for it later. */
  onUpstream(upstream: UpstreamJob): Promise<void>
}

export interface UpstreamJob {
  provider: string
  model: string
  /** The provider's id of the response. */
  id: string
}

export interface AcceptOptions {
  exchange: Exchange
  /** Who calls; of an authenticated request. */
  caller: Caller
  request: CanonicalRequest
  unsupported: UnsupportedPolicy | null
  events: EventDialect
  /** Completed with the job: by the body below, or for a stream by `followAnswer` (state/idempotency.ts). */
  claim: ClaimedKey | null
  idempotencyKey: string | null
}

/** An accepted background response. */
export interface AcceptedJob {
  responseId: string
  /** The answer to a client that does not stream: the response object, `queued`, as JSON text. */
  body: string
  headers: Record<string, string>
}

/** What server/http asks of the jobs. */
export interface BackgroundJobs {
  /**
   * Takes a `background: true` request on. From then on the exchange belongs to the job, which finishes it (also for the
   * observers) when the response has ended. Once this resolves it survives the process.
   * @throws GatewayError as a foreground request would, before anything is kept; the exchange then stays with the caller.
   */
  accept(options: AcceptOptions): Promise<AcceptedJob>
  /**
   * The events of a kept response after `startingAfter`, also of one that is still running: each call of `onText` gets
   * whole events as they stand on the wire. Resolves after the last one, or when the signal aborts. Of one that was made
   * without a stream no events are kept: its end is waited for, and nothing is given.
   * @returns the ended response when there were no events to give; else null.
   * @throws GatewayError 404 `not_found`, also when the response is deleted while it is followed: its events are gone then,
   * so that no legal end can be told, and a cut connection is what a client asks again after. 503 `shutting_down` when the
   * process stops before the response ends.
   */
  follow(options: {
    project: string
    responseId: string
    startingAfter: number
    onText(text: string): void | Promise<void>
    signal: AbortSignal
  }): Promise<StoredResponse | null>
  /**
   * Cancels a background response.
   * @returns its object as JSON text: `cancelled`, or as it had ended before.
   * @throws GatewayError 404 for an unknown one, 400 for one that does not run in the background.
   */
  cancel(project: string, responseId: string): Promise<string>
  /** Deletes a response; one that runs is cancelled first, so that those who follow it see its end. False: there is none. */
  remove(project: string, responseId: string): Promise<boolean>
  /** Jobs that are running here, for metrics. */
  running(): number
}
