/** A report of spend whose rows are more than anybody reads. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Context } from 'koa'
import { createSpendRoutes } from '../../../../server/http/admin/spend-routes.ts'
import { createAdminQueries } from '../../../../server/store/admin-queries.ts'
import { createDeadline } from '../../../../server/store/engine/deadline.ts'
import type { Driver } from '../../../../server/store/engine/driver.ts'
import { reportSpend } from '../../../../server/store/log/spend-report.ts'

const tokens = { input_tokens: 5, output_tokens: 1, estimated_input_tokens: 0, estimated_output_tokens: 0 }
const row = {
  value: 'somebody',
  requests: 1,
  unpriced: 0,
  cost_nano: '1',
  estimated_cost_nano: '0',
  ...tokens,
}

function answer(count: number) {
  const driver = {
    all: async (sql: string) => (sql.includes('spend_') ? Array.from({ length: count }, () => row) : []),
  }
  const context = { driver: driver as unknown as Driver, deadline: createDeadline(60_000) }
  const queries = createAdminQueries({
    query: async (_name, argument) => reportSpend(context, argument as never) as never,
  })
  const route = createSpendRoutes({ queries, repricing: {} as never }).find(
    ({ path }) => path === '/admin/spend',
  )
  const ctx = { set: () => undefined } as unknown as Context
  const query = { group_by: 'user', from: '2026-01-01', to: '2026-02-01' }
  return { ctx, done: route?.handler({ params: {}, query, body: null, ctx }) }
}

it('is refused with what to do', async () => {
  await assert.rejects(async () => answer(20_001).done, {
    code: 'invalid_request',
    param: 'from',
    message: /too many rows.*shorter time/,
  })
})

it('is written out up to there', async () => {
  const { ctx, done } = answer(20_000)
  await done
  const told = JSON.parse(String(ctx.body))
  assert.deepEqual([told.rows.length, told.totals.cost_usd], [20_000, '0.000020000'])
})
