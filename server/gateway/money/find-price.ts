/** Which price counts for a call, and which of its rates. */
import type { PriceListRuntime, PriceRuntime, PricesRuntime, PriceTierRuntime } from '../../config/runtime.ts'

export interface PricedCall {
  /** The provider's id in the configuration. */
  provider: string
  variant: string
  /** The model that was asked for. */
  upstream_model: string
  /** The model that the provider says has answered. */
  reported_model: string | null
}

/**
 * The price of a call at a moment; null when there is none.
 *
 * The configuration's own prices go before those that come with the gateway, those of the provider before those of its
 * variant. In one list the model that answered goes before the one that was asked for (a router may have chosen another
 * one), a name before a pattern, and of several prices the newest one that is not after the moment counts.
 *
 * @param time Unix milliseconds.
 */
export function findPrice(prices: PricesRuntime, call: PricedCall, time: number): PriceRuntime | null {
  const { configured, defaults } = prices
  const lists = [configured.get(call.provider), configured.get(call.variant), defaults.get(call.variant)]
  for (const list of lists) {
    if (list === undefined) continue
    for (const model of [call.reported_model, call.upstream_model]) {
      const price = model === null ? null : findInList(list, model, time)
      if (price !== null) return price
    }
  }
  return null
}

function findInList({ exact, patterns }: PriceListRuntime, model: string, time: number): PriceRuntime | null {
  const named = findCurrent(exact.get(model) ?? [], time)
  if (named !== null) return named
  for (const { prefix, suffix, prices } of patterns) {
    const fits =
      model.length >= prefix.length + suffix.length && model.startsWith(prefix) && model.endsWith(suffix)
    const price = fits ? findCurrent(prices, time) : null
    if (price !== null) return price
  }
  return null
}

function findCurrent(prices: readonly PriceRuntime[], time: number): PriceRuntime | null {
  return prices.find(({ from }) => from <= time) ?? null
}

/** What providers call the tier that is no special one. */
const usualTiers: ReadonlySet<string> = new Set(['', 'default', 'auto', 'standard'])

/**
 * The rates for a request: of those for its service tier the ones for the longest input that it exceeds.
 *
 * @param inputTokens all of them, the cached ones included.
 * @returns null when the price has no rates for the service tier: those of another one would be wrong.
 */
export function findTier(
  { tiers }: PriceRuntime,
  inputTokens: number,
  serviceTier: string | null,
): PriceTierRuntime | null {
  const named = serviceTier?.toLowerCase() ?? ''
  const wanted = usualTiers.has(named) ? null : named
  let found: PriceTierRuntime | null = null
  for (const tier of tiers) {
    const counts =
      tier.serviceTier === wanted && (tier.aboveInputTokens === 0 || inputTokens > tier.aboveInputTokens)
    if (counts && (found === null || tier.aboveInputTokens > found.aboveInputTokens)) found = tier
  }
  return found
}
