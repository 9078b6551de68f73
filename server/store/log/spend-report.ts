/**
 * Spend by period: exact sums, what is missing in them, and what the running period will come to. On the reader's thread:
 * twenty thousand rows take longer to be written out than any stream may wait.
 */

import { daysLookedBack, forecastSpend } from '../../gateway/money/forecast-spend.ts'
import { formatNanos } from '../../gateway/money/format-cost.ts'
import type { AdminSpend, AdminSpendForecast, AdminSpendRow } from '../../http/admin/contract-spend.ts'
import type { ReadContext } from './reads.ts'
import { periods } from './rollup-schema.ts'
import { spendPeriods } from './rollup-spend-days.ts'
import { renderSpendCsv } from './spend-csv.ts'
import { isTag, type SpendInput } from './spend-input.ts'
import { readSpend, type SpendRow } from './spend-query.ts'

const maxRows = 20_000

interface Plan extends SpendInput {
  /** Of the stretches, by their beginnings: there are thousands of rows for each. */
  names: ReadonlyMap<number, string>
}

export interface SpendFile {
  /** AdminSpend as JSON, or its rows as CSV, in UTF-8: ready to be sent. */
  content: ArrayBuffer
  /** As in AdminSpend. */
  from: string
}

/** Null when there are more than 20 000 rows. Throws DeadlineError. */
export async function reportSpend(context: ReadContext, input: SpendInput): Promise<SpendFile | null> {
  const { group, period, stretches, filters, format } = input
  const plan = { ...input, names: new Map(stretches.map(({ from: at }) => [at, nameOf(period, at)])) }
  const asked = { stretches, filters, limit: maxRows }
  const found = await readSpend(context, { ...asked, group })
  const all = isTag(group) ? await readSpend(context, { ...asked, group: null }) : null
  if (found.length > maxRows) return null
  const sums = all === null ? found : sumsByStretch(found)
  const rest = all === null ? [] : restOf(sums, all)
  const rows = [...found, ...rest].sort((a, b) => a.at - b.at)
  const report: AdminSpend = {
    from: toIso(stretches[0].from),
    to: toIso((stretches.at(-1) ?? stretches[0]).to),
    group_by: group,
    period,
    totals: toAmounts(sumOf([...sums, ...rest])),
    rows: rows.map((row) => toRow(row, plan, 'rest' in row)),
    forecast: await forecast(context, plan),
  }
  const text = format === 'csv' ? renderSpendCsv(report) : JSON.stringify(report)
  return { content: new TextEncoder().encode(text).buffer, from: report.from }
}

/** A row for each stretch that has any. */
function sumsByStretch(rows: readonly SpendRow[]): SpendRow[] {
  return [...Map.groupBy(rows, ({ at }) => at)].map(([at, some]) => ({ ...sumOf(some), at }))
}

/** What stands in the sums of all but in none with a tag. `tagged`: of these, a row for each stretch. */
function restOf(tagged: readonly SpendRow[], all: readonly SpendRow[]): (SpendRow & { rest: true })[] {
  const byStretch = new Map(tagged.map((row) => [row.at, row]))
  return all.flatMap((whole) => {
    const rest = subtract(whole, byStretch.get(whole.at) ?? nothing)
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
  context: ReadContext,
  { period, filters, stretches, now }: Plan,
): Promise<AdminSpendForecast | null> {
  const running = stretches.find(({ from, to }) => from <= now && now < to)
  if (running === undefined) return null
  const { floor, next } = spendPeriods.day
  const today = floor(now)
  const first = Math.min(running.from, today - daysLookedBack * periods.day)
  const days = Array.from(
    { length: (today - first) / periods.day + 1 },
    (_, index) => first + index * periods.day,
  )
  const found = await readSpend(context, {
    group: null,
    filters,
    stretches: days.map((from) => ({ from, to: next(from) })),
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
