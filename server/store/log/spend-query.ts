/** What was spent, by who or what spent it, from the sums by day: as fast for a year as for a day, and without rows. */

import type { Driver, SqlRow, Statement } from '../engine/driver.ts'
import { inRuns, readMany } from './many-rows.ts'
import type { ReadContext } from './reads.ts'
import { coverRange, type TimeRange } from './rollup-cover.ts'
import { grainWith, isFinest, type RollupFilter, whereCells } from './rollup-reads.ts'
import { type Dimension, periods, spentMeasures } from './rollup-schema.ts'
import { spendPeriods } from './rollup-spend-days.ts'

/** Columns of the sums that spend can be told apart by, besides `user` and `metadata:<name>`. */
export const spendColumns = ['project', 'key', 'model', 'provider'] as const
export type SpendColumn = (typeof spendColumns)[number]

export interface SpendQuery {
  /** One of `spendColumns`, `user`, `metadata:<name>`; null: all together. */
  group: string | null
  /** Stretches of whole days of UTC, one after the other, in Unix milliseconds; each has its own sums. */
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

/** What every statement gives. */
const told = ['at', 'project', 'value', ...spentMeasures]

const dimensionOf = { project: 'project', key: 'key_name', model: 'model', provider: 'provider' } as const

/** Parts that a server is asked for at a time: it adds one up while another is read out. */
const sideBySide = 3

/** Days that are one question: to be asked takes longer than to add a day up. */
const daysTogether = 16

/** What is one question. */
interface Part extends TimeRange {
  /** Whether each of its days has its own sums. */
  byDay: boolean
}

/** In the order of time, then of what was spent, most first. */
export async function readSpend({ driver, deadline }: ReadContext, query: SpendQuery): Promise<SpendRow[]> {
  const { limit } = query
  const parts = toParts(query)
  const rows: SpendRow[] = []
  for (let at = 0; at < parts.length && rows.length <= limit; at += sideBySide) {
    deadline.check()
    const some = parts.slice(at, at + sideBySide)
    const read = async (part: Part) => {
      const { sql, params } = await select(driver, query, part)
      const most = { sql: `${sql} LIMIT CAST(? AS BIGINT)`, params: [...params, limit + 1 - rows.length] }
      const found = await readMany(driver, told, most)
      return found.filter(({ requests }) => requests !== null).map((row) => toRow(part, row))
    }
    for (const found of await Promise.all(some.map(read))) for (const row of found) rows.push(row)
  }
  return rows.slice(0, limit + 1)
}

function toParts({ group, stretches }: SpendQuery): Part[] {
  const isByDay = isOfCells(group) && stretches.every(({ from, to }) => to - from === periods.day)
  if (!isByDay) return stretches.map((stretch) => ({ ...stretch, byDay: false }))
  return inRuns(stretches, daysTogether).flatMap(([first, ...others]) =>
    first === undefined ? [] : [{ from: first.from, to: (others.at(-1) ?? first).to, byDay: true }],
  )
}

async function select(driver: Driver, { group, filters }: SpendQuery, part: Part): Promise<Statement> {
  if (isOfCells(group)) return selectCells(group, filters, part)
  return isMonth(part) && (await hasMonth(driver, filters, part.from))
    ? selectMonth(group, filters, part.from)
    : selectDays(group, filters, part)
}

/** The sums of a month go with the first of its days (rollup-prune.ts): what is left of it is in those of its days. */
async function hasMonth(driver: Driver, { project }: SpendQuery['filters'], month: number): Promise<boolean> {
  const of = project === undefined ? [month] : [month, project]
  const found = await driver.all(
    `SELECT at FROM spend_dimensions WHERE period = 'month' AND at = ? ${project === undefined ? '' : 'AND project = ?'} LIMIT 1`,
    of,
  )
  return found.length > 0
}

/** Whether the sums of all requests tell it apart. */
function isOfCells(group: string | null): group is SpendColumn | null {
  return group === null || spendColumns.some((name) => name === group)
}

/** Whether a stretch is one month of UTC: of those there are sums, since users of all days of a month are very many. */
function isMonth({ from, to }: TimeRange): boolean {
  return from === spendPeriods.month.floor(from) && to === spendPeriods.month.next(from)
}

const mostFirst = 'ORDER BY at, sum(cost_nano) DESC, value, project'

function selectCells(
  group: SpendColumn | null,
  filters: SpendQuery['filters'],
  { byDay, ...stretch }: Part,
): Statement {
  const asked = Object.entries(filters).map(([name, value]) => [dimensionOf[name as SpendColumn], value])
  const filter: RollupFilter = Object.fromEntries(asked)
  const grouped: Dimension[] =
    group === null ? [] : group === 'key' ? ['project', 'key_name'] : [dimensionOf[group]]
  const needed = [...grouped, ...(Object.keys(filter) as Dimension[])]
  const parts = coverRange(
    stretch,
    isFinest(needed) && !byDay ? [periods.week, periods.day] : [periods.day],
  ).map((segment) => whereCells(grainWith(segment.period, needed), segment, filter))
  const apart = [...(byDay ? ['at'] : []), ...grouped]
  const columns = [...apart, ...spentMeasures].join(', ')
  const cells = parts.map(({ sql }) => `SELECT ${columns} FROM rollups WHERE ${sql}`).join(' UNION ALL ')
  return {
    sql: `SELECT ${byDay ? 'at' : 'NULL'} AS at, ${group === 'key' ? 'project' : 'NULL'} AS project, ${group === null ? "''" : dimensionOf[group]} AS value, ${sums}
      FROM (${cells}) AS cells ${apart.length === 0 ? '' : `GROUP BY ${apart.join(', ')}`} ${mostFirst}`,
    params: parts.flatMap(({ params }) => params),
  }
}

/** A row for each value, which needs no adding up. */
function selectMonth(dimension: string, { project }: SpendQuery['filters'], month: number): Statement {
  const isOfAll = project === undefined
  return {
    sql: `SELECT NULL AS at, NULL AS project, value, ${amounts} FROM ${isOfAll ? 'spend_totals' : 'spend_months'} AS spent
      WHERE dimension = ? AND month = ? ${isOfAll ? '' : 'AND project = ?'} ORDER BY spent.cost_nano DESC, value`,
    params: [dimension, month, ...(isOfAll ? [] : [project])],
  }
}

function selectDays(
  dimension: string,
  { project }: SpendQuery['filters'],
  { from, to }: TimeRange,
): Statement {
  return {
    sql: `SELECT NULL AS at, NULL AS project, value, ${sums} FROM spend_days WHERE dimension = ? AND day >= CAST(? AS BIGINT)
      AND day < CAST(? AS BIGINT) ${project === undefined ? '' : 'AND project = ?'} GROUP BY value ${mostFirst}`,
    params: [dimension, from, to, ...(project === undefined ? [] : [project])],
  }
}

function toRow({ from }: Part, row: SqlRow): SpendRow {
  return {
    at: Number(row.at ?? from),
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
