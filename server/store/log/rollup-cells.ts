/** Cells of `rollups` being added up in memory, for a batch of requests or for all of an hour. */

import type { Dialect, SqlValue, Statement } from '../engine/driver.ts'
import { recordsOf, toJson } from './many-rows.ts'
import { addCount, addHistogram, encodeHistogram, type Histogram } from './rollup-histograms.ts'
import {
  bucketsOf,
  type CountedRow,
  costShares,
  dimensionsOf,
  type Measures,
  measuresOf,
} from './rollup-row.ts'
import {
  type Dimension,
  dimensions,
  type Grain,
  grains,
  grainsOf,
  measures,
  type Period,
  periods,
} from './rollup-schema.ts'

export interface Cell {
  grain: Grain
  period: Period
  /** Unix milliseconds, a whole multiple of the period. */
  at: number
  /** In the order of `dimensions`. */
  names: readonly string[]
  /** In the order of `measures`. */
  sums: number[]
  histogram: Histogram
}

const separator = '\0'
const columns = ['grain', 'period', 'at', ...dimensions, ...measures, 'histograms'] as const

const textColumns: ReadonlySet<string> = new Set(['grain', ...dimensions, 'histograms'])
const typed = (name: string) => `${name} ${textColumns.has(name) ? 'TEXT' : 'BIGINT'}`

const added = `ON CONFLICT (grain, period, at, ${dimensions.join(', ')}) DO UPDATE SET
  ${measures.map((name) => `${name} = rollups.${name} + excluded.${name}`).join(', ')},
  histograms = merge_histograms(rollups.histograms, excluded.histograms)`

/** Adds to what is there, in one statement that any number of gateways may run at the same time. */
const upsertCell = `INSERT INTO rollups (${columns.join(', ')}) VALUES (?${', ?'.repeat(columns.length - 1)}) ${added}`

/** Many of them at once: a server is asked once, which takes longer than what it does. */
const upsertCells = `INSERT INTO rollups (${columns.join(', ')}) SELECT ${columns.join(', ')}
  FROM ${recordsOf} AS cell (${columns.map(typed).join(', ')}) WHERE true ${added}`
const cellsAtOnce = 1000

/** The same, but not for minutes that are gone already: they would seem to be kept from there on. */
const upsertKeptCell = `INSERT INTO rollups (${columns.join(', ')})
  SELECT ${columns.map((name) => `CAST(? AS ${textColumns.has(name) ? 'TEXT' : 'BIGINT'})`).join(', ')}
  WHERE CAST(? AS BIGINT) >= (SELECT min(at) FROM rollups WHERE grain = 'outcome' AND period = ?) ${added}`

function cellParams({ grain, period, at, names, sums, histogram }: Cell): SqlValue[] {
  return [grain, period, at, ...names, ...sums, encodeHistogram(histogram)]
}

const providerAt = dimensions.indexOf('provider')
const costMeasures = [measures.indexOf('cost_nano'), measures.indexOf('estimated_cost_nano')] as const

export class RollupCells {
  /** By minute, in full: what all the others are added up from. */
  readonly #minutes = new Map<string, Cell>()

  /** Counts a request that has ended; `sign` -1 takes one back. */
  add(row: CountedRow, sign: 1 | -1 = 1): void {
    const { minute } = periods
    const at = Math.floor(Number(row.created_at) / minute) * minute
    const of = dimensionsOf(row)
    const names = dimensions.map((name) => of[name])
    const cell = this.#cell(at, names)
    const values: Measures = measuresOf(row)
    for (const [index, name] of measures.entries())
      if (!costMeasures.includes(index)) cell.sums[index] = (cell.sums[index] as number) + sign * values[name]
    for (const bucket of bucketsOf(row)) addCount(cell.histogram, bucket, sign)
    for (const { provider, nanos, estimated } of costShares(row)) {
      const paid = provider === of.provider ? cell : this.#cell(at, names.with(providerAt, provider))
      const [all, part] = costMeasures
      paid.sums[all] = (paid.sums[all] as number) + sign * nanos
      paid.sums[part] = (paid.sums[part] as number) + sign * estimated
    }
  }

  /** Cells of every grain and period that hold anything, in the one order in which everybody writes them. */
  list(only: readonly Period[] = Object.values(periods)): Cell[] {
    const cells = new Map<string, Cell>()
    for (const cell of this.#minutes.values()) {
      const named = nameOf(cell.names)
      for (const period of only) {
        const at = Math.floor(cell.at / period) * period
        for (const grain of grainsOf[period]) addTo(cells, { grain, period, at, ...named[grain] }, cell)
      }
    }
    return [...cells]
      .filter(([, cell]) => holdsAnything(cell))
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([, cell]) => cell)
  }

  #cell(at: number, names: readonly string[]): Cell {
    const key = `${at}${separator}${names.join(separator)}`
    let cell = this.#minutes.get(key)
    if (cell === undefined) {
      cell = emptyCell('full', periods.minute, at, names)
      this.#minutes.set(key, cell)
    }
    return cell
  }
}

function emptyCell(grain: Grain, period: Period, at: number, names: readonly string[]): Cell {
  return { grain, period, at, names, sums: measures.map(() => 0), histogram: new Map() }
}

const isColumnOf = (grain: Grain) => {
  const own: readonly Dimension[] = grains[grain]
  return dimensions.map((name) => own.includes(name))
}
const columnsOf = {
  full: isColumnOf('full'),
  caller: isColumnOf('caller'),
  route: isColumnOf('route'),
  outcome: isColumnOf('outcome'),
} as const satisfies Record<Grain, readonly boolean[]>

/** What a grain has of the names. */
export function namesOf(grain: Grain, names: readonly string[]): readonly string[] {
  return grain === 'full' ? names : names.map((name, index) => (columnsOf[grain][index] ? name : ''))
}

interface Named {
  names: readonly string[]
  text: string
}

function nameOf(names: readonly string[]): Record<Grain, Named> {
  const named = (grain: Grain): Named => {
    const own = namesOf(grain, names)
    return { names: own, text: own.join(separator) }
  }
  return { full: named('full'), caller: named('caller'), route: named('route'), outcome: named('outcome') }
}

type CellName = Pick<Cell, 'grain' | 'period' | 'at'> & Named

function addTo(cells: Map<string, Cell>, { grain, period, at, names, text }: CellName, from: Cell): void {
  const key = `${grain}${separator}${period}${separator}${at}${separator}${text}`
  let cell = cells.get(key)
  if (cell === undefined) {
    cell = emptyCell(grain, period, at, names)
    cells.set(key, cell)
  }
  if (period === periods.week) addSums(cell, from)
  else addCell(cell, from)
}

export function keyOf(grain: Grain, period: Period, at: number, names: readonly string[]): string {
  return [grain, period, at, ...names].join(separator)
}

export function addCell(to: Cell, from: Pick<Cell, 'sums' | 'histogram'>): void {
  addSums(to, from)
  addHistogram(to.histogram, from.histogram)
}

function addSums(to: Cell, from: Pick<Cell, 'sums'>): void {
  for (const [index, value] of from.sums.entries()) to.sums[index] = (to.sums[index] as number) + value
}

export function holdsAnything({ sums, histogram }: Pick<Cell, 'sums' | 'histogram'>): boolean {
  return histogram.size > 0 || sums.some((value) => value !== 0)
}

/** For requests that may be old. Hours and days are kept for longer than rows. */
export function writeKeptCells(cells: readonly Cell[]): Statement[] {
  return cells.map((cell) =>
    cell.period === periods.minute
      ? { sql: upsertKeptCell, params: [...cellParams(cell), cell.at, periods.minute] }
      : { sql: upsertCell, params: cellParams(cell) },
  )
}

export function writeCells(cells: readonly Cell[], dialect: Dialect = 'sqlite'): Statement[] {
  if (dialect === 'sqlite') return cells.map((cell) => ({ sql: upsertCell, params: cellParams(cell) }))
  const statements: Statement[] = []
  for (let at = 0; at < cells.length; at += cellsAtOnce) {
    const some = cells.slice(at, at + cellsAtOnce).map(cellParams)
    statements.push({ sql: upsertCells, params: [toJson(columns, some)] })
  }
  return statements
}
