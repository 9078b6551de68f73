/**
 * Counts the requests that had ended before there were sums, in the store of an older version: from the newest to the
 * oldest, in steps of a few milliseconds on the writer's thread, while new ones are counted as they end.
 *
 * Requests with a key of `below` or more have been counted, as every new one has a larger key. So are those that ran at
 * the upgrade: when they end. Each step counts those of some keys and moves `below` in one transaction, so that none is
 * counted twice or left out, wherever it is interrupted. `version` rises with each change that rests on what was read
 * before it: one that rests on an older version fails.
 */

import type { Dialect, SqlValue, Statement } from '../engine/driver.ts'
import { type CountedRow, countedColumns, hasEnded } from './rollup-row.ts'
import { rollupStatements } from './rollup-writes.ts'
import type { StepContext } from './steps.ts'

const table = `
  CREATE TABLE rollup_backlog (
    id INTEGER PRIMARY KEY,
    below INTEGER NOT NULL,
    version INTEGER NOT NULL
  )`

/** A store that has sums already has all of them. */
const start = `
  INSERT INTO rollup_backlog (id, below, version)
  SELECT 1, CASE WHEN EXISTS (SELECT 1 FROM rollups) THEN 0 ELSE coalesce(max(key) + 1, 0) END, 0 FROM requests`

/** Requests below that had not ended at the upgrade. */
const running = `
  CREATE TABLE rollup_backlog_running (
    key INTEGER PRIMARY KEY
  )`

const findRunning = `
  INSERT INTO rollup_backlog_running (key)
  SELECT key FROM requests WHERE status IN ('in_progress', 'queued') AND key < (SELECT below FROM rollup_backlog)`

export const backlogSchema: readonly string[] = [table, start, running, findRunning]

export interface Backlog {
  /** Requests with a smaller key are not in the sums yet, but for those that ran at the upgrade; 0 when all are. */
  below: number
  version: number
}

export async function readBacklog({ driver }: Pick<StepContext, 'driver'>): Promise<Backlog> {
  const [row] = await driver.all('SELECT below, version FROM rollup_backlog WHERE id = 1')
  return { below: Number(row?.below ?? 0), version: Number(row?.version ?? 0) }
}

/** Makes the transaction fail, since a column may not be null, unless the backlog is as it was read. */
export function moveBacklog({ version }: Backlog, below: number): Statement {
  return {
    sql: `UPDATE rollup_backlog SET below = CAST(? AS BIGINT), version = CASE WHEN version = ? THEN version + 1 ELSE NULL END
      WHERE id = 1`,
    params: [below, version],
  }
}

/** Runs what rests on the backlog as it is, anew where another gateway has moved it meanwhile. */
export async function withBacklog<T>(
  context: Pick<StepContext, 'driver'>,
  work: (backlog: Backlog) => Promise<T>,
): Promise<T> {
  for (;;) {
    const backlog = await readBacklog(context)
    try {
      return await work(backlog)
    } catch (error) {
      if ((await readBacklog(context)).version === backlog.version) throw error
    }
  }
}

/** Of these requests, those that are in no sum yet. */
export async function findUncounted(
  { driver }: Pick<StepContext, 'driver'>,
  { below }: Backlog,
  keys: readonly number[],
): Promise<Set<number>> {
  const older = keys.filter((key) => key < below)
  if (older.length === 0) return new Set()
  const found = await driver.all(
    `SELECT key FROM rollup_backlog_running WHERE key IN (${older.map(() => '?').join(', ')})`,
    older,
  )
  const counted = new Set(found.map((row) => Number(row.key)))
  return new Set(older.filter((key) => !counted.has(key)))
}

export interface BacklogStep {
  /** Requests to look at, at most. */
  limit: number
  /** Unix milliseconds, a whole hour: minutes before it are not kept. */
  minutesFrom: number
}

export interface CountedBacklog {
  /** Requests that are in the sums from now on. */
  counted: number
  /** Whether there are more. */
  more: boolean
  /** Of the writer. */
  milliseconds: number
}

/** One step. Call it until there is no more; two gateways that do it at the same time only waste their time. */
export async function countBacklog(
  context: StepContext,
  { limit, minutesFrom }: BacklogStep,
): Promise<CountedBacklog> {
  const begun = performance.now()
  const done = await withBacklog(context, (backlog) => countNext(context, backlog, { limit, minutesFrom }))
  return { ...done, milliseconds: performance.now() - begun }
}

async function countNext(
  context: StepContext,
  backlog: Backlog,
  { limit, minutesFrom }: BacklogStep,
): Promise<Omit<CountedBacklog, 'milliseconds'>> {
  const { driver } = context
  if (backlog.below === 0) return { counted: 0, more: false }
  const rows = (await driver.all(
    `SELECT ${countedColumns.join(', ')} FROM requests WHERE key < ? ORDER BY key DESC LIMIT ?`,
    [backlog.below, limit],
  )) as CountedRow[]
  const last = rows.at(-1)
  const more = last !== undefined && rows.length === limit
  const below = more ? Number(last.key) : 0
  const uncounted = await findUncounted(
    context,
    backlog,
    rows.map(({ key }) => Number(key)),
  )
  const ended = rows.filter((row) => hasEnded(row) && uncounted.has(Number(row.key)))
  await driver.batch([moveBacklog(backlog, below), ...statementsOf(ended, driver.dialect, minutesFrom)])
  return { counted: ended.length, more }
}

function statementsOf(rows: readonly CountedRow[], dialect: Dialect, minutesFrom: number): Statement[] {
  const isRecent = ({ created_at: at }: { created_at: SqlValue }) => Number(at) >= minutesFrom
  // A chain that went on after the upgrade has counted its first request already.
  const options = { sessions: 'named' } as const
  return [
    ...rollupStatements(rows.filter(isRecent), dialect, options),
    ...rollupStatements(
      rows.filter((row) => !isRecent(row)),
      dialect,
      { ...options, minutes: false },
    ),
  ]
}
