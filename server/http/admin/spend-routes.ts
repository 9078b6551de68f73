/** `/admin/spend`, `/admin/reprice`. */
import { GatewayError } from '../../errors.ts'
import { formatNanos } from '../../gateway/money/format-cost.ts'
import type { Repriced, Repricing } from '../../gateway/money/reprice.ts'
import { AdminRepriceBody, AdminRepriced, AdminSpend, AdminSpendQuery } from './contract-spend.ts'
import { parseTime } from './kinds.ts'
import { type AdminRoute, defineRoute } from './route.ts'
import { renderSpendCsv } from './spend-csv.ts'
import { reportSpend, type SpendSource } from './spend-report.ts'

export interface SpendRoutesDependencies {
  queries: SpendSource
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
        const report = await reportSpend(queries, query, Date.now())
        if (query.format !== 'csv') {
          ctx.body = report
          return report
        }
        ctx.type = 'text/csv; charset=utf-8'
        ctx.set('content-disposition', `attachment; filename="spend-${report.from.slice(0, 10)}.csv"`)
        ctx.body = renderSpendCsv(report)
        return report
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
