/** Writes of conversations, their items and locks. */

import type { SqlRow, SqlValue, Statement } from '../engine/driver.ts'
import { pack } from './pack.ts'
import {
  allOf,
  type Guard,
  insertInto,
  nameOf,
  type Plan,
  silent,
  type WriteContext,
  whetherChanged,
} from './plan.ts'
import type { AddResult, ConversationItem, LockResult, StoredConversation } from './state.ts'

export interface ConversationKey {
  project: string
  id: string
}

export interface NewConversation extends ConversationKey {
  createdAt: number
  expiresAt: number | null
  metadata: Record<string, string>
  items: readonly ConversationItem[]
}

const insertConversation = insertInto('conversations', [
  'id',
  'project',
  { number: 'created_at' },
  { number: 'expires_at' },
  'metadata',
  { number: 'next_position' },
])

/** An id that the conversation has already keeps its place: by ids its pages are walked. */
const once = 'ON CONFLICT (project, id, conversation) DO NOTHING'

const insertConversationItem = insertInto(
  'conversation_items',
  ['conversation', { number: 'position' }, 'id', 'project', 'provider', 'content'],
  once,
)

/** Conditions on a row of `conversations`. */
const existing = 'id = ? AND project = ? AND (expires_at IS NULL OR expires_at > ?)'

export function createConversation(conversation: NewConversation): Plan<null> {
  const { id, project, createdAt, expiresAt, metadata, items } = conversation
  return silent([
    insertConversation([id, project, createdAt, expiresAt, JSON.stringify(metadata), items.length]),
    ...items.map((item, position) =>
      insertConversationItem([id, position, item.id, project, item.provider, pack(item.text).blob]),
    ),
  ])
}

/** Items at the end of a conversation, when the guard holds. */
export function appendItems({
  project,
  id,
  items,
  guard,
}: ConversationKey & { items: readonly ConversationItem[]; guard: Guard }): Statement[] {
  if (items.length === 0) return []
  const inserts = items.map((item, index) => appendItem({ project, id, item, index, guard }))
  return [...inserts, movePosition({ project, id, items, guard })]
}

function appendItem({
  project,
  id,
  item,
  index,
  guard,
}: ConversationKey & { item: ConversationItem; index: number; guard: Guard }): Statement {
  return {
    sql: `INSERT INTO conversation_items (conversation, position, id, project, provider, content)
      SELECT id, next_position + CAST(? AS BIGINT), ?, project, ?, ?
      FROM conversations WHERE id = ? AND project = ? AND ${guard.sql} ${once} RETURNING id`,
    params: [index, item.id, item.provider, pack(item.text).blob, id, project, ...guard.params],
  }
}

function movePosition({
  project,
  id,
  items,
  guard,
}: ConversationKey & { items: readonly ConversationItem[]; guard: Guard }): Statement {
  return {
    sql: `UPDATE conversations SET next_position = next_position + CAST(? AS BIGINT)
      WHERE id = ? AND project = ? AND ${guard.sql}`,
    params: [items.length, id, project, ...guard.params],
  }
}

export function updateConversation(
  { project, id, metadata }: ConversationKey & { metadata: Record<string, string> },
  { now }: WriteContext,
): Plan<StoredConversation | null> {
  const statement = {
    sql: `UPDATE conversations SET metadata = ? WHERE ${existing} RETURNING id, created_at, metadata`,
    params: [JSON.stringify(metadata), id, project, now],
  }
  return { statements: [statement], value: ([rows]) => (rows?.[0] ? toConversation(rows[0]) : null) }
}

export function toConversation(row: SqlRow): StoredConversation {
  return {
    id: String(row.id),
    createdAt: Number(row.created_at),
    metadata: JSON.parse(String(row.metadata)) as Record<string, string>,
  }
}

export function deleteConversation({ project, id }: ConversationKey, { now }: WriteContext): Plan<boolean> {
  return whetherChanged(
    [
      { sql: `DELETE FROM conversations WHERE ${existing} RETURNING id`, params: [id, project, now] },
      removeConversationItems(id),
    ],
    { locks: [nameOf.conversation(id)] },
  )
}

/** The items of a conversation that has just been removed. */
export function removeConversationItems(id: string): Statement {
  return {
    sql: `DELETE FROM conversation_items
      WHERE conversation = ? AND NOT EXISTS (SELECT 1 FROM conversations WHERE id = ?)`,
    params: [id, id],
  }
}

/** All or none, for there is no turn that keeps others away from the conversation meanwhile. */
export function addConversationItems(
  { project, id, items }: ConversationKey & { items: readonly ConversationItem[] },
  { now }: WriteContext,
): Plan<AddResult> {
  const free: Guard = {
    sql: 'lock_owner IS NULL AND (expires_at IS NULL OR expires_at > ?)',
    params: [now],
  }
  const [first, ...others] = items
  const statements: Statement[] = []
  if (first !== undefined) {
    const guard = allOf([free, noneTaken(project, id, items)])
    statements.push(appendItem({ project, id, item: first, index: 0, guard }))
    const begun = hasBegun(id, first)
    for (const [index, item] of others.entries())
      statements.push(appendItem({ project, id, item, index: index + 1, guard: begun }))
    statements.push(movePosition({ project, id, items, guard: begun }))
  }
  return {
    locks: [nameOf.conversation(id)],
    // Asked before: the turn that has the lock may give it back in between, and nobody can take it.
    statements: [lockOf(project, id, now), ...statements],
    value: ([found, added]) => {
      const conversation = found?.[0]
      if (conversation === undefined) return 'missing'
      if (added?.length === 1) return 'added'
      if (conversation.lock_owner !== null) return 'locked'
      return items.length === 0 ? 'added' : 'taken'
    },
  }
}

function noneTaken(project: string, conversation: string, items: readonly ConversationItem[]): Guard {
  return {
    sql: `NOT EXISTS (SELECT 1 FROM conversation_items AS taken
      WHERE taken.project = ? AND taken.conversation = ? AND taken.id IN (${items.map(() => '?').join(', ')}))`,
    params: [project, conversation, ...items.map((item) => item.id)],
  }
}

/** The first of the items has been inserted in this transaction: it stands where nothing else can stand yet. */
function hasBegun(conversation: string, first: ConversationItem): Guard {
  return {
    sql: `EXISTS (SELECT 1 FROM conversation_items AS begun
      WHERE begun.conversation = ? AND begun.position = conversations.next_position AND begun.id = ?)`,
    params: [conversation, first.id],
  }
}

export function deleteConversationItem(
  { project, id, itemId }: ConversationKey & { itemId: string },
  { now }: WriteContext,
): Plan<boolean> {
  return whetherChanged(
    [
      {
        sql: `DELETE FROM conversation_items WHERE project = ? AND id = ? AND conversation = ?
        AND EXISTS (SELECT 1 FROM conversations
          WHERE conversations.id = ? AND conversations.project = ? AND (expires_at IS NULL OR expires_at > ?))
        RETURNING id`,
        params: [project, itemId, id, id, project, now],
      },
    ],
    { locks: [nameOf.conversation(id)] },
  )
}

/** The same turn may ask twice, as a job does that is taken up again. */
export function lockConversation(
  { project, id, holder }: ConversationKey & { holder: string },
  { instance, now }: WriteContext,
): Plan<LockResult> {
  const take: Statement = {
    sql: `UPDATE conversations SET lock_owner = ?, lock_holder = ?
      WHERE ${existing} AND (lock_owner IS NULL OR (lock_owner = ? AND lock_holder = ?)) RETURNING id`,
    params: [instance, holder, id, project, now, instance, holder],
  }
  return {
    locks: [nameOf.conversation(id)],
    statements: [take, lockOf(project, id, now)],
    value: ([taken, found]) => {
      if (taken?.length === 1) return 'locked-by-us'
      return found?.length === 1 ? 'locked' : 'missing'
    },
  }
}

function lockOf(project: string, id: string, now: number): Statement {
  const params: SqlValue[] = [id, project, now]
  return { sql: `SELECT lock_owner FROM conversations WHERE ${existing}`, params }
}

export function unlockConversation(
  { project, id, holder }: ConversationKey & { holder: string },
  { instance }: WriteContext,
): Plan<null> {
  return silent([
    {
      sql: `UPDATE conversations SET lock_owner = NULL, lock_holder = NULL
        WHERE id = ? AND project = ? AND lock_owner = ? AND lock_holder = ?`,
      params: [id, project, instance, holder],
    },
  ])
}
