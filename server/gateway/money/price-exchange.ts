/** What a request costs: the sum over its attempts. */
import { isObject, type Usage } from '../../../translators/shared/canonical.ts'
import type { PricesRuntime } from '../../config/runtime.ts'
import type { Attempt, Exchange } from '../exchange.ts'
import type { AttemptCost, RequestCost, UsedQuantities } from './cost.ts'
import { type CountedAttempt, priceAttempt } from './price-attempt.ts'

/** What a price is made from. */
export type PricedExchange = Pick<Exchange, 'operation' | 'createdAt' | 'attempts'>

/** Pure. For an exchange that is over. */
export function priceExchange(exchange: PricedExchange, prices: PricesRuntime): RequestCost {
  const attempts = exchange.attempts
    .filter((attempt) => isBilled(exchange, attempt))
    .map((attempt) => priceAttempt(prices, countAttempt(attempt), exchange.createdAt))
  return sumAttempts(attempts)
}

/** A request's cost from that of its attempts. */
export function sumAttempts(attempts: AttemptCost[]): RequestCost {
  const unknown = attempts.find(({ nanos }) => nanos === null)
  const nanos = attempts.reduce((sum, attempt) => sum + (attempt.nanos ?? 0), 0)
  const isExact = Number.isSafeInteger(nanos)
  return {
    nanos: unknown === undefined && isExact ? nanos : null,
    reason: unknown?.reason ?? (isExact ? null : 'no_usage'),
    estimated: attempts.some(({ usage }) => usage === 'estimated'),
    attempts,
  }
}

/**
 * A call that used something, or may have: it told of usage, gave output, was taken on, or was answered. Not billed are
 * calls that were refused or failed before output, and counting tokens, for which no model runs.
 */
function isBilled({ operation }: PricedExchange, attempt: Attempt): boolean {
  if (attempt.usage !== null) return true
  if (operation === 'responses.input_tokens') return false
  return attempt.error === null || attempt.events > 0 || attempt.taken
}

function countAttempt(attempt: Attempt): CountedAttempt {
  return {
    attempt: attempt.index,
    provider: attempt.provider,
    variant: attempt.variant,
    upstream_model: attempt.upstreamModel,
    reported_model: attempt.facts?.model ?? null,
    service_tier: attempt.facts?.serviceTier ?? attempt.serviceTier,
    usage: attempt.usage === null ? null : attempt.usageSource,
    used: attempt.usage === null ? null : toQuantities(attempt.usage, attempt.images),
  }
}

function toQuantities(usage: Usage, images: number): UsedQuantities | null {
  const { input_tokens_details: input, output_tokens_details: output } = usage
  const used = {
    input: usage.input_tokens,
    cached_input: input.cached_tokens,
    cache_write: input.cache_write_tokens ?? 0,
    output: usage.output_tokens,
    reasoning: output.reasoning_tokens,
    images,
  }
  // What is no count cannot be billed.
  return Object.values(used).every((count) => Number.isSafeInteger(count) && count >= 0) ? used : null
}

/** Images that the provider's own tool made. */
export function countImages(output: readonly unknown[]): number {
  return output.filter(
    (item) => isObject(item) && item.type === 'image_generation_call' && item.status !== 'failed',
  ).length
}
