/**
 * What keeps several gateways on one database from making the same numbers: each has a lane of its own among the keys of
 * requests, and takes the ids of blocks from one sequence.
 */

import { clockOf } from './clock.ts'
import type { Dialect, Driver, Statement } from './driver.ts'
import { keyAt } from './keys.ts'

/** Gateways that can share a database. A power of two, for a millisecond has 1024 keys. */
export const laneCount = 64

/** Ids that a gateway takes at a time. */
export const blockIdsTaken = 65_536

/** SQLite has one gateway, which has them all. */
export const lanesSchema: readonly Readonly<Record<Dialect, string | null>>[] = [
  'CREATE TABLE lanes (lane INTEGER PRIMARY KEY, owner TEXT, given_at INTEGER NOT NULL)',
  `INSERT INTO lanes (lane, given_at) SELECT number, 0 FROM generate_series(0, ${laneCount - 1}) AS number`,
  `CREATE SEQUENCE block_ids INCREMENT BY ${blockIdsTaken}`,
  // These are compressed already.
  'ALTER TABLE blocks ALTER COLUMN content SET STORAGE EXTERNAL',
  'ALTER TABLE responses ALTER COLUMN input SET STORAGE EXTERNAL',
  'ALTER TABLE responses ALTER COLUMN output SET STORAGE EXTERNAL',
  'ALTER TABLE responses ALTER COLUMN body SET STORAGE EXTERNAL',
  'ALTER TABLE response_events ALTER COLUMN content SET STORAGE EXTERNAL',
].map((postgres) => ({ sqlite: null, postgres }))

/**
 * Takes the lane that has been free for longest: a gateway that was held up so long that it counted as dead may still
 * write in its old one. Null when every lane belongs to a living gateway.
 */
export async function claimLane(driver: Driver, instance: string): Promise<number | null> {
  const clock = clockOf(driver.dialect, Date.now())
  const claim: Statement = {
    sql: `UPDATE lanes SET owner = ?, given_at = ${clock.sql}
      WHERE lane = COALESCE((SELECT min(lane) FROM lanes WHERE owner = ?),
        (SELECT lane FROM lanes
          WHERE owner IS NULL OR owner NOT IN (SELECT id FROM instances WHERE alive_until > ${clock.sql})
          ORDER BY given_at, lane LIMIT 1)) RETURNING lane`,
    params: [instance, ...clock.params, instance, ...clock.params],
  }
  const [rows] = await driver.batch([claim], { locks: ['lanes'] })
  return rows?.[0] === undefined ? null : Number(rows[0].lane)
}

/** At a clean end: lane and leases are free, and the others need not wait until the instance counts as dead. */
export async function leave(driver: Driver, instance: string): Promise<void> {
  await driver.batch([
    { sql: 'UPDATE lanes SET owner = NULL WHERE owner = ?', params: [instance] },
    { sql: 'DELETE FROM leases WHERE owner = ?', params: [instance] },
    { sql: 'DELETE FROM instances WHERE id = ?', params: [instance] },
  ])
}

/** The newest key of a lane that could come again: an earlier owner's clock may have been ahead. 0 without any. */
export async function newestKey(driver: Driver, lane: number, now: number): Promise<number> {
  const [row] = await driver.all(
    `SELECT max(key) AS key FROM requests WHERE key >= ? AND key % ${laneCount} = CAST(? AS BIGINT)`,
    [keyAt(now), lane],
  )
  return Number(row?.key ?? 0)
}

/** The first of `blockIdsTaken` ids that nobody else has. */
export async function takeBlockIds(driver: Driver): Promise<number> {
  const [row] = await driver.all("SELECT nextval('block_ids') AS first")
  return Number(row?.first)
}
