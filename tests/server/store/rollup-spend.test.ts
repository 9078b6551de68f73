/** What clients say of their requests, added up by day and month, with a bound for what they make up. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Driver, SqlRow } from '../../../server/store/engine/driver.ts'
import { pruneRollups } from '../../../server/store/log/rollup-prune.ts'
import { spentMeasures } from '../../../server/store/log/rollup-schema.ts'
import { SpendCells } from '../../../server/store/log/rollup-spend-days.ts'
import { rollupDelta } from '../../../server/store/log/rollup-writes.ts'
import { readSpend } from '../../../server/store/log/spend-query.ts'
import { dialects, openEngine } from './log/engines.ts'
import {
  countedRow,
  day,
  makeRow,
  readContext,
  readTable,
  type StoredRow,
  stepContext,
  writeRows,
} from './rollup-fixtures.ts'

const limits = { values: { day: 3, month: 5 }, dimensions: 2 }
const start = Date.UTC(2026, 2, 30)

function spent(rows: readonly StoredRow[]): SpendCells {
  const cells = new SpendCells()
  for (const row of rows) cells.add(countedRow(row))
  return cells
}

/** What is kept of all projects is what is kept of each, and so is the number of values. */
async function checkTotals(driver: Driver): Promise<void> {
  const sums = spentMeasures.map((name) => `CAST(sum(${name}) AS BIGINT) AS ${name}`).join(', ')
  const found = await driver.all(
    `SELECT month, dimension, value, ${sums} FROM spend_months GROUP BY month, dimension, value`,
  )
  const sort = (rows: readonly SqlRow[]) => rows.map((row) => JSON.stringify(row)).sort()
  assert.deepEqual(sort(await driver.all('SELECT * FROM spend_totals')), sort(found))
  const wrong = await driver.all(
    `SELECT * FROM spend_dimensions AS listed WHERE kept NOT IN (
      SELECT count(*) FROM spend_months WHERE period = 'month' AND month = listed.at AND project = listed.project AND dimension = listed.dimension
      UNION SELECT count(*) FROM spend_months WHERE period = 'month' AND month = listed.at AND project = listed.project
        AND dimension = listed.dimension AND value <> ''
      UNION SELECT count(*) FROM spend_days WHERE period = 'day' AND day = listed.at AND project = listed.project AND dimension = listed.dimension
      UNION SELECT count(*) FROM spend_days WHERE period = 'day' AND day = listed.at AND project = listed.project
        AND dimension = listed.dimension AND value <> '')`,
  )
  assert.deepEqual(wrong, [])
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
      await checkTotals(driver)
    })

    it('keeps the bound of names within one batch', async (t) => {
      const driver = await openEngine(t, dialect)
      const write = (...names: string[]) => {
        const metadata = JSON.stringify(Object.fromEntries(names.map((name) => [name, '1'])))
        const rows = ['p', 'q'].map((project) => makeRow({ created_at: start, project, metadata }))
        return driver.batch(spent(rows).statements({ dialect, limits }))
      }
      await write('c')
      await write('a', 'b', 'c', 'd')
      const listed = await readTable(driver, 'spend_dimensions')
      const names = (period: string, project: string) =>
        listed.filter((row) => row.period === period && row.project === project).map((row) => row.dimension)
      for (const period of ['day', 'month'])
        for (const project of ['p', 'q'])
          assert.deepEqual(names(period, project).sort(), ['metadata:a', 'metadata:c'])
      const days = brief(await readTable(driver, 'spend_days'), 'day')
      assert.deepEqual([...new Set(days.map(([, ...row]) => row.join(' ')))].sort(), [
        'metadata:a 1 1',
        'metadata:c 1 2',
      ])
      await checkTotals(driver)
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
      await checkTotals(driver)
    })

    it('has the sums of a month over all projects, of each value and of the rest', async (t) => {
      const driver = await openEngine(t, dialect)
      const write = (project: string, users: string[]) => {
        const rows = users.map((user) => makeRow({ created_at: start, project, user_id: user, cost_nano: 7 }))
        return driver.batch(spent(rows).statements({ dialect, limits }))
      }
      // Beyond the five of `one`, f is in the rest there, and apart in `two`.
      await write('one', ['a', 'b', 'c', 'd', 'e', 'f'])
      await write('two', ['a', 'f'])
      await write('one', ['f', 'a'])
      const totals = await readTable(driver, 'spend_totals')
      assert.deepEqual(
        totals.map(({ value, requests, cost_nano: nanos }) => [value, requests, nanos]).sort(),
        [
          ['', 2, 14],
          ['a', 3, 21],
          ['b', 1, 7],
          ['c', 1, 7],
          ['d', 1, 7],
          ['e', 1, 7],
          ['f', 1, 7],
        ],
      )
      await checkTotals(driver)
      const query = { group: 'user', filters: {}, limit: 100 }
      const month = { from: Date.UTC(2026, 2), to: Date.UTC(2026, 3) }
      const rows = await readSpend(readContext(driver), { ...query, stretches: [month] })
      assert.deepEqual(
        rows.map(({ value, nanos }) => `${value} ${nanos}`),
        ['a 21', ' 14', 'b 7', 'c 7', 'd 7', 'e 7', 'f 7'],
      )
      const cut = await readSpend(readContext(driver), { ...query, stretches: [month], limit: 2 })
      assert.equal(cut.length, 3)
    })

    it('loses a month of all projects when it is over for good, in steps', async (t) => {
      const driver = await openEngine(t, dialect)
      const users = Array.from({ length: 40 }, (_, index) => `user ${index}`)
      for (const created of [start - 40 * day, start, start + 40 * day]) {
        const rows = ['one', 'two'].flatMap((project) =>
          users.map((user) => makeRow({ created_at: created, project, user_id: user })),
        )
        await writeRows(driver, rows)
      }
      const limits = { minuteBefore: 0, hourAndDayBefore: start, limit: 15 }
      while ((await pruneRollups(stepContext(driver), limits)).more);
      await checkTotals(driver)
      const months = new Set((await readTable(driver, 'spend_totals')).map(({ month }) => month))
      assert.deepEqual([...months].sort(), [Date.UTC(2026, 4)])
    })

    it('tells of a month whose first days are gone what the others say', async (t) => {
      const driver = await openEngine(t, dialect)
      const month = { from: Date.UTC(2026, 2), to: Date.UTC(2026, 3) }
      const users = ['ann', null, 'ben']
      const rows = Array.from({ length: 31 }, (_, index) =>
        makeRow({ created_at: month.from + index * day, user_id: users[index % 3] ?? null }),
      )
      await writeRows(driver, rows)
      const spentBy = async (group: string | null, project?: string) => {
        const filters = project === undefined ? {} : { project }
        const query = { group, filters, stretches: [month], limit: 100 }
        const found = await readSpend(readContext(driver), query)
        return Object.fromEntries(found.map(({ value, requests, nanos }) => [value, `${requests} ${nanos}`]))
      }
      assert.deepEqual(await spentBy('user'), { ann: '11 11000', ben: '10 10000' })
      const limits = { minuteBefore: 0, hourAndDayBefore: month.from + 20 * day, limit: 10 }
      for (let more = true; more; ) {
        ;({ more } = await pruneRollups(stepContext(driver), limits))
        const whole = Number((await spentBy(null))['']?.split(' ')[0])
        const told = Object.values(await spentBy('user')).map((text) => Number(text.split(' ')[0]))
        assert.ok(told.reduce((sum, requests) => sum + requests, 0) <= whole, 'never more than there is')
      }
      assert.deepEqual(await spentBy(null), { '': '13 13000' })
      for (const project of [undefined, 'acme'])
        assert.deepEqual(await spentBy('user', project), { ann: '5 5000', ben: '4 4000' })
      await checkTotals(driver)
    })

    it('tells of many days what each of them says', async (t) => {
      const driver = await openEngine(t, dialect)
      const rows = Array.from({ length: 90 }, (_, index) =>
        makeRow({
          // Nothing on every third day.
          created_at: start + Math.floor(index / 2) * day - (Math.floor(index / 2) % 3 === 2 ? day : 0),
          project: `project ${index % 2}`,
          model: `model ${index % 4}`,
          cost_nano: 1000 + index,
        }),
      )
      await writeRows(driver, rows)
      const context = readContext(driver)
      const days = Array.from({ length: 45 }, (_, index) => start + index * day)
      const stretches = days.map((from) => ({ from, to: from + day }))
      for (const group of [null, 'project', 'key', 'model'])
        for (const filters of [{}, { project: 'project 1' }, { project: 'project 0', provider: 'sail' }]) {
          const query = { group, filters, limit: 1000 }
          const together = await readSpend(context, { ...query, stretches })
          const apart = []
          for (const stretch of stretches)
            apart.push(...(await readSpend(context, { ...query, stretches: [stretch] })))
          assert.deepEqual(together, apart)
          assert.ok(apart.length >= 30)
          const some = await readSpend(context, { ...query, stretches, limit: 20 })
          assert.deepEqual(some, apart.slice(0, 21))
        }
      const all = await readSpend(context, { group: null, filters: {}, stretches, limit: 1000 })
      assert.deepEqual(
        all.map(({ at, nanos }) => [at, Number(nanos)]),
        days.flatMap((at, index) => {
          const of = rows.filter(({ created_at: created }) => created === at)
          const nanos = of.reduce((sum, { cost_nano: cost }) => sum + Number(cost), 0)
          return index % 3 === 2 ? [] : [[at, nanos]]
        }),
      )
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
      await driver.batch(rollupDelta([{ before: countedRow(before), after: countedRow(after) }], dialect))
      for (const table of ['spend_days', 'spend_months']) {
        const [row] = await readTable(driver, table)
        assert.deepEqual([row?.requests, row?.cost_nano, row?.unpriced], [1, 9, 0])
      }
      await checkTotals(driver)
    })
  })
}
