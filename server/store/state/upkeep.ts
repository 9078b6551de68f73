/** Writes that no client asks for: signs of life, the rights of instances that are gone, and retention. */

import type { Statement } from '../engine/driver.ts'
import { removeConversationItems } from './conversation-writes.ts'
import type { Plan, WriteContext } from './plan.ts'
import { silent } from './plan.ts'
import { removeRest } from './turn-writes.ts'

/** Milliseconds that an instance counts as alive before its first beat. */
const firstLife = 60_000

/** At the start of the only gateway on a file: every older instance is gone. */
export function recover({ instance, now }: WriteContext): Plan<null> {
  return silent([
    { sql: 'DELETE FROM instances', params: [] },
    sayAlive(instance, now + firstLife),
    ...endRights,
  ])
}

export function beat({ aliveUntil }: { aliveUntil: number }, { instance, now }: WriteContext): Plan<null> {
  return silent([
    sayAlive(instance, aliveUntil),
    { sql: 'DELETE FROM instances WHERE alive_until <= ? AND id <> ?', params: [now, instance] },
    ...endRights,
  ])
}

function sayAlive(instance: string, aliveUntil: number): Statement {
  return {
    sql: `INSERT INTO instances (id, alive_until) VALUES (?, ?)
      ON CONFLICT (id) DO UPDATE SET alive_until = excluded.alive_until`,
    params: [instance, aliveUntil],
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
        ORDER BY expires_at LIMIT ?) RETURNING key`,
    params: [before, limit],
  }
}
