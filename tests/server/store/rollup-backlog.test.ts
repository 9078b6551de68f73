/** Requests that an older version wrote are in the sums after the upgrade, each once. */
import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import { createRollupBacklog } from '../../../server/jobs/index.ts'
import { createAdminQueries } from '../../../server/store/admin-queries.ts'
import type { Driver, SqlValue } from '../../../server/store/engine/driver.ts'
import { keyAt } from '../../../server/store/engine/keys.ts'
import { migrate } from '../../../server/store/engine/migrate.ts'
import { migrations } from '../../../server/store/engine/migrations.ts'
import { applyCosts } from '../../../server/store/log/reprice.ts'
import { countLeftovers, failLeftovers } from '../../../server/store/log/request-writes.ts'
import { prune } from '../../../server/store/log/retention-step.ts'
import { countBacklog, readBacklog } from '../../../server/store/log/rollup-backlog.ts'
import { pruneRollups } from '../../../server/store/log/rollup-prune.ts'
import { rebuildHour } from '../../../server/store/log/rollup-rebuild.ts'
import { openStoreAt, testEngines } from './engines.ts'
import { insert, makeOld, openDriverAt } from './old-store.ts'
import { day, hour, makeRow, minute, readTable, stepContext, writeRows } from './rollup-fixtures.ts'

const start = Date.UTC(2026, 0, 2)

/** Of a version without sums: one in 37 minutes over eleven days. */
function oldRow(index: number): Record<string, SqlValue> {
  const created = start + index * 37 * minute
  const isRunning = index % 71 === 3
  const hasFailed = index % 5 === 2
  const error = { error_type: 'server_error', error_code: 'gateway_restarted', error_origin: 'gateway' }
  return {
    key: keyAt(created) + (index % 3),
    id: `req_old_${index}`,
    operation: 'responses.create',
    created_at: created,
    project: index % 2 === 0 ? 'acme' : null,
    key_name: `key ${index % 3}`,
    model: 'org/model',
    provider: index % 4 === 0 ? 'sail' : 'sudo',
    status: isRunning ? 'in_progress' : hasFailed ? 'failed' : 'completed',
    stream: index % 2,
    input_tokens: isRunning ? null : 10 + index,
    output_tokens: isRunning ? null : 20,
    latency_us: isRunning ? null : 1500 * index,
    attempts: isRunning ? 0 : 1,
    response_id: `resp_${index}`,
    ...(hasFailed && !isRunning ? error : {}),
  }
}

const count = 430
const rows = Array.from({ length: count }, (_, index) => oldRow(index))
const olds = rows.map((row) => insert('requests', row))

/** What the cells of callers have to say, added up from the rows themselves. */
async function addUp(driver: Driver, period: number, from = 0): Promise<unknown[]> {
  const found = await driver.all(
    "SELECT * FROM requests WHERE status NOT IN ('in_progress', 'queued') AND created_at >= ?",
    [from],
  )
  const cells = new Map<string, number[]>()
  for (const row of found) {
    const at = Number(row.created_at) - (Number(row.created_at) % period)
    const name = JSON.stringify([at, row.project ?? '', row.key_name])
    const sums = cells.get(name) ?? [0, 0, 0, 0, 0]
    const added = [1, row.error_code === null ? 0 : 1, row.input_tokens ?? 0, row.output_tokens ?? 0]
    cells.set(
      name,
      [...added, row.cost_nano ?? 0].map((value, index) => (sums[index] ?? 0) + Number(value)),
    )
  }
  return [...cells].map(([name, sums]) => [...(JSON.parse(name) as unknown[]), ...sums]).sort(compare)
}

/** Of minutes only the finest cells have callers. */
async function readSums(driver: Driver, period: number): Promise<unknown[]> {
  const sums = ['requests', 'errors', 'input_tokens', 'output_tokens', 'cost_nano']
  const cells = await driver.all(
    `SELECT at, project, key_name, ${sums.map((name) => `CAST(sum(${name}) AS BIGINT) AS ${name}`).join(', ')}
      FROM rollups WHERE grain = ? AND period = ? GROUP BY at, project, key_name`,
    [period === minute ? 'full' : 'caller', period],
  )
  return cells.map((cell) => ['at', 'project', 'key_name', ...sums].map((name) => cell[name])).sort(compare)
}

/** The same cells; a difference is shown without all the rest. */
function assertSame(actual: readonly unknown[], expected: readonly unknown[]): void {
  const without = (some: readonly unknown[], others: readonly unknown[]) => {
    const known = new Set(others.map((cell) => JSON.stringify(cell)))
    return some.filter((cell) => !known.has(JSON.stringify(cell)))
  }
  assert.deepEqual(without(actual, expected), without(expected, actual))
  assert.equal(actual.length, expected.length)
}

const compare = (one: unknown, other: unknown) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1)

testEngines('every request counts once, whatever happens beside it', async (t, engine) => {
  const url = await makeOld(t, engine, 3, olds)
  let driver = openDriverAt(url)
  t.after(() => driver.close())
  await migrate({ driver, name: 'test', steps: migrations, now: 2, tables: ['migrations', 'requests'] })
  await driver.batch([...countLeftovers, failLeftovers])
  const minutesFrom = start + 5 * day
  const prices = rows.filter((_, index) => index % 4 === 1).map(({ key }) => Number(key))
  for (let round = 0; ; round += 1) {
    const context = stepContext(driver)
    const { below } = await readBacklog(context)
    const created = start + 12 * day + round * minute
    await writeRows(driver, [
      makeRow({ created_at: created, key: keyAt(created) + 7, project: 'new', key_name: 'n' }),
    ])
    // Of requests that are counted already and of others, some of them twice.
    const key = prices[(round * 13) % prices.length] ?? 0
    const cost = { key, cost_nano: 100 + round, cost_reason: null, cost_detail: null }
    await applyCosts(context, { costs: [cost] })
    if (below > 0) {
      const hours = await rebuildHour(context, { hour: start })
      assert.equal(hours.state, 'pending')
      const pruned = await prune(context, { kind: 'rows', before: start + 90 * day, limit: 10 })
      assert.deepEqual([pruned.removed, pruned.more], [0, false])
    }
    if (round % 9 === 4) {
      await driver.close()
      driver = openDriverAt(url)
    }
    const { more } = await countBacklog(stepContext(driver), { limit: 17, minutesFrom })
    if (!more) break
    // The newest come first, and the mark says which.
    const { below: mark } = await readBacklog(stepContext(driver))
    assert.ok(mark < below)
  }
  for (const period of [hour, day]) assertSame(await readSums(driver, period), await addUp(driver, period))
  // Those of requests that ran at the upgrade go as retention comes by.
  const keeping = { minuteBefore: minutesFrom, hourAndDayBefore: 0, limit: 1000 }
  await pruneRollups(stepContext(driver), keeping)
  assertSame(await readSums(driver, minute), await addUp(driver, minute, minutesFrom))
  const before = await readTable(driver, 'rollups')
  const again = await countBacklog(stepContext(driver), { limit: 17, minutesFrom })
  assert.deepEqual([again.counted, again.more], [0, false])
  assert.deepEqual(await readTable(driver, 'rollups'), before)
  for (let at = start; at < start + 13 * day; at += hour) {
    const { state, mended } = await rebuildHour(stepContext(driver), { hour: at })
    assert.deepEqual([state, mended], ['done', 0], new Date(at).toISOString())
  }
})

testEngines('what rests on an older state of the backlog is done anew', async (t, engine) => {
  const url = await makeOld(t, engine, 3, olds)
  const driver = openDriverAt(url)
  const other = openDriverAt(url)
  t.after(() => Promise.all([driver.close(), other.close()]))
  await migrate({ driver, name: 'test', steps: migrations, now: 2, tables: ['migrations', 'requests'] })
  // Another gateway counts, or sets a cost, between what this one reads and what it writes.
  let beside: (() => Promise<unknown>) | null = null
  const interrupted: Driver = {
    ...driver,
    dialect: driver.dialect,
    all: (sql, params) => driver.all(sql, params),
    close: () => driver.close(),
    async batch(statements, options) {
      const work = beside
      beside = null
      await work?.()
      return driver.batch(statements, options)
    },
  }
  const step = { limit: 50, minutesFrom: 0 }
  const newest = Number(rows.findLast((row) => row.status === 'completed')?.key)
  const oldest = Number(rows[0]?.key)
  const cost = (key: number) => [{ key, cost_nano: 7, cost_reason: null, cost_detail: null }]
  beside = () => countBacklog(stepContext(other), step)
  await countBacklog(stepContext(interrupted), step)
  beside = () => applyCosts(stepContext(other), { costs: cost(oldest) })
  await countBacklog(stepContext(interrupted), { ...step, limit: 1000 })
  assertSame(await readSums(driver, day), await addUp(driver, day))
  assert.equal((await readBacklog({ driver })).below, 0)
  await applyCosts(stepContext(interrupted), { costs: cost(newest) })
  assertSame(await readSums(driver, day), await addUp(driver, day))
})

testEngines(
  'a cost that is set while its request is being counted is in the sums once',
  async (t, engine) => {
    const url = await makeOld(t, engine, 3, olds)
    const driver = openDriverAt(url)
    const other = openDriverAt(url)
    t.after(() => Promise.all([driver.close(), other.close()]))
    await migrate({ driver, name: 'test', steps: migrations, now: 2, tables: ['migrations', 'requests'] })
    let isCounted = false
    const interrupted: Driver = {
      ...driver,
      dialect: driver.dialect,
      all: (sql, params) => driver.all(sql, params),
      close: () => driver.close(),
      async batch(statements, options) {
        if (!isCounted) await countBacklog(stepContext(other), { limit: 1000, minutesFrom: 0 })
        isCounted = true
        return driver.batch(statements, options)
      },
    }
    const costs = [{ key: Number(rows[0]?.key), cost_nano: 7, cost_reason: null, cost_detail: null }]
    await applyCosts(stepContext(interrupted), { costs })
    assertSame(await readSums(driver, day), await addUp(driver, day))
    assert.equal(
      (await driver.all('SELECT cost_nano FROM requests WHERE key = ?', [rows[0]?.key ?? 0]))[0]?.cost_nano,
      7,
    )
  },
)

testEngines(
  'the background counts all of it, over a restart, and the overview says when',
  async (t, engine) => {
    const url = await makeOld(t, engine, 3, olds)
    const overview = { from: new Date(start).toISOString(), to: new Date(start + 12 * day).toISOString() }
    const begin = async () => {
      const store = await openStoreAt(t, url)
      const backlog = createRollupBacklog({
        store,
        settings: () => ({ minutes: 7 * day }),
        onTrouble: (error) => assert.fail(String(error)),
        firstWait: 0,
        interval: 5,
        stepPause: 1,
      })
      t.after(() => backlog.stop())
      return { store, backlog, queries: createAdminQueries(store) }
    }
    const first = await begin()
    const untouched = await first.queries.overview(overview)
    assert.equal(untouched.incomplete_before, new Date(start + (count - 1) * 37 * minute + 1).toISOString())
    first.backlog.start()
    while (Number((await first.queries.overview(overview)).totals.requests) < 60) await pause(2)
    await first.backlog.stop()
    await first.store.close()

    const { backlog, queries, store } = await begin()
    backlog.start()
    while ((await queries.overview(overview)).incomplete_before !== null) await pause(5)
    await backlog.stop()
    const { totals, points } = await queries.overview(overview)
    await store.close()
    const driver = openDriverAt(url)
    t.after(() => driver.close())
    const ended = (await addUp(driver, day)) as number[][]
    const sum = (index: number) => ended.reduce((all, cell) => all + Number(cell[index]), 0)
    assert.deepEqual([totals.requests, totals.errors, totals.input_tokens], [sum(3), sum(4), sum(5)])
    assert.equal(totals.requests + totals.in_progress, count)
    assert.equal(
      points.reduce((all, point) => all + point.requests, 0),
      totals.requests,
    )
  },
)

testEngines('a store that has its sums from the beginning has nothing to count', async (t, engine) => {
  const store = await openStoreAt(t, await engine.makeUrl(t))
  assert.deepEqual(await store.step('readBacklog', null), { below: 0, version: 0 })
})
