/** `/v1/responses/{id}` and what stands below it: the responses that are kept. */
import type { Context } from 'koa'
import { replayEvents } from '../../translators/shared/replay-events.ts'
import type { EventDialect } from '../../translators/shared/translator.ts'
import type { Runtime } from '../config/runtime.ts'
import type { BackgroundJobs } from '../gateway/background.ts'
import { createEventEncoder } from '../gateway/encode-event.ts'
import { readContext } from '../gateway/state/read-context.ts'
import { isRunning, responseNotFound, showsEncrypted, viewResponse } from '../gateway/state/stored-view.ts'
import { refuse } from '../gateway/validate-request-checks.ts'
import type { StateStore, StoredResponse } from '../store/state/state.ts'
import {
  authoriseCall,
  type Call,
  readInclude,
  readInteger,
  readMembers,
  readQuery,
  readWord,
} from './call.ts'
import { answerEvents } from './event-answer.ts'
import { cutPage, readPageQuery, renderList } from './list-page.ts'
import { readOptions } from './request-options.ts'

export interface StoredRoutesDependencies {
  runtime(): Runtime
  state: StateStore
  jobs: BackgroundJobs
}

/** The handlers; ids that are unknown and ids of other projects have the same answer, 404 `not_found`. */
export function createStoredRoutes(dependencies: StoredRoutesDependencies) {
  const { runtime, state, jobs } = dependencies
  return {
    /** The response object; its events with `stream=true`, those after `starting_after`. */
    async get(ctx: Context): Promise<void> {
      const call = authoriseCall(runtime(), ctx)
      const query = readQuery(ctx)
      const include = readInclude(query)
      const stream = readWord(query, 'stream', ['true', 'false'] as const) === 'true'
      const startingAfter = readInteger(query, 'starting_after', { min: 0 }) ?? -1
      const { events } = readOptions(ctx.req.headers, call.key)
      const stored = await requireResponse(state, call, ctx)
      if (stream && stored.kind === 'compaction')
        refuse('stream', 'A compaction has no events. Ask for it without stream.')
      if (!stream) ctx.body = viewResponse(stored, include)
      else await streamResponse(dependencies, { ctx, call, stored, include, startingAfter, events })
    },
    async delete(ctx: Context): Promise<void> {
      const call = authoriseCall(runtime(), ctx)
      await readMembers(call, ctx)
      const id = readId(ctx)
      if (!(await jobs.remove(call.project, id))) throw responseNotFound(id)
      ctx.body = { id, object: 'response', deleted: true }
    },
    async cancel(ctx: Context): Promise<void> {
      const call = authoriseCall(runtime(), ctx)
      await readMembers(call, ctx)
      const body = await jobs.cancel(call.project, readId(ctx))
      ctx.type = 'application/json'
      ctx.body = body
    },
    /** See `readContext` for what is listed. */
    async listInput(ctx: Context): Promise<void> {
      const call = authoriseCall(runtime(), ctx)
      const query = readPageQuery(readQuery(ctx))
      const include = readInclude(readQuery(ctx))
      const stored = await requireResponse(state, call, ctx)
      const { items, hasMore } = cutPage(await readContext(state, call.project, stored), query)
      ctx.body = renderList(items, hasMore, showsEncrypted([...stored.include, ...include]))
    },
  }
}

function readId(ctx: Context): string {
  return String(ctx.params.id)
}

async function requireResponse(state: StateStore, { project }: Call, ctx: Context): Promise<StoredResponse> {
  const id = readId(ctx)
  const stored = await state.getResponse(project, id)
  if (stored === null) throw responseNotFound(id)
  return stored
}

interface StreamOptions {
  ctx: Context
  call: Call
  stored: StoredResponse
  include: readonly string[]
  startingAfter: number
  events: EventDialect
}

/**
 * Exactly the events that were sent, and those that are still to come. A response that was made without a stream gets
 * one when it has ended: each text in one delta, in the spelling that is asked for now.
 */
function streamResponse(
  { jobs }: StoredRoutesDependencies,
  { ctx, call, stored, include, startingAfter, events }: StreamOptions,
): Promise<void> {
  const { project, runtime } = call
  const responseId = stored.id
  return answerEvents({
    ctx,
    pingSeconds: runtime.pingSeconds,
    async produce(write, signal) {
      const ended =
        stored.streamed || isRunning(stored)
          ? await jobs.follow({ project, responseId, startingAfter, onText: write, signal })
          : stored
      if (ended === null) return
      const encode = createEventEncoder()
      const replayed = replayEvents(viewResponse(ended, include), events)
      const text = replayed
        .slice(startingAfter + 1)
        .map(encode)
        .join('')
      if (text !== '') await write(text)
    },
  })
}
