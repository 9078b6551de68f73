/** `/v1/conversations`: conversations and their items. */
import type { Context } from 'koa'
import type { Runtime } from '../config/runtime.ts'
import { GatewayError } from '../errors.ts'
import { createId } from '../gateway/ids.ts'
import { type AddedItem, readAddedItems } from '../gateway/state/conversation-items.ts'
import { showsEncrypted, viewItem } from '../gateway/state/stored-view.ts'
import { checkSimpleField } from '../gateway/validate-request.ts'
import { isAbsent, refuse } from '../gateway/validate-request-checks.ts'
import type { AddResult, StateStore, StoredConversation } from '../store/state/state.ts'
import { authoriseCall, readInclude, readMembers, readQuery } from './call.ts'
import { afterNotFound, readPageQuery, renderList } from './list-page.ts'

export interface ConversationRoutesDependencies {
  runtime(): Runtime
  state: StateStore
}

/** The handlers; ids that are unknown and ids of other projects have the same answer, 404 `not_found`. */
export function createConversationRoutes({ runtime, state }: ConversationRoutesDependencies) {
  async function requireConversation(project: string, id: string): Promise<StoredConversation> {
    return (await state.getConversation(project, id)) ?? refuseUnknown(id)
  }
  return {
    async create(ctx: Context): Promise<void> {
      const call = authoriseCall(runtime(), ctx)
      const { items, metadata } = await readMembers(call, ctx)
      const conversation = { id: createId('conv'), createdAt: Date.now(), metadata: readMetadata(metadata) }
      const added = await readAddedItems(state, call.project, items)
      await state.createConversation({
        ...conversation,
        project: call.project,
        expiresAt: expiryOf(call.runtime, conversation.createdAt),
        items: added.map(({ kept }) => kept),
      })
      ctx.body = renderConversation(conversation)
    },
    async get(ctx: Context): Promise<void> {
      const { project } = authoriseCall(runtime(), ctx)
      ctx.body = renderConversation(await requireConversation(project, readId(ctx)))
    },
    /** The metadata as a whole; null empties it. */
    async update(ctx: Context): Promise<void> {
      const call = authoriseCall(runtime(), ctx)
      const id = readId(ctx)
      const { metadata } = await readMembers(call, ctx)
      if (metadata === undefined)
        refuse('metadata', 'metadata is missing: send an object, or null to empty it.')
      const updated = await state.updateConversation(call.project, id, readMetadata(metadata))
      ctx.body = renderConversation(updated ?? refuseUnknown(id))
    },
    /** With its items; the responses that ran on it stay. */
    async delete(ctx: Context): Promise<void> {
      const call = authoriseCall(runtime(), ctx)
      await readMembers(call, ctx)
      const id = readId(ctx)
      if (!(await state.deleteConversation(call.project, id))) refuseUnknown(id)
      ctx.body = { id, object: 'conversation.deleted', deleted: true }
    },
    async addItems(ctx: Context): Promise<void> {
      const call = authoriseCall(runtime(), ctx)
      const { project } = call
      const id = readId(ctx)
      const { items } = await readMembers(call, ctx)
      if (isAbsent(items)) refuse('items', 'items is missing: send an array of at most 20 items.')
      await requireConversation(project, id)
      const isTaken = async (item: string) => (await state.getConversationItem(project, id, item)) !== null
      let added: AddedItem[]
      for (let result: AddResult | null = null; ; ) {
        added = await readAddedItems(state, project, items, isTaken)
        const kept = added.map((one) => one.kept)
        result = await state.addConversationItems(project, id, kept)
        if (result === 'added') break
        if (result === 'missing') refuseUnknown(id)
        if (result === 'locked') refuseLocked(id)
        // Another call was quicker with an id, which is seen to be taken now.
      }
      ctx.body = renderList(
        added.map(({ item }) => item),
        false,
        asksForEncrypted(ctx),
      )
    },
    async listItems(ctx: Context): Promise<void> {
      const { project } = authoriseCall(runtime(), ctx)
      const id = readId(ctx)
      const query = readPageQuery(readQuery(ctx))
      const page = await state.listConversationItems(project, id, query)
      if (page === null) {
        await requireConversation(project, id)
        throw afterNotFound(String(query.after))
      }
      const items = page.items.map(({ item }) => item)
      ctx.body = renderList(items, page.hasMore, asksForEncrypted(ctx))
    },
    async getItem(ctx: Context): Promise<void> {
      const { project } = authoriseCall(runtime(), ctx)
      const id = readId(ctx)
      const found = await state.getConversationItem(project, id, readItemId(ctx))
      if (found === null) {
        await requireConversation(project, id)
        refuseUnknownItem(readItemId(ctx))
      }
      ctx.body = viewItem(found.item, asksForEncrypted(ctx))
    },
    /** Answers with the conversation. */
    async deleteItem(ctx: Context): Promise<void> {
      const call = authoriseCall(runtime(), ctx)
      await readMembers(call, ctx)
      const conversation = await requireConversation(call.project, readId(ctx))
      const itemId = readItemId(ctx)
      const isDeleted = await state.deleteConversationItem(call.project, conversation.id, itemId)
      if (!isDeleted) refuseUnknownItem(itemId)
      ctx.body = renderConversation(conversation)
    },
  }
}

function readId(ctx: Context): string {
  return String(ctx.params.id)
}

function readItemId(ctx: Context): string {
  return String(ctx.params.item)
}

function asksForEncrypted(ctx: Context): boolean {
  return showsEncrypted(readInclude(readQuery(ctx)))
}

function readMetadata(metadata: unknown): Record<string, string> {
  if (isAbsent(metadata)) return {}
  checkSimpleField('metadata', metadata)
  return metadata as Record<string, string>
}

/** When a conversation that is made now expires, in Unix milliseconds; null: never. */
function expiryOf({ state: { conversationDays } }: Runtime, createdAt: number): number | null {
  return conversationDays === 0 ? null : createdAt + conversationDays * 86_400_000
}

function renderConversation({ id, createdAt, metadata }: StoredConversation) {
  return { id, object: 'conversation', created_at: Math.floor(createdAt / 1000), metadata }
}

function refuseUnknown(id: string): never {
  throw new GatewayError(
    'not_found',
    `There is no conversation with the id '${id.slice(0, 80)}'. Create one with POST /v1/conversations.`,
  )
}

function refuseUnknownItem(id: string): never {
  throw new GatewayError(
    'not_found',
    `There is no item with the id '${id.slice(0, 80)}' in this conversation.`,
  )
}

function refuseLocked(id: string): never {
  throw new GatewayError(
    'conversation_locked',
    `A response is running on the conversation '${id.slice(0, 80)}'. Add the items when it has ended.`,
    { retryAfterSeconds: 1 },
  )
}
