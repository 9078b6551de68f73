/** The overview and the facets say of any time what the rows say, within what is kept. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Driver } from '../../../server/store/engine/driver.ts'
import { overview } from '../../../server/store/log/overview-query.ts'
import { facets } from '../../../server/store/log/rollup-facets.ts'
import { pruneRollups } from '../../../server/store/log/rollup-prune.ts'
import type { RollupFilter } from '../../../server/store/log/rollup-reads.ts'
import { readSpend } from '../../../server/store/log/spend-query.ts'
import { dialects, openEngine } from './log/engines.ts'
import {
  day,
  hour,
  makeRow,
  minute,
  readContext,
  readTable,
  type StoredRow,
  stepContext,
  writeRows,
} from './rollup-fixtures.ts'

const start = Date.UTC(2026, 2, 1)
const length = 20 * day

/** Rows at uneven distances over twenty days, whose members repeat at different periods. */
function makeRows(): StoredRow[] {
  return Array.from({ length: 1200 }, (_, index) => {
    const failed = index % 9 === 0
    return makeRow({
      created_at: start + Math.floor((index * length) / 1200) + ((index * 7919) % 60_000),
      project: `project-${index % 5}`,
      key_name: `project-${index % 5}/${index % 2}`,
      model: `model-${index % 7}`,
      provider: `provider-${index % 3}`,
      status: failed ? 'failed' : 'completed',
      error_origin: failed ? 'upstream' : null,
      error_code: failed ? `code-${index % 2}` : null,
      usage_source: index % 4 === 0 ? 'estimated' : 'provider',
      latency_us: 1000 * (1 + (index % 100)),
      cost_nano: index % 6 === 0 ? null : 2 ** 46 - index,
      cost_reason: index % 6 === 0 ? 'unknown_model' : null,
    })
  })
}

const dollars = (nanos: bigint) =>
  `${nanos / 1_000_000_000n}.${String(nanos % 1_000_000_000n).padStart(9, '0')}`

/** Nothing costs 0, and what is known of nothing is unknown. */
const costOf = (rows: readonly StoredRow[]) =>
  rows.length > 0 && rows.every((row) => row.cost_nano === null)
    ? null
    : dollars(sum(rows, (row) => row.cost_nano))

const sum = (rows: readonly StoredRow[], of: (row: StoredRow) => number | null) =>
  rows.reduce((total, row) => total + BigInt(of(row) ?? 0), 0n)

function matches(row: StoredRow, filter: RollupFilter): boolean {
  return Object.entries(filter).every(([name, value]) => row[name as keyof StoredRow] === value)
}

/** Asks, and holds the answer against the rows. */
async function check(
  driver: Driver,
  all: readonly StoredRow[],
  { from, to, filter }: { from: number; to: number; filter: RollupFilter },
): Promise<void> {
  const told = await overview(readContext(driver), { from, to, filter })
  const [first, end] = [Date.parse(told.from), Date.parse(told.to)]
  assert.ok(first <= from && to <= end, 'the range is only widened')
  const rows = all.filter((row) => row.created_at >= first && row.created_at < end && matches(row, filter))
  const reported = rows.filter((row) => row.usage_source === 'provider')
  assert.equal(told.totals.requests, rows.length)
  assert.equal(told.totals.errors, rows.filter((row) => row.error_code !== null).length)
  assert.equal(
    BigInt(told.totals.input_tokens),
    sum(reported, (row) => row.input_tokens),
  )
  assert.equal(told.totals.estimated_input_tokens, (rows.length - reported.length) * 10)
  assert.equal(told.totals.cost_usd, costOf(rows))
  assert.equal(told.totals.unpriced, rows.filter((row) => row.cost_reason !== null).length)
  assert.ok(told.points.length <= 120)
  const bucket = told.bucket_seconds * 1000
  for (const point of told.points) {
    const at = Date.parse(point.at)
    const own = rows.filter((row) => row.created_at >= at && row.created_at < at + bucket)
    assert.equal(point.requests, own.length, point.at)
    assert.equal(point.cost_usd, costOf(own), point.at)
    assert.equal(point.latency_p50_ms === null, own.length === 0)
  }
  for (const [ranks, column] of [
    [told.models, 'model'],
    [told.providers, 'provider'],
    [told.projects, 'project'],
    [told.keys, 'key_name'],
  ] as const) {
    for (const { name, requests, cost_usd: cost } of ranks) {
      const own = rows.filter((row) => row[column] === name)
      assert.deepEqual([requests, cost], [own.length, costOf(own)], `${column} ${name}`)
    }
    assert.equal(
      ranks.reduce((total, { requests }) => total + requests, 0),
      rows.length,
    )
  }
  assert.equal(
    told.errors.reduce((total, { count }) => total + count, 0),
    told.totals.errors,
  )
}

const anyFilter = fc.record(
  {
    project: fc.constantFrom('project-1', 'project-9'),
    key_name: fc.constantFrom('project-1/1'),
    model: fc.constantFrom('model-1', 'model-6'),
    provider: fc.constantFrom('provider-1'),
  },
  { requiredKeys: [] },
)
const anyGroup = fc.constantFrom(
  'project' as const,
  'key' as const,
  'model' as const,
  'provider' as const,
  null,
)
const anyRange = fc.record({
  from: fc.nat(length).map((after) => start - hour + after),
  length: fc.oneof(fc.integer({ min: 1, max: 3 * hour }), fc.integer({ min: 1, max: length })),
})

for (const dialect of dialects) {
  describe(`overview, ${dialect}`, () => {
    it('counts each row of any time once, with any filters, while minutes are kept and after', async (t) => {
      const driver = await openEngine(t, dialect)
      const rows = makeRows()
      for (let at = 0; at < rows.length; at += 100) await writeRows(driver, rows.slice(at, at + 100))
      const hold = () =>
        fc.assert(
          fc.asyncProperty(anyRange, anyFilter, ({ from, length: time }, filter) =>
            check(driver, rows, { from, to: from + time, filter }),
          ),
          { numRuns: dialect === 'sqlite' ? 60 : 15 },
        )
      await hold()
      const limits = { minuteBefore: start + 12 * day + 90 * minute, hourAndDayBefore: 0, limit: 50 }
      while ((await pruneRollups(stepContext(driver), limits)).more);
      await hold()
      const told = await overview(readContext(driver), {
        from: start + 12 * day + 59 * minute,
        to: start + 15 * day + 59 * minute + 1,
        filter: {},
      })
      assert.equal(told.from, new Date(start + 12 * day).toISOString())
      assert.equal(told.to, new Date(start + 15 * day + 60 * minute).toISOString())
    })

    it('has what was spent in any days, by anything and with any filters', async (t) => {
      const driver = await openEngine(t, dialect)
      const rows = makeRows()
      for (let at = 0; at < rows.length; at += 100) await writeRows(driver, rows.slice(at, at + 100))
      await fc.assert(
        fc.asyncProperty(
          fc.nat(20),
          fc.nat(20),
          anyFilter,
          anyGroup,
          async (first, second, filter, group) => {
            const from = start + Math.min(first, second) * day
            const to = start + (Math.max(first, second) + 1) * day
            const { key_name: key, ...others } = filter
            const filters = { ...others, ...(key === undefined ? {} : { key }) }
            const query = { group, filters, stretches: [{ from, to }], limit: 100 }
            const told = await readSpend(readContext(driver), query)
            const own = rows.filter(
              (row) => row.created_at >= from && row.created_at < to && matches(row, filter),
            )
            const column = group === 'key' ? 'key_name' : group
            const names = column === null ? [''] : [...new Set(own.map((row) => String(row[column])))]
            const expected = names.map((name) => {
              const some = own.filter((row) => column === null || row[column] === name)
              return `${name} ${some.length} ${sum(some, (row) => row.cost_nano)}`
            })
            assert.deepEqual(
              told.map(({ value, requests, nanos }) => `${value} ${requests} ${nanos}`).sort(),
              own.length === 0 ? [] : expected.sort(),
            )
          },
        ),
        { numRuns: dialect === 'sqlite' ? 60 : 15 },
      )
    })

    it('has a cost that is unknown where that of no request is known, and 0 where there is no request', async (t) => {
      const driver = await openEngine(t, dialect)
      const unknown = { cost_nano: null, cost_reason: 'unknown_model', provider: 'new', model: 'new' }
      const rows = [0, 1, 70].map((index) => makeRow({ created_at: start + index * minute, ...unknown }))
      await writeRows(driver, rows)
      const range = { from: start, to: start + hour + 20 * minute, filter: {} }
      await check(driver, rows, range)
      const { totals, points, models, providers, projects, keys } = await overview(readContext(driver), range)
      const first = [models, providers, projects, keys].map(([one]) => one?.cost_usd)
      assert.deepEqual(
        [totals.cost_usd, ...first],
        Array.from({ length: 5 }, () => null),
      )
      assert.deepEqual(
        points.map(({ requests, cost_usd: cost }) => [requests, cost]),
        points.map((_, index) => ([0, 1, 70].includes(index) ? [1, null] : [0, '0.000000000'])),
      )
      const free = makeRow({ created_at: start, cost_nano: 0 })
      await writeRows(driver, [free])
      await check(driver, [...rows, free], range)
    })

    it('removes what is old, whole, and leaves the rest', async (t) => {
      const driver = await openEngine(t, dialect)
      const rows = makeRows()
      for (let at = 0; at < rows.length; at += 100) await writeRows(driver, rows.slice(at, at + 100))
      // Whole weeks go, so that sums of all lengths have the same requests.
      const asked = start + 12 * day
      const before = asked - (asked % (7 * day))
      const limits = { minuteBefore: before, hourAndDayBefore: asked, limit: 20 }
      let steps = 1
      while ((await pruneRollups(stepContext(driver), limits)).more) steps += 1
      assert.ok(steps > 10, `${steps}`)
      const [left] = await driver.all('SELECT min(at) AS at FROM rollups')
      assert.equal(left?.at, before)
      await check(driver, rows, { from: before, to: start + length, filter: {} })
      await check(driver, rows, { from: before, to: start + length, filter: { provider: 'provider-1' } })
    })

    it('goes on while there is more, also where a step cannot remove as much as it may', async (t) => {
      const driver = await openEngine(t, dialect)
      // Of three cells a minute, hour, day and week each: a step of four has room for no second one.
      const rows = Array.from({ length: 12 }, (_, index) =>
        makeRow({ created_at: start + Math.floor(index / 3) * 7 * day, model: `model-${index % 3}` }),
      )
      await writeRows(driver, rows)
      const end = start + 70 * day
      for (const limits of [
        { minuteBefore: end, hourAndDayBefore: 0, limit: 4 },
        { minuteBefore: 0, hourAndDayBefore: end, limit: 4 },
      ])
        while ((await pruneRollups(stepContext(driver), limits)).more);
      assert.deepEqual(await readTable(driver, 'rollups'), [])
    })

    it('has what runs apart, and values with their counts for the filters', async (t) => {
      const driver = await openEngine(t, dialect)
      const running = { status: 'in_progress', latency_us: null, cost_nano: null }
      await writeRows(driver, [
        ...makeRows(),
        makeRow({ ...running, created_at: start + hour, project: 'project-1' }),
        makeRow({ ...running, created_at: start + 2 * hour, project: 'project-2', attempts: 0 }),
      ])
      const range = { from: start, to: start + length + hour }
      const told = await overview(readContext(driver), { ...range, filter: { project: 'project-1' } })
      assert.equal(told.totals.in_progress, 1)
      assert.equal(told.totals.requests, 240)
      const found = await facets(readContext(driver), range)
      assert.deepEqual(
        found.projects,
        [0, 1, 2, 3, 4].map((index) => `project-${index}`),
      )
      assert.deepEqual(found.error_codes, ['code-0', 'code-1'])
      assert.deepEqual(found.counts.statuses, [
        { value: 'completed', requests: 1066 },
        { value: 'failed', requests: 134 },
        { value: 'in_progress', requests: 2 },
      ])
      assert.equal(found.keys.length, 10)
    })
  })
}
