/** Rights that one instance has at a time, over all gateways on the database. */

import { clockOf } from '../engine/clock.ts'
import type { StepContext } from './steps.ts'

export interface LeaseWish {
  /** What it is the right to, such as `retention`. */
  name: string
  /** For how long it is held, unless it is asked for again; longer than the time between two askings. */
  milliseconds: number
}

/**
 * Takes the lease, or holds it for longer: true when this instance has it until then. It is given back when the store is
 * closed. That of an instance that was killed goes when another one notices that it is gone, some 15 seconds later; on a
 * file, with the next start; at the latest when its time is over. An instance that is slow may work on past its end, so
 * what is done under a lease must stay right when two do it for a moment.
 */
export async function holdLease(
  { driver, instance, now }: StepContext,
  { name, milliseconds }: LeaseWish,
): Promise<boolean> {
  const clock = clockOf(driver.dialect, now)
  const sql = `
    INSERT INTO leases (name, owner, until) VALUES (?, ?, ${clock.sql} + CAST(? AS BIGINT))
    ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until = excluded.until
    WHERE leases.owner = excluded.owner OR leases.until <= ${clock.sql}
    RETURNING name`
  const params = [name, instance, ...clock.params, milliseconds, ...clock.params]
  const [rows] = await driver.batch([{ sql, params }])
  return rows?.length === 1
}

/** Gives the lease back before its time, when what it was for is done. That of another instance stays. */
export async function releaseLease(
  { driver, instance }: StepContext,
  { name }: Pick<LeaseWish, 'name'>,
): Promise<void> {
  await driver.batch([{ sql: 'DELETE FROM leases WHERE name = ? AND owner = ?', params: [name, instance] }])
}
