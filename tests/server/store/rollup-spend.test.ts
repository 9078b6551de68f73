/** What clients say of their requests, added up by day and month, with a bound for what they make up. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { SqlRow } from '../../../server/store/engine/driver.ts'
import { SpendCells } from '../../../server/store/log/rollup-spend-days.ts'
import { rollupDelta } from '../../../server/store/log/rollup-writes.ts'
import { dialects, openEngine } from './log/engines.ts'
import { countedRow, day, makeRow, readTable, type StoredRow, writeRows } from './rollup-fixtures.ts'

const limits = { values: { day: 3, month: 5 }, dimensions: 2 }
const start = Date.UTC(2026, 2, 30)

function spent(rows: readonly StoredRow[]): SpendCells {
  const cells = new SpendCells()
  for (const row of rows) cells.add(countedRow(row))
  return cells
}

const brief = (rows: readonly SqlRow[], at: 'day' | 'month') =>
  rows.map((row) => [
    new Date(Number(row[at])).toISOString().slice(0, 10),
    row.dimension,
    row.value,
    row.requests,
  ])

for (const dialect of dialects) {
  describe(`spend by user and tag, ${dialect}`, () => {
    it('has each value of a day and month, and what they cost', async (t) => {
      const driver = await openEngine(t, dialect)
      await writeRows(driver, [
        makeRow({ created_at: start, user_id: 'ann', metadata: '{"team":"red","n":"1"}' }),
        makeRow({ created_at: start + 2 * day, user_id: 'ann', metadata: '{"team":"red"}', cost_nano: 5 }),
        makeRow({ created_at: start, user_id: 'bob' }),
        makeRow({ created_at: start, metadata: 'no JSON' }),
      ])
      const days = await readTable(driver, 'spend_days')
      assert.deepEqual(brief(days, 'day').sort(), [
        ['2026-03-30', 'metadata:n', '1', 1],
        ['2026-03-30', 'metadata:team', 'red', 1],
        ['2026-03-30', 'user', 'ann', 1],
        ['2026-03-30', 'user', 'bob', 1],
        ['2026-04-01', 'metadata:team', 'red', 1],
        ['2026-04-01', 'user', 'ann', 1],
      ])
      const months = await readTable(driver, 'spend_months')
      const april = months.find(({ month, value }) => month === Date.UTC(2026, 3, 1) && value === 'ann')
      assert.deepEqual([april?.requests, april?.cost_nano, april?.output_tokens], [1, 5, 20])
    })

    it('adds up under one value what is beyond the bound, and loses nothing', async (t) => {
      const driver = await openEngine(t, dialect)
      const users = ['a', 'b', 'c', 'd', 'e', 'a', 'd', 'f', '', 'b']
      for (const user of users) {
        const row = makeRow({ created_at: start, user_id: user, metadata: '{"x":"1"}' })
        await driver.batch(spent([row]).statements({ dialect, limits }))
      }
      const many = users.map((user) => makeRow({ created_at: start, user_id: user, metadata: '{"y":"1"}' }))
      await driver.batch(spent(many).statements({ dialect, limits }))
      const days = await readTable(driver, 'spend_days')
      assert.deepEqual(brief(days, 'day').sort(), [
        ['2026-03-30', 'metadata:x', '1', 10],
        ['2026-03-30', 'user', '', 8],
        ['2026-03-30', 'user', 'a', 4],
        ['2026-03-30', 'user', 'b', 4],
        ['2026-03-30', 'user', 'c', 2],
      ])
      const months = await readTable(driver, 'spend_months')
      const ofUsers = months.filter(({ dimension }) => dimension === 'user')
      assert.deepEqual(ofUsers.map(({ value }) => value).sort(), ['', 'a', 'b', 'c', 'd', 'e'])
      assert.equal(
        ofUsers.reduce((sum, { requests }) => sum + Number(requests), 0),
        18,
      )
    })

    it('keeps the bound within one batch', async (t) => {
      const driver = await openEngine(t, dialect)
      const write = (users: string[], projects = ['p', 'q']) => {
        const rows = projects.flatMap((project) =>
          users.map((user) => makeRow({ created_at: start, project, user_id: user })),
        )
        return driver.batch(spent(rows).statements({ dialect, limits }))
      }
      await write(['b'], ['p'])
      await write(['a', 'b', 'c', 'd', 'e'])
      const days = await readTable(driver, 'spend_days')
      const values = (project: string) =>
        days.filter((row) => row.project === project).map(({ value, requests }) => `${value} ${requests}`)
      assert.deepEqual(values('p').sort(), [' 2', 'a 1', 'b 2', 'c 1'])
      assert.deepEqual(values('q').sort(), [' 2', 'a 1', 'b 1', 'c 1'])
    })

    it('moves what a user spent when requests cost something else', async (t) => {
      const driver = await openEngine(t, dialect)
      const before = makeRow({
        created_at: start,
        user_id: 'ann',
        cost_nano: null,
        cost_reason: 'unknown_model',
      })
      await writeRows(driver, [before])
      const after = { ...before, cost_nano: 9, cost_reason: null }
      await driver.batch(rollupDelta([{ before: countedRow(before), after: countedRow(after) }]))
      for (const table of ['spend_days', 'spend_months']) {
        const [row] = await readTable(driver, table)
        assert.deepEqual([row?.requests, row?.cost_nano, row?.unpriced], [1, 9, 0])
      }
    })
  })
}
