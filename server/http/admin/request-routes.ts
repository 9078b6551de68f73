/** `/admin/requests`. */
import { finished, Readable } from 'node:stream'
import Type from 'typebox'
import { GatewayError } from '../../errors.ts'
import type { AdminQueries } from '../../store/admin-queries.ts'
import { AdminExportQuery, AdminRequest, AdminRequestList, AdminRequestsQuery } from './contract.ts'
import { Exports, whileRead } from './export-rows.ts'
import { text } from './kinds.ts'
import { type AdminRoute, defineRoute } from './route.ts'
import { createTailRoutes, type TailRoutesDependencies } from './tail-routes.ts'

export interface RequestRoutesDependencies extends TailRoutesDependencies {
  queries: AdminQueries
}

export function createRequestRoutes(dependencies: RequestRoutesDependencies): AdminRoute[] {
  const { queries } = dependencies
  const exports = new Exports(queries)
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
      path: '/admin/requests/export',
      summary: 'All requests of a filtered view, as CSV or JSON lines.',
      description:
        'Streamed. The last record says whether the file is whole: `# complete: <n> rows` in the first column of CSV, `{"export": {"rows", "complete"}}` in JSON lines. Requests that come meanwhile are not in it. A reader that takes nothing for five minutes is cut off.',
      query: AdminExportQuery,
      answer: Type.String(),
      contentTypes: ['text/csv', 'application/jsonl'],
      async handler({ query, ctx }) {
        const { text, close } = await exports.start(query)
        // Also one who has left before the answer begins, which then nobody reads.
        finished(ctx.res, close)
        ctx.type = query.format === 'csv' ? 'text/csv; charset=utf-8; header=present' : 'application/jsonl'
        ctx.set('content-disposition', `attachment; filename="requests.${query.format}"`)
        const read = whileRead(text, { onIdle: () => ctx.res.destroy() })
        ctx.body = Readable.from(read, { objectMode: false })
        return undefined
      },
    }),
    ...createTailRoutes(dependencies),
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
