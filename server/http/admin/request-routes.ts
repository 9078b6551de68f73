/** `/admin/requests`. */
import Type from 'typebox'
import { GatewayError } from '../../errors.ts'
import type { AdminQueries } from '../../store/admin-queries.ts'
import { AdminRequest, AdminRequestList, AdminRequestsQuery } from './contract.ts'
import { text } from './kinds.ts'
import { type AdminRoute, defineRoute } from './route.ts'

export interface RequestRoutesDependencies {
  queries: AdminQueries
}

export function createRequestRoutes({ queries }: RequestRoutesDependencies): AdminRoute[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/admin/requests',
      summary: 'The requests, newest first, filtered and searched.',
      query: AdminRequestsQuery,
      answer: AdminRequestList,
      handler: ({ query }) => queries.listRequests(query),
    }),
    defineRoute({
      method: 'GET',
      path: '/admin/requests/{id}',
      summary: 'One request with everything kept of it, by any id that names it.',
      description:
        "By the request's own id, its response's, the client's `x-request-id`, an upstream response's, an output item's, or a trace's; the newest, where an id stands in several.",
      params: Type.Object({ id: text('Any id that names the request.') }),
      answer: AdminRequest,
      errors: ['not_found'],
      async handler({ params: { id } }) {
        const found = await queries.getRequest(id)
        if (found !== null) return found
        throw new GatewayError('not_found', `No request has the id '${id.slice(0, 80)}'.`, { param: 'id' })
      },
    }),
  ]
}
