/** `/admin/status`. */
import type { Runtime } from '../../config/runtime.ts'
import { AdminStatus, type AdminStoreStatus } from './contract.ts'
import { type AdminRoute, defineRoute } from './route.ts'

export interface StatusRoutesDependencies {
  runtime(): Runtime
  version: string
  startedAt: Date
  logRowsDropped(): number
  storeState(): StoreState
}

/** Times in Unix milliseconds. */
export interface StoreState {
  /** Why it cannot be written. */
  problem: string | null
  warning: string | null
  rowsQueued: number
  bodiesDropped: number
  retention: {
    /** Null before the first one. */
    measure: { usedBytes: number } | null
    maxBytes: number | null
    oldestAt: { rows: number | null; bodies: number | null }
  }
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
  storeState,
}: StatusRoutesDependencies): AdminStatus {
  const current = runtime()
  return {
    version,
    config_source: current.source,
    sandbox: current.source === 'sandbox',
    started_at: startedAt.toISOString(),
    log_rows_dropped: logRowsDropped(),
    store: describeStore(storeState()),
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

function describeStore({
  problem,
  warning,
  rowsQueued,
  bodiesDropped,
  retention: { measure, maxBytes, oldestAt },
}: StoreState): AdminStoreStatus {
  return {
    problem,
    warning,
    used_bytes: measure?.usedBytes ?? null,
    limit_bytes: maxBytes,
    oldest_row_at: toMoment(oldestAt.rows),
    oldest_body_at: toMoment(oldestAt.bodies),
    rows_queued: rowsQueued,
    bodies_dropped: bodiesDropped,
  }
}

function toMoment(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString()
}
