/** From what an admin asked of the sums, whose shape is checked, to what the reader looks for. Refusals name the parameter. */

import { GatewayError } from '../../errors.ts'
import type { AdminFacetsQuery, AdminOverviewQuery, AdminSessionsQuery } from '../../http/admin/contract.ts'
import type { OverviewInput } from './overview-query.ts'
import { checkOrder, parseCursor, parseTime } from './query-input.ts'
import type { TimeRange } from './rollup-cover.ts'
import type { RollupFilter } from './rollup-reads.ts'
import type { SessionsInput } from './session-queries.ts'

const hour = 3_600_000
const day = 86_400_000
/** Ten years: more than any log keeps, and a bound for the number of cells. */
const maximumRange = 10 * 366 * day

/** Throws GatewayError `invalid_request`. `now`: Unix milliseconds, here and below. */
export function checkOverviewQuery(query: AdminOverviewQuery, now: number): OverviewInput {
  return { ...checkRange(query, now, hour), filter: checkRollupFilter(query) }
}

/** Throws GatewayError `invalid_request`. */
export function checkFacetsQuery(query: AdminFacetsQuery, now: number): TimeRange {
  return checkRange(query, now, 90 * day)
}

/** `usual`: milliseconds from `from` to `to` when no `from` is given. Throws GatewayError `invalid_request`. */
export function checkRange(query: { from?: string; to?: string }, now: number, usual: number): TimeRange {
  const to = query.to ? parseTime('to', query.to) : now
  const from = query.from ? parseTime('from', query.from) : Math.max(0, to - usual)
  checkOrder({ from, to }, query.from ? 'from' : 'to')
  if (to - from > maximumRange)
    throw refused('from', 'The time from "from" to "to" must be at most ten years.')
  return { from, to }
}

/** Filters that are not given are left out. */
export function checkRollupFilter({
  project,
  key,
  model,
  provider,
}: Pick<AdminOverviewQuery, 'project' | 'key' | 'model' | 'provider'>): RollupFilter {
  return {
    ...(project === undefined ? {} : { project }),
    ...(key === undefined ? {} : { key_name: key }),
    ...(model === undefined ? {} : { model }),
    ...(provider === undefined ? {} : { provider }),
  }
}

/** Throws GatewayError `invalid_request`. */
export function checkSessionsQuery(query: AdminSessionsQuery): SessionsInput {
  const { limit = 50, before, project = null } = query
  const from = query.from === undefined ? null : parseTime('from', query.from)
  const to = query.to === undefined ? null : parseTime('to', query.to)
  if (to !== null) checkOrder({ from: from ?? 0, to }, from === null ? 'to' : 'from')
  return { limit, beforeKey: before === undefined ? null : parseCursor('before', before), project, from, to }
}

function refused(param: string, message: string): GatewayError {
  return new GatewayError('invalid_request', message, { param })
}
