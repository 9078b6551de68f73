/** The admin API, one function per call. */

import type {
  AdminFacets,
  AdminFacetsQuery,
  AdminOverview,
  AdminOverviewQuery,
  AdminRequest,
  AdminRequestList,
  AdminRequestRow,
  AdminSession,
  AdminSessionList,
  AdminSessionsQuery,
  AdminSpend,
  AdminSpendQuery,
  AdminStatus,
} from '../../server/http/admin/contract.ts'
import type { StreamEvent } from '../model/event-stream.ts'
import { getBlob, getJson, type Query, readEvents } from './client.ts'

export function fetchStatus(signal?: AbortSignal): Promise<AdminStatus> {
  return getJson('/admin/status', { signal })
}

export function fetchFacets(query: AdminFacetsQuery, signal?: AbortSignal): Promise<AdminFacets> {
  return getJson('/admin/facets', { query: { ...query }, signal })
}

export function fetchOverview(query: AdminOverviewQuery, signal?: AbortSignal): Promise<AdminOverview> {
  return getJson('/admin/overview', { query: { ...query }, signal })
}

export function fetchRequests(query: Query, signal?: AbortSignal): Promise<AdminRequestList> {
  return getJson('/admin/requests', { query, signal })
}

export function fetchRequest(id: string, signal?: AbortSignal): Promise<AdminRequest> {
  return getJson(`/admin/requests/${encodeURIComponent(id)}`, { signal })
}

export function fetchSessions(query: AdminSessionsQuery, signal?: AbortSignal): Promise<AdminSessionList> {
  return getJson('/admin/sessions', { query: { ...query }, signal })
}

export function fetchSession(
  id: string,
  project: string | undefined,
  signal?: AbortSignal,
): Promise<AdminSession> {
  return getJson(`/admin/sessions/${encodeURIComponent(id)}`, { query: { project }, signal })
}

export function fetchSpend(query: AdminSpendQuery, signal?: AbortSignal): Promise<AdminSpend> {
  return getJson('/admin/spend', { query: { ...query }, signal })
}

export type TailEvent = { name: 'started' | 'ended'; row: AdminRequestRow } | { name: 'dropped' }

/**
 * Requests as they start and end, until the signal aborts or the gateway ends it. `onOpen` when it has begun: what
 * happens from then on is told.
 */
export async function* followRequests(
  query: Query,
  { signal, onOpen }: { signal: AbortSignal; onOpen: () => void },
): AsyncGenerator<TailEvent> {
  for await (const event of readEvents('/admin/requests/tail', { query, signal, onOpen })) {
    const told = readTailEvent(event)
    if (told) yield told
  }
}

function readTailEvent({ name, json }: StreamEvent): TailEvent | null {
  if (name === 'dropped') return { name }
  if (name !== 'started' && name !== 'ended') return null
  return { name, row: json as AdminRequestRow }
}

/** All requests of a view as a file; `onProgress` with the bytes so far. */
export function exportRequests(
  query: Query,
  format: 'csv' | 'jsonl',
  options: { signal?: AbortSignal; onProgress?: (bytes: number) => void },
): Promise<Blob> {
  return getBlob('/admin/requests/export', { ...options, query: { ...query, format } })
}

export function exportSpend(query: AdminSpendQuery): Promise<Blob> {
  return getBlob('/admin/spend', { query: { ...query, format: 'csv' } })
}

/** A picture, file or recording out of a body, by the hash that stands in its place. */
export function fetchMedia(hash: string, signal?: AbortSignal): Promise<Blob> {
  return getBlob(`/admin/media/${encodeURIComponent(hash)}`, { signal })
}
