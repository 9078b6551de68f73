/** `/admin/spend`, `/admin/reprice`. */
import { GatewayError } from '../../errors.ts'
import { formatNanos } from '../../gateway/money/format-cost.ts'
import type { Repriced, Repricing } from '../../gateway/money/reprice.ts'
import type { AdminQueries } from '../../store/admin-queries.ts'
import { AdminRepriceBody, AdminRepriced, AdminSpend, AdminSpendQuery } from './contract-spend.ts'
import { parseTime } from './kinds.ts'
import { type AdminRoute, defineRoute } from './route.ts'

export interface SpendRoutesDependencies {
  queries: Pick<AdminQueries, 'spend'>
  repricing: Repricing
}

export function createSpendRoutes({ queries, repricing }: SpendRoutesDependencies): AdminRoute[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/admin/spend',
      summary: 'What was spent by day or month, exact to the nano-dollar, with a forecast. Also as CSV.',
      query: AdminSpendQuery,
      answer: AdminSpend,
      contentTypes: ['application/json', 'text/csv'],
      async handler({ query, ctx }) {
        const file = await queries.spend(query)
        if (file === null)
          throw new GatewayError(
            'invalid_request',
            'There are too many rows. Ask for a shorter time, for months, or for one project.',
            { param: 'from' },
          )
        if (query.format === 'csv') {
          ctx.type = 'text/csv; charset=utf-8'
          ctx.set('content-disposition', `attachment; filename="spend-${file.from.slice(0, 10)}.csv"`)
        } else ctx.type = 'json'
        ctx.body = Buffer.from(file.content)
        return undefined
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/admin/reprice',
      summary: 'Prices requests again, by the prices that are configured now.',
      description:
        'Bounded: looks at `limit` requests and says where to go on. Doing it twice changes nothing. Sums and spend move with the rows.',
      body: AdminRepriceBody,
      answer: AdminRepriced,
      errors: ['reprice_in_progress'],
      handler: ({ body }) => reprice(repricing, body),
    }),
  ]
}

async function reprice(repricing: Repricing, body: AdminRepriceBody): Promise<AdminRepriced> {
  const { which = 'unpriced', cursor, limit = 1000 } = body
  const from = parseTime(body.from)
  const to = parseTime(body.to)
  if (from >= to) throw new GatewayError('invalid_request', 'from must be before to.', { param: 'from' })
  const after = cursor === undefined ? null : Number.parseInt(cursor.slice(1), 36)
  const done = await repricing.reprice({ from, to, unpriced: which === 'unpriced', after, limit })
  if (done === null)
    throw new GatewayError(
      'reprice_in_progress',
      'Another gateway on this database is repricing. Try again in half a minute.',
    )
  return toAnswer(done)
}

function toAnswer({ nanos, next, ...counts }: Repriced): AdminRepriced {
  return {
    ...counts,
    difference_usd: formatNanos(nanos),
    next: next === null ? null : `k${next.toString(36)}`,
  }
}
