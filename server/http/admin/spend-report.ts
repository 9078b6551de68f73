/** Spend by period: exact sums, what is missing in them, and what the running period will come to. */
import { GatewayError } from '../../errors.ts'
import { daysLookedBack, forecastSpend } from '../../gateway/money/forecast-spend.ts'
import { formatNanos } from '../../gateway/money/format-cost.ts'
import type { SpendQuery, SpendRow } from '../../store/log/spend-query.ts'
import type { AdminSpend, AdminSpendForecast, AdminSpendQuery, AdminSpendRow } from './contract-spend.ts'
import { parseTime } from './kinds.ts'

export interface SpendSource {
  spend(query: SpendQuery): Promise<SpendRow[]>
}

const day = 86_400_000
/** Sums by day are kept for 400 days; asked for are a few more at most. */
const maxPeriods = 800
const maxRows = 20_000

type Filters = SpendQuery['filters']
type Stretch = SpendQuery['stretches'][number]

interface Plan {
  group: string | null
  period: 'day' | 'month'
  filters: Filters
  stretches: [Stretch, ...Stretch[]]
  /** Of the stretches, by their beginnings: there are thousands of rows for each. */
  names: ReadonlyMap<number, string>
}

/** @throws GatewayError `invalid_request` naming the parameter. */
export async function reportSpend(
  source: SpendSource,
  query: AdminSpendQuery,
  now: number,
): Promise<AdminSpend> {
  const plan = checkQuery(query, now)
  const { group, period, stretches, filters } = plan
  const asked = { stretches, filters, limit: maxRows }
  const found = await source.spend({ ...asked, group })
  const all = group !== null && isTag(group) ? await source.spend({ ...asked, group: null }) : null
  if (found.length > maxRows)
    throw refuse(
      'from',
      `There are more than ${maxRows} rows. Ask for a shorter time, for months, or for one project.`,
    )
  const rows = all === null ? found : [...found, ...restOf(found, all)].sort((a, b) => a.at - b.at)
  return {
    from: toIso(stretches[0].from),
    to: toIso((stretches.at(-1) ?? stretches[0]).to),
    group_by: group,
    period,
    totals: toAmounts(sumOf(rows)),
    rows: rows.map((row) => toRow(row, plan, 'rest' in row)),
    forecast: await forecast(source, plan, now),
  }
}

function checkQuery(query: AdminSpendQuery, now: number): Plan {
  const { group_by: group = null, period = 'month', project, key, model, provider } = query
  const given = Object.entries({ project, key, model, provider }).filter(([, value]) => value !== undefined)
  const wrong = group !== null && isTag(group) ? given.find(([name]) => name !== 'project') : undefined
  if (wrong !== undefined)
    throw refuse(wrong[0], `Spend by ${group} is known by project only: leave out ${wrong[0]}.`)
  const to = query.to === undefined ? now : parseTime(query.to)
  const from = query.from === undefined ? startOf('month', Math.min(now, to - 1)) : parseTime(query.from)
  if (from >= to) throw refuse('from', 'from must be before to.')
  const stretches: Stretch[] = []
  for (let at = startOf(period, from); at < to; at = endOf(period, at)) {
    if (stretches.length === maxPeriods)
      throw refuse('from', `That is more than ${maxPeriods} periods. Ask for a shorter time, or for months.`)
    stretches.push({ from: at, to: endOf(period, at) })
  }
  const names = new Map(stretches.map(({ from: at }) => [at, nameOf(period, at)]))
  return {
    group,
    period,
    filters: Object.fromEntries(given),
    stretches: stretches as Plan['stretches'],
    names,
  }
}

function isTag(group: string): boolean {
  return group === 'user' || group.startsWith('metadata:')
}

function startOf(period: Plan['period'], at: number): number {
  const date = new Date(at)
  return period === 'day' ? Math.floor(at / day) * day : Date.UTC(date.getUTCFullYear(), date.getUTCMonth())
}

function endOf(period: Plan['period'], start: number): number {
  const date = new Date(start)
  return period === 'day' ? start + day : Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1)
}

/** What stands in the sums of all but in none with a tag. */
function restOf(tagged: readonly SpendRow[], all: readonly SpendRow[]): (SpendRow & { rest: true })[] {
  const byStretch = Map.groupBy(tagged, ({ at }) => at)
  return all.flatMap((whole) => {
    const rest = subtract(whole, sumOf(byStretch.get(whole.at) ?? []))
    return rest.requests > 0 || rest.nanos !== '0' ? [{ ...rest, rest: true as const }] : []
  })
}

const counts = [
  'requests',
  'unpriced',
  'inputTokens',
  'outputTokens',
  'estimatedInputTokens',
  'estimatedOutputTokens',
] as const
const moneys = ['nanos', 'estimatedNanos'] as const

function subtract(left: SpendRow, right: SpendRow): SpendRow {
  const result = { ...left }
  for (const name of counts) result[name] -= right[name]
  for (const name of moneys) result[name] = String(BigInt(left[name]) - BigInt(right[name]))
  return result
}

const nothing: SpendRow = {
  at: 0,
  project: null,
  value: '',
  requests: 0,
  unpriced: 0,
  nanos: '0',
  estimatedNanos: '0',
  inputTokens: 0,
  outputTokens: 0,
  estimatedInputTokens: 0,
  estimatedOutputTokens: 0,
}

/** Of thousands of rows: nothing is made for each. */
function sumOf(rows: readonly SpendRow[]): SpendRow {
  const sum = { ...nothing }
  let nanos = 0n
  let estimatedNanos = 0n
  for (const row of rows) {
    sum.requests += row.requests
    sum.unpriced += row.unpriced
    sum.inputTokens += row.inputTokens
    sum.outputTokens += row.outputTokens
    sum.estimatedInputTokens += row.estimatedInputTokens
    sum.estimatedOutputTokens += row.estimatedOutputTokens
    nanos += BigInt(row.nanos)
    if (row.estimatedNanos !== '0') estimatedNanos += BigInt(row.estimatedNanos)
  }
  return { ...sum, nanos: String(nanos), estimatedNanos: String(estimatedNanos) }
}

function toRow(row: SpendRow, { group, names }: Plan, isRest: boolean): AdminSpendRow {
  const kind = kindOf(row, group, isRest)
  return {
    period: names.get(row.at) ?? '',
    value: kind === 'value' ? row.value : null,
    kind,
    project: row.project === '' ? null : row.project,
    ...toAmounts(row),
  }
}

function kindOf({ value }: SpendRow, group: string | null, isRest: boolean): AdminSpendRow['kind'] {
  if (group === null) return 'all'
  if (value !== '') return 'value'
  return isTag(group) && !isRest ? 'other' : 'none'
}

function nameOf(period: Plan['period'], at: number): string {
  return toIso(at).slice(0, period === 'day' ? 10 : 7)
}

function toAmounts(row: SpendRow): AdminSpend['totals'] {
  const isUnknown = row.requests > 0 && row.unpriced === row.requests && row.nanos === '0'
  return {
    requests: row.requests,
    unpriced_requests: row.unpriced,
    cost_usd: isUnknown ? null : formatNanos(row.nanos),
    estimated_cost_usd: formatNanos(row.estimatedNanos),
    input_tokens: row.inputTokens,
    output_tokens: row.outputTokens,
    estimated_input_tokens: row.estimatedInputTokens,
    estimated_output_tokens: row.estimatedOutputTokens,
  }
}

async function forecast(
  source: SpendSource,
  { period, filters, stretches }: Plan,
  now: number,
): Promise<AdminSpendForecast | null> {
  const running = stretches.find(({ from, to }) => from <= now && now < to)
  if (running === undefined) return null
  const today = startOf('day', now)
  const first = Math.min(running.from, today - daysLookedBack * day)
  const days = Array.from({ length: (today - first) / day + 1 }, (_, index) => first + index * day)
  const found = await source.spend({
    group: null,
    filters,
    stretches: days.map((from) => ({ from, to: from + day })),
    limit: days.length,
  })
  const known = found.map(({ at, nanos }) => ({ day: at, nanos: BigInt(nanos) }))
  const made = forecastSpend({ ...running, now, days: known })
  return (
    made && {
      period: nameOf(period, running.from),
      cost_usd: formatNanos(made.nanos),
      method:
        'What was spent so far, and for each day that is left what the same day of the week came to on average in the ' +
        'last 28 whole days (with fewer than 14 known days: the average of all of them). Requests without a known cost are not in it.',
      based_on: { days: made.days, from: toIso(made.since), to: toIso(made.until) },
    }
  )
}

function toIso(at: number): string {
  return new Date(at).toISOString()
}

function refuse(param: string, message: string): GatewayError {
  return new GatewayError('invalid_request', message, { param })
}
