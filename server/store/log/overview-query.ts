/** The overview's figures and the values that filters can offer. Runs on the reader's thread. */

import type { AdminFacets, AdminOverview, AdminOverviewPoint } from '../../http/admin-contract.ts'
import type { Deadline } from '../engine/deadline.ts'
import type { Driver, SqlRow } from '../engine/driver.ts'
import { keyAt } from '../engine/keys.ts'
import type { OverviewInput } from './query-input.ts'
import type { ReadContext } from './reads.ts'

/** Rows read in one statement. */
const pageRows = 5000
const maximumPoints = 120
const maximumNames = 20
const facetValues = 200

/** Lengths of a bucket in seconds, of which the shortest is taken that keeps the chart within its points. */
const bucketLengths = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800,
  604_800, 1_209_600, 2_592_000, 7_776_000,
]

/** Figures of a span of time, before they are summed up. */
class Tally {
  requests = 0
  errors = 0
  inputTokens = 0
  outputTokens = 0
  cachedTokens = 0
  reasoningTokens = 0
  inProgress = 0
  readonly #latencies: number[] = []
  readonly #firstTokens: number[] = []
  readonly #overheads: number[] = []

  add(row: SqlRow): void {
    this.requests += 1
    if (row.error_code !== null) this.errors += 1
    if (row.status === 'in_progress' || row.status === 'queued') this.inProgress += 1
    this.inputTokens += Number(row.input_tokens)
    this.outputTokens += Number(row.output_tokens)
    this.cachedTokens += Number(row.cached_tokens)
    this.reasoningTokens += Number(row.reasoning_tokens)
    if (row.latency_us !== null) this.#latencies.push(Number(row.latency_us))
    if (row.ttft_us !== null) this.#firstTokens.push(Number(row.ttft_us))
    if (row.overhead_us !== null) this.#overheads.push(Number(row.overhead_us))
  }

  sum(): Omit<AdminOverviewPoint, 'at'> {
    const latencies = Float64Array.from(this.#latencies).sort()
    return {
      requests: this.requests,
      errors: this.errors,
      input_tokens: this.inputTokens,
      output_tokens: this.outputTokens,
      latency_p50_ms: percentile(latencies, 0.5),
      latency_p95_ms: percentile(latencies, 0.95),
      ttft_p50_ms: percentile(Float64Array.from(this.#firstTokens).sort(), 0.5),
      overhead_p50_ms: percentile(Float64Array.from(this.#overheads).sort(), 0.5),
    }
  }
}

/** Nearest rank over sorted microseconds, in milliseconds. */
function percentile(sorted: Float64Array, share: number): number | null {
  const value = sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)]
  return value === undefined ? null : value / 1000
}

interface NameTally {
  name: string
  requests: number
  errors: number
  total_tokens: number
}

function countName(names: Map<string, NameTally>, row: SqlRow, column: 'model' | 'provider'): void {
  const value = row[column]
  if (typeof value !== 'string') return
  let tally = names.get(value)
  if (tally === undefined) {
    tally = { name: value, requests: 0, errors: 0, total_tokens: 0 }
    names.set(value, tally)
  }
  tally.requests += 1
  tally.total_tokens += Number(row.total_tokens)
  if (row.error_code !== null) tally.errors += 1
}

function mostUsed(names: Map<string, NameTally>): NameTally[] {
  return [...names.values()]
    .sort((a, b) => b.requests - a.requests || a.name.localeCompare(b.name))
    .slice(0, maximumNames)
}

/**
 * Figures over the rows admitted from `from` up to `to`. Buckets start at whole multiples of their length, so the first
 * may begin before `from`; rows before `from` are not counted in it. Throws DeadlineError.
 */
export async function overview(
  { driver, deadline }: ReadContext,
  input: OverviewInput,
): Promise<AdminOverview> {
  const { length, start, count } = chooseBuckets(input.from, input.to)
  const totals = new Tally()
  const buckets = Array.from({ length: count }, () => new Tally())
  const errors = new Map<string, { origin: string; code: string; count: number }>()
  const models = new Map<string, NameTally>()
  const providers = new Map<string, NameTally>()
  for await (const rows of readPages(driver, input, deadline)) {
    for (const row of rows) {
      totals.add(row)
      buckets[Math.floor((Number(row.created_at) - start) / length)]?.add(row)
      countName(models, row, 'model')
      countName(providers, row, 'provider')
      if (row.error_code !== null) countError(errors, String(row.error_origin), String(row.error_code))
    }
  }
  return {
    from: new Date(input.from).toISOString(),
    to: new Date(input.to).toISOString(),
    bucket_seconds: length / 1000,
    totals: {
      ...totals.sum(),
      cached_tokens: totals.cachedTokens,
      reasoning_tokens: totals.reasoningTokens,
      in_progress: totals.inProgress,
    },
    points: buckets.map((bucket, index) => ({
      at: new Date(start + index * length).toISOString(),
      ...bucket.sum(),
    })),
    errors: [...errors.values()].sort((a, b) => b.count - a.count).slice(0, maximumNames),
    models: mostUsed(models),
    providers: mostUsed(providers),
  }
}

function countError(
  errors: Map<string, { origin: string; code: string; count: number }>,
  origin: string,
  code: string,
): void {
  const name = `${origin}/${code}`
  const entry = errors.get(name)
  if (entry === undefined) errors.set(name, { origin, code, count: 1 })
  else entry.count += 1
}

/** Milliseconds. */
function chooseBuckets(from: number, to: number): { length: number; start: number; count: number } {
  for (const seconds of bucketLengths) {
    const length = seconds * 1000
    const start = Math.floor(from / length) * length
    const count = Math.ceil((to - start) / length)
    if (count <= maximumPoints) return { length, start, count }
  }
  throw new RangeError('The time is too long for a chart.')
}

/** The rows of the time asked for, page by page in the order of their keys. */
async function* readPages(
  driver: Driver,
  input: OverviewInput,
  deadline: Deadline,
): AsyncGenerator<SqlRow[]> {
  const filters = (['project', 'model', 'provider'] as const).filter(
    (column) => input.filter[column] !== null,
  )
  const where = ['key >= ?', 'key < ?', ...filters.map((column) => `${column} = ?`)].join(' AND ')
  const values = filters.map((column) => input.filter[column])
  // A page is a range of keys that holds at most so many rows, whatever the filters leave of them.
  const end = keyAt(input.to)
  let low = keyAt(input.from)
  while (low < end) {
    deadline.check()
    const [page] = await driver.all(
      'SELECT max(key) AS last FROM (SELECT key FROM requests WHERE key >= ? AND key < ? ORDER BY key LIMIT ?) AS page',
      [low, end, pageRows],
    )
    if (typeof page?.last !== 'number') return
    const rows = await driver.all(
      `SELECT created_at, model, provider, status, error_origin, error_code, input_tokens, cached_tokens, output_tokens,
        reasoning_tokens, total_tokens, latency_us, ttft_us, overhead_us FROM requests WHERE ${where} ORDER BY key`,
      [low, page.last + 1, ...values],
    )
    yield rows
    low = page.last + 1
  }
}

/** The distinct values of the indexed columns, each found by one seek in its index. */
export async function facets({ driver }: ReadContext, _all: null): Promise<AdminFacets> {
  return {
    models: await distinct(driver, 'model'),
    projects: await distinct(driver, 'project'),
    providers: await distinct(driver, 'provider'),
    statuses: await distinct(driver, 'status'),
  }
}

async function distinct(
  driver: Driver,
  column: 'model' | 'project' | 'provider' | 'status',
): Promise<string[]> {
  const next = `SELECT min(${column}) FROM requests WHERE ${column} >`
  const rows = await driver.all(
    `WITH RECURSIVE found (value, position) AS (
      SELECT (SELECT min(${column}) FROM requests), 1
      UNION ALL
      SELECT (${next} found.value), found.position + 1 FROM found WHERE found.value IS NOT NULL AND found.position < ?
    ) SELECT value FROM found WHERE value IS NOT NULL`,
    [facetValues],
  )
  return rows.map((row) => String(row.value))
}
