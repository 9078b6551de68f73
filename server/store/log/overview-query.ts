/** The overview's figures, from cells alone. Runs on the reader's thread. */

import { formatNanos } from '../../gateway/money/format-cost.ts'
import type { AdminOverview, AdminOverviewPoint } from '../../http/admin/contract.ts'
import type { SqlRow } from '../engine/driver.ts'
import { keyAt, timeOf } from '../engine/keys.ts'
import type { ReadContext } from './reads.ts'
import { formatSum } from './request-rows.ts'
import { readBacklog } from './rollup-backlog.ts'
import { coverRange, findMinutes, longestFirst, snapRange, type TimeRange } from './rollup-cover.ts'
import { addHistogram, type Histogram, percentile } from './rollup-histograms.ts'
import { isFinest, type RollupFilter, readBuckets, readGroups, sumOf } from './rollup-reads.ts'
import { type Dimension, type Measure, measures, periods } from './rollup-schema.ts'

export interface OverviewInput extends TimeRange {
  filter: RollupFilter
}

const maximumPoints = 120
const maximumNames = 20
const { minute, hour, day } = periods

/** Lengths of a bucket in milliseconds, of which the shortest is taken that keeps the chart within its points. */
const bucketLengths = [
  ...[1, 2, 5, 10, 15, 30].map((count) => count * minute),
  ...[1, 2, 3, 6, 12].map((count) => count * hour),
  ...[1, 2, 7, 14, 30, 90].map((count) => count * day),
]

/** The longest times of which a chart with a filter is made from minutes, and from hours: the cells have to be few. */
const longestByMinutes = 6 * hour
const longestByHours = 14 * day

interface Buckets {
  /** Milliseconds. */
  length: number
  /** Unix milliseconds of the first. */
  start: number
  count: number
}

type Sums = Record<Measure, bigint>

class Tally {
  readonly sums: Sums = Object.fromEntries(measures.map((name) => [name, 0n])) as Sums
  readonly histogram: Histogram = new Map()

  add(row: SqlRow, names: readonly Measure[] = measures): void {
    for (const name of names) this.sums[name] += sumOf(row, name)
  }
}

/**
 * Figures over the requests that have ended, by the time of their admission. The range is widened to what is kept: whole
 * minutes, and hours where the minutes are gone. Buckets start at whole multiples of their length, so that the first may
 * begin before `from`: nothing before `from` is in it. Throws DeadlineError.
 */
export async function overview(context: ReadContext, input: OverviewInput): Promise<AdminOverview> {
  const minutesFrom = await findMinutes(context.driver)
  const range = snapRange(input, minutesFrom)
  const { filter } = input
  const { below } = await readBacklog(context)
  const uncounted = below === 0 ? 0 : timeOf(below - 1) + 1
  const buckets = chooseBuckets(range, filter, minutesFrom)
  const points = await readPoints(context, { range, filter, buckets })
  const totals = new Tally()
  for (const { sums, histogram } of points) {
    for (const name of measures) totals.sums[name] += sums[name]
    addHistogram(totals.histogram, histogram)
  }
  return {
    from: new Date(range.from).toISOString(),
    to: new Date(range.to).toISOString(),
    bucket_seconds: buckets.length / 1000,
    incomplete_before: uncounted <= range.from ? null : new Date(uncounted).toISOString(),
    totals: { ...figuresOf(totals), in_progress: await countRunning(context, range, filter) },
    points: points.map((tally, index) => ({
      at: new Date(buckets.start + index * buckets.length).toISOString(),
      ...figuresOf(tally),
    })),
    ...(await readRanks(context, range, filter)),
  }
}

function chooseBuckets({ from, to }: TimeRange, filter: RollupFilter, minutesFrom: number): Buckets {
  const filtered = Object.keys(filter).length > 0
  const time = to - from
  const shortest =
    from < minutesFrom || (filtered && time > longestByMinutes)
      ? filtered && time > longestByHours
        ? day
        : hour
      : minute
  for (const length of bucketLengths) {
    if (length < shortest) continue
    const start = Math.floor(from / length) * length
    const count = Math.ceil((to - start) / length)
    if (count <= maximumPoints) return { length, start, count }
  }
  throw new RangeError('The time is too long for a chart.')
}

interface Chart {
  range: TimeRange
  filter: RollupFilter
  buckets: Buckets
}

async function readPoints(context: ReadContext, { range, filter, buckets }: Chart): Promise<Tally[]> {
  const points = Array.from({ length: buckets.count }, () => new Tally())
  const { length, start } = buckets
  // A cell must not reach over the end of a bucket.
  const segments = coverRange(
    range,
    longestFirst.filter((period) => period <= length),
  )
  const histograms = points.map(({ histogram }) => histogram)
  const sums = await readBuckets(context, { segments, filter, length, start }, histograms)
  for (const { index, sums: row } of sums) points[index]?.add(row)
  return points
}

/** Numbers that may be past what a double has exactly are none that people read digit by digit, but for money. */
function figuresOf({ sums, histogram }: Tally): Omit<AdminOverviewPoint, 'at'> {
  const count = (name: Measure) => Number(sums[name])
  return {
    requests: count('requests'),
    errors: count('errors'),
    streams: count('streams'),
    attempts: count('attempts'),
    input_tokens: count('input_tokens'),
    cached_tokens: count('cached_tokens'),
    cache_write_tokens: count('cache_write_tokens'),
    output_tokens: count('output_tokens'),
    reasoning_tokens: count('reasoning_tokens'),
    estimated_input_tokens: count('estimated_input_tokens'),
    estimated_output_tokens: count('estimated_output_tokens'),
    cost_usd: costOf(sums),
    estimated_cost_usd: formatNanos(sums.estimated_cost_nano),
    unpriced: count('unpriced'),
    latency_p50_ms: percentile(histogram, 'latency', 0.5),
    latency_p95_ms: percentile(histogram, 'latency', 0.95),
    ttft_p50_ms: percentile(histogram, 'ttft', 0.5),
    ttft_p95_ms: percentile(histogram, 'ttft', 0.95),
    overhead_p50_ms: percentile(histogram, 'overhead', 0.5),
    overhead_p95_ms: percentile(histogram, 'overhead', 0.95),
  }
}

function costOf({ cost_nano: nanos, requests, unpriced }: Sums): string | null {
  return formatSum(nanos, { requests: Number(requests), unpriced: Number(unpriced) })
}

/** Requests of the range that have not ended: they have a row, and are in no cell yet. */
async function countRunning(
  { driver, deadline }: ReadContext,
  { from, to }: TimeRange,
  filter: RollupFilter,
): Promise<number> {
  deadline.check()
  const wanted = Object.entries(filter)
  const [row] = await driver.all(
    `SELECT count(*) AS running FROM requests WHERE ${[
      "status IN ('in_progress', 'queued') AND key >= ? AND key < ?",
      ...wanted.map(([name]) => `${name} = ?`),
    ].join(' AND ')}`,
    [keyAt(from), keyAt(to), ...wanted.map(([, value]) => value)],
  )
  return Number(row?.running ?? 0)
}

/** What ranks show: with a filter there are thousands of cells to add up, and each sum counts. */
const rankedMeasures = [
  'requests',
  'errors',
  'input_tokens',
  'output_tokens',
  'estimated_input_tokens',
  'estimated_output_tokens',
  'cost_nano',
  'unpriced',
] as const satisfies readonly Measure[]

const rankedColumns = {
  caller: ['project', 'key_name'],
  route: ['model', 'provider'],
  outcome: ['error_origin', 'error_code'],
} as const satisfies Record<string, readonly Dimension[]>

type Ranks = Pick<AdminOverview, 'errors' | 'models' | 'providers' | 'projects' | 'keys'>

async function readRanks(context: ReadContext, range: TimeRange, filter: RollupFilter): Promise<Ranks> {
  const filtered = Object.keys(filter) as Dimension[]
  const read = (columns: readonly Dimension[]) =>
    readGroups(context, { range, filter, columns, of: rankedMeasures })
  const ofFinest = Object.values(rankedColumns).filter((columns) => isFinest([...columns, ...filtered]))
  // The finest cells are many: they are walked once for all that only they have.
  const together = ofFinest.length === 0 ? [] : await read(ofFinest.flat())
  const rowsOf = async (columns: readonly Dimension[]) =>
    isFinest([...columns, ...filtered]) ? together : await read(columns)
  const routes = await rowsOf(rankedColumns.route)
  const callers = await rowsOf(rankedColumns.caller)
  return {
    models: rank(routes, 'model'),
    providers: rank(routes, 'provider'),
    projects: rank(callers, 'project'),
    keys: rank(callers, 'key_name'),
    errors: rankErrors(await rowsOf(rankedColumns.outcome)),
  }
}

function rank(rows: readonly SqlRow[], column: Dimension): AdminOverview['models'] {
  const tallies = new Map<string, Tally>()
  for (const row of rows) tallyOf(tallies, String(row[column])).add(row, rankedMeasures)
  return [...tallies]
    .filter(([name]) => name !== '')
    .map(([name, { sums }]) => ({
      name,
      requests: Number(sums.requests),
      errors: Number(sums.errors),
      total_tokens: Number(sums.input_tokens + sums.output_tokens),
      estimated_tokens: Number(sums.estimated_input_tokens + sums.estimated_output_tokens),
      cost_usd: costOf(sums),
      unpriced: Number(sums.unpriced),
    }))
    .sort((one, other) => other.requests - one.requests || one.name.localeCompare(other.name))
    .slice(0, maximumNames)
}

function rankErrors(rows: readonly SqlRow[]): AdminOverview['errors'] {
  const counts = new Map<string, AdminOverview['errors'][number]>()
  for (const row of rows) {
    const [origin, code] = [String(row.error_origin), String(row.error_code)]
    if (code === '') continue
    const found = counts.get(`${origin}/${code}`) ?? { origin, code, count: 0 }
    found.count += Number(sumOf(row, 'requests'))
    counts.set(`${origin}/${code}`, found)
  }
  return [...counts.values()].sort((one, other) => other.count - one.count).slice(0, maximumNames)
}

function tallyOf(tallies: Map<string, Tally>, name: string): Tally {
  let tally = tallies.get(name)
  if (tally === undefined) {
    tally = new Tally()
    tallies.set(name, tally)
  }
  return tally
}
