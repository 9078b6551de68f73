/** The lists under the overview's charts. */

import type { AdminOverview, AdminStatus } from '../../server/http/admin/contract.ts'
import type { RankingEntry } from '../components/ranking.ts'
import { linkWith } from '../model/location.ts'
import { addMoney, readNanos } from '../model/money.ts'
import type { Filters } from '../model/request-filters.ts'

export type Order = 'requests' | 'cost'

type Ranked = AdminOverview['models'][number]

/** `filters` with the member `name` make the link of each. */
export function listRanked(
  ranked: readonly Ranked[],
  { name, filters, order }: { name: string; filters: Filters; order: Order },
): RankingEntry[] {
  return sortEntries(
    ranked.map((one) => ({
      ...toEntry(one),
      href: linkWith('/requests', { ...filters, [name]: one.name }),
    })),
    order,
  )
}

function toEntry(one: Ranked): RankingEntry {
  return {
    name: one.name === '' ? 'none named' : one.name,
    note:
      one.estimated_tokens > 0 ? `and ${one.estimated_tokens.toLocaleString('en')} tokens estimated` : null,
    badge: null,
    href: null,
    count: one.requests,
    errors: one.errors,
    tokens: one.total_tokens,
    cost: one.cost_usd,
    unpriced: one.unpriced,
  }
}

/** What has a count first; the bar under each name is of what it is sorted by. */
function sortEntries(entries: RankingEntry[], order: Order): RankingEntry[] {
  if (order === 'requests') return entries.sort((one, other) => (other.count ?? 0) - (one.count ?? 0))
  const nanos = ({ cost }: RankingEntry) => (cost === null ? -1n : readNanos(cost))
  return entries.sort((one, other) => Number(nanos(other) - nanos(one)))
}

/** Configured providers with their traffic, then those that only the past knows. */
export function listProviders(
  overview: AdminOverview,
  status: AdminStatus | null,
  { filters, order }: { filters: Filters; order: Order },
): RankingEntry[] {
  const used = new Map(overview.providers.map((provider) => [provider.name, provider]))
  const link = (provider: string) => linkWith('/requests', { ...filters, provider })
  const configured = (status?.providers ?? []).map(({ id, title, available, missing }): RankingEntry => {
    const traffic = used.get(id) ?? unused(id)
    used.delete(id)
    return {
      ...toEntry(traffic),
      note: available ? title : `set ${missing.join(', ') || 'its secret'}`,
      badge: available ? { tone: 'good', text: 'available' } : { tone: 'warn', text: 'not configured' },
      href: link(id),
    }
  })
  const former = [...used.values()].map(
    (provider): RankingEntry => ({
      ...toEntry(provider),
      badge: status === null ? null : { tone: '', text: 'removed' },
      href: link(provider.name),
    }),
  )
  return sortEntries([...configured, ...former], order)
}

function unused(name: string): Ranked {
  const cost = addMoney([])
  return { name, requests: 0, errors: 0, total_tokens: 0, estimated_tokens: 0, cost_usd: cost, unpriced: 0 }
}

const faults: Record<string, string> = {
  client: 'the caller’s request',
  gateway: 'the gateway',
  upstream: 'the provider',
}

export function listErrors(overview: AdminOverview, filters: Filters): RankingEntry[] {
  return overview.errors.map(({ origin, code, count }) => ({
    name: code,
    note: faults[origin] ?? origin,
    badge: null,
    href: linkWith('/requests', { ...filters, error_code: code, error_origin: origin }),
    count,
    errors: null,
    tokens: null,
    cost: null,
    unpriced: 0,
  }))
}
