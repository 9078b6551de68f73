/** Writes that no client asks for: signs of life, the rights of instances that are gone, and retention. */

import { clockOf } from '../engine/clock.ts'
import type { Statement } from '../engine/driver.ts'
import { failLost } from '../log/lost-requests.ts'
import { removeConversationItems } from './conversation-writes.ts'
import { type Guard, type Plan, rights, silent, type WriteContext } from './plan.ts'
import { removeRest } from './turn-writes.ts'

/** Milliseconds that an instance counts as alive before its first beat. */
const firstLife = 60_000

/** At the start of the only gateway on a file: every older instance is gone. */
export function recover({ instance, now }: Omit<WriteContext, 'dialect'>): Plan<null> {
  return silent([
    { sql: 'DELETE FROM instances', params: [] },
    sayAlive(instance, clockOf('sqlite', now), firstLife),
    ...endRights,
  ])
}

/** At the start of one of several gateways: the others may be alive. */
export function join({ instance, now, dialect }: WriteContext): Plan<null> {
  return silent([sayAlive(instance, clockOf(dialect, now), firstLife)])
}

/** True: there is something of instances that are not alive, which `buryDead` ends. */
export function beat(
  { milliseconds }: { milliseconds: number },
  { instance, now, dialect }: WriteContext,
): Plan<boolean> {
  const clock = clockOf(dialect, now)
  return {
    statements: [sayAlive(instance, clock, milliseconds), findDead(instance, clock)],
    value: ([, found]) => found?.[0]?.dead === 1,
  }
}

function findDead(instance: string, clock: Guard): Statement {
  const unlisted = 'NOT IN (SELECT id FROM instances)'
  return {
    sql: `SELECT 1 AS dead
      WHERE EXISTS (SELECT 1 FROM instances WHERE alive_until <= ${clock.sql} AND id <> ?)
        OR EXISTS (SELECT 1 FROM conversations WHERE lock_holder IS NOT NULL AND lock_owner ${unlisted})
        OR EXISTS (SELECT 1 FROM idempotency_keys WHERE answer IS NULL AND owner ${unlisted})
        OR EXISTS (SELECT 1 FROM jobs WHERE owner IS NOT NULL AND owner ${unlisted})
        OR EXISTS (SELECT 1 FROM requests WHERE instance IS NOT NULL AND instance ${unlisted})`,
    params: [...clock.params, instance],
  }
}

/** Ends the rights of instances that are not alive, while nobody relies on any. */
export function buryDead(_none: object, { instance, now, dialect }: WriteContext): Plan<null> {
  const clock = clockOf(dialect, now)
  const remove: Statement = {
    sql: `DELETE FROM instances WHERE alive_until <= ${clock.sql} AND id <> ?`,
    params: [...clock.params, instance],
  }
  return silent([remove, ...endRights, ...failLost], { locks: [rights] })
}

function sayAlive(instance: string, clock: Guard, milliseconds: number): Statement {
  return {
    sql: `INSERT INTO instances (id, alive_until) VALUES (?, ${clock.sql} + CAST(? AS BIGINT))
      ON CONFLICT (id) DO UPDATE SET alive_until = excluded.alive_until`,
    params: [instance, ...clock.params, milliseconds],
  }
}

/** What instances had that are not listed any more. Times that a job has been taken stay counted. */
const endRights: readonly Statement[] = [
  {
    sql: `UPDATE conversations SET lock_owner = NULL, lock_holder = NULL
        WHERE lock_holder IS NOT NULL AND lock_owner NOT IN (SELECT id FROM instances)`,
    params: [],
  },
  {
    sql: `DELETE FROM idempotency_keys
        WHERE answer IS NULL AND owner NOT IN (SELECT id FROM instances)`,
    params: [],
  },
  {
    sql: 'UPDATE jobs SET owner = NULL WHERE owner IS NOT NULL AND owner NOT IN (SELECT id FROM instances)',
    params: [],
  },
  { sql: 'DELETE FROM leases WHERE owner NOT IN (SELECT id FROM instances)', params: [] },
]

export interface Expired {
  /** Those that nothing builds on first, so that a chain goes from its end. */
  responses: readonly string[]
  conversations: readonly string[]
  /** How many keys at most. */
  keys: number
  /** What has expired by then, in Unix milliseconds. */
  before: number
}

export interface Swept {
  responses: string[]
  conversations: number
  idempotencyKeys: number
}

/** Takes away what is found to have expired, unless that is no longer so. */
export function sweep({ responses, conversations, keys, before }: Expired): Plan<Swept> {
  return {
    statements: [
      removeKeys(keys, before),
      ...responses.map(removeResponse(before)),
      ...conversations.map(removeConversation(before)),
      ...responses.flatMap(removeRest),
      ...conversations.map(removeConversationItems),
    ],
    value: ([removedKeys = [], ...rows]) => ({
      idempotencyKeys: removedKeys.length,
      responses: rows
        .slice(0, responses.length)
        .flat()
        .map(({ id }) => String(id)),
      conversations: rows.slice(responses.length, responses.length + conversations.length).flat().length,
    }),
  }
}

const removeResponse =
  (before: number) =>
  (id: string): Statement => ({
    sql: `DELETE FROM responses WHERE id = ? AND expires_at <= ?
      AND NOT EXISTS (SELECT 1 FROM responses AS child WHERE child.previous_id = ?)
      AND NOT EXISTS (SELECT 1 FROM jobs WHERE response_id = ?) RETURNING id`,
    params: [id, before, id, id],
  })

const removeConversation =
  (before: number) =>
  (id: string): Statement => ({
    sql: `DELETE FROM conversations WHERE id = ? AND expires_at <= ? AND lock_holder IS NULL RETURNING id`,
    params: [id, before],
  })

function removeKeys(limit: number, before: number): Statement {
  return {
    sql: `DELETE FROM idempotency_keys WHERE (project, key) IN (
        SELECT project, key FROM idempotency_keys WHERE answer IS NOT NULL AND expires_at <= ?
        ORDER BY expires_at LIMIT ?)
        AND answer IS NOT NULL AND expires_at <= ? RETURNING key`,
    // Twice: one of them may have been claimed anew, by another gateway, since it was found.
    params: [before, limit, before],
  }
}
