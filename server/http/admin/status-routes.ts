/** `/admin/status`. */
import type { Runtime } from '../../config/runtime.ts'
import { AdminStatus } from './contract.ts'
import { type AdminRoute, defineRoute } from './route.ts'

export interface StatusRoutesDependencies {
  runtime(): Runtime
  version: string
  startedAt: Date
  logRowsDropped(): number
}

export function createStatusRoutes(dependencies: StatusRoutesDependencies): AdminRoute[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/admin/status',
      summary: 'What runs here.',
      answer: AdminStatus,
      handler: () => describeStatus(dependencies),
    }),
  ]
}

function describeStatus({
  runtime,
  version,
  startedAt,
  logRowsDropped,
}: StatusRoutesDependencies): AdminStatus {
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
