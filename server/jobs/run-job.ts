/** One run of one job, from the moment that it is taken until it has ended, is given back, or is lost. */

import type { CanonicalResponse } from '../../translators/shared/canonical.ts'
import { GatewayError, isOperatorsBusiness, toGatewayError } from '../errors.ts'
import type { JobRun, UpstreamJob } from '../gateway/background.ts'
import { captureLimit } from '../gateway/capture.ts'
import type { Exchange } from '../gateway/exchange.ts'
import { createExchange, failExchange, finishExchange } from '../gateway/exchange-life.ts'
import { readSettings } from '../gateway/read-settings.ts'
import { isRunning } from '../gateway/state/stored-view.ts'
import type { TakenJob } from '../store/state/state.ts'
import { cancelUpstream } from './cancel-upstream.ts'
import type { JobsContext } from './dependencies.ts'
import { failJob } from './end-job.ts'
import { JobEventLog } from './event-log.ts'
import { createJobSink } from './job-sink.ts'
import { type KeptRequest, readKeptRequest, upstreamKey } from './kept-request.ts'
import { type Beginning, eventsBefore, takeUp } from './take-up.ts'
import { type HandedOver, recallRequest } from './waiting-jobs.ts'

/**
 * `cancelled`: it has ended so. `lost`: it is not this instance's any more. `stopped`: the process ends, another one goes
 * on. `put-off`: the store could not be asked, so it is tried again later.
 */
export type StopReason = 'cancelled' | 'lost' | 'stopped' | 'put-off'

/** Whether the job has to be given back: `put-off` when its run had not begun, `stopped` when it had. */
export type RunEnd = 'ended' | 'put-off' | 'stopped'

export interface RunningJob {
  readonly id: string
  readonly kept: KeptRequest
  /** Null while the run has not begun, and for a response without a stream. */
  log: JobEventLog | null
  stop(reason: StopReason): void
  /** Resolves when the run is over. */
  readonly done: Promise<RunEnd>
}

interface Run {
  context: JobsContext
  taken: TakenJob
  kept: KeptRequest
  exchange: Exchange
  handedOver: HandedOver | null
  takePlace(signal: AbortSignal): Promise<boolean>
  job: { log: JobEventLog | null; upstream: UpstreamJob | null; begun: boolean }
  stop(reason: StopReason): void
  /** Aborts with a StopReason. */
  signal: AbortSignal
}

export function runJob(
  context: JobsContext,
  { taken, handedOver, takePlace }: Pick<Run, 'taken' | 'handedOver' | 'takePlace'>,
): RunningJob {
  const kept = readKeptRequest(taken.request)
  const stopping = new AbortController()
  const exchange = handedOver?.exchange ?? openExchange(context, taken, kept)
  // Another one may have had it in between, and have given it back.
  exchange.handedOver = false
  recallRequest(exchange, kept, captureLimit(context.runtime(), exchange))
  const job: Run['job'] = { log: null, upstream: null, begun: false }
  const stop = (reason: StopReason) => stopping.abort(reason)
  const { signal } = stopping
  const run: Run = { context, taken, kept, exchange, handedOver, takePlace, job, stop, signal }
  return {
    id: taken.id,
    kept,
    get log() {
      return job.log
    },
    stop,
    done: runToEnd(run),
  }
}

async function runToEnd(run: Run): Promise<RunEnd> {
  const { context, exchange, job } = run
  try {
    return await begin(run)
  } catch (error) {
    // The store could not be asked: nothing is known to have ended, so the job is taken again.
    context.onTrouble(error, exchange)
    failExchange(exchange, putOff())
    exchange.handedOver = !job.begun
    return job.begun ? 'stopped' : 'put-off'
  } finally {
    finishExchange(exchange)
    context.observer.finished(exchange)
  }
}

async function begin(run: Run): Promise<RunEnd> {
  const { context, taken, kept, exchange, handedOver } = run
  const accepted = handedOver?.body ?? null
  const beginning = await takeUp(context, { taken, kept, exchange, accepted })
  if (beginning.kind === 'gone') return endLost(run)
  if (beginning.kind === 'broken') return endFailed(run, beginning.body, beginning.error)
  return respond(run, beginning)
}

async function respond(
  run: Run,
  { resume, upstream, body }: Extract<Beginning, { kind: 'run' }>,
): Promise<RunEnd> {
  const { context, taken, kept, exchange, job, signal } = run
  const { gateway, runtime, hub } = context
  job.upstream = upstream
  job.log = taken.streamed ? openLog(run) : null
  const sink = createJobSink({
    responseId: taken.id,
    exchange,
    captureLimit: captureLimit(runtime(), exchange),
    hub,
    log: job.log,
  })
  let failure: GatewayError | null = null
  try {
    const { request, unsupported, events } = kept
    const idempotencyKey = upstreamKey(kept, taken.id)
    const common = { exchange, request, unsupported, events, claim: null, idempotencyKey }
    await gateway.respond({ ...common, sink, signal, job: describeRun(run, { resume, upstream, body }) })
  } catch (thrown) {
    failure = toGatewayError(thrown)
    // Nobody has been asked anything yet, so it can wait for the store instead of failing over it.
    if (isPassing(failure) && !job.begun && !signal.aborted) throw thrown
    if (isOperatorsBusiness(thrown, failure)) context.onTrouble(thrown, exchange)
  }
  if (sink.finished) return 'ended'
  await job.log?.settle()
  if (signal.aborted) return endStopped(run, signal.reason as StopReason)
  return endFailed(run, body, failure ?? superseded())
}

/** The store is away for now; what it can never read fails the response. */
function isPassing({ code, cause }: GatewayError): boolean {
  return code === 'store_unavailable' && (cause as { transient?: boolean } | undefined)?.transient === true
}

function openLog({ context, taken, exchange, stop, signal }: Run): JobEventLog {
  return new JobEventLog({
    state: context.state,
    hub: context.hub,
    responseId: taken.id,
    nextSequence: eventsBefore,
    onLost: () => stop('lost'),
    onTrouble: (error) => context.onTrouble(error, exchange),
    signal,
  })
}

function describeRun(
  { context, taken, kept, exchange, takePlace, job, stop, signal }: Run,
  { resume, upstream, body }: Omit<Extract<Beginning, { kind: 'run' }>, 'kind'>,
): JobRun {
  return {
    responseId: taken.id,
    createdAt: taken.createdAt,
    resume,
    upstream,
    isPrompted: kept.isPrompted,
    // Only now is it in progress: one that waits for its conversation loses nothing with the process.
    async onBegin() {
      if (!(await takePlace(signal))) throw runsNoMore()
      const started = await context.state.startJob(taken.id, setInProgress(body)).catch((error: unknown) => {
        context.onTrouble(error, exchange)
        return null
      })
      if (started === true) {
        job.begun = true
        context.hub.change(taken.id)
      } else {
        stop(started === null ? 'put-off' : 'lost')
        throw runsNoMore()
      }
    },
    async onUpstream(begun) {
      job.upstream = begun
      // Without the note it would be begun anew after a crash, which is no reason to end it now.
      await context.state
        .noteJob(taken.id, JSON.stringify(begun))
        .catch((error: unknown) => context.onTrouble(error, exchange))
    },
  }
}

function runsNoMore(): GatewayError {
  return new GatewayError('client_closed_request', 'The response does not run here any more.')
}

async function endStopped(run: Run, reason: StopReason): Promise<RunEnd> {
  if (reason === 'lost') return endLost(run)
  if (reason === 'stopped' || reason === 'put-off') {
    if (reason === 'stopped') leaveExchange(run.exchange)
    else failExchange(run.exchange, putOff())
    // The run to come tells of the request.
    run.exchange.handedOver = !run.job.begun
    return run.job.begun ? 'stopped' : 'put-off'
  }
  run.exchange.status = 'cancelled'
  run.exchange.error = null
  cancelAtProvider(run)
  return 'ended'
}

/** It was cancelled, deleted or taken over by others; or had its end here, and the store could not say so. */
async function endLost(run: Run): Promise<'ended'> {
  const { context, taken, exchange } = run
  const stored = await context.state.getResponse(taken.project, taken.id)
  exchange.status = stored === null || isRunning(stored) ? 'cancelled' : stored.status
  exchange.handedOver = !run.job.begun && stored !== null && isRunning(stored)
  // Who has taken it over goes on with the provider's response.
  if (stored === null || !isRunning(stored)) cancelAtProvider(run)
  context.hub.change(taken.id)
  return 'ended'
}

/** Nobody waits for it: the response has ended here. */
function cancelAtProvider({ context, kept, exchange, job }: Run): void {
  if (job.upstream === null) return
  cancelUpstream(context, { kept, upstream: job.upstream }).catch((error: unknown) =>
    context.onTrouble(error, exchange),
  )
}

async function endFailed(run: Run, body: string, error: GatewayError): Promise<RunEnd> {
  const { context, taken, kept, exchange, signal } = run
  const outcome = await failJob(context, { taken, kept, body, error, signal })
  if (outcome === 'superseded') return endLost(run)
  if (outcome === 'stopped') return endStopped(run, signal.reason as StopReason)
  failExchange(exchange, error)
  // Given up here, it may go on at its provider for nothing.
  if (error.code === 'upstream_timeout') cancelAtProvider(run)
  return 'ended'
}

/** The answer could not be added although nobody had cancelled it: what else it needs is gone. */
function superseded(): GatewayError {
  return new GatewayError(
    'conversation_not_found',
    'The conversation was deleted while the response ran. Nothing of the turn was added to it.',
    { param: 'conversation' },
  )
}

/** The record of a run whose request came to a process that is gone. */
function openExchange({ observer }: JobsContext, taken: TakenJob, kept: KeptRequest): Exchange {
  const { request, caller } = kept
  const { received } = kept
  const exchange = createExchange({
    headers: {},
    clientAddress: received?.clientAddress ?? '',
    operation: 'responses.create',
  })
  exchange.receivedId = received?.id ?? null
  exchange.clientRequestId = received?.clientRequestId ?? null
  exchange.userAgent = received?.userAgent ?? ''
  exchange.caller = caller
  exchange.model = request.model
  exchange.stream = taken.streamed
  exchange.background = true
  exchange.settings = readSettings(request)
  exchange.responseId = taken.id
  exchange.httpStatus = 200
  exchange.session = kept.session ?? null
  exchange.traceHeaders = kept.traceHeaders ?? {}
  observer.started(exchange)
  return exchange
}

function putOff(): GatewayError {
  return new GatewayError(
    'store_unavailable',
    'The store could not be asked; the response is taken up again.',
  )
}

/** The process ends before the response does: said in the words in which the store speaks of one that was killed. */
export function leaveExchange(exchange: Exchange): void {
  failExchange(
    exchange,
    new GatewayError('gateway_restarted', 'The gateway stopped; the next process goes on with the response.'),
  )
}

function setInProgress(body: string): string {
  return JSON.stringify({ ...(JSON.parse(body) as CanonicalResponse), status: 'in_progress' })
}
