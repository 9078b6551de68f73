/** Routes and history of providers that keep responses: polling, retrieval, deletion, cancelling. */
import type { JsonObject } from '../../translators/shared/canonical.ts'
import type { Desk, Kept } from './desk.ts'
import type { Call, Reply } from './types.ts'

export interface KeepingOptions {
  /** What a background response shows until it is done. */
  pendingStatus: string
  /** Whether DELETE and cancel exist. */
  full: boolean
  missing(id: string): Reply
  /** Why one cannot be cancelled; null when it can. Default: any can. */
  refuseCancel?(kept: Kept): Reply | null
}

/** `GET /responses/{id}`, and with `full` also `DELETE` and `POST …/cancel`. Null for any other path. */
export function keptResource(
  method: string,
  path: string,
  desk: Desk,
  options: KeepingOptions,
): Reply | null {
  const match = /^\/responses\/([^/?]+)(\/cancel)?(?:\?.*)?$/.exec(path)
  if (!match) return null
  const [, id = '', cancel] = match
  const kept = desk.responses.get(id)
  if (method === 'GET' && !cancel)
    return kept ? json(showKept(kept, options.pendingStatus)) : options.missing(id)
  if (!options.full) return null
  if (!kept) return options.missing(id)
  if (method === 'DELETE' && !cancel) {
    desk.responses.delete(id)
    return json({ id, object: 'response', deleted: true })
  }
  if (method !== 'POST' || !cancel) return null
  const refused = options.refuseCancel?.(kept)
  if (refused) return refused
  kept.cancelled ||= kept.polls > 0
  return json(showKept(kept, options.pendingStatus))
}

/** The object of a background response: pending for the configured number of polls, then finished. */
export function showKept(kept: Kept, pendingStatus: string): JsonObject {
  if (kept.cancelled) return { ...pendingObject(kept.response, 'cancelled') }
  if (kept.polls === 0) return kept.response
  kept.polls -= 1
  return pendingObject(kept.response, pendingStatus)
}

/** A response as it stands before it is done. */
export function pendingObject(response: JsonObject, status: string): JsonObject {
  return { ...response, status, completed_at: null, output: [], output_text: '', usage: null }
}

/** What `previous_response_id` refers to. */
export function previousItems(call: Call, desk: Desk): JsonObject[] {
  const id = call.body.previous_response_id
  return typeof id === 'string' ? (desk.responses.get(id)?.context ?? []) : []
}

function json(body: JsonObject): Reply {
  return { kind: 'json', status: 200, body }
}
