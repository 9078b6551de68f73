/** The admin API, one function per call. */

import type {
  AdminFacets,
  AdminOverview,
  AdminOverviewQuery,
  AdminParameters,
  AdminRequest,
  AdminRequestList,
  AdminRequestsQuery,
  AdminStatus,
} from '../../server/http/admin/contract.ts'
import { getJson } from './client.ts'

export function fetchStatus(signal?: AbortSignal): Promise<AdminStatus> {
  return getJson('/admin/status', { signal })
}

export function fetchFacets(signal?: AbortSignal): Promise<AdminFacets> {
  return getJson('/admin/facets', { signal })
}

export function fetchOverview(query: AdminOverviewQuery, signal?: AbortSignal): Promise<AdminOverview> {
  return getJson('/admin/overview', { query: { ...query }, signal })
}

export function fetchRequests(
  query: AdminParameters<AdminRequestsQuery>,
  signal?: AbortSignal,
): Promise<AdminRequestList> {
  return getJson('/admin/requests', { query: { ...query }, signal })
}

export function fetchRequest(id: string, signal?: AbortSignal): Promise<AdminRequest> {
  return getJson(`/admin/requests/${encodeURIComponent(id)}`, { signal })
}
