import type { CanonicalResponse, Item } from '../../translators/shared/canonical.ts'
import type { UpstreamFailure, UpstreamRequest } from '../../translators/shared/translator.ts'
import type { Candidate } from './candidates.ts'
import { captureChunk, createCapture } from './capture.ts'
import type { Attempt, Exchange } from './exchange.ts'
import { describeFailure } from './failures.ts'

/** Opens the record of an attempt and adds it to its exchange. `limit`: bytes of each body to keep. */
export function beginAttempt(
  exchange: Exchange,
  candidate: Candidate,
  sent: UpstreamRequest,
  body: string,
  limit: number,
): Attempt {
  const attempt: Attempt = {
    index: exchange.attempts.length + 1,
    provider: candidate.provider.id,
    variant: candidate.provider.translator.id,
    upstreamModel: candidate.target.model,
    url: sent.url,
    startedAt: performance.now(),
    headAt: null,
    firstOutputAt: null,
    endedAt: null,
    httpStatus: null,
    error: null,
    requestHeaders: {},
    responseHeaders: {},
    request: createCapture(),
    response: createCapture(),
    adaptations: [...sent.adaptations],
    usage: null,
    usageSource: null,
    usageEstimator: null,
    images: 0,
    serviceTier: typeof sent.body?.service_tier === 'string' ? sent.body.service_tier : null,
    taken: false,
    facts: null,
    finishReason: null,
    events: 0,
    ownMs: 0,
  }
  captureChunk(attempt.request, body, limit)
  exchange.attempts.push(attempt)
  return attempt
}

/** Closes the record of an attempt. */
export function endAttempt(attempt: Attempt, failure: UpstreamFailure | null): void {
  attempt.endedAt ??= performance.now()
  if (failure !== null) attempt.error = describeFailure(failure)
}

/** Takes over what the attempt that answered came to. */
export function concludeExchange(exchange: Exchange, attempt: Attempt, final: CanonicalResponse): void {
  exchange.responseId = final.id
  exchange.itemIds = idsOf(final.output)
  exchange.status = final.status
  takeUsage(exchange, attempt)
  exchange.adaptations.push(...attempt.adaptations)
  if (final.error === null) return
  // The provider's, but for a reader that left it waiting.
  const origin = final.error?.code === 'answer_unread' ? ('client' as const) : ('upstream' as const)
  const error = { type: 'server_error', ...final.error, param: null, origin }
  attempt.error = error
  exchange.error = error
}

/** The usage of an attempt is that of its request. */
export function takeUsage(exchange: Exchange, { usage, usageSource, usageEstimator }: Attempt): void {
  Object.assign(exchange, { usage, usageSource, usageEstimator })
}

/** The ids of items, under which the record finds their request. */
export function idsOf(items: readonly Item[]): string[] {
  return items.flatMap(({ id }) => (typeof id === 'string' ? [id] : []))
}
