import type { UpstreamRequest } from '../../translators/shared/translator.ts'
import { GatewayError } from '../errors.ts'
import type { Candidate } from './candidates.ts'
import { fitToTarget } from './state/fit-target.ts'
import type { Work } from './work.ts'

export type CandidatePlan = { ok: true; sent: UpstreamRequest } | { ok: false; error: GatewayError }

/** What one target is sent, or why it cannot serve the request. */
export function planCandidate(work: Work, candidate: Candidate): CandidatePlan {
  const { turn, dependencies } = work
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
  const sent = candidate.provider.translator.request(
    asCalled(work, candidate, fitted.request),
    candidate.target,
  )
  if (!sent.ok) return { ok: false, error: toError(sent) }
  if (fitted.adaptations.length > 0) sent.adaptations.unshift(...fitted.adaptations)
  return { ok: true, sent }
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
