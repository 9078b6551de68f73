/** What the spend page makes of the API's rows: sums that stay exact, and the stacks of its chart. */

import type { AdminSpend, AdminSpendRow } from '../../server/http/admin/contract.ts'
import { addMoney, readNanos, toDollars } from './money.ts'

/** One value over all periods. */
export interface SpendLine {
  /** Of the value; unique. */
  key: string
  name: string
  /** A period for lines by period; else null. */
  period: string | null
  requests: number
  unpriced: number
  /** Exact dollars; null when none of the requests has a price. */
  cost: string | null
  estimatedCost: string
  inputTokens: number
  outputTokens: number
  estimatedTokens: number
}

const nameless: Readonly<Record<AdminSpendRow['kind'], string>> = {
  value: '',
  none: 'none given',
  other: 'values past the first 1000',
  all: 'everything',
}

/** A key belongs to a project: two projects can name theirs alike. */
function nameRow({ kind, value, project }: AdminSpendRow): string {
  if (kind !== 'value') return nameless[kind]
  return project === null ? String(value) : `${value} · ${project}`
}

function keyOf({ kind, value, project }: AdminSpendRow): string {
  return JSON.stringify([kind, value, project])
}

export function toLine(row: AdminSpendRow): SpendLine {
  return {
    key: `${row.period} ${keyOf(row)}`,
    name: nameRow(row),
    period: row.period,
    requests: row.requests,
    unpriced: row.unpriced_requests,
    cost: row.cost_usd,
    estimatedCost: row.estimated_cost_usd,
    inputTokens: row.input_tokens,
    outputTokens: row.output_tokens,
    estimatedTokens: row.estimated_input_tokens + row.estimated_output_tokens,
  }
}

/** One line per value, what cost most first. */
export function sumByValue(rows: readonly AdminSpendRow[]): SpendLine[] {
  const groups = Map.groupBy(rows, keyOf)
  const lines = [...groups].map(([key, members]): SpendLine => {
    const parts = members.map(toLine)
    const sum = (read: (line: SpendLine) => number) => parts.reduce((total, line) => total + read(line), 0)
    return {
      key,
      name: parts[0]!.name,
      period: null,
      requests: sum(({ requests }) => requests),
      unpriced: sum(({ unpriced }) => unpriced),
      cost: parts.every(({ cost }) => cost === null) ? null : addMoney(parts.map(({ cost }) => cost)),
      estimatedCost: addMoney(parts.map(({ estimatedCost }) => estimatedCost)),
      inputTokens: sum(({ inputTokens }) => inputTokens),
      outputTokens: sum(({ outputTokens }) => outputTokens),
      estimatedTokens: sum(({ estimatedTokens }) => estimatedTokens),
    }
  })
  return lines.sort((one, other) => compareMoney(other.cost, one.cost) || other.requests - one.requests)
}

function compareMoney(one: string | null, other: string | null): number {
  const difference = readNanos(one ?? '0') - readNanos(other ?? '0')
  return difference > 0n ? 1 : difference < 0n ? -1 : 0
}

/** All days or months of the report, those without requests too, as the rows name them. */
export function listPeriods({ from, to, period }: Pick<AdminSpend, 'from' | 'to' | 'period'>): string[] {
  const periods: string[] = []
  const at = new Date(from)
  while (at.getTime() < Date.parse(to)) {
    periods.push(at.toISOString().slice(0, period === 'day' ? 10 : 7))
    if (period === 'day') at.setUTCDate(at.getUTCDate() + 1)
    else at.setUTCMonth(at.getUTCMonth() + 1)
  }
  return periods
}

export interface SpendStack {
  name: string
  tone: string
  /** Dollars per period. */
  values: number[]
}

const tones = ['one', 'two', 'three', 'four', 'five']

/** The five values that cost most, and the rest together. */
export function stackSpend(spend: AdminSpend, periods: readonly string[]): SpendStack[] {
  const lines = sumByValue(spend.rows)
  const places = new Map(periods.map((name, index) => [name, index]))
  const stacks = lines
    .slice(0, tones.length)
    .map(({ name }, index): SpendStack => ({ name, tone: tones[index]!, values: periods.map(() => 0) }))
  const shown = new Map(lines.slice(0, tones.length).map(({ key }, index) => [key, stacks[index]!]))
  const rest: SpendStack = { name: 'All others', tone: 'rest', values: periods.map(() => 0) }
  for (const row of spend.rows) {
    const { values } = shown.get(keyOf(row)) ?? rest
    const place = places.get(row.period)
    if (place !== undefined) values[place] = values[place]! + toDollars(row.cost_usd ?? '0')
  }
  return lines.length > tones.length ? [...stacks, rest] : stacks
}

/** Whole periods of UTC to look at. */
export const spendRanges = [
  { id: 'month', label: 'This month' },
  { id: 'last-month', label: 'Last month' },
  { id: '30d', label: '30 days' },
  { id: '90d', label: '90 days' },
  { id: '12m', label: '12 months' },
] as const

export type SpendRange = (typeof spendRanges)[number]['id']

export function readSpendRange(query: URLSearchParams): SpendRange {
  return spendRanges.find(({ id }) => id === query.get('range'))?.id ?? 'month'
}

export function findSpendTime(range: SpendRange, now: Date): { from: string; to?: string } {
  const month = (offset: number) => new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + offset))
  const days = (count: number) => new Date(now.getTime() - (count - 1) * 86_400_000)
  switch (range) {
    case 'month':
      return { from: month(0).toISOString() }
    case 'last-month':
      return { from: month(-1).toISOString(), to: month(0).toISOString() }
    case '30d':
      return { from: days(30).toISOString() }
    case '90d':
      return { from: days(90).toISOString() }
    case '12m':
      return { from: month(-11).toISOString() }
    default:
      return range satisfies never
  }
}
