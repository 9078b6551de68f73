/** Every route of the admin API, and how the router takes them. */
import type Router from '@koa/router'
import type { Context } from 'koa'
import type { Runtime } from '../../config/runtime.ts'
import type { Repricing } from '../../gateway/money/reprice.ts'
import type { PromptLibrary } from '../../gateway/prompt-library.ts'
import type { AdminQueries } from '../../store/admin-queries.ts'
import type { RollupRebuilding } from '../../store/rebuild-rollups.ts'
import { authenticateAdmin } from '../authenticate.ts'
import { parseBody } from '../parse-body.ts'
import { readBody } from '../read-body.ts'
import { createMediaRoutes } from './media-routes.ts'
import { createOverviewRoutes } from './overview-routes.ts'
import { createPriceRoutes } from './price-routes.ts'
import { createPromptRoutes } from './prompt-routes.ts'
import { readMembers, readParams, readQuery } from './read-values.ts'
import { createRequestRoutes } from './request-routes.ts'
import { createRollupRoutes } from './rollup-routes.ts'
import type { AdminRoute } from './route.ts'
import { createSessionRoutes } from './session-routes.ts'
import { createSpendRoutes } from './spend-routes.ts'
import { createStatusRoutes, type StoreState } from './status-routes.ts'

export interface AdminDependencies {
  runtime(): Runtime
  queries: AdminQueries
  prompts: PromptLibrary
  version: string
  startedAt: Date
  logRowsDropped(): number
  storeState(): StoreState
  /** True once the process has been told to stop. */
  draining(): boolean
  /** Told how many live tails are open whenever that changes. */
  onTails?(open: number): void
  repricing: Repricing
  rebuilding: RollupRebuilding
}

/** In the order in which the router tries them: fixed words before parameters. */
export function createAdminRoutes(dependencies: AdminDependencies): AdminRoute[] {
  return [
    ...createRequestRoutes(dependencies),
    ...createMediaRoutes(dependencies),
    ...createOverviewRoutes(dependencies),
    ...createSessionRoutes(dependencies),
    ...createSpendRoutes(dependencies),
    ...createPriceRoutes(dependencies),
    ...createRollupRoutes(dependencies),
    ...createPromptRoutes(dependencies),
    ...createStatusRoutes(dependencies),
  ]
}

/** Puts the routes into the router, each behind the admin key and its schemas. */
export function registerAdminRoutes(
  router: Router,
  routes: readonly AdminRoute[],
  { runtime }: Pick<AdminDependencies, 'runtime'>,
): void {
  for (const route of routes) {
    const path = route.path.replaceAll(/\{(\w+)\}/g, ':$1')
    router.register(path, [route.method], (ctx: Context) => serve(route, ctx, runtime()))
  }
}

async function serve(route: AdminRoute, ctx: Context, runtime: Runtime): Promise<void> {
  authenticateAdmin({ runtime, adminKey: ctx.get('x-admin-key') || undefined })
  ctx.set('cache-control', 'no-store')
  const params = readParams(route.params, ctx.params)
  const query = readQuery(route.query, ctx.querystring)
  const body = route.body === null ? null : readMembers(route.body, await readJson(ctx, runtime))
  const answer = await route.handler({ params, query, body, ctx })
  if (route.contentTypes !== undefined) return
  ctx.status = route.status ?? 200
  ctx.body = answer
}

async function readJson(ctx: Context, { limits }: Runtime): Promise<unknown> {
  const raw = await readBody(ctx.req, { limit: limits.bodyBytes, idleTimeout: limits.bodyIdleTimeout })
  return parseBody(raw, ctx.get('content-type'))
}
