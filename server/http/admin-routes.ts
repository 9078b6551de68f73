import type { Context } from 'koa'
import type { Runtime } from '../config/runtime.ts'
import { GatewayError } from '../errors.ts'
import type { AdminQueries } from '../store/admin-queries.ts'
import type { AdminStatus } from './admin-contract.ts'
import { authenticateAdmin } from './authenticate.ts'

export interface AdminDependencies {
  runtime(): Runtime
  queries: AdminQueries
  version: string
  startedAt: Date
  logRowsDropped(): number
}

const listParameters = ['limit', 'before', 'model', 'project', 'provider', 'status'] as const
const overviewParameters = ['from', 'to', 'project', 'model', 'provider'] as const

/** The handlers of `/admin/*`; shapes in admin-contract.ts. */
export function createAdminRoutes(dependencies: AdminDependencies) {
  const { runtime, queries } = dependencies

  function authorise(ctx: Context): void {
    authenticateAdmin({ runtime: runtime(), adminKey: ctx.get('x-admin-key') || undefined })
    ctx.set('cache-control', 'no-store')
  }
  return {
    async list(ctx: Context): Promise<void> {
      authorise(ctx)
      const { limit, ...filters } = readQuery(ctx, listParameters)
      ctx.body = await queries.listRequests({
        ...filters,
        ...(limit === undefined ? {} : { limit: readLimit(limit) }),
      })
    },
    async get(ctx: Context): Promise<void> {
      authorise(ctx)
      const id = String(ctx.params.id)
      const found = await queries.getRequest(id)
      if (found === null)
        throw new GatewayError('not_found', `No request has the id '${id.slice(0, 80)}'.`, { param: 'id' })
      ctx.body = found
    },
    async overview(ctx: Context): Promise<void> {
      authorise(ctx)
      ctx.body = await queries.overview(readQuery(ctx, overviewParameters))
    },
    async facets(ctx: Context): Promise<void> {
      authorise(ctx)
      ctx.body = await queries.facets()
    },
    status(ctx: Context): void {
      authorise(ctx)
      ctx.body = describeStatus(dependencies)
    },
  }
}

function readLimit(text: string): number {
  const limit = Number(text)
  if (Number.isInteger(limit) && limit >= 1 && limit <= 500) return limit
  throw new GatewayError(
    'invalid_request',
    `limit must be a whole number from 1 to 500, not '${text.slice(0, 40)}'.`,
    { param: 'limit' },
  )
}

/** A filter that is not known is an error: ignored, it would show more than was asked for. */
function readQuery<Name extends string>(ctx: Context, known: readonly Name[]): Partial<Record<Name, string>> {
  const read: Partial<Record<Name, string>> = {}
  for (const [name, value] of Object.entries(ctx.query)) {
    const found = known.find((candidate) => candidate === name)
    if (found === undefined) {
      throw new GatewayError(
        'invalid_request',
        `There is no parameter '${name.slice(0, 40)}' here. Known: ${known.join(', ')}.`,
        { param: name.slice(0, 40) },
      )
    }
    const text = Array.isArray(value) ? value.at(-1) : value
    if (text !== undefined && text !== '') read[found] = text
  }
  return read
}

function describeStatus({ runtime, version, startedAt, logRowsDropped }: AdminDependencies): AdminStatus {
  const current = runtime()
  return {
    version,
    config_source: current.source,
    sandbox: current.source === 'sandbox',
    started_at: startedAt.toISOString(),
    log_rows_dropped: logRowsDropped(),
    providers: [...current.providers.values()].map((provider) => ({
      id: provider.id,
      variant: provider.translator.id,
      title: provider.translator.title,
      base_url: provider.baseUrl,
      available: provider.missing.length === 0,
      missing: [...provider.missing],
      document: provider.translator.contract.document,
    })),
    models: current.models.map(({ pattern, targets }) => ({
      id: pattern,
      targets: targets.map(({ provider, model }) => ({
        provider,
        model,
        available: current.providers.get(provider)?.missing.length === 0,
      })),
    })),
  }
}
