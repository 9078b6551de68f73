/** Usage that a provider did not tell: counted before the end of the answer leaves, so that the client has it too. */
import type { CanonicalRequest, CanonicalResponse, Item } from '../../translators/shared/canonical.ts'
import type { Attempt } from './exchange.ts'
import type { TokenCounter } from './token-counter.ts'

/** Puts the count in the place of the estimate by length that stands in the finished response, which is not sent yet. */
export async function settleUsage(
  tokens: TokenCounter,
  { attempt, request, final }: { attempt: Attempt; request: CanonicalRequest; final: CanonicalResponse },
): Promise<void> {
  if (attempt.usageSource !== 'estimated') return
  await noteEstimate(tokens, { attempt, request, output: final.output })
  final.usage = attempt.usage
}

/** Counts what an attempt used that told nothing of it. */
export async function noteEstimate(
  tokens: TokenCounter,
  { attempt, request, output }: { attempt: Attempt; request: CanonicalRequest; output: readonly Item[] },
): Promise<void> {
  const { usage, estimator } = await tokens.countUsage(request, output)
  attempt.usage = usage
  attempt.usageSource = 'estimated'
  attempt.usageEstimator = estimator
}
