/** `POST /v1/responses/input_tokens`: how many tokens a request's input comes to, by the provider's count or our estimate. */
import type { CanonicalRequest } from '../../translators/shared/canonical.ts'
import type { IdempotentAnswer } from '../store/state/state.ts'
import { renderAdaptations, renderAnswerHead } from './answer-head.ts'
import { callRoute, type RouteResult } from './call-route.ts'
import type { Candidate } from './candidates.ts'
import { failureError, makeUpstreamFailure } from './failures.ts'
import { beginSide, pickRequest, type SideOptions, type SideWork } from './side-request.ts'
import { fitToTarget } from './state/fit-target.ts'
import type { GatewayDependencies } from './work.ts'

const members = [
  'model',
  'input',
  'previous_response_id',
  'conversation',
  'prompt',
  'instructions',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'reasoning',
  'text',
  'truncation',
]

/** @throws GatewayError `invalid_request` naming `param`. */
export function readCountRequest(body: unknown): CanonicalRequest {
  return pickRequest(body, members)
}

/** @throws GatewayError when the request is wrong, by our rules or the provider's. */
export async function countInputTokens(
  dependencies: GatewayDependencies,
  options: SideOptions,
): Promise<IdempotentAnswer> {
  const work = await beginSide(dependencies, options)
  const { exchange, claim } = work
  const [candidate] = work.candidates as [Candidate, ...Candidate[]]
  const request = asRead(work, candidate)
  const counted = await countNatively(work, candidate, request)
  if (counted === null)
    exchange.adaptations.push({ field: 'input_tokens', action: 'emulated', detail: 'estimated' })
  const estimated = counted === null ? await dependencies.tokens.countInput(request) : null
  noteSource(work, estimated?.estimator ?? null)
  exchange.status = 'completed'
  const { adaptations } = exchange
  const head = counted === null ? renderAdaptations(adaptations) : renderAnswerHead(candidate, adaptations)
  const answer: IdempotentAnswer = {
    status: 200,
    headers: { 'content-type': 'application/json', ...head },
    body: JSON.stringify({
      object: 'response.input_tokens',
      input_tokens: counted ?? estimated?.tokens,
    }),
  }
  await claim?.keep(answer)
  return answer
}

/** With what compactions stand for; what this provider cannot read counts as it is. */
function asRead({ turn, dependencies }: SideWork, candidate: Candidate): CanonicalRequest {
  const { resolved: request, makers, sources, project } = turn
  const { sealer } = dependencies
  const fitted = fitToTarget({ request, makers, sources, sealer, project, candidate })
  return fitted.ok ? fitted.request : request
}

/** Null where the provider has no count, or does not give one. */
async function countNatively(
  { dependencies, runtime, exchange, signal }: SideWork,
  candidate: Candidate,
  request: CanonicalRequest,
): Promise<number | null> {
  const { countInput } = candidate.provider.translator
  const sent = countInput?.request(request, candidate.target)
  if (countInput === undefined || !sent?.ok) return null
  const outcome = await callRoute({
    dependencies,
    runtime,
    exchange,
    candidate,
    sent,
    hasFallback: false,
    signal,
    read: (body): RouteResult<number> => {
      const count = countInput.read(body)
      return count === null ? { ok: false, failure: noCount } : { ok: true, value: count, usage: null }
    },
  })
  if (outcome.ok) {
    exchange.adaptations.push(...sent.adaptations)
    return outcome.value
  }
  const { failure } = outcome
  // A server that does not have the route says 404; what is wrong with the request would be wrong for the response too.
  if (failure.origin === 'client' && failure.status !== 404) throw failureError(failure)
  return null
}

const noCount = makeUpstreamFailure(
  'upstream_invalid_response',
  'The provider answered with something that is no count of tokens.',
)

/** Nothing was used, so there is no usage; where the number came from is said all the same. */
function noteSource({ exchange }: SideWork, estimator: string | null): void {
  const source = {
    usageSource: estimator === null ? ('provider' as const) : ('estimated' as const),
    usageEstimator: estimator,
  }
  Object.assign(exchange, source)
  const last = exchange.attempts.at(-1)
  if (last !== undefined) Object.assign(last, source)
}
