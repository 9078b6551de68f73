/** How sessions are told. */

import type { AdminSession } from '../../server/http/admin/contract.ts'
import { formatPlural } from './format.ts'
import { formatExact, formatMoney } from './money.ts'

/** What its requests cost; "unknown" when that of none is known, and a plus when some have not. */
export function describeSessionCost({
  cost_usd: cost,
  unpriced,
}: Pick<AdminSession, 'cost_usd' | 'unpriced'>): { value: string; title: string } {
  const rest = `${formatPlural(unpriced, 'request')} without a price`
  if (cost === null) return { value: formatMoney(cost), title: rest }
  if (unpriced > 0) return { value: `${formatMoney(cost)} +`, title: `${formatExact(cost)}, and ${rest}` }
  return { value: formatMoney(cost), title: formatExact(cost) }
}
