/** What was spent, by who or what spent it, from the sums by day: as fast for a year as for a day, and without rows. */

import type { SqlRow, SqlValue } from '../engine/driver.ts'
import type { ReadContext } from './reads.ts'
import { type Dimension, type Grain, grains, periods, spentMeasures } from './rollup-schema.ts'
import { spendPeriods } from './rollup-spend-days.ts'

/** Columns of the sums that spend can be told apart by, besides `user` and `metadata:<name>`. */
export const spendColumns = ['project', 'key', 'model', 'provider'] as const
export type SpendColumn = (typeof spendColumns)[number]

export interface SpendQuery {
  /** One of `spendColumns`, `user`, `metadata:<name>`; null: all together. */
  group: string | null
  /** Stretches of whole days of UTC, in Unix milliseconds; each has its own sums. */
  stretches: readonly { from: number; to: number }[]
  /** With `user` and `metadata:<name>` only the project. */
  filters: Partial<Record<SpendColumn, string>>
  /** Rows at most; one more is given when there are more. */
  limit: number
}

export interface SpendRow {
  /** The beginning of its stretch. */
  at: number
  /** Of a key, whose name says nothing without; else null. */
  project: string | null
  /** '' for none; of `user` and `metadata:<name>` for all that are not kept apart. */
  value: string
  requests: number
  unpriced: number
  /** Whole nano-dollars in decimal, exact at any size. */
  nanos: string
  estimatedNanos: string
  inputTokens: number
  outputTokens: number
  estimatedInputTokens: number
  estimatedOutputTokens: number
}

const moneys: readonly string[] = ['cost_nano', 'estimated_cost_nano']
/** `of`: what a row says of a measure. */
const toAmounts = (of: (name: string) => string) =>
  spentMeasures
    .map((name) => `CAST(${of(name)} AS ${moneys.includes(name) ? 'TEXT' : 'BIGINT'}) AS ${name}`)
    .join(', ')
const sums = toAmounts((name) => `sum(${name})`)
/** Of rows that are sums already. */
const amounts = toAmounts((name) => `spent.${name}`)

const dimensionOf = { project: 'project', key: 'key_name', model: 'model', provider: 'provider' } as const

/** In the order of time, then of what was spent, most first. */
export async function readSpend({ driver, deadline }: ReadContext, query: SpendQuery): Promise<SpendRow[]> {
  const { group, filters, stretches, limit } = query
  const rows: SpendRow[] = []
  for (const { from, to } of stretches) {
    deadline.check()
    const isOfRollups = isColumn(group) || group === null
    const left = limit + 1 - rows.length
    if (!isOfRollups && filters.project === undefined && isMonth(from, to)) {
      for (const row of await driver.all(selectTotals, [from, group, left])) rows.push(toRow(from, row))
    } else {
      const source = isOfRollups ? ofRollups(group, filters) : ofTags(group, filters, isMonth(from, to))
      const found = await driver.all(
        `SELECT ${source.names}, ${sums} FROM ${source.table} WHERE ${source.where} AND ${source.day} >= CAST(? AS BIGINT)
          AND ${source.day} < CAST(? AS BIGINT) ${source.groupBy} ORDER BY sum(cost_nano) DESC, value, project
          LIMIT CAST(? AS BIGINT)`,
        [...source.params, from, to, left],
      )
      for (const row of found) if (row.requests !== null) rows.push(toRow(from, row))
    }
    if (rows.length > limit) break
  }
  return rows
}

function isColumn(group: string | null): group is SpendColumn {
  return spendColumns.some((name) => name === group)
}

/** By user or tag over all projects, of one month. */
const selectTotals = `SELECT NULL AS project, value, ${amounts} FROM spend_totals AS spent
  WHERE month = ? AND dimension = ? ORDER BY spent.cost_nano DESC, value LIMIT CAST(? AS BIGINT)`

interface Source {
  table: string
  /** As `project` and `value`. */
  names: string
  day: string
  where: string
  groupBy: string
  params: SqlValue[]
}

function ofRollups(group: SpendColumn | null, filters: SpendQuery['filters']): Source {
  const asked = Object.entries(filters).map(
    ([name, value]) => [dimensionOf[name as SpendColumn], value] as const,
  )
  const grouped: Dimension[] =
    group === null ? [] : group === 'key' ? ['project', 'key_name'] : [dimensionOf[group]]
  const grain = findGrain([...grouped, ...asked.map(([name]) => name)])
  return {
    table: 'rollups',
    names: `${group === 'key' ? 'project' : 'NULL'} AS project, ${group === null ? "''" : dimensionOf[group]} AS value`,
    day: 'at',
    where: ['grain = ? AND period = ?', ...asked.map(([name]) => `${name} = ?`)].join(' AND '),
    groupBy: grouped.length === 0 ? '' : `GROUP BY ${grouped.join(', ')}`,
    params: [grain, periods.day, ...asked.map(([, value]) => value)],
  }
}

/** The coarsest cells that have these columns. */
function findGrain(needed: readonly Dimension[]): Grain {
  const has = (grain: Grain) => needed.every((name) => (grains[grain] as readonly Dimension[]).includes(name))
  return (['caller', 'route', 'full'] as const).find(has) ?? 'full'
}

/** Whether a stretch is one month of UTC: of those there are sums, since users of all days of a month are very many. */
function isMonth(from: number, to: number): boolean {
  return from === spendPeriods.month.floor(from) && to === spendPeriods.month.next(from)
}

function ofTags(dimension: string, { project }: SpendQuery['filters'], monthly: boolean): Source {
  return {
    table: monthly ? 'spend_months' : 'spend_days',
    names: 'NULL AS project, value',
    day: monthly ? 'month' : 'day',
    where: project === undefined ? 'dimension = ?' : 'dimension = ? AND project = ?',
    groupBy: 'GROUP BY value',
    params: project === undefined ? [dimension] : [dimension, project],
  }
}

function toRow(at: number, row: SqlRow): SpendRow {
  return {
    at,
    project: typeof row.project === 'string' ? row.project : null,
    value: String(row.value ?? ''),
    requests: Number(row.requests),
    unpriced: Number(row.unpriced),
    nanos: String(row.cost_nano),
    estimatedNanos: String(row.estimated_cost_nano),
    inputTokens: Number(row.input_tokens),
    outputTokens: Number(row.output_tokens),
    estimatedInputTokens: Number(row.estimated_input_tokens),
    estimatedOutputTokens: Number(row.estimated_output_tokens),
  }
}
