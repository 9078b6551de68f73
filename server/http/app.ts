/** The HTTP surface: the middleware order and the whole route table on one screen. */
import Router from '@koa/router'
import Koa from 'koa'
import { configSchema } from '../config/schema.ts'
import { GatewayError, isOperatorsBusiness, toGatewayError } from '../errors.ts'
import { readRequestId } from '../gateway/exchange-life.ts'
import { createId } from '../gateway/ids.ts'
import type { PromptLibrary } from '../gateway/prompt-library.ts'
import type { StateStore } from '../store/state/state.ts'
import { describeApi } from './admin/openapi.ts'
import { type AdminDependencies, createAdminRoutes, registerAdminRoutes } from './admin/routes.ts'
import { createSideRoutes, type SideRouteDependencies } from './compact-route.ts'
import { createConversationRoutes } from './conversation-routes.ts'
import { createDashboardFiles } from './dashboard-files.ts'
import { guardOrigin } from './guard-origin.ts'
import { createModelRoutes } from './model-routes.ts'
import { renderError } from './render-error.ts'
import { createResponsesRoute, type ResponsesRouteDependencies } from './responses-route.ts'
import { createStoredRoutes } from './stored-routes.ts'

export interface HttpDependencies extends ResponsesRouteDependencies, SideRouteDependencies {
  state: StateStore
  admin: Omit<AdminDependencies, 'runtime' | 'prompts' | 'draining'>
  prompts: PromptLibrary
  /** Prometheus text and its content type. */
  /** @param accept the header of who scrapes. */
  scrape(accept: string): Promise<{ contentType: string; body: string }>
  /** What keeps the process from serving well, in words; empty when ready. */
  problems(): string[]
  /** What the operator should change, though all works. */
  warnings(): string[]
  /** The folder of the built dashboard. */
  dashboardFolder: string
}

export async function createHttpApp(dependencies: HttpDependencies): Promise<Koa> {
  const { runtime } = dependencies
  const app = new Koa()
  const direct = new Map([
    ['/v1/responses', createResponsesRoute(dependencies)],
    ...createSideRoutes(dependencies),
  ])
  const models = createModelRoutes({ runtime })
  const admin = createAdminRoutes({ ...dependencies, ...dependencies.admin })
  const dashboard = await createDashboardFiles(dependencies.dashboardFolder)
  const router = new Router()

  routeKept(router, dependencies)
  router.get('/v1/models', models.list)
  router.get('/v1/models/*id', models.get)
  registerAdminRoutes(router, admin, { runtime })
  router.get('/metrics', async (ctx) => {
    const { contentType, body } = await dependencies.scrape(ctx.get('accept'))
    ctx.set('content-type', contentType)
    ctx.body = body
  })
  router.get('/healthz', (ctx) => {
    ctx.body = { status: 'alive' }
  })
  router.get('/readyz', (ctx) => {
    const problems = dependencies.problems()
    ctx.status = problems.length === 0 ? 200 : 503
    ctx.body = {
      status: problems.length === 0 ? 'ready' : 'not ready',
      problems,
      warnings: dependencies.warnings(),
    }
  })
  router.get('/config.schema.json', (ctx) => {
    ctx.body = configSchema
  })
  const api = describeApi(admin, dependencies.admin.version)
  router.get('/openapi.json', (ctx) => {
    ctx.body = api
  })

  app.on('error', () => {})
  app.use(async (ctx, next) => {
    const route = ctx.method === 'POST' ? direct.get(ctx.path) : undefined
    if (route === undefined) return next()
    ctx.respond = false
    return route(ctx.req, ctx.res)
  })
  app.use(answerErrors(dependencies))
  app.use((ctx, next) => {
    guardOrigin(runtime(), ctx.headers)
    return next()
  })
  app.use(router.routes())
  app.use(dashboard)
  app.use(refuseRest(router, direct))
  return app
}

/** What is kept for clients. */
function routeKept(router: Router, dependencies: HttpDependencies): void {
  const responses = createStoredRoutes(dependencies)
  const conversations = createConversationRoutes(dependencies)
  router.get('/v1/responses/:id', responses.get)
  router.delete('/v1/responses/:id', responses.delete)
  router.post('/v1/responses/:id/cancel', responses.cancel)
  router.get('/v1/responses/:id/input_items', responses.listInput)
  router.post('/v1/conversations', conversations.create)
  router.get('/v1/conversations/:id', conversations.get)
  router.post('/v1/conversations/:id', conversations.update)
  router.delete('/v1/conversations/:id', conversations.delete)
  router.post('/v1/conversations/:id/items', conversations.addItems)
  router.get('/v1/conversations/:id/items', conversations.listItems)
  router.get('/v1/conversations/:id/items/:item', conversations.getItem)
  router.delete('/v1/conversations/:id/items/:item', conversations.deleteItem)
}

/** What no route takes: 404, 405 with the methods that are taken. */
function refuseRest(router: Router, direct: ReadonlyMap<string, unknown>): Koa.Middleware {
  return (ctx) => {
    const allowed = allowedMethods(router, ctx.path)
    if (direct.has(ctx.path)) allowed.push('POST')
    if (allowed.length === 0) {
      throw new GatewayError(
        'not_found',
        `There is no ${ctx.method} ${ctx.path.slice(0, 200)} here. The API is at /v1/responses, /v1/conversations and /v1/models.`,
      )
    }
    ctx.set('allow', allowed.join(', '))
    throw new GatewayError(
      'method_not_allowed',
      `${ctx.path} takes ${allowed.join(', ')}, not ${ctx.method}.`,
    )
  }
}

function answerErrors({ onUnexpected }: HttpDependencies): Koa.Middleware {
  return async (ctx, next) => {
    const requestId = readRequestId(ctx.headers) ?? createId('req')
    ctx.set('x-request-id', requestId)
    try {
      await next()
    } catch (thrown) {
      const error = toGatewayError(thrown)
      if (isOperatorsBusiness(thrown, error)) onUnexpected(thrown, null)
      const { body, headers } = renderError(error, requestId)
      ctx.status = error.status
      ctx.set(headers)
      ctx.body = body
    }
  }
}

function allowedMethods(router: Router, path: string): string[] {
  return [...new Set(router.match(path, 'OPTIONS').path.flatMap((layer) => layer.methods))]
}
