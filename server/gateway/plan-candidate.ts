import type { UpstreamFailure, UpstreamRequest } from '../../translators/shared/translator.ts'
import { GatewayError } from '../errors.ts'
import { type Candidate, selectCandidates, withNextKey } from './candidates.ts'
import { doesTruncate, fitContext, shorten } from './fit-context.ts'
import { promptNotFound } from './prompts.ts'
import { fitToTarget } from './state/fit-target.ts'
import type { Work } from './work.ts'

export interface ReadyPlan {
  ok: true
  sent: UpstreamRequest
  /** What `sent` says, before it was translated. */
  request: Work['request']
  /** Times that it has been shortened because the provider refused it as too long. */
  cuts: number
}

export type CandidatePlan = ReadyPlan | { ok: false; error: GatewayError }

/** The targets of the request's model, in order. @throws GatewayError `model_not_found`, `provider_not_configured` */
export function listCandidates({
  runtime,
  turn,
  dependencies,
  unsupported,
  idempotencyKey,
}: Work): Candidate[] {
  return selectCandidates({
    runtime,
    request: turn.resolved,
    resolved: dependencies.resolveModel(runtime, turn.request.model),
    projectId: turn.project,
    unsupported,
    idempotencyKey,
  })
}

/**
 * What one target is sent, or why it cannot serve the request.
 * @param within tokens that the input may come to; null: as many as the model's context has room for.
 */
export function planCandidate(work: Work, candidate: Candidate, within: number | null = null): CandidatePlan {
  const { turn, dependencies } = work
  if (turn.resolved.prompt && !hasPrompts(candidate))
    return { ok: false, error: promptNotFound(turn.resolved.prompt.id) }
  const fitted = turn.bound
    ? fitToTarget({
        request: turn.resolved,
        makers: turn.makers,
        sources: turn.sources,
        sealer: dependencies.sealer,
        project: turn.project,
        candidate,
      })
    : { ok: true as const, request: turn.resolved, adaptations: [] }
  if (!fitted.ok) return { ok: false, error: toError(fitted) }
  const { request } = fitted
  const short = fitContext({ request, candidate, within })
  if (!short.ok) return short
  const asked = asCalled(work, candidate, short.request)
  const sent = candidate.provider.translator.request(asked, candidate.target)
  if (!sent.ok) return { ok: false, error: toError(sent) }
  if (work.job && asked.background !== true)
    sent.adaptations.unshift({ field: 'background', action: 'emulated', detail: '' })
  sent.adaptations.unshift(...fitted.adaptations, ...short.adaptations)
  return { ok: true, sent, request: short.request, cuts: 0 }
}

/** Times that a request is shortened for one target. */
const maxCuts = 3

/** The next try with less input after a provider has refused the last one as too long; null when there is none. */
export function planShorter(
  work: Work,
  candidate: Candidate,
  { request, cuts }: ReadyPlan,
  { code }: UpstreamFailure,
): ReadyPlan | null {
  if (code !== 'context_length_exceeded' || cuts >= maxCuts || !doesTruncate(request, candidate)) return null
  const plan = planCandidate(work, withNextKey(candidate, `shorter${cuts + 1}`), shorten(request))
  return plan.ok && countItems(plan.request) < countItems(request) ? { ...plan, cuts: cuts + 1 } : null
}

/** The same request asked anew: a provider that knows its key would only repeat its last answer. */
export function planAnew(work: Work, candidate: Candidate, plan: ReadyPlan): ReadyPlan {
  const anew = withNextKey(candidate, 'again')
  const next = anew === candidate || plan.cuts > 0 ? plan : planCandidate(work, anew)
  return next.ok ? next : plan
}

function countItems({ input }: Work['request']): number {
  return Array.isArray(input) ? input.length : 1
}

/** Whether a prompt that is not kept here (`state.passPrompts`) may be one of the provider's. */
function hasPrompts({ provider }: Candidate): boolean {
  const support = provider.translator.contract.fields.prompt?.support
  return support === 'native' || support === 'mapped'
}

function toError({ field, message }: { field: string; message: string }): GatewayError {
  return new GatewayError('unsupported_parameter', message, { param: field })
}

/**
 * A job runs as the provider's own background response where that is documented, so that it goes on when the gateway
 * does not; a streamed one needs its events as they come, which polling does not give.
 */
function asCalled({ job, sink }: Work, { provider }: Candidate, request: Work['request']): Work['request'] {
  const { translator } = provider
  const isNative =
    job != null &&
    !sink.streaming &&
    translator.poll !== undefined &&
    translator.contract.fields.background?.support === 'native'
  return isNative ? { ...request, background: true } : request
}
