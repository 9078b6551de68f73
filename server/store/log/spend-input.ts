/** What a question about spend may say; checked before it goes to the reader's thread. */

import { GatewayError } from '../../errors.ts'
import type { AdminSpendQuery } from '../../http/admin/contract-spend.ts'
import { parseTime } from './query-input.ts'
import type { TimeRange } from './rollup-cover.ts'
import { spendPeriods } from './rollup-spend-days.ts'
import type { SpendPeriod } from './rollup-spend-writes.ts'
import type { SpendQuery } from './spend-query.ts'

export interface SpendInput {
  group: SpendQuery['group']
  period: SpendPeriod
  filters: SpendQuery['filters']
  /** The periods that are asked for, one after the other: Unix milliseconds. */
  stretches: readonly [TimeRange, ...TimeRange[]]
  format: 'json' | 'csv'
  /** Unix milliseconds. */
  now: number
}

/** Sums by day are kept for 400 days; asked for are a few more at most. */
const maxPeriods = 800

/** Throws GatewayError `invalid_request` naming the parameter. */
export function checkSpendQuery(query: AdminSpendQuery, now: number): SpendInput {
  const { group_by: group = null, period = 'month', format = 'json', project, key, model, provider } = query
  const given = Object.entries({ project, key, model, provider }).filter(([, value]) => value !== undefined)
  const wrong = isTag(group) ? given.find(([name]) => name !== 'project') : undefined
  if (wrong !== undefined)
    throw refuse(wrong[0], `Spend by ${group} is known by project only: leave out ${wrong[0]}.`)
  const { floor, next } = spendPeriods[period]
  const to = query.to === undefined ? now : parseTime('to', query.to)
  const from =
    query.from === undefined ? spendPeriods.month.floor(Math.min(now, to - 1)) : parseTime('from', query.from)
  if (from >= to) throw refuse(query.from === undefined ? 'to' : 'from', 'from must be before to.')
  const stretches: [TimeRange, ...TimeRange[]] = [{ from: floor(from), to: next(floor(from)) }]
  for (let at = next(floor(from)); at < to; at = next(at)) {
    if (stretches.length === maxPeriods)
      throw refuse('from', `That is more than ${maxPeriods} periods. Ask for a shorter time, or for months.`)
    stretches.push({ from: at, to: next(at) })
  }
  return { group, period, filters: Object.fromEntries(given), stretches, format, now }
}

/** Whether spend is told apart by something that clients say of their requests. */
export function isTag(group: string | null): group is string {
  return group !== null && (group === 'user' || group.startsWith('metadata:'))
}

function refuse(param: string, message: string): GatewayError {
  return new GatewayError('invalid_request', message, { param })
}
