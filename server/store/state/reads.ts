/**
 * Reads of state, on the reader's thread. Documents leave it as one buffer of JSON that is put together from what is
 * stored, without parsing that, and is parsed once where it is needed.
 */

import type { Driver, SqlRow } from '../engine/driver.ts'
import { skipEvents } from './events.ts'
import { joinParts, unpack, unpackText } from './pack.ts'
import type { EventChunk } from './state.ts'

type Parts = (string | Uint8Array)[]

const turnColumns = 'id, previous_id, provider, status, expires_at, bytes, input, output'

/**
 * A turn and up to `limit` - 1 of those that it builds on, the newest first, as JSON `StoredTurn[]`; null when there is
 * no such turn. Whether it has expired is for the caller to say.
 */
export async function readTurns(
  driver: Driver,
  { project, id, limit }: { project: string; id: string; limit: number },
): Promise<ArrayBuffer | null> {
  const rows = await driver.all(readTurnsSql, [id, project, project, limit])
  if (rows.length === 0) return null
  rows.sort((one, other) => Number(one.depth) - Number(other.depth))
  const parts: Parts = []
  for (const row of rows) {
    parts.push(parts.length === 0 ? '[' : ',', '{', ...turnParts(row), '}')
  }
  parts.push(']')
  return joinParts(parts)
}

export const readTurnsSql = `
  WITH RECURSIVE chain (depth, chain_id, before) AS (
    SELECT 0, id, previous_id FROM responses WHERE id = ? AND project = ?
    UNION ALL
    SELECT chain.depth + 1, parent.id, parent.previous_id
    FROM chain JOIN responses AS parent ON parent.id = chain.before AND parent.project = ?
    WHERE chain.depth + 1 < ?
  )
  SELECT chain.depth, ${turnColumns} FROM chain JOIN responses ON responses.id = chain.chain_id`

/** How many turns of a chain are there, from `id` back; counted up to `limit`. */
export async function chainLength(
  driver: Driver,
  { project, id, limit }: { project: string; id: string; limit: number },
): Promise<number> {
  const [row] = await driver.all(chainLengthSql, [id, project, project, limit])
  return Number(row?.length ?? 0)
}

export const chainLengthSql = `
  WITH RECURSIVE chain (depth, before) AS (
    SELECT 1, previous_id FROM responses WHERE id = ? AND project = ?
    UNION ALL
    SELECT chain.depth + 1, parent.previous_id
    FROM chain JOIN responses AS parent ON parent.id = chain.before AND parent.project = ?
    WHERE chain.depth < ?
  )
  SELECT count(*) AS length FROM chain`

/** The members of a StoredTurn. */
function turnParts(row: SqlRow): Parts {
  const head = {
    id: row.id,
    previousId: row.previous_id,
    provider: row.provider,
    status: row.status,
    expiresAt: row.expires_at,
    bytes: row.bytes,
  }
  return [JSON.stringify(head).slice(1, -1), ',"input":', unpack(row.input), ',"output":', unpack(row.output)]
}

/** JSON of a StoredResponse; null when there is none. */
export async function getResponse(
  driver: Driver,
  { project, id, now }: { project: string; id: string; now: number },
): Promise<ArrayBuffer | null> {
  const [row] = await driver.all(
    `SELECT ${turnColumns}, kind, created_at, conversation, background, streamed, include, body
      FROM responses WHERE id = ? AND project = ? AND (expires_at IS NULL OR expires_at > ?)`,
    [id, project, now],
  )
  if (row === undefined) return null
  const rest = {
    kind: row.kind,
    createdAt: row.created_at,
    conversation: row.conversation,
    background: row.background === 1,
    streamed: row.streamed === 1,
    include: JSON.parse(String(row.include)),
    body: unpackText(row.body),
  }
  return joinParts(['{', ...turnParts(row), ',', JSON.stringify(rest).slice(1)])
}

/** JSON `[id, item, provider][]` of those that are found. */
export async function findItems(
  driver: Driver,
  { project, ids, now }: { project: string; ids: readonly string[]; now: number },
): Promise<ArrayBuffer> {
  const arrays = new Map<string, unknown[]>()
  const found: [string, unknown, unknown][] = []
  for (const id of new Set(ids)) {
    const item =
      (await findResponseItem({ driver, project, id, now, arrays })) ??
      (await findConversationItem({ driver, project, id, now }))
    if (item !== null) found.push([id, item.item, item.provider])
  }
  return joinParts([JSON.stringify(found)])
}

interface ItemSearch {
  driver: Driver
  project: string
  id: string
  now: number
}

/** `arrays`: inputs and outputs that have been parsed for this call. */
async function findResponseItem({
  driver,
  project,
  id,
  now,
  arrays,
}: ItemSearch & { arrays: Map<string, unknown[]> }) {
  const [row] = await driver.all(findItemSql, [project, id, now])
  if (row === undefined) return null
  const place = row.place === 'output' ? 'output' : 'input'
  const name = `${row.holder} ${place}`
  let array = arrays.get(name)
  if (array === undefined) {
    const [content] = await driver.all(`SELECT ${place} AS content FROM responses WHERE id = ?`, [
      row.holder ?? null,
    ])
    array = content === undefined ? [] : (JSON.parse(unpackText(content.content)) as unknown[])
    arrays.set(name, array)
  }
  const item = array[Number(row.position)]
  // A reference that is itself the first with its id refers to what stands elsewhere.
  if (item === undefined || isReference(item)) return null
  return { item, provider: place === 'output' ? row.provider : null }
}

export const findItemSql = `
  SELECT items.holder, items.place, items.position, responses.provider
  FROM items JOIN responses ON responses.id = items.holder
  WHERE items.project = ? AND items.id = ? AND (responses.expires_at IS NULL OR responses.expires_at > ?)`

async function findConversationItem({ driver, project, id, now }: ItemSearch) {
  const rows = await driver.all(
    `SELECT conversation_items.content, conversation_items.provider
      FROM conversation_items JOIN conversations ON conversations.id = conversation_items.conversation
      WHERE conversation_items.project = ? AND conversation_items.id = ?
        AND (conversations.expires_at IS NULL OR conversations.expires_at > ?)`,
    [project, id, now],
  )
  for (const row of rows) {
    const item: unknown = JSON.parse(unpackText(row.content))
    if (!isReference(item)) return { item, provider: row.provider }
  }
  return null
}

function isReference(item: unknown): boolean {
  return (item as { type?: unknown }).type === 'item_reference'
}

/** Bytes of text after which `readEvents` ends. */
const eventPage = 1_048_576

/** Runs of events looked at for one page. */
const eventRuns = 2000

export async function readEvents(
  driver: Driver,
  { project, id, after, now }: { project: string; id: string; after: number; now: number },
): Promise<EventChunk[]> {
  const sizes = await driver.all(eventSizesSql, [id, project, now, id, after + 1, eventRuns])
  const chosen: number[] = []
  let bytes = 0
  for (const row of sizes) {
    if (bytes >= eventPage) break
    bytes += Number(row.bytes)
    chosen.push(Number(row.first))
  }
  const [from, to] = [chosen[0], chosen.at(-1)]
  if (from === undefined || to === undefined) return []
  const rows = await driver.all(
    `SELECT first, count, content FROM response_events
      WHERE response_id = ? AND first BETWEEN ? AND ? ORDER BY first`,
    [id, from, to],
  )
  return rows
    .map((row) => ({ first: Number(row.first), count: Number(row.count), text: unpackText(row.content) }))
    .map((chunk) => skipEvents(chunk, after))
    .filter((chunk) => chunk !== null)
}

/** From the run on that holds the wanted event. */
export const eventSizesSql = `
  SELECT response_events.first, response_events.bytes
  FROM responses JOIN response_events ON response_events.response_id = responses.id
  WHERE responses.id = ? AND responses.project = ?
    AND (responses.expires_at IS NULL OR responses.expires_at > ?)
    AND response_events.first >= COALESCE(
      (SELECT max(earlier.first) FROM response_events AS earlier
        WHERE earlier.response_id = ? AND earlier.first <= ?), 0)
  ORDER BY response_events.first LIMIT ?`
