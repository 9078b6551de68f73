/** `/admin/prices`. */
import type { PriceListRuntime, PriceRuntime, PriceTierRuntime, Runtime } from '../../config/runtime.ts'
import { GatewayError } from '../../errors.ts'
import { findPrice } from '../../gateway/money/find-price.ts'
import { formatNanos } from '../../gateway/money/format-cost.ts'
import { type AdminPrice, AdminPrices, AdminPricesQuery } from './contract-prices.ts'
import { parseTime } from './kinds.ts'
import { type AdminRoute, defineRoute } from './route.ts'

export function createPriceRoutes({ runtime }: { runtime(): Runtime }): AdminRoute[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/admin/prices',
      summary: 'What models cost: the prices that are configured, and those that come with the gateway.',
      query: AdminPricesQuery,
      answer: AdminPrices,
      handler: ({ query }) => describePrices(runtime(), query),
    }),
  ]
}

function describePrices(runtime: Runtime, { provider, at }: AdminPricesQuery): AdminPrices {
  const time = at === undefined ? Date.now() : parseTime(at)
  const named = provider === undefined ? undefined : runtime.providers.get(provider)
  if (provider !== undefined && named === undefined) {
    const known = [...runtime.providers.keys()].join(', ')
    throw new GatewayError('invalid_request', `provider must be one of ${known}.`, { param: 'provider' })
  }
  const owners = named === undefined ? null : [named.id, named.translator.id]
  const listed = listPrices(runtime, time).filter(
    ({ shown }) => owners === null || owners.includes(shown.owner),
  )
  return {
    at: new Date(time).toISOString(),
    models: listTargets(runtime, time, listed).filter(
      (target) => target.provider === (provider ?? target.provider),
    ),
    prices: listed.map(({ shown }) => shown),
  }
}

interface Listed {
  price: PriceRuntime
  shown: AdminPrice
}

/** In the order in which they are looked up, but that a provider goes before its variant. */
function listPrices({ prices }: Runtime, time: number): Listed[] {
  const lists = [
    ...[...prices.configured].map(([owner, list]) => ({ owner, list, origin: 'configuration' as const })),
    ...[...prices.defaults].map(([owner, list]) => ({ owner, list, origin: 'default' as const })),
  ]
  return lists.flatMap(({ owner, list, origin }) =>
    namesOf(list).flatMap(({ model, dated }) =>
      dated.map((price, index) => {
        const until = dated[index - 1]?.from ?? null
        const shown: AdminPrice = {
          owner,
          model,
          origin,
          version: price.version,
          from: toMoment(price.from),
          until: until === null ? null : toMoment(until),
          in_force: price.from <= time && (until === null || time < until),
          source: price.source ?? null,
          rates: price.tiers.map(describeRates),
        }
        return { price, shown }
      }),
    ),
  )
}

/** Of each the newest price first. */
function namesOf({ exact, patterns }: PriceListRuntime): { model: string; dated: readonly PriceRuntime[] }[] {
  return [
    ...[...exact].map(([model, dated]) => ({ model, dated })),
    ...patterns.map(({ prefix, suffix, prices }) => ({ model: `${prefix}*${suffix}`, dated: prices })),
  ]
}

function listTargets(
  { models, providers, prices }: Runtime,
  time: number,
  listed: readonly Listed[],
): AdminPrices['models'] {
  return models.flatMap(({ pattern, targets }) =>
    targets.flatMap(({ provider, model }) => {
      if (pattern.includes('*')) return []
      const variant = providers.get(provider)?.translator.id ?? ''
      const price = findPrice(
        prices,
        { provider, variant, upstream_model: model, reported_model: null },
        time,
      )
      const shown = listed.find((one) => one.price === price)?.shown ?? null
      return [{ model: pattern, provider, upstream_model: model, price: shown }]
    }),
  )
}

function describeRates(rates: PriceTierRuntime): AdminPrice['rates'][number] {
  return {
    service_tier: rates.serviceTier,
    above_input_tokens: rates.aboveInputTokens,
    input_usd: toDollars(rates.input),
    cached_input_usd: toDollars(rates.cachedInput),
    cache_write_usd: toDollars(rates.cacheWrite),
    output_usd: toDollars(rates.output),
    reasoning_usd: toDollars(rates.reasoning),
    request_usd: toDollars(rates.request, 1_000_000n),
    image_usd: toDollars(rates.image, 1_000_000n),
  }
}

/** `of`: how many pieces the nano-dollars are for, of which one is shown. */
function toDollars(nanos: number | null, of = 1n): string | null {
  return nanos === null ? null : formatNanos(BigInt(nanos) / of)
}

function toMoment(time: number): string | null {
  return Number.isFinite(time) ? new Date(time).toISOString() : null
}
