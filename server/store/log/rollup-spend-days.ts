/** Sums by day and month and what clients say of their requests: the user, and the tags of `metadata`. */

import type { Dialect, SqlValue, Statement } from '../engine/driver.ts'
import { recordsOf } from './many-rows.ts'
import { type CountedRow, measuresOf, readJson, toName } from './rollup-row.ts'
import { measures, periods } from './rollup-schema.ts'

/** Calendar of UTC, in Unix milliseconds: the first moment of the period of a time, and that of the next one. */
export const spendPeriods = {
  day: {
    floor: (time: number) => Math.floor(time / periods.day) * periods.day,
    next: (at: number) => at + periods.day,
  },
  month: { floor: (time: number) => monthOf(time, 0), next: (at: number) => monthOf(at, 1) },
} as const
export type SpendPeriod = keyof typeof spendPeriods

function monthOf(time: number, further: number): number {
  const date = new Date(time)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + further)
}

export interface SpendLimits {
  /** Values that a project and dimension have apart in a day, and in a month; the rest is added up under ''. */
  values: Readonly<Record<SpendPeriod, number>>
  /** Dimensions of a period and project; further names of metadata are not counted. */
  dimensions: number
}

const usualLimits: SpendLimits = { values: { day: 1000, month: 5000 }, dimensions: 50 }

export const userDimension = 'user'
export const metadataDimension = (name: string) => `metadata:${toName(name, 64)}`

type SpendKey = readonly [period: SpendPeriod, at: number, dimension: string, project: string, value: string]

interface SpendCell {
  key: SpendKey
  sums: number[]
}

/**
 * Lists the dimension. Its row is taken by all who write values of it, so these come one after the other on an engine
 * with several writers.
 */
const listDimension = `INSERT INTO spend_dimensions (period, at, project, dimension)
  SELECT CAST(? AS TEXT), CAST(? AS BIGINT), CAST(? AS TEXT), CAST(? AS TEXT)
  WHERE (SELECT count(*) FROM spend_dimensions WHERE period = ? AND at = ? AND project = ?) < ?
    OR EXISTS (SELECT 1 FROM spend_dimensions WHERE period = ? AND at = ? AND project = ? AND dimension = ?)
  ON CONFLICT (period, at, project, dimension) DO UPDATE SET dimension = excluded.dimension`

/** Once there is a rest, every value that is new belongs to it: only until then are they counted. */
function upsertInto(table: string, at: string): string {
  const columns = ['dimension', at, 'project', 'value', ...measures]
  const siblings = `FROM ${table} WHERE dimension = ? AND ${at} = ? AND project = ?`
  return `INSERT INTO ${table} (${columns.join(', ')})
    SELECT CAST(? AS TEXT), CAST(? AS BIGINT), CAST(? AS TEXT), CASE
      WHEN EXISTS (SELECT 1 ${siblings} AND value = ?) THEN ?
      WHEN EXISTS (SELECT 1 ${siblings} AND value = '') THEN ''
      WHEN (SELECT count(*) ${siblings}) < ? THEN ?
      ELSE '' END${', CAST(? AS BIGINT)'.repeat(measures.length)}
    WHERE EXISTS (SELECT 1 FROM spend_dimensions WHERE period = ? AND at = ? AND project = ? AND dimension = ?)
    ON CONFLICT (dimension, ${at}, project, value) DO UPDATE SET
    ${measures.map((name) => `${name} = ${table}.${name} + excluded.${name}`).join(', ')}`
}

const upserts: Readonly<Record<SpendPeriod, string>> = {
  day: upsertInto('spend_days', 'day'),
  month: upsertInto('spend_months', 'month'),
}

/** The same of many at once, for a server. Dimensions that are new in one batch may together go a little past the limit. */
const listDimensions = `INSERT INTO spend_dimensions (period, at, project, dimension)
  SELECT period, at, project, dimension
  FROM ${recordsOf} AS listed (period TEXT, at BIGINT, project TEXT, dimension TEXT)
  WHERE (SELECT count(*) FROM spend_dimensions AS other
    WHERE other.period = listed.period AND other.at = listed.at AND other.project = listed.project) < CAST(? AS BIGINT)
    OR EXISTS (SELECT 1 FROM spend_dimensions AS other WHERE other.period = listed.period AND other.at = listed.at
      AND other.project = listed.project AND other.dimension = listed.dimension)
  ON CONFLICT (period, at, project, dimension) DO UPDATE SET dimension = excluded.dimension`

/** What is there already is counted once for all new values of a dimension and project: there may be thousands of both. */
function upsertManyInto(table: string, at: string): string {
  const columns = ['dimension', at, 'project', 'value', ...measures]
  const siblings = (of: string) =>
    `FROM ${table} AS other WHERE other.dimension = ${of}.dimension AND other.${at} = ${of}.at AND other.project = ${of}.project`
  return `INSERT INTO ${table} (${columns.join(', ')})
    WITH cells AS MATERIALIZED (
      SELECT cell.*, EXISTS (SELECT 1 ${siblings('cell')} AND other.value = cell.value) AS known
      FROM ${recordsOf} AS cell (period TEXT, at BIGINT, project TEXT, dimension TEXT, value TEXT,
        ${measures.map((name) => `${name} BIGINT`).join(', ')})
      WHERE EXISTS (SELECT 1 FROM spend_dimensions AS listed WHERE listed.period = cell.period AND listed.at = cell.at
        AND listed.project = cell.project AND listed.dimension = cell.dimension)
    ), rooms AS MATERIALIZED (
      SELECT *, CASE WHEN EXISTS (SELECT 1 ${siblings('groups')} AND other.value = '') THEN 0
        ELSE CAST(? AS BIGINT) - (SELECT count(*) ${siblings('groups')}) END AS room
      FROM (SELECT DISTINCT dimension, at, project FROM cells WHERE NOT known) AS groups
    ), placed AS (
      SELECT cells.*, CASE
        WHEN known OR row_number() OVER (PARTITION BY dimension, at, project, known ORDER BY value) <= room THEN value
        ELSE '' END AS kept
      FROM cells LEFT JOIN rooms USING (dimension, at, project)
    )
    SELECT dimension, at, project, kept, ${measures.map((name) => `sum(${name})`).join(', ')} FROM placed
    GROUP BY dimension, at, project, kept ORDER BY dimension, at, project, kept
    ON CONFLICT (dimension, ${at}, project, value) DO UPDATE SET
    ${measures.map((name) => `${name} = ${table}.${name} + excluded.${name}`).join(', ')}`
}

const upsertsOfMany: Readonly<Record<SpendPeriod, string>> = {
  day: upsertManyInto('spend_days', 'day'),
  month: upsertManyInto('spend_months', 'month'),
}

export class SpendCells {
  readonly #cells = new Map<string, SpendCell>()

  /** Counts a request that has ended; `sign` -1 takes one back. */
  add(row: CountedRow, sign: 1 | -1 = 1): void {
    const tags = tagsOf(row)
    if (tags.size === 0) return
    const time = Number(row.created_at)
    const project = toName(row.project)
    const values = measuresOf(row)
    for (const [dimension, value] of tags) {
      for (const period of ['day', 'month'] as const) {
        const { sums } = this.#cell([period, spendPeriods[period].floor(time), project, dimension, value])
        for (const [index, name] of measures.entries())
          sums[index] = (sums[index] as number) + sign * values[name]
      }
    }
  }

  statements({
    dialect = 'sqlite',
    limits = usualLimits,
  }: {
    dialect?: Dialect
    limits?: SpendLimits
  } = {}): Statement[] {
    const cells = [...this.#cells]
      .filter(([, { sums }]) => sums.some((sum) => sum !== 0))
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([, cell]) => cell)
    return dialect === 'sqlite' ? writeEach(cells, limits) : writeMany(cells, limits)
  }

  #cell(key: SpendKey): SpendCell {
    const name = key.join('\0')
    let cell = this.#cells.get(name)
    if (cell === undefined) {
      cell = { key, sums: measures.map(() => 0) }
      this.#cells.set(name, cell)
    }
    return cell
  }
}

function writeEach(cells: readonly SpendCell[], limits: SpendLimits): Statement[] {
  const statements: Statement[] = []
  let listed = ''
  for (const { key, sums } of cells) {
    const [period, at, project, dimension, value] = key
    const list: SqlValue[] = [period, at, project, dimension]
    if (listed !== list.join('\0')) {
      listed = list.join('\0')
      statements.push({
        sql: listDimension,
        params: [...list, period, at, project, limits.dimensions, ...list],
      })
    }
    const of: SqlValue[] = [dimension, at, project]
    const room: SqlValue[] = [...of, value, value, ...of, ...of, limits.values[period], value]
    statements.push({ sql: upserts[period], params: [...of, ...room, ...sums, ...list] })
  }
  return statements
}

function writeMany(cells: readonly SpendCell[], limits: SpendLimits): Statement[] {
  if (cells.length === 0) return []
  const lists = new Map<string, Record<string, SqlValue>>()
  const records: Record<SpendPeriod, Record<string, SqlValue>[]> = { day: [], month: [] }
  for (const { key, sums } of cells) {
    const [period, at, project, dimension, value] = key
    const list = { period, at, project, dimension }
    lists.set([period, at, project, dimension].join('\0'), list)
    const counted = Object.fromEntries(measures.map((name, index) => [name, sums[index] ?? 0]))
    records[period].push({ ...list, value, ...counted })
  }
  const listed: Statement = {
    sql: listDimensions,
    params: [JSON.stringify([...lists.values()]), limits.dimensions],
  }
  return [
    listed,
    ...(['day', 'month'] as const).map((period) => ({
      sql: upsertsOfMany[period],
      params: [JSON.stringify(records[period]), limits.values[period]],
    })),
  ]
}

/** Dimension and value of each. */
function tagsOf({ user_id: user, metadata }: CountedRow): Map<string, string> {
  const tags = new Map<string, string>()
  if (toName(user) !== '') tags.set(userDimension, toName(user))
  for (const [name, value] of Object.entries(readJson(metadata) ?? {})) {
    const short = toName(typeof value === 'string' ? value : JSON.stringify(value))
    if (short !== '' && !tags.has(metadataDimension(name))) tags.set(metadataDimension(name), short)
  }
  return tags
}
