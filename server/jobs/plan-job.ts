/** A job as the gateway would run it, without running it: for checks before and between runs. */
import type { UpstreamRequest } from '../../translators/shared/translator.ts'
import type { Exchange } from '../gateway/exchange.ts'
import { listCandidates, planCandidate } from '../gateway/plan-candidate.ts'
import type { ResponseSink } from '../gateway/sink.ts'
import { previewTurn } from '../gateway/state/turn.ts'
import type { Work } from '../gateway/work.ts'
import type { JobsDependencies } from './dependencies.ts'
import { type KeptRequest, upstreamKey } from './kept-request.ts'

export interface PlanOptions {
  exchange: Exchange
  kept: KeptRequest
  responseId: string
  /** Unix milliseconds. */
  createdAt: number
}

/** @throws GatewayError for what the request continues and that is not there. */
export async function previewJob(dependencies: JobsDependencies, options: PlanOptions): Promise<Work> {
  const { exchange, kept, responseId, createdAt } = options
  const { request, unsupported, events, isPrompted, caller } = kept
  const { signal } = new AbortController()
  const runtime = dependencies.runtime()
  const turn = await previewTurn(dependencies, {
    runtime,
    request,
    project: caller.projectId,
    local: null,
    responseId,
    createdAt,
    signal,
    isPrompted,
  })
  return {
    exchange,
    request,
    unsupported,
    events,
    claim: null,
    idempotencyKey: upstreamKey(kept, responseId),
    sink: nowhere(request.stream === true),
    signal,
    job: {
      responseId,
      createdAt,
      resume: undefined,
      upstream: null,
      isPrompted,
      onBegin: () => Promise.resolve(),
      onUpstream: () => Promise.resolve(),
    },
    dependencies,
    runtime,
    turn,
    verify: undefined,
    resume: () => {},
  }
}

/**
 * What the request's targets would be sent; those that cannot serve it are left out.
 * @throws GatewayError as a foreground request would when there is none.
 */
export function planTargets(work: Work): UpstreamRequest[] {
  const plans = listCandidates(work).map((candidate) => planCandidate(work, candidate))
  const sent = plans.flatMap((plan) => (plan.ok ? [plan.sent] : []))
  const refused = plans.find((plan) => !plan.ok)
  if (sent.length === 0 && refused?.ok === false) throw refused.error
  return sent
}

function nowhere(streaming: boolean): ResponseSink {
  return {
    streaming,
    opened: false,
    prepare() {},
    write: () => true,
    onDrain() {},
    transcript: () => ({ events: null, answer: { status: 200, headers: {}, body: '' } }),
    finish() {},
  }
}
