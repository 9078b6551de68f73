/** Reading cells of `rollups`: of the coarsest grain that has the columns which are asked for. */

import type { Deadline } from '../engine/deadline.ts'
import type { SqlRow, SqlValue } from '../engine/driver.ts'
import type { ReadContext } from './reads.ts'
import { coverRange, longestFirst, type Segment, type TimeRange, weeksFirst } from './rollup-cover.ts'
import { addEncoded, type Histogram } from './rollup-histograms.ts'
import {
  type Dimension,
  type Grain,
  grains,
  grainsOf,
  type Measure,
  measures,
  type Period,
  periods,
} from './rollup-schema.ts'

/** Values that cells must have. */
export type RollupFilter = Partial<Readonly<Record<Dimension, string>>>

const coarsestFirst: readonly Grain[] = ['outcome', 'caller', 'route', 'full']

/** Which cells of a period have all of these columns, and are the fewest. */
export function grainWith(period: Period, columns: readonly Dimension[]): Grain {
  const fits = (grain: Grain) => {
    const own: readonly Dimension[] = grains[grain]
    return grainsOf[period].includes(grain) && columns.every((name) => own.includes(name))
  }
  return coarsestFirst.find(fits) ?? 'full'
}

/** Whether only the finest cells have these columns: of those there are weeks, since their days are many. */
export function isFinest(columns: readonly Dimension[]): boolean {
  return grainWith(periods.day, columns) === 'full'
}

const sumsOf = (names: readonly Measure[]) =>
  names.map((name) => `CAST(sum(${name}) AS TEXT) AS ${name}`).join(', ')
const sumColumns = sumsOf(measures)

/** A sum as these reads give it; 0 where it was not asked for. */
export function sumOf(row: SqlRow, name: Measure): bigint {
  return BigInt(String(row[name] ?? 0))
}

interface Where {
  sql: string
  params: SqlValue[]
}

export function whereCells(grain: Grain, segment: Segment, filter: RollupFilter): Where {
  const wanted = Object.entries(filter)
  const time = wherePeriods(segment, filter)
  return {
    sql: ['grain = ? AND period = ?', time.sql, ...wanted.map(([name]) => `${name} = ?`)].join(' AND '),
    params: [grain, segment.period, ...time.params, ...wanted.map(([, value]) => value)],
  }
}

const mostListed = 512

/** The key of the table goes on with the project: listed one by one, the periods are looked up without what is between. */
function wherePeriods({ from, to, period }: Segment, { project }: RollupFilter): Where {
  const count = (to - from) / period
  if (project === undefined || count > mostListed) return { sql: 'at >= ? AND at < ?', params: [from, to] }
  // Few different texts, since each is kept prepared.
  const places = 2 ** Math.ceil(Math.log2(count))
  const starts = Array.from({ length: places }, (_, index) => from + Math.min(index, count - 1) * period)
  return { sql: `at IN (${starts.map(() => '?').join(', ')})`, params: starts }
}

export interface Grouping {
  /** Snapped: see rollup-cover.ts. */
  range: TimeRange
  filter: RollupFilter
  columns: readonly Dimension[]
  /** The sums that are wanted. */
  of: readonly Measure[]
}

/** The sums by the values of some columns; a combination may come more than once, from several periods. */
export async function readGroups(
  { driver, deadline }: ReadContext,
  { range, filter, columns, of }: Grouping,
): Promise<SqlRow[]> {
  const rows: SqlRow[] = []
  const sums = sumsOf(of)
  const needed = [...columns, ...(Object.keys(filter) as Dimension[])]
  for (const segment of coverRange(range, isFinest(needed) ? weeksFirst : longestFirst)) {
    deadline.check()
    const grain = grainWith(segment.period, needed)
    const { sql, params } = whereCells(grain, segment, filter)
    const names = columns.join(', ')
    const text =
      names === ''
        ? `SELECT ${sums} FROM rollups WHERE ${sql} HAVING count(*) > 0`
        : `SELECT ${names}, ${sums} FROM rollups WHERE ${sql} GROUP BY ${names}`
    for (const row of await driver.all(text, params)) rows.push(row)
  }
  return rows
}

export interface Bucketing {
  segments: readonly Segment[]
  filter: RollupFilter
  /** Milliseconds of a bucket, and where the first one starts. */
  length: number
  start: number
}

/** Sums and times of one bucket of a chart, of which there may be several: from one period each. */
export interface BucketSums {
  index: number
  sums: SqlRow
}

/** The sums of each bucket, and all times in `histograms`, by bucket. */
export async function readBuckets(
  { driver, deadline }: ReadContext,
  { segments, filter, length, start }: Bucketing,
  histograms: readonly Histogram[],
): Promise<BucketSums[]> {
  const sums: BucketSums[] = []
  for (const segment of segments) {
    deadline.check()
    const grain = grainWith(segment.period, Object.keys(filter) as Dimension[])
    const { sql, params } = whereCells(grain, segment, filter)
    const rows = await driver.all(
      `SELECT (at - CAST(? AS BIGINT)) / CAST(? AS BIGINT) AS bucket, ${sumColumns} FROM rollups WHERE ${sql} GROUP BY 1`,
      [start, length, ...params],
    )
    for (const row of rows) sums.push({ index: Number(row.bucket), sums: row })
    deadline.check()
    const times = await driver.all(`SELECT at, histograms FROM rollups WHERE ${sql}`, params)
    addTimes(times, { start, length, histograms, deadline })
  }
  return sums
}

function addTimes(
  rows: readonly SqlRow[],
  {
    start,
    length,
    histograms,
    deadline,
  }: { start: number; length: number; histograms: readonly Histogram[]; deadline: Deadline },
): void {
  for (const [index, row] of rows.entries()) {
    if (index % 10_000 === 0) deadline.check()
    const histogram = histograms[Math.floor((Number(row.at) - start) / length)]
    if (histogram !== undefined) addEncoded(histogram, String(row.histograms))
  }
}
