/** Sums that are made again from the rows are those that were made as the rows came. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { AttemptCost } from '../../../server/gateway/money/cost.ts'
import { packCost } from '../../../server/gateway/money/pack-cost.ts'
import type { Driver } from '../../../server/store/engine/driver.ts'
import { keyAt } from '../../../server/store/engine/keys.ts'
import { pruneRollups } from '../../../server/store/log/rollup-prune.ts'
import {
  type RebuildResult,
  rebuildDay,
  rebuildHour,
  rebuildWeek,
} from '../../../server/store/log/rollup-rebuild.ts'
import { rollupDelta } from '../../../server/store/log/rollup-writes.ts'
import { dialects, openEngine } from './log/engines.ts'
import {
  countedRow,
  day,
  hour,
  makeRow,
  minute,
  readTable,
  rowStatements,
  type StoredRow,
  stepContext,
  writeRows,
} from './rollup-fixtures.ts'

const start = Date.UTC(2026, 2, 4)
const week = 7 * day

async function all(step: () => Promise<RebuildResult>): Promise<RebuildResult> {
  for (;;) {
    const result = await step()
    if (result.state !== 'more') return result
  }
}

async function rebuild(driver: Driver): Promise<void> {
  for (let at = start; at < start + 2 * day; at += hour)
    await all(() => rebuildHour(stepContext(driver), { hour: at }))
  for (let at = start; at < start + 2 * day; at += day)
    await all(() => rebuildDay(stepContext(driver), { day: at }))
  // The second day is the first of a week.
  for (const at of [start + day - week, start + day])
    await all(() => rebuildWeek(stepContext(driver), { week: at }))
}

const name = (...names: (string | null)[]) => fc.constantFrom(...names)
const count = fc.option(fc.nat(5000))
const share = fc.record({
  provider: name('sail', 'sudo'),
  nanos: fc.nat(1_000_000),
  usage: fc.constantFrom('provider', 'estimated'),
})

function toAttempt({
  usage,
  ...share
}: {
  provider: string | null
  nanos: number
  usage: string
}): AttemptCost {
  return {
    ...share,
    provider: share.provider ?? '',
    usage: usage === 'estimated' ? 'estimated' : 'provider',
    attempt: 1,
    variant: 'sail',
    upstream_model: 'm',
    reported_model: null,
    service_tier: null,
    price: 'v1',
    used: null,
    reason: null,
    parts: [],
  }
}

let keys = 0
function nextKey(at: number): number {
  keys += 1
  return keyAt(at) + (keys % 1024)
}

interface LateRow extends Partial<StoredRow> {
  created_at: number
  /** Milliseconds by which the key is later, as far as a rebuild has to find it. */
  lag: number
}

function makeLate({ lag, ...row }: LateRow): StoredRow {
  return makeRow({ ...row, key: nextKey(row.created_at + lag) })
}

const anyRow: fc.Arbitrary<LateRow> = fc
  .record({
    created_at: fc.nat(2 * day - 1).map((after) => start + after),
    lag: fc.oneof(fc.constant(0), fc.nat(hour - 1)),
    project: name('acme', 'beta', null),
    key_name: name('one', 'two'),
    model: name('org/a', 'org/b', 'x'.repeat(300), 'ünïcode', null),
    provider: name('sail', 'sudo', null),
    status: fc.constantFrom('completed', 'failed', 'incomplete', 'in_progress'),
    error_origin: name('upstream', null),
    error_code: name('rate_limited', 'c'.repeat(100), null),
    stream: fc.boolean(),
    attempts: fc.nat(2),
    usage_source: name('provider', 'estimated', null),
    input_tokens: fc.oneof(count, fc.constantFrom(-5, 2 ** 53)),
    cached_tokens: count,
    cache_write_tokens: count,
    output_tokens: count,
    reasoning_tokens: count,
    latency_us: fc.option(fc.nat(10_000_000)),
    ttft_us: fc.option(fc.nat(1_000_000)),
    overhead_us: fc.option(fc.nat(10_000)),
    shares: fc.option(fc.array(share, { maxLength: 3 })),
    user_id: name('ann', 'bob', null),
  })
  .map(({ shares, model, ...row }) => ({
    ...row,
    model,
    cost_nano: shares === null ? null : shares.reduce((sum, { nanos }) => sum + nanos, 0),
    cost_reason: shares === null ? 'no_usage' : null,
    cost_detail: shares === null || shares.length === 0 ? null : packCost(shares.map(toAttempt)),
  }))

for (const dialect of dialects) {
  describe(`rebuilding the sums, ${dialect}`, () => {
    it('gives what was there, whatever the batches were', async (t) => {
      const driver = await openEngine(t, dialect)
      await fc.assert(
        fc.asyncProperty(fc.array(fc.array(anyRow, { maxLength: 8 }), { maxLength: 6 }), async (batches) => {
          for (const table of ['requests', 'rollups'])
            await driver.batch([{ sql: `DELETE FROM ${table}`, params: [] }])
          for (const batch of batches) await writeRows(driver, batch.map(makeLate))
          const before = await readTable(driver, 'rollups')
          await rebuild(driver)
          assert.deepEqual(await readTable(driver, 'rollups'), before)
          // From nothing, and from what is wrong.
          await driver.batch([{ sql: 'DELETE FROM rollups', params: [] }])
          await rebuild(driver)
          assert.deepEqual(await readTable(driver, 'rollups'), before)
          await driver.batch([
            {
              sql: "UPDATE rollups SET requests = 0, attempts = attempts + 7, histograms = '5:3'",
              params: [],
            },
          ])
          await rebuild(driver)
          assert.deepEqual(await readTable(driver, 'rollups'), before)
        }),
        { numRuns: dialect === 'sqlite' ? 15 : 3 },
      )
    })

    it('counts a request in the hour and minute it came, wherever its key is', async (t) => {
      const driver = await openEngine(t, dialect)
      const moments = [
        { created_at: start + 10 * minute, lag: 0 },
        { created_at: start + 10 * minute, lag: minute },
        { created_at: start + hour - 2, lag: 2 },
        { created_at: start + hour - 1, lag: hour },
        { created_at: start + hour, lag: 0 },
        { created_at: start + 2 * hour - 1, lag: 1 },
      ]
      await writeRows(driver, moments.map(makeLate))
      const before = await readTable(driver, 'rollups')
      for (const at of [start, start + hour, start + 2 * hour]) {
        const { state, mended } = await all(() => rebuildHour(stepContext(driver), { hour: at }))
        assert.deepEqual([state, mended], ['done', 0])
      }
      await driver.batch([{ sql: 'DELETE FROM rollups', params: [] }])
      await rebuild(driver)
      assert.deepEqual(await readTable(driver, 'rollups'), before)
    })

    it('makes an hour of which all keys are in the next, unless the hour had more', async (t) => {
      const driver = await openEngine(t, dialect)
      const late = { created_at: start + hour - 1, lag: minute }
      const gone = makeRow({ created_at: start + minute })
      await writeRows(driver, [makeLate(late), makeLate(late)])
      const before = await readTable(driver, 'rollups')
      await driver.batch([{ sql: 'DELETE FROM rollups', params: [] }])
      await rebuild(driver)
      assert.deepEqual(await readTable(driver, 'rollups'), before)
      await writeRows(driver, [gone])
      await driver.batch([{ sql: 'DELETE FROM requests WHERE key = ?', params: [gone.key] }])
      assert.equal((await all(() => rebuildHour(stepContext(driver), { hour: start }))).state, 'incomplete')
    })

    it('begins anew when a request ended meanwhile, and says so', async (t) => {
      const driver = await openEngine(t, dialect)
      const rows = Array.from({ length: 600 }, (_, index) => makeRow({ created_at: start + index * 1000 }))
      await writeRows(driver, rows)
      await driver.batch([{ sql: 'UPDATE rollups SET attempts = 0', params: [] }])
      const step = () => rebuildHour(stepContext(driver), { hour: start })
      assert.equal((await step()).state, 'more')
      await writeRows(driver, [makeRow({ created_at: start })])
      assert.equal((await step()).state, 'changed')
      assert.equal((await all(step)).state, 'done')
      const [cell] = await driver.all(
        `SELECT attempts FROM rollups WHERE grain = 'outcome' AND period = ${hour}`,
      )
      assert.equal(cell?.attempts, 601)
    })

    it('leaves an hour as it is of which rows are gone', async (t) => {
      const driver = await openEngine(t, dialect)
      const rows = [1, 2, 3].map((after) => makeRow({ created_at: start + after * minute }))
      await writeRows(driver, rows)
      await driver.batch([{ sql: 'DELETE FROM requests WHERE key = ?', params: [rows[0]?.key ?? 0] }])
      const before = await readTable(driver, 'rollups')
      assert.equal((await all(() => rebuildHour(stepContext(driver), { hour: start }))).state, 'incomplete')
      assert.equal((await rebuildHour(stepContext(driver), { hour: start - hour })).state, 'incomplete')
      assert.deepEqual(await readTable(driver, 'rollups'), before)
    })

    it('moves the sums by what rows cost from now on, and makes no minute again that is gone', async (t) => {
      const driver = await openEngine(t, dialect)
      const rows = [0, 1, 2].map((after) =>
        makeRow({
          created_at: start + after * hour,
          cost_nano: null,
          cost_reason: 'unknown_model',
          user_id: 'ann',
        }),
      )
      await writeRows(driver, rows)
      await pruneRollups(stepContext(driver), {
        minuteBefore: start + 2 * hour,
        hourAndDayBefore: 0,
        limit: 1000,
      })
      const priced = rows.map((row) => ({ ...row, cost_nano: 7, cost_reason: null }))
      const changes = rows.map((row, index) => ({
        before: countedRow(row),
        after: countedRow(priced[index] as StoredRow),
      }))
      await driver.batch([...rowStatements(priced), ...rollupDelta(changes, dialect)])
      const after = await readTable(driver, 'rollups')
      assert.deepEqual(
        [...new Set(after.filter(({ period }) => period === minute).map(({ at }) => at))],
        [start + 2 * hour],
      )
      const days = after.filter(({ period }) => period === day)
      for (const cell of days) assert.deepEqual([cell.requests, cell.cost_nano, cell.unpriced], [3, 21, 0])
      const [spent] = await readTable(driver, 'spend_days')
      assert.deepEqual([spent?.requests, spent?.cost_nano, spent?.unpriced], [3, 21, 0])
      await rebuild(driver)
      assert.deepEqual(await readTable(driver, 'rollups'), after)
    })
  })
}
