/** `/admin/rollups/rebuild`. */
import { GatewayError } from '../../errors.ts'
import type { RollupRebuilding } from '../../store/rebuild-rollups.ts'
import { AdminRebuildBody, AdminRebuilt } from './contract-rollups.ts'
import { parseTime } from './kinds.ts'
import { type AdminRoute, defineRoute } from './route.ts'

export interface RollupRoutesDependencies {
  rebuilding: RollupRebuilding
}

export function createRollupRoutes({ rebuilding }: RollupRoutesDependencies): AdminRoute[] {
  return [
    defineRoute({
      method: 'POST',
      path: '/admin/rollups/rebuild',
      summary: 'Makes the sums of charts again from the requests, where they are wrong or missing.',
      description:
        'Bounded: makes `limit` hours and says where to go on. Doing it twice changes nothing. What is told apart by user and tag, and sessions, stay as they are.',
      body: AdminRebuildBody,
      answer: AdminRebuilt,
      errors: ['rebuild_in_progress'],
      handler: ({ body }) => rebuild(rebuilding, body),
    }),
  ]
}

async function rebuild(rebuilding: RollupRebuilding, body: AdminRebuildBody): Promise<AdminRebuilt> {
  const from = parseTime(body.from)
  const to = parseTime(body.to)
  if (from >= to) throw new GatewayError('invalid_request', 'from must be before to.', { param: 'from' })
  const done = await rebuilding.rebuild({ from, to, limit: body.limit ?? 24 })
  if (done === null)
    throw new GatewayError(
      'rebuild_in_progress',
      'Another gateway on this database is making sums again. Try again in two minutes.',
    )
  return { ...done, next: done.next === null ? null : new Date(done.next).toISOString() }
}
