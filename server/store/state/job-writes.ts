/** Writes of jobs: background responses that are queued or run. */

import type { BatchOptions, Statement } from '../engine/driver.ts'
import { pack, unpackText } from './pack.ts'
import {
  flag,
  type Guard,
  jobIsOurs,
  nameOf,
  type Plan,
  rights,
  silent,
  type WriteContext,
  whetherChanged,
} from './plan.ts'
import type { EventChunk, JobCancellation, TakenJob } from './state.ts'
import { eventStatements, itemStatements, unlockFor } from './turn-writes.ts'

/** Jobs of one conversation that are taken at a time: one runs, and the others wait in line while the rest is for all. */
const mostOfConversation = 4

/**
 * Milliseconds for which a job is left to the instance that accepted it, which has its request at hand and tells of it in
 * one record: others help out when that one has no place for it, or has died.
 */
const headStart = 1000

/**
 * The condition on the owner stands twice: another instance may take one in between. What that is taking just now is
 * passed over, where the engine has more than one writer.
 */
export function takeJobs(
  { limit }: { limit: number },
  { instance, now, dialect }: WriteContext,
): Plan<TakenJob[]> {
  const take: Statement = {
    sql: `WITH chosen AS (
        SELECT response_id FROM jobs AS free
        WHERE owner IS NULL AND (accepted_by IS NULL OR accepted_by = ? OR created_at <= ?
            OR accepted_by NOT IN (SELECT id FROM instances))
          AND NOT EXISTS (
            SELECT 1 FROM jobs AS taken
            WHERE taken.conversation = free.conversation AND taken.owner > ''
            LIMIT 1 OFFSET ${mostOfConversation - 1})
        ORDER BY created_at LIMIT ? ${dialect === 'postgres' ? 'FOR UPDATE SKIP LOCKED' : ''})
      UPDATE jobs SET owner = ?, takes = takes + 1
      WHERE owner IS NULL AND response_id IN (SELECT response_id FROM chosen)
      RETURNING *`,
    params: [instance, now - headStart, limit, instance],
  }
  return {
    statements: [take],
    value: ([rows = []]) =>
      rows
        .map((row) => ({
          id: String(row.response_id),
          project: String(row.project),
          createdAt: Number(row.created_at),
          expiresAt: row.expires_at as number | null,
          previousId: row.previous_id as string | null,
          conversation: row.conversation as string | null,
          streamed: row.streamed === 1,
          request: unpackText(row.request),
          takes: Number(row.takes),
          note: row.note as string | null,
        }))
        .sort((one, other) => one.createdAt - other.createdAt),
  }
}

export function startJob({ id, body }: { id: string; body: string }, context: WriteContext): Plan<boolean> {
  const ours = jobIsOurs(id, context)
  return whetherChanged(
    [
      {
        sql: `UPDATE responses SET status = 'in_progress', body = ? WHERE id = ? AND ${ours.sql} RETURNING id`,
        params: [pack(body).blob, id, ...ours.params],
      },
    ],
    relyingOn(id),
  )
}

export function noteJob({ id, note }: { id: string; note: string }, { instance }: WriteContext): Plan<null> {
  return silent([
    { sql: 'UPDATE jobs SET note = ? WHERE response_id = ? AND owner = ?', params: [note, id, instance] },
  ])
}

export function appendEvents(
  { id, chunk }: { id: string; chunk: EventChunk },
  context: WriteContext,
): Plan<boolean> {
  return whetherChanged(eventStatements(id, chunk, jobIsOurs(id, context)), relyingOn(id))
}

/** That its job is this instance's. */
function relyingOn(id: string): BatchOptions {
  return { locks: [nameOf.response(id)], shared: [rights] }
}

export function releaseJob(
  { id, begun }: { id: string; begun: boolean },
  { instance }: WriteContext,
): Plan<null> {
  return silent([
    {
      sql: 'UPDATE jobs SET owner = NULL, takes = takes - ? WHERE response_id = ? AND owner = ?',
      params: [flag(!begun), id, instance],
    },
  ])
}

export interface CancelJob extends JobCancellation {
  project: string
  id: string
}

/** Whoever has the job: it goes with the response's end. Not when events beyond those before `events` have been appended. */
export function cancelJob({ project, id, body, output, outputIds, events }: CancelJob): Plan<boolean> {
  const packed = pack(output)
  const cancel: Statement = {
    // The output has been `[]`, two bytes.
    sql: `UPDATE responses SET status = 'cancelled', body = ?, output = ?, bytes = bytes - 2 + ?
      WHERE id = ? AND project = ? AND status IN ('queued', 'in_progress')
        AND EXISTS (SELECT 1 FROM jobs WHERE response_id = ?)
        AND NOT EXISTS (SELECT 1 FROM response_events WHERE response_id = ? AND first + count > ?)
      RETURNING id`,
    params: [
      pack(body).blob,
      packed.blob,
      packed.bytes,
      id,
      project,
      id,
      id,
      events?.first ?? Number.MAX_SAFE_INTEGER,
    ],
  }
  // A cancelled response with a job is one that the first statement has just cancelled.
  const cancelled: Guard = {
    sql: `EXISTS (SELECT 1 FROM jobs WHERE response_id = ?)
      AND EXISTS (SELECT 1 FROM responses WHERE id = ? AND project = ? AND status = 'cancelled')`,
    params: [id, id, project],
  }
  return whetherChanged(
    [
      cancel,
      ...itemStatements({ project, id, inputIds: [], outputIds }, cancelled),
      ...(events === null ? [] : eventStatements(id, events, cancelled)),
      unlockFor(id, cancelled),
      {
        sql: `DELETE FROM jobs WHERE response_id = ? AND ${cancelled.sql}`,
        params: [id, ...cancelled.params],
      },
    ],
    { locks: [nameOf.response(id)] },
  )
}
