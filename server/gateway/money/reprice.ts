/** Prices requests again that are over: when a price came later, or was wrong. */
import type { PricesRuntime, ProviderRuntime } from '../../config/runtime.ts'
import type { CostRow, NewCost } from '../../store/log/reprice.ts'
import type { Store } from '../../store/store.ts'
import type { UsedQuantities } from './cost.ts'
import { packCost, unpackCost } from './pack-cost.ts'
import { type CountedAttempt, priceAttempt } from './price-attempt.ts'
import { sumAttempts } from './price-exchange.ts'

export interface RepriceWish {
  /** Unix milliseconds: requests admitted then or later. */
  from: number
  /** Unix milliseconds: requests admitted before. */
  to: number
  /** Only those whose cost is not known. */
  unpriced: boolean
  /** Where an earlier call ended; null: from the beginning. */
  after: number | null
  /** Requests to look at, at most. */
  limit: number
}

export interface Repriced {
  examined: number
  changed: number
  /** Of those looked at: their cost is still, or now, not known. */
  unknown: number
  /** Their rows do not say what was used, or they still run: left as they are. */
  skipped: number
  /** What all sums changed by, in nano-dollars. */
  nanos: bigint
  /** To go on from; null when all is done. */
  next: number | null
}

export interface Repricing {
  /** Null when another gateway on the same database is at it. */
  reprice(wish: RepriceWish): Promise<Repriced | null>
}

export interface RepricingOptions {
  store: Pick<Store, 'query' | 'step'>
  prices(): PricesRuntime
  providers(): ReadonlyMap<string, ProviderRuntime>
}

/** Rows in one step of the writer, which other writes wait for. */
const rowsPerStep = 100
/** Milliseconds for which the right to move the sums is held; each step asks for it again. */
const leaseTime = 30_000

export function createRepricing({ store, prices, providers }: RepricingOptions): Repricing {
  const hold = () => store.step('holdLease', { name: 'reprice', milliseconds: leaseTime })
  return {
    async reprice({ limit, ...wish }) {
      const done: Repriced = { examined: 0, changed: 0, unknown: 0, skipped: 0, nanos: 0n, next: wish.after }
      while (done.examined < limit) {
        if (!(await hold())) return null
        const page = Math.min(rowsPerStep, limit - done.examined)
        const rows = await store.query('readCosts', { ...wish, after: done.next, limit: page })
        const costs = rows.map((row) => repriceRow(row, prices(), providers()))
        const known = costs.filter((cost) => cost !== null)
        // Reading may have taken as long as the lease lasts.
        if (!(await hold())) return null
        const { changed, nanos } = await store.step('applyCosts', { costs: known })
        done.examined += rows.length
        done.skipped += rows.length - known.length
        done.unknown += known.filter(({ cost_nano: nanos }) => nanos === null).length
        done.changed += changed
        done.nanos += nanos
        const last = rows.at(-1)
        if (last === undefined || rows.length < page) return { ...done, next: null }
        done.next = last.key
      }
      return done
    },
  }
}

/** The cost of a stored request by these prices; null where the row does not say what was used. */
export function repriceRow(
  row: CostRow,
  prices: PricesRuntime,
  providers: ReadonlyMap<string, Pick<ProviderRuntime, 'translator'>>,
): NewCost | null {
  if (row.status === 'in_progress' || row.status === 'queued') return null
  // Nobody saw its end, so nobody knows what it used.
  if (row.cost_detail === null && row.cost_reason !== null) return null
  const attempts = row.cost_detail === null ? attemptsOfRow(row, providers) : readAttempts(row.cost_detail)
  if (attempts === null) return null
  const priced = attempts.map((attempt) => priceAttempt(prices, attempt, row.created_at))
  const { nanos, reason } = sumAttempts(priced)
  return {
    key: row.key,
    cost_nano: nanos,
    cost_reason: reason,
    cost_detail: priced.length === 0 ? null : packCost(priced),
  }
}

function readAttempts(detail: string): CountedAttempt[] | null {
  return unpackCost(detail)?.map(({ price, nanos, reason, parts, ...counted }) => counted) ?? null
}

/** Of a request from before there were prices: its row has the tokens of the call that answered, and no others. */
function attemptsOfRow(
  row: CostRow,
  providers: ReadonlyMap<string, Pick<ProviderRuntime, 'translator'>>,
): CountedAttempt[] | null {
  // Known to have cost nothing, or it never reached a provider.
  if (row.cost_nano !== null || row.attempts === 0) return []
  const { input_tokens: input, output_tokens: output, provider, upstream_model: model } = row
  if (input === null || output === null || provider === null || model === null) return null
  const used: UsedQuantities = {
    input,
    cached_input: row.cached_tokens ?? 0,
    cache_write: row.cache_write_tokens ?? 0,
    output,
    reasoning: row.reasoning_tokens ?? 0,
    images: 0,
  }
  return [
    {
      attempt: row.attempts,
      provider,
      variant: providers.get(provider)?.translator.id ?? '',
      upstream_model: model,
      reported_model: null,
      service_tier: null,
      usage: row.usage_source === 'estimated' ? 'estimated' : 'provider',
      used,
    },
  ]
}
