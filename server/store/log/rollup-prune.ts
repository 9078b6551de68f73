/** Removes sums whose time is over, the oldest first, in bounded steps on the writer's thread. */

import type { SqlValue, Statement } from '../engine/driver.ts'
import { keyAt } from '../engine/keys.ts'
import { grainsOf, type Period, periods } from './rollup-schema.ts'
import type { StepContext } from './steps.ts'

export interface Pruned {
  /** Cells or sessions that were removed. */
  removed: number
  /** Whether there may be more to remove. */
  more: boolean
}

export interface PruneRollups {
  /** Unix milliseconds: minutes before this are removed, down to a whole hour. */
  minuteBefore: number
  /** Weeks that end before this are removed, with their hours and days, and months that have such days. */
  hourAndDayBefore: number
  /** Cells of one step, about. */
  limit: number
}

/** Call it until there is no more. */
export async function pruneRollups(
  context: StepContext,
  { minuteBefore, hourAndDayBefore, limit }: PruneRollups,
): Promise<Pruned> {
  const { hour, minute, day, week } = periods
  // Whole weeks: the sums of each length, and of what clients say, have the same requests.
  const longerBefore = hourAndDayBefore - (hourAndDayBefore % week)
  // First what clients say, of which no more may be told than there is: what it lacks counts as said by nobody.
  let removed = await pruneSpend(context, longerBefore, limit)
  // Not before the last of what they are sums of.
  if (removed < limit) removed += await pruneTotals(context, longerBefore, limit - removed)
  if (removed >= limit) return { removed, more: true }
  for (const [period, before] of [
    [minute, minuteBefore - (minuteBefore % hour)],
    [hour, longerBefore],
    [day, longerBefore],
    [week, longerBefore],
  ] as const) {
    const pruned = await prunePeriod(context, { period, before, limit: limit - removed })
    removed += pruned.removed
    if (pruned.more || removed >= limit) return { removed, more: true }
  }
  return { removed, more: false }
}

/** All grains of a moment go together, so that what is kept is kept whole: a step may remove less than its limit. */
async function prunePeriod(
  { driver }: StepContext,
  { period, before, limit }: { period: Period; before: number; limit: number },
): Promise<Pruned> {
  const [last] = await driver.all(
    `SELECT at FROM rollups WHERE grain = 'full' AND period = ? AND at < ? ORDER BY at LIMIT 1 OFFSET ?`,
    [period, before, limit],
  )
  const [oldest] = await driver.all(
    `SELECT min(at) AS at FROM rollups WHERE grain IN ('full', 'outcome') AND period = ?`,
    [period],
  )
  if (typeof oldest?.at !== 'number' || oldest.at >= before) return { removed: 0, more: false }
  const end = typeof last?.at === 'number' ? Math.max(last.at, oldest.at + period) : before
  const where = (grain: string): Statement => ({
    sql: 'FROM rollups WHERE grain = ? AND period = ? AND at < ?',
    params: [grain, period, end],
  })
  const [count] = await driver.all(`SELECT count(*) AS cells ${where('full').sql}`, where('full').params)
  await driver.batch(
    grainsOf[period].map((grain) => ({ sql: `DELETE ${where(grain).sql}`, params: where(grain).params })),
  )
  return { removed: Math.max(1, Number(count?.cells)), more: last !== undefined }
}

const spendTables = { day: ['spend_days', 'day'], month: ['spend_months', 'month'] } as const

/** Values of a dimension that one step counts on: more are removed at once only where it has more. */
const valuesOfDimension = 100

async function pruneSpend({ driver }: StepContext, before: number, limit: number): Promise<number> {
  const listed = await driver.all(
    `SELECT period, at, project, dimension FROM spend_dimensions
      WHERE (period = 'day' AND at < ?) OR (period = 'month' AND at < ?) ORDER BY period, at LIMIT ?`,
    [before, before, Math.ceil(limit / valuesOfDimension)],
  )
  const statements = listed.flatMap(({ period, at, project, dimension }): Statement[] => {
    const [table, column] = spendTables[period === 'month' ? 'month' : 'day']
    const of: SqlValue[] = [dimension ?? '', at ?? 0, project ?? '']
    return [
      { sql: `DELETE FROM ${table} WHERE dimension = ? AND ${column} = ? AND project = ?`, params: of },
      {
        sql: 'DELETE FROM spend_dimensions WHERE dimension = ? AND at = ? AND project = ? AND period = ?',
        params: [...of, period ?? ''],
      },
    ]
  })
  if (statements.length > 0) await driver.batch(statements)
  return listed.length * valuesOfDimension
}

async function pruneTotals({ driver }: StepContext, before: number, limit: number): Promise<number> {
  const oldest = await driver.all(
    'SELECT month, dimension, value FROM spend_totals WHERE month < ? ORDER BY month, dimension, value LIMIT ?',
    [before, limit],
  )
  const last = oldest.at(-1)
  if (last === undefined) return 0
  const end: SqlValue[] = [last.month ?? 0, last.dimension ?? '', last.value ?? '']
  await driver.batch([
    {
      sql: 'DELETE FROM spend_totals WHERE month < ? AND (month, dimension, value) <= (?, ?, ?)',
      params: [before, ...end],
    },
  ])
  return oldest.length
}

/** Sessions whose newest request is from before that time, in Unix milliseconds. They go with their rows. */
export async function pruneSessions(
  { driver }: StepContext,
  { before, limit }: { before: number; limit: number },
): Promise<Pruned> {
  const found = await driver.all(
    'SELECT last_key FROM sessions WHERE last_key < ? ORDER BY last_key LIMIT ?',
    [keyAt(before), limit],
  )
  const last = found.at(-1)
  if (last === undefined) return { removed: 0, more: false }
  await driver.batch([{ sql: 'DELETE FROM sessions WHERE last_key <= ?', params: [last.last_key ?? 0] }])
  return { removed: found.length, more: found.length === limit }
}
