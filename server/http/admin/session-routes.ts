/** `/admin/sessions`. */
import Type from 'typebox'
import { GatewayError } from '../../errors.ts'
import type { AdminQueries } from '../../store/admin-queries.ts'
import { AdminSession, AdminSessionList, AdminSessionsQuery } from './contract.ts'
import { text } from './kinds.ts'
import { type AdminRoute, defineRoute } from './route.ts'

type Dependencies = { queries: Pick<AdminQueries, 'listSessions' | 'getSession'> }

export function createSessionRoutes({ queries }: Dependencies): AdminRoute[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/admin/sessions',
      summary: 'Sessions, by their last request, newest first.',
      query: AdminSessionsQuery,
      answer: AdminSessionList,
      handler: ({ query }) => queries.listSessions(query),
    }),
    defineRoute({
      method: 'GET',
      path: '/admin/sessions/{id}',
      summary: 'One session. Its requests: `/admin/requests?session=<id>`.',
      params: Type.Object({ id: text('The session.') }),
      query: Type.Object({
        project: Type.Optional(text('Whose session, when several projects use the id; else the latest.')),
      }),
      answer: AdminSession,
      errors: ['not_found'],
      async handler({ params: { id }, query }) {
        const found = await queries.getSession(id, query.project)
        if (found !== null) return found
        throw new GatewayError('not_found', `No session has the id '${id.slice(0, 80)}'.`, { param: 'id' })
      },
    }),
  ]
}
