/** How a list is read: by indexes alone until a row may be wanted, whatever the engine thinks of its tables. */
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import type { AdminRequestsQuery } from '../../../../server/http/admin/contract.ts'
import { createDeadline } from '../../../../server/store/engine/deadline.ts'
import type { Dialect, Driver, Statement } from '../../../../server/store/engine/driver.ts'
import { listRequests } from '../../../../server/store/log/list-requests.ts'
import { checkListQuery } from '../../../../server/store/log/query-input.ts'
import { dialects, openEngine } from './engines.ts'

const rows = 6000
const firstKey = 1_800_000_000_000_000
const long = 60_000

/** Of every three in a row, one each has the model, the provider and the tag: they are common, and never meet. */
function makeRow(index: number): Statement[] {
  const key = firstKey + index
  const values = [
    key,
    `req_${index}`,
    'acme',
    index % 3 === 0 ? 'wanted' : 'other',
    index % 3 === 1 ? 'wanted' : 'other',
    index % 100 === 0 ? 'in_progress' : 'completed',
  ]
  const row = {
    sql: `INSERT INTO requests (key, id, operation, created_at, project, model, provider, status, stream, attempts)
      VALUES (?, ?, 'x', 1, ?, ?, ?, ?, 0, 1)`,
    params: values,
  }
  const tag = { sql: "INSERT INTO request_tags (tag, key) VALUES ('team=wanted', ?)", params: [key] }
  return index % 3 === 2 ? [row, tag] : [row]
}

async function fill(t: TestContext, dialect: Dialect): Promise<Driver> {
  const driver = await openEngine(t, dialect)
  await driver.batch(Array.from({ length: rows }, (_, index) => makeRow(index)).flat())
  return driver
}

/** Passes statements on, and tells of each before it runs. */
function watch(driver: Driver, tell: (statement: Statement) => Promise<void>): Driver {
  return {
    dialect: driver.dialect,
    all: async (sql, params = []) => {
      await tell({ sql, params })
      return driver.all(sql, params)
    },
    batch: (statements) => driver.batch(statements),
    close: () => driver.close(),
  }
}

const list = (driver: Driver, query: AdminRequestsQuery) =>
  listRequests({ driver, deadline: createDeadline(long) }, checkListQuery(query, long))

/** Only the statement for whole rows names this column. */
const readsRows = ({ sql }: Statement) => sql.includes('adaptations')

const neverMeet: AdminRequestsQuery[] = [
  { model: 'wanted', provider: 'wanted' },
  { project: 'acme', provider: 'wanted', metadata: { team: 'wanted' } },
  { status: ['completed', 'error'], model: 'wanted', metadata: { team: 'wanted' } },
  { model: 'wanted', provider: 'wanted', stream: true, min_ttft_ms: 1 },
]

for (const dialect of dialects) {
  describe(`${dialect}: a list with several filters`, () => {
    it('reads no row where the indexes have nothing in common', async (t) => {
      const driver = await fill(t, dialect)
      let read = 0
      const watched = watch(driver, async (statement) => {
        if (readsRows(statement)) read += 1
      })
      for (const query of neverMeet) {
        const { data, next, searched_to } = await list(watched, query)
        assert.deepEqual({ data, next, searched_to }, { data: [], next: null, searched_to: null })
        assert.equal(read, 0, JSON.stringify(query))
      }
      const { data } = await list(watched, { model: 'wanted', status: ['in_progress'] })
      assert.deepEqual([data.length, read], [20, 1])
    })

    it('gives no row for what it was before its keys were read', async (t) => {
      const driver = await fill(t, dialect)
      const query: AdminRequestsQuery = { status: ['in_progress'], model: 'wanted' }
      const before = await list(driver, query)
      const watched = watch(driver, async (statement) => {
        if (!readsRows(statement)) return
        await driver.batch([
          { sql: "UPDATE requests SET status = 'completed' WHERE id = 'req_300'", params: [] },
        ])
      })
      const ids = (await list(watched, query)).data.map(({ id }) => id)
      assert.ok(before.data.some(({ id }) => id === 'req_300'))
      assert.deepEqual(
        ids,
        before.data.map(({ id }) => id).filter((id) => id !== 'req_300'),
      )
    })
  })
}

describe('sqlite: a list of a table with statistics', () => {
  it('is read by the indexes of its filters', async (t) => {
    const driver = await fill(t, 'sqlite')
    await driver.all('ANALYZE')
    const plans: string[] = []
    const watched = watch(driver, async (statement) => {
      if (!statement.sql.includes('requests') || readsRows(statement)) return
      const steps = await driver.all(`EXPLAIN QUERY PLAN ${statement.sql}`, statement.params)
      plans.push(...steps.map(({ detail }) => String(detail)))
    })
    for (const query of [
      { provider: 'other' },
      { status: ['completed' as const] },
      { provider: 'other', status: ['completed' as const], model: 'other' },
      { project: 'acme', provider: 'other', stream: true },
    ])
      await list(watched, query)
    assert.ok(plans.some((plan) => plan.includes('INDEX requests_by_provider (provider=? AND rowid>')))
    const throughRows = plans.filter((plan) =>
      /^(SCAN requests|SEARCH requests USING INTEGER PRIMARY KEY)/.test(plan),
    )
    assert.deepEqual(throughRows, [])
    assert.ok(!plans.some((plan) => plan.includes('TEMP B-TREE')), 'no statement may sort')
  })
})

describe('postgres: a list with several filters', () => {
  it('asks the other indexes key by key', async (t) => {
    const driver = await fill(t, 'postgres')
    await driver.all('ANALYZE')
    const plans: string[] = []
    const watched = watch(driver, async (statement) => {
      if (!statement.sql.includes('EXISTS')) return
      const lines = await driver.all(`EXPLAIN ${statement.sql}`, statement.params)
      plans.push(lines.map((line) => String(line['QUERY PLAN'])).join('\n'))
    })
    await list(watched, { project: 'acme', provider: 'other', model: 'other', metadata: { team: 'wanted' } })
    assert.ok(plans.length > 0)
    for (const plan of plans) {
      assert.match(plan, /SubPlan/)
      assert.doesNotMatch(plan, /Join/)
    }
  })
})
