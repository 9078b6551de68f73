/** Reads of conversations, jobs, prompts and keys. On the reader's thread. */

import type { Driver, SqlRow, SqlValue } from '../engine/driver.ts'
import { type ConversationKey, toConversation } from './conversation-writes.ts'
import { joinParts, unpack, unpackText } from './pack.ts'
import type { PageQuery, SealKey, StoredConversation, StoredPrompt } from './state.ts'

type At = ConversationKey & { now: number }

export async function getConversation(
  driver: Driver,
  { project, id, now }: At,
): Promise<StoredConversation | null> {
  const [row] = await driver.all(
    `SELECT id, created_at, metadata FROM conversations
      WHERE id = ? AND project = ? AND (expires_at IS NULL OR expires_at > ?)`,
    [id, project, now],
  )
  return row === undefined ? null : toConversation(row)
}

/** JSON `FoundItem[]` of one more than the page has, if there is one; null as `listConversationItems` has it. */
export async function listConversationItems(
  driver: Driver,
  { project, id, now, limit, order, after }: At & PageQuery,
): Promise<ArrayBuffer | null> {
  if ((await getConversation(driver, { project, id, now })) === null) return null
  const rising = order === 'asc'
  let edge: SqlValue = rising ? -1 : Number.MAX_SAFE_INTEGER
  if (after !== null) {
    const [row] = await driver.all(
      `SELECT position FROM conversation_items
        WHERE project = ? AND id = ? AND conversation = ?`,
      [project, after, id],
    )
    if (row === undefined) return null
    edge = row.position ?? null
  }
  const rows = await driver.all(
    `SELECT provider, content FROM conversation_items
      WHERE conversation = ? AND position ${rising ? '>' : '<'} ? ORDER BY position ${rising ? 'ASC' : 'DESC'} LIMIT ?`,
    [id, edge, limit + 1],
  )
  return joinItems(rows)
}

/** JSON `FoundItem[]`; null when there is no such conversation. */
export async function readConversation(driver: Driver, at: At): Promise<ArrayBuffer | null> {
  if ((await getConversation(driver, at)) === null) return null
  return joinItems(
    await driver.all(
      'SELECT provider, content FROM conversation_items WHERE conversation = ? ORDER BY position',
      [at.id],
    ),
  )
}

/** JSON of an array with the FoundItem, or with nothing. */
export async function getConversationItem(
  driver: Driver,
  { project, id, now, itemId }: At & { itemId: string },
): Promise<ArrayBuffer | null> {
  if ((await getConversation(driver, { project, id, now })) === null) return null
  return joinItems(
    await driver.all(
      `SELECT provider, content FROM conversation_items
        WHERE project = ? AND id = ? AND conversation = ?`,
      [project, itemId, id],
    ),
  )
}

function joinItems(rows: readonly SqlRow[]): ArrayBuffer {
  const parts = rows.flatMap((row, index) => [
    `${index === 0 ? '' : ','}{"provider":${JSON.stringify(row.provider)},"item":`,
    unpack(row.content),
    '}',
  ])
  return joinParts(['[', ...parts, ']'])
}

export async function ownJobs(driver: Driver, { instance }: { instance: string }): Promise<string[]> {
  const rows = await driver.all('SELECT response_id FROM jobs WHERE owner = ?', [instance])
  return rows.map((row) => String(row.response_id))
}

/** Those that this instance has accepted and nobody has taken. */
export async function freeJobs(driver: Driver, { instance }: { instance: string }): Promise<string[]> {
  const rows = await driver.all('SELECT response_id FROM jobs WHERE owner IS NULL AND accepted_by = ?', [
    instance,
  ])
  return rows.map((row) => String(row.response_id))
}

/** What `acceptJob` was given to run it by; null: there is no such job any more. */
export async function jobRequest(driver: Driver, { id }: { id: string }): Promise<string | null> {
  const [row] = await driver.all('SELECT request FROM jobs WHERE response_id = ?', [id])
  return row === undefined ? null : unpackText(row.request)
}

export async function listPrompts(driver: Driver): Promise<StoredPrompt[]> {
  const rows = await driver.all(
    'SELECT id, version, created_at, is_default, template FROM prompts ORDER BY id, created_at, version',
  )
  return rows.map((row) => ({
    id: String(row.id),
    version: String(row.version),
    createdAt: Number(row.created_at),
    isDefault: row.is_default === 1,
    template: String(row.template),
  }))
}

export async function sealKeys(driver: Driver): Promise<SealKey[]> {
  const rows = await driver.all(
    'SELECT id, created_at, secret FROM seal_keys ORDER BY created_at DESC, id DESC',
  )
  return rows.map((row) => ({
    id: String(row.id),
    createdAt: Number(row.created_at),
    secret: String(row.secret),
  }))
}
