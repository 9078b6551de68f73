/** Money past what a double holds exactly (some nine million dollars) stays exact, wherever it is added up. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Driver } from '../../../server/store/engine/driver.ts'
import { overview } from '../../../server/store/log/overview-query.ts'
import { applyCosts } from '../../../server/store/log/reprice.ts'
import { getSession } from '../../../server/store/log/session-queries.ts'
import { readSpend } from '../../../server/store/log/spend-query.ts'
import { dialects, openEngine } from './log/engines.ts'
import { day, makeRow, readContext, stepContext, writeRows } from './rollup-fixtures.ts'

const start = Date.UTC(2026, 2, 4)
const large = Number.MAX_SAFE_INTEGER
const rich = (index: number, changes = {}) =>
  makeRow({
    created_at: start + index,
    session_id: 'rich',
    user_id: 'ann',
    metadata: '{"team":"red"}',
    cost_nano: large - index,
    ...changes,
  })

async function readSums(driver: Driver): Promise<Record<string, bigint>> {
  const context = readContext(driver)
  const sums: Record<string, bigint> = {}
  for (const group of [null, 'project', 'key', 'model', 'provider', 'user', 'metadata:team']) {
    const stretches = [{ from: start, to: start + day }]
    const rows = await readSpend(context, { group, stretches, filters: {}, limit: 10 })
    sums[String(group)] = rows.reduce((sum, { nanos }) => sum + BigInt(nanos), 0n)
  }
  const { totals } = await overview(context, { from: start, to: start + day, filter: {} })
  sums.overview = toNanos(totals.cost_usd)
  sums.session = toNanos((await getSession(context, { id: 'rich', project: null }))?.cost_usd)
  const [rows] = await driver.all('SELECT CAST(sum(cost_nano) AS TEXT) AS nanos FROM requests')
  sums.rows = BigInt(String(rows?.nanos))
  return sums
}

function toNanos(dollars: string | null | undefined): bigint {
  return BigInt((dollars ?? '').replace('.', ''))
}

async function assertSame(driver: Driver): Promise<bigint> {
  const { rows = 0n, ...others } = await readSums(driver)
  for (const [name, nanos] of Object.entries(others)) assert.equal(nanos, rows, name)
  return rows
}

for (const dialect of dialects) {
  describe(`large sums, ${dialect}`, () => {
    it('of requests that come one by one', async (t) => {
      const driver = await openEngine(t, dialect)
      for (let index = 0; index < 5; index++) await writeRows(driver, [rich(index)])
      assert.equal(await assertSame(driver), 5n * BigInt(large) - 10n)
    })

    it('of requests that come together, and of those that follow', async (t) => {
      const driver = await openEngine(t, dialect)
      await writeRows(
        driver,
        Array.from({ length: 7 }, (_, index) => rich(index)),
      )
      await writeRows(driver, [rich(8), rich(9, { attempts: 2 })])
      assert.equal(await assertSame(driver), 9n * BigInt(large) - 38n)
    })

    it('of a chain whose first request comes last', async (t) => {
      const driver = await openEngine(t, dialect)
      for (let index = 1; index < 4; index++) await writeRows(driver, [rich(index)])
      await writeRows(driver, [rich(0, { session_id: null, response_id: 'rich' })])
      assert.equal(await assertSame(driver), 4n * BigInt(large) - 6n)
    })

    it('that move by a new cost', async (t) => {
      const driver = await openEngine(t, dialect)
      const rows = [1, 2, 3, 4].map((index) => rich(index))
      for (const row of rows) await writeRows(driver, [row])
      const costs = rows.map(({ key }, index) => ({
        key,
        cost_nano: index,
        cost_reason: null,
        cost_detail: null,
      }))
      const { nanos } = await applyCosts(stepContext(driver), { costs })
      assert.equal(nanos, 6n - (4n * BigInt(large) - 10n))
      assert.equal(await assertSame(driver), 6n)
    })
  })
}
