/** `/admin/overview`, `/admin/facets`. */
import type { AdminQueries } from '../../store/admin-queries.ts'
import { AdminFacets, AdminFacetsQuery, AdminOverview, AdminOverviewQuery } from './contract.ts'
import { type AdminRoute, defineRoute } from './route.ts'

export interface OverviewRoutesDependencies {
  queries: AdminQueries
}

export function createOverviewRoutes({ queries }: OverviewRoutesDependencies): AdminRoute[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/admin/overview',
      summary: 'Figures over a time, in equal buckets for charts.',
      query: AdminOverviewQuery,
      answer: AdminOverview,
      handler: ({ query }) => queries.overview(query),
    }),
    defineRoute({
      method: 'GET',
      path: '/admin/facets',
      summary: 'The values that the filters can offer.',
      query: AdminFacetsQuery,
      answer: AdminFacets,
      handler: ({ query }) => queries.facets(query),
    }),
  ]
}
