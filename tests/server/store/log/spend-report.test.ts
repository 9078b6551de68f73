/** A report of spend whose rows are more than anybody reads. */
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import type { Context } from 'koa'
import type { AdminSpend, AdminSpendRow } from '../../../../server/http/admin/contract-spend.ts'
import { createSpendRoutes } from '../../../../server/http/admin/spend-routes.ts'
import { createAdminQueries } from '../../../../server/store/admin-queries.ts'
import type { Dialect } from '../../../../server/store/engine/driver.ts'
import { spentMeasures } from '../../../../server/store/log/rollup-schema.ts'
import { reportSpend } from '../../../../server/store/log/spend-report.ts'
import { readContext } from '../rollup-fixtures.ts'
import { dialects, openEngine } from './engines.ts'

const month = Date.UTC(2026, 0)
const listed = `INSERT INTO spend_dimensions (period, at, project, dimension, kept) VALUES ('month', ?, 'acme', 'user', 0)`
/** The last of twenty thousand spends more than a double holds. */
const spent = `INSERT INTO spend_totals (month, dimension, value, ${spentMeasures.join(', ')})
  WITH RECURSIVE users (place) AS (
    SELECT CAST(1 AS BIGINT) UNION ALL SELECT place + 1 FROM users WHERE place < CAST(? AS BIGINT))
  SELECT CAST(? AS BIGINT), 'user', CASE place WHEN 1 THEN '' ELSE ? || place END, 3, 1, place * 1000000000001, place, 5, 6, 7, 8 FROM users`
const name = 'a "name", \\ \n \u2028 Grüße 🙂 '

async function ask(t: TestContext, dialect: Dialect, count: number) {
  const driver = await openEngine(t, dialect)
  const filled = { sql: spent, params: [count, month, name] }
  await driver.batch(count === 0 ? [] : [{ sql: listed, params: [month] }, filled])
  const queries = createAdminQueries({
    query: async (_name, argument) => reportSpend(readContext(driver), argument as never) as never,
  })
  const route = createSpendRoutes({ queries, repricing: {} as never }).find(
    ({ path }) => path === '/admin/spend',
  )
  const ctx = { set: () => undefined } as unknown as Context
  const query = { group_by: 'user', from: '2026-01-01', to: '2026-02-01' }
  await route?.handler({ params: {}, query, body: null, ctx })
  return JSON.parse(String(ctx.body)) as AdminSpend
}

for (const dialect of dialects) {
  describe(`a report of spend, ${dialect}`, () => {
    it('is refused with what to do', async (t) => {
      await assert.rejects(ask(t, dialect, 20_001), {
        code: 'invalid_request',
        param: 'from',
        message: /too many rows.*shorter time/,
      })
    })

    it('is written out up to there, to the nano-dollar', async (t) => {
      const { rows, totals } = await ask(t, dialect, 20_000)
      const amounts = { requests: 3, unpriced_requests: 1, input_tokens: 5, output_tokens: 6 }
      const estimated = { estimated_input_tokens: 7, estimated_output_tokens: 8 }
      const expected = Array.from({ length: 20_000 }, (_, index): AdminSpendRow => {
        const place = 20_000 - index
        const told = {
          value: place === 1 ? null : `${name}${place}`,
          kind: place === 1 ? 'other' : 'value',
        } as const
        const cost = `${place * 1000}.${String(place).padStart(9, '0')}`
        const estimate = `0.${String(place).padStart(9, '0')}`
        const money = { cost_usd: cost, estimated_cost_usd: estimate }
        return { period: '2026-01', ...told, project: null, ...amounts, ...money, ...estimated }
      })
      assert.deepEqual(rows, expected)
      assert.deepEqual(
        [totals.requests, totals.cost_usd, totals.estimated_output_tokens],
        [60_000, '200010000000.200010000', 160_000],
      )
    })

    it('may have no rows', async (t) => {
      const { rows, totals } = await ask(t, dialect, 0)
      assert.deepEqual([rows, totals.requests, totals.cost_usd], [[], 0, '0.000000000'])
    })
  })
}
