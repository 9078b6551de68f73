/** What one call costs: from quantities and a price to the lines of a bill, in whole nano-dollars. */
import type { PriceRatesRuntime, PricesRuntime } from '../../config/runtime.ts'
import type { AttemptCost, CostKind, CostPart, UnpricedReason, UsedQuantities } from './cost.ts'
import { findPrice, findTier } from './find-price.ts'

/** What is priced: all of an AttemptCost that does not come from a price. */
export type CountedAttempt = Omit<AttemptCost, 'price' | 'nanos' | 'reason' | 'parts'>

/** @param time Unix milliseconds at which the request was made. */
export function priceAttempt(prices: PricesRuntime, attempt: CountedAttempt, time: number): AttemptCost {
  const { used } = attempt
  if (used === null) return withoutCost(attempt, 'no_usage', null)
  const price = findPrice(prices, attempt, time)
  if (price === null) return withoutCost(attempt, 'unknown_model', null)
  const rates = findTier(price, used.input, attempt.service_tier)
  const parts = rates && listParts(used, rates)
  if (parts === null) return withoutCost(attempt, 'no_rate', price.version)
  const nanos = parts.reduce((sum, part) => sum + part.nanos, 0)
  if (!Number.isSafeInteger(nanos)) return withoutCost(attempt, 'no_usage', price.version)
  return { ...attempt, price: price.version, nanos, reason: null, parts }
}

function withoutCost(attempt: CountedAttempt, reason: UnpricedReason, price: string | null): AttemptCost {
  return { ...attempt, price, nanos: null, reason, parts: [] }
}

/** Null when something was used that has no rate. Every token stands in one line only. */
function listParts(used: UsedQuantities, rates: PriceRatesRuntime): CostPart[] | null {
  const cached = rates.cachedInput === null ? 0 : Math.min(used.cached_input, used.input)
  const written = rates.cacheWrite === null ? 0 : Math.min(used.cache_write, used.input - cached)
  const reasoning = rates.reasoning === null ? 0 : Math.min(used.reasoning, used.output)
  const lines: [CostKind, number, number | null][] = [
    ['input', used.input - cached - written, rates.input],
    ['cached_input', cached, rates.cachedInput],
    ['cache_write', written, rates.cacheWrite],
    ['output', used.output - reasoning, rates.output],
    ['reasoning', reasoning, rates.reasoning],
    ['request', rates.request === null ? 0 : 1, rates.request],
    // A tool's images without a rate of their own are a part of the tokens.
    ['image', rates.image === null ? 0 : used.images, rates.image],
  ]
  const parts: CostPart[] = []
  // Where a request has a rate, its tokens may be free; else each of the two needs one.
  const isFlat = rates.input === null && rates.output === null
  for (const [kind, quantity, rate] of lines) {
    if (quantity === 0) continue
    if (rate !== null) parts.push({ kind, quantity, rate, nanos: multiply(quantity, rate) })
    else if (!isFlat) return null
  }
  return parts
}

/** Rounded half up. */
function multiply(quantity: number, rate: number): number {
  return Number((BigInt(quantity) * BigInt(rate) + 500_000n) / 1_000_000n)
}
