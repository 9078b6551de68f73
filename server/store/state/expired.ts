/** What has expired, looked for in small steps. On the reader's thread, which has turns to read as well. */

import type { Driver, SqlRow } from '../engine/driver.ts'
import type { Expired } from './upkeep.ts'

/** How far a walk over what has expired has come: the last response that it looked at. */
export interface SweepPlace {
  expiresAt: number
  id: string
}

export interface FoundExpired extends Pick<Expired, 'responses' | 'conversations'> {
  /** Where to go on; null at the end of the walk. */
  place: SweepPlace | null
}

/** Responses that one step looks at, for each one that it may give: those that others build on stay, and may be many. */
const looksPerResponse = 10

/** Up to `limit` responses and conversations that have expired; the writer looks again before it removes them. */
export async function findExpired(
  driver: Driver,
  { now, limit, place }: { now: number; limit: number; place: SweepPlace | null },
): Promise<FoundExpired> {
  const conversations = await driver.all(
    'SELECT id FROM conversations WHERE expires_at <= ? AND lock_holder IS NULL ORDER BY expires_at LIMIT ?',
    [now, limit],
  )
  return {
    ...(await findResponses(driver, now, limit, place)),
    conversations: conversations.map((row) => String(row.id)),
  }
}

async function findResponses(
  driver: Driver,
  now: number,
  limit: number,
  place: SweepPlace | null,
): Promise<Pick<FoundExpired, 'responses' | 'place'>> {
  const looks = limit * looksPerResponse
  const from = place ?? { expiresAt: now + 1, id: '' }
  const rows = await driver.all(expiredSql, [
    looks + 1,
    Math.min(now, from.expiresAt),
    from.expiresAt,
    from.id,
    looks,
  ])
  const responses = chooseFree(rows, limit)
  // What was left for want of room is looked at again, without those that are gone by then.
  if (responses.length === limit) return { responses, place }
  const last = rows.at(-1)
  if (last === undefined || rows.length < looks) return { responses, place: null }
  return { responses, place: { expiresAt: Number(last.expires_at), id: String(last.id) } }
}

/** Those that nothing builds on, then those that only they had built on, and so on: what a living response builds on lives as long. */
function chooseFree(rows: readonly SqlRow[], limit: number): string[] {
  const found = new Map(rows.map((row) => [row.id, row]))
  const children = new Map(rows.map((row) => [row.id, Number(row.children)]))
  const free = rows.filter((row) => row.children === 0 && row.runs === 0)
  // Grows while it is walked.
  for (const { previous_id: parent = null } of free) {
    const left = (children.get(parent) ?? 0) - 1
    children.set(parent, left)
    const row = found.get(parent)
    if (left === 0 && row?.runs === 0) free.push(row)
    if (free.length >= limit) break
  }
  return free.slice(0, limit).map(({ id }) => String(id))
}

/** The youngest first, so that a walk meets what builds on a response before it meets that. */
export const expiredSql = `
  SELECT id, expires_at, previous_id,
    (SELECT count(*) FROM
      (SELECT 1 FROM responses AS child WHERE child.previous_id = responses.id LIMIT ?) AS few) AS children,
    EXISTS (SELECT 1 FROM jobs WHERE jobs.response_id = responses.id) AS runs
  FROM responses
  WHERE expires_at <= ? AND (expires_at < ? OR id < ?)
  ORDER BY expires_at DESC, id DESC LIMIT ?`
