/** How sessions are told. */

import type { AdminSession } from '../../server/http/admin/contract.ts'
import { formatPlural, unknown } from './format.ts'
import { formatExact, formatMoney } from './money.ts'

/** What its requests cost; "unknown" when none has a price, and a plus when some have not. */
export function describeSessionCost({
  cost_usd: cost,
  unpriced,
  requests,
}: Pick<AdminSession, 'cost_usd' | 'unpriced' | 'requests'>): { value: string; title: string } {
  const rest = `${formatPlural(unpriced, 'request')} without a price`
  if (unpriced > 0 && unpriced === requests) return { value: unknown, title: rest }
  if (unpriced > 0) return { value: `${formatMoney(cost)} +`, title: `${formatExact(cost)}, and ${rest}` }
  return { value: formatMoney(cost), title: formatExact(cost) }
}
