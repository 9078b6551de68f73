/** The statements that add up what clients say of their requests; rollup-spend-days.ts says what. */

import type { Dialect, SqlValue, Statement } from '../engine/driver.ts'
import { recordsOf, toJson } from './many-rows.ts'
import { measures, spentMeasures } from './rollup-schema.ts'

export interface SpendLimits {
  /** Values that a project and dimension have apart in a day, and in a month; the rest is added up under ''. */
  values: Readonly<Record<SpendPeriod, number>>
  /** Dimensions of a period and project; further names of metadata are not counted. */
  dimensions: number
}

export type SpendPeriod = 'day' | 'month'

export type SpendKey = readonly [
  period: SpendPeriod,
  at: number,
  project: string,
  dimension: string,
  value: string,
]

export interface SpendCell {
  key: SpendKey
  /** In the order of `measures`. */
  sums: number[]
}

const usualLimits: SpendLimits = { values: { day: 1000, month: 5000 }, dimensions: 50 }

/** `cells`: in the order of their keys. */
export function writeSpend(
  cells: readonly SpendCell[],
  { dialect, limits = usualLimits }: { dialect: Dialect; limits?: SpendLimits },
): Statement[] {
  return dialect === 'sqlite' ? writeEach(cells, limits) : writeMany(cells, limits)
}

const columnsOf = (at: string) => ['dimension', at, 'project', 'value', ...measures].join(', ')
const added = (table: string, names: readonly string[]) =>
  names.map((name) => `${name} = ${table}.${name} + excluded.${name}`).join(', ')
const ofListed = 'period = ? AND at = ? AND project = ? AND dimension = ?'

const listDimension = `INSERT INTO spend_dimensions (period, at, project, dimension, kept)
  SELECT ?, ?, ?, ?, 0 WHERE NOT EXISTS (SELECT 1 FROM spend_dimensions WHERE ${ofListed})
    AND (SELECT count(*) FROM spend_dimensions WHERE period = ? AND at = ? AND project = ?) < ?`

/** Goes before the value is written. One more than the limit is for '', to which all further ones belong. */
function countNew(table: string, at: string): string {
  return `UPDATE spend_dimensions SET kept = kept + 1 WHERE ${ofListed} AND kept <= ?
    AND NOT EXISTS (SELECT 1 FROM ${table} WHERE dimension = ? AND ${at} = ? AND project = ? AND value = ?)`
}

function upsertInto(table: string, at: string): string {
  return `INSERT INTO ${table} (${columnsOf(at)})
    SELECT ?, ?, ?, CASE WHEN kept <= ? OR EXISTS (SELECT 1 FROM ${table} WHERE dimension = ? AND ${at} = ? AND project = ?
      AND value = ?) THEN ? ELSE '' END${', ?'.repeat(measures.length)} FROM spend_dimensions WHERE ${ofListed}
    ON CONFLICT (dimension, ${at}, project, value) DO UPDATE SET ${added(table, measures)}`
}

/** Under the value that the project's own sum of the month has just been written under. */
const upsertTotal = `INSERT INTO spend_totals (month, dimension, value, ${spentMeasures.join(', ')})
  SELECT ?, ?, CASE WHEN EXISTS (SELECT 1 FROM spend_months WHERE dimension = ? AND month = ? AND project = ? AND value = ?)
    THEN ? ELSE '' END${', ?'.repeat(spentMeasures.length)}
  WHERE EXISTS (SELECT 1 FROM spend_dimensions WHERE ${ofListed})
  ON CONFLICT (month, dimension, value) DO UPDATE SET ${added('spend_totals', spentMeasures)}`

const counts = { day: countNew('spend_days', 'day'), month: countNew('spend_months', 'month') }
const upserts = { day: upsertInto('spend_days', 'day'), month: upsertInto('spend_months', 'month') }
const spentAt = spentMeasures.map((name) => measures.indexOf(name))

function writeEach(cells: readonly SpendCell[], limits: SpendLimits): Statement[] {
  const statements: Statement[] = []
  let last = ''
  for (const { key, sums } of cells) {
    const [period, at, project, dimension, value] = key
    const listed: SqlValue[] = [period, at, project, dimension]
    if (last !== listed.join('\0')) {
      last = listed.join('\0')
      const room = [period, at, project, limits.dimensions]
      statements.push({ sql: listDimension, params: [...listed, ...listed, ...room] })
    }
    const most = limits.values[period]
    const of: SqlValue[] = [dimension, at, project]
    statements.push(
      { sql: counts[period], params: [...listed, most, ...of, value] },
      { sql: upserts[period], params: [...of, most, ...of, value, value, ...sums, ...listed] },
    )
    if (period === 'day') continue
    const spent = spentAt.map((index) => sums[index] ?? 0)
    statements.push({ sql: upsertTotal, params: [at, dimension, ...of, value, value, ...spent, ...listed] })
  }
  return statements
}

/**
 * The same of many at once, for a server. The row of a dimension is taken by all who write values of it, so that these
 * come one after the other. Those that are new take the room that is left; gateways that list some at the same time may
 * together go past it.
 */
const listDimensions = `INSERT INTO spend_dimensions (period, at, project, dimension, kept)
  SELECT period, at, project, dimension, 0 FROM (
    SELECT known.*, row_number() OVER (PARTITION BY period, at, project, is_known ORDER BY dimension) AS place,
      (SELECT count(*) FROM spend_dimensions AS other
        WHERE other.period = known.period AND other.at = known.at AND other.project = known.project) AS taken
    FROM (SELECT listed.*, EXISTS (SELECT 1 FROM spend_dimensions AS other WHERE other.period = listed.period
        AND other.at = listed.at AND other.project = listed.project AND other.dimension = listed.dimension) AS is_known
      FROM ${recordsOf} AS listed (period TEXT, at BIGINT, project TEXT, dimension TEXT)) AS known) AS placed
  WHERE is_known OR taken + place <= CAST(? AS BIGINT) ORDER BY period, at, project, dimension
  ON CONFLICT (period, at, project, dimension) DO UPDATE SET dimension = excluded.dimension`

const cellsOf = (names: readonly string[]) =>
  `${recordsOf} AS cell (period TEXT, at BIGINT, project TEXT, dimension TEXT, value TEXT,
    ${names.map((name) => `${name} BIGINT`).join(', ')})`
const isListed = `listed.period = cell.period AND listed.at = cell.at AND listed.project = cell.project
    AND listed.dimension = cell.dimension`
const sumsOf = (names: readonly string[]) => names.map((name) => `sum(${name})`).join(', ')

/** Values that are new take the room that is left, in their order; all parts of the statement see what was there before. */
function upsertManyInto(table: string, at: string): string {
  return `WITH known AS MATERIALIZED (
      SELECT cell.*, listed.kept, EXISTS (SELECT 1 FROM ${table} AS other WHERE other.dimension = cell.dimension
        AND other.${at} = cell.at AND other.project = cell.project AND other.value = cell.value) AS is_known
      FROM ${cellsOf(measures)} JOIN spend_dimensions AS listed ON ${isListed}
    ), placed AS MATERIALIZED (
      SELECT known.*, CASE WHEN is_known OR kept + row_number() OVER (
        PARTITION BY period, at, project, dimension, is_known ORDER BY value) <= CAST(? AS BIGINT) THEN value ELSE '' END AS place
      FROM known
    ), counted AS (
      UPDATE spend_dimensions AS listed SET kept = listed.kept + cell.added FROM (
        SELECT period, at, project, dimension, count(*) AS added FROM placed
        WHERE NOT is_known AND place <> '' GROUP BY period, at, project, dimension) AS cell
      WHERE ${isListed}
    )
    INSERT INTO ${table} (${columnsOf(at)})
    SELECT dimension, at, project, place, ${sumsOf(measures)} FROM placed
    GROUP BY dimension, at, project, place ORDER BY dimension, at, project, place
    ON CONFLICT (dimension, ${at}, project, value) DO UPDATE SET ${added(table, measures)}`
}

const upsertTotals = `INSERT INTO spend_totals (month, dimension, value, ${spentMeasures.join(', ')})
  SELECT at, dimension, place, ${sumsOf(spentMeasures)} FROM (
    SELECT cell.*, CASE WHEN EXISTS (SELECT 1 FROM spend_months AS other WHERE other.dimension = cell.dimension
      AND other.month = cell.at AND other.project = cell.project AND other.value = cell.value) THEN cell.value ELSE '' END AS place
    FROM ${cellsOf(spentMeasures)} JOIN spend_dimensions AS listed ON ${isListed}) AS placed
  GROUP BY at, dimension, place ORDER BY at, dimension, place
  ON CONFLICT (month, dimension, value) DO UPDATE SET ${added('spend_totals', spentMeasures)}`

const upsertsOfMany = {
  day: upsertManyInto('spend_days', 'day'),
  month: upsertManyInto('spend_months', 'month'),
}

const listColumns = ['period', 'at', 'project', 'dimension']
const cellColumns = [...listColumns, 'value', ...measures]

function writeMany(cells: readonly SpendCell[], limits: SpendLimits): Statement[] {
  if (cells.length === 0) return []
  const lists = new Map(cells.map(({ key }) => [key.slice(0, 4).join('\0'), key.slice(0, 4)]))
  const textOf = (of: SpendPeriod) =>
    toJson(
      cellColumns,
      cells.filter(({ key: [period] }) => period === of).map(({ key, sums }) => [...key, ...sums]),
    )
  const [days, months] = [textOf('day'), textOf('month')]
  return [
    { sql: listDimensions, params: [toJson(listColumns, [...lists.values()]), limits.dimensions] },
    { sql: upsertsOfMany.day, params: [days, limits.values.day] },
    { sql: upsertsOfMany.month, params: [months, limits.values.month] },
    { sql: upsertTotals, params: [months] },
  ]
}
