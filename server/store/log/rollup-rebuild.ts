/**
 * Sums made again from what they are sums of: hours and their minutes from rows, days from hours, weeks from days. On
 * the writer's thread, in steps of a few milliseconds; what was read so far is held in between. The difference to what is
 * stored is written in one transaction, unless something was counted in the meantime: then it begins anew.
 *
 * A request counts in the hour of its `created_at`, and is found by its key, which is never earlier but may be later:
 * when the clock was set back, a millisecond had no more keys, or there was no room for the request until it ended. A
 * key that is later by more than `longestLag` is not looked for: what it counted goes out of the sums that are made
 * again. That takes a clock that was set back by more, or a request that went on for longer and was admitted at its end.
 */

import type { Driver, SqlRow, Statement } from '../engine/driver.ts'
import { keyAt } from '../engine/keys.ts'
import { readBacklog } from './rollup-backlog.ts'
import { addCell, type Cell, holdsAnything, keyOf, RollupCells, writeCells } from './rollup-cells.ts'
import { findMinutes } from './rollup-cover.ts'
import { addEncoded } from './rollup-histograms.ts'
import { type CountedRow, countedColumns, hasEnded } from './rollup-row.ts'
import { dimensions, type Grain, grainsOf, measures, type Period, periods } from './rollup-schema.ts'
import type { StepContext } from './steps.ts'

/** Rows of requests that one step reads. */
const rowsPerStep = 500

/** Milliseconds after its hour in which a key is looked for. Each hour is read twice for it, when hours follow each other. */
const longestLag = periods.hour

export interface RebuildResult {
  /**
   * `more`: call again with the same argument. `changed`: requests were counted meanwhile; called again it begins anew.
   * `incomplete`: rows of the hour have been removed, so its sums stay as they are. `pending`: they are not in the sums
   * yet, which rollup-backlog.ts sees to.
   */
  state: 'done' | 'more' | 'changed' | 'incomplete' | 'pending'
  /** Cells that were wrong, or not there. */
  mended: number
}

interface Work {
  period: Period
  at: number
  /** What the stored sums said at the beginning. */
  print: string
  /** Where to go on reading: a key, or the beginning of an hour or day. */
  next: number
  rows: RollupCells
  counted: number
  cells: Map<string, Cell>
}

/** There is one writer, and one rebuild at a time; another one begins anew. */
let work: Work | null = null

async function takeWork(driver: Driver, period: Period, at: number): Promise<Work> {
  if (work?.period === period && work.at === at) return work
  work = {
    period,
    at,
    print: await printOf(driver, at, period),
    next: period === periods.hour ? keyAt(at) : at,
    rows: new RollupCells(),
    counted: 0,
    cells: new Map(),
  }
  return work
}

/** What every request and every change of a cost alters: the sums of the hours in a stretch. */
async function printOf(driver: Driver, at: number, length: number): Promise<string> {
  const [row] = await driver.all(
    `SELECT CAST(sum(requests) AS TEXT) AS requests, CAST(sum(cost_nano) AS TEXT) AS cost, CAST(sum(unpriced) AS TEXT) AS unpriced
      FROM rollups WHERE grain = 'outcome' AND period = ? AND at >= ? AND at < ?`,
    [periods.hour, at, at + length],
  )
  return JSON.stringify(row)
}

/** Makes the cells of an hour, and those of its minutes where minutes are kept. `hour`: Unix milliseconds. */
export async function rebuildHour(context: StepContext, { hour }: { hour: number }): Promise<RebuildResult> {
  const { driver } = context
  if (hour % periods.hour !== 0) throw new Error(`${hour} is not the beginning of an hour`)
  if ((await readBacklog(context)).below > keyAt(hour)) return leave('pending')
  const end = keyAt(hour + periods.hour + longestLag)
  const [oldest] = await driver.all('SELECT min(key) AS key FROM requests')
  if (typeof oldest?.key !== 'number' || oldest.key >= end) return leave('incomplete')
  const current = await takeWork(driver, periods.hour, hour)
  const rows = (await driver.all(
    `SELECT ${countedColumns.join(', ')} FROM requests WHERE key >= ? AND key < ? ORDER BY key LIMIT ?`,
    [current.next, end, rowsPerStep],
  )) as CountedRow[]
  for (const row of rows.filter((row) => hasEnded(row) && isWithin(row, hour))) {
    current.rows.add(row)
    current.counted += 1
  }
  const last = rows.at(-1)
  if (last !== undefined && rows.length === rowsPerStep) {
    current.next = Number(last.key) + 1
    return { state: 'more', mended: 0 }
  }
  if (lacksRows(current, oldest.key)) return leave('incomplete')
  const hasMinutes = hour >= (await findMinutes(driver))
  const lengths = hasMinutes ? [periods.minute, periods.hour] : [periods.hour]
  return finish(driver, current.rows.list(lengths), lengths)
}

/** Whether rows of an hour are gone, of which the oldest go first. `oldest`: the first key that there is. */
function lacksRows({ at, print, counted }: Work, oldest: number): boolean {
  if (oldest < keyAt(at)) return false
  if (counted === 0 && oldest >= keyAt(at + periods.hour)) return true
  const stored = Number((JSON.parse(print) as { requests: string | null }).requests ?? 0)
  return stored > counted
}

function isWithin({ created_at: at }: CountedRow, hour: number): boolean {
  return Number(at) >= hour && Number(at) < hour + periods.hour
}

/** Makes the cells of a day from those of its hours. `day`: Unix milliseconds. */
export async function rebuildDay({ driver }: StepContext, { day }: { day: number }): Promise<RebuildResult> {
  if (day % periods.day !== 0) throw new Error(`${day} is not the beginning of a day`)
  return addUp(driver, { period: periods.day, at: day, from: periods.hour })
}

/** Makes the cells of a week from those of its days. `week`: Unix milliseconds. */
export async function rebuildWeek(
  { driver }: StepContext,
  { week }: { week: number },
): Promise<RebuildResult> {
  if (week % periods.week !== 0) throw new Error(`${week} is not the beginning of a week`)
  return addUp(driver, { period: periods.week, at: week, from: periods.day })
}

/** Reads the cells of one shorter period. */
async function addUp(
  driver: Driver,
  { period, at, from }: { period: Period; at: number; from: Period },
): Promise<RebuildResult> {
  const current = await takeWork(driver, period, at)
  for (const cell of await readCells(driver, from, current.next, current.next + from)) {
    if (!grainsOf[period].includes(cell.grain)) continue
    const key = keyOf(cell.grain, period, at, cell.names)
    const found = current.cells.get(key)
    const added = period === periods.week ? { ...cell, histogram: new Map<number, number>() } : cell
    if (found === undefined) current.cells.set(key, { ...added, period, at })
    else addCell(found, added)
  }
  current.next += from
  if (current.next < at + period) return { state: 'more', mended: 0 }
  return finish(driver, [...current.cells.values()], [period])
}

function leave(state: 'changed' | 'incomplete' | 'pending'): RebuildResult {
  work = null
  return { state, mended: 0 }
}

async function finish(
  driver: Driver,
  expected: readonly Cell[],
  lengths: readonly Period[],
): Promise<RebuildResult> {
  const { at, period, print } = work as Work
  const differences = new Map(
    expected.map((cell) => [keyOf(cell.grain, cell.period, cell.at, cell.names), cell]),
  )
  for (const length of lengths) {
    for (const stored of await readCells(driver, length, at, at + period)) subtract(differences, stored)
  }
  // Last of all: on a server another gateway may have counted a request between any two of these reads.
  if ((await printOf(driver, at, period)) !== print) return leave('changed')
  work = null
  const wrong = [...differences]
    .filter(([, cell]) => holdsAnything(cell))
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([, cell]) => cell)
  if (wrong.length > 0)
    await driver.batch([...writeCells(wrong, driver.dialect), ...lengths.map(removeEmpty(at, period))])
  return { state: 'done', mended: wrong.length }
}

function subtract(differences: Map<string, Cell>, stored: Cell): void {
  const negative = {
    sums: stored.sums.map((sum) => -sum),
    histogram: new Map([...stored.histogram].map(([bucket, count]) => [bucket, -count])),
  }
  const key = keyOf(stored.grain, stored.period, stored.at, stored.names)
  const expected = differences.get(key)
  if (expected === undefined) differences.set(key, { ...stored, ...negative })
  else addCell(expected, negative)
}

const removeEmpty =
  (at: number, length: number) =>
  (period: Period): Statement => ({
    sql: `DELETE FROM rollups WHERE grain IN ('full', 'caller', 'route', 'outcome') AND period = ? AND at >= ? AND at < ?
      AND histograms = '' AND ${measures.map((name) => `${name} = 0`).join(' AND ')}`,
    params: [period, at, at + length],
  })

async function readCells(driver: Driver, period: Period, from: number, to: number): Promise<Cell[]> {
  const rows = await driver.all(
    `SELECT * FROM rollups WHERE grain IN ('full', 'caller', 'route', 'outcome') AND period = ? AND at >= ? AND at < ?`,
    [period, from, to],
  )
  return rows.map(toCell)
}

function toCell(row: SqlRow): Cell {
  const histogram = new Map<number, number>()
  addEncoded(histogram, String(row.histograms))
  return {
    grain: row.grain as Grain,
    period: row.period as Period,
    at: Number(row.at),
    names: dimensions.map((name) => String(row[name])),
    sums: measures.map((name) => Number(row[name])),
    histogram,
  }
}
