/** Repricing and spend over a real store of each engine: rows and all sums say the same, before and after. */
import assert from 'node:assert/strict'
import { loadConfig } from '../../../server/config/load.ts'
import type { Runtime } from '../../../server/config/runtime.ts'
import { priceExchange } from '../../../server/gateway/money/price-exchange.ts'
import { createRepricing, type RepriceWish } from '../../../server/gateway/money/reprice.ts'
import type { AdminSpend, AdminSpendQuery } from '../../../server/http/admin/contract-spend.ts'
import { createAdminQueries } from '../../../server/store/admin-queries.ts'
import type { Store } from '../../../server/store/store.ts'
import { openEmptyStore, type TestEngine, testEngines } from './engines.ts'
import { makeAttempt, makeExchange, openTestLog } from './fixtures.ts'

const day = 86_400_000
const june = Date.UTC(2026, 5, 1)
const requests = 250

function runtimeOf(prices: unknown): Runtime {
  const providers = { sail: { variant: 'sail', baseUrl: 'http://127.0.0.1:1/v1', apiKey: 'k' } }
  return loadConfig({ config: { providers, prices } as Record<string, unknown>, source: 'test' })
}

/** Without a price for the model `late`. */
const early = runtimeOf({ sail: { plain: [{ input: '0.123456789', output: 7 }] } })
const later = runtimeOf({
  sail: {
    plain: [{ input: '0.123456789', output: 7 }],
    late: [
      { input: 3, output: '0.000000007' },
      { from: '2026-06-03', input: 5, output: 1 },
    ],
  },
})

const noSettings = {
  maxOutputTokens: null,
  temperature: null,
  topP: null,
  frequencyPenalty: null,
  presencePenalty: null,
  serviceTier: null,
  outputType: 'text',
  conversationId: null,
  previousResponseId: null,
} as const

/** Requests of four days: two models, three users, each third one estimated, each fifth one of a chain. */
async function fill(store: Store, t: Parameters<typeof openEmptyStore>[0]): Promise<void> {
  const log = await openTestLog(store)
  t.after(() => log.close())
  for (let index = 0; index < requests; index++) {
    const usage = {
      input_tokens: 1000 + index * 7,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: index,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: 1000 + index * 8,
    }
    const usageSource = index % 3 === 0 ? ('estimated' as const) : ('provider' as const)
    const upstreamModel = index % 2 === 0 ? 'late' : 'plain'
    const exchange = makeExchange({
      createdAt: june + Math.floor((index * 4 * day) / requests),
      attempts: [makeAttempt({ upstreamModel, usage, usageSource, facts: null })],
      usage,
      usageSource,
      session: index % 5 === 0 ? 'session' : null,
      settings: {
        ...noSettings,
        userId: ['ann', 'ben', null][index % 3] ?? null,
        metadata: { team: index % 2 === 0 ? 'red' : 'blue' },
      },
    })
    exchange.cost = priceExchange(exchange, early.prices)
    log.started?.(exchange)
    log.finished?.(exchange)
  }
  await log.flush()
}

interface Sums {
  nanos: bigint
  estimated: bigint
  unpriced: number
}

/** Of the rows, and of every table of sums. */
async function readSums(engine: TestEngine, url: string): Promise<Record<string, Sums>> {
  const sums: Record<string, Sums> = {}
  const ask = async (name: string, table: string, estimated: string, unpriced: string, where: string) => {
    const [row = {}] = await engine.read(
      url,
      `SELECT CAST(sum(cost_nano) AS TEXT) AS nanos, CAST(sum(${estimated}) AS TEXT) AS estimated,
        CAST(sum(${unpriced}) AS TEXT) AS unpriced FROM ${table} ${where}`,
    )
    sums[name] = {
      nanos: BigInt(String(row.nanos)),
      estimated: BigInt(String(row.estimated)),
      unpriced: Number(row.unpriced),
    }
  }
  const ofRow = "CASE WHEN usage_source = 'estimated' THEN coalesce(cost_nano, 0) ELSE 0 END"
  const isUnpriced = 'CASE WHEN cost_reason IS NULL THEN 0 ELSE 1 END'
  await ask('rows', 'requests', ofRow, isUnpriced, '')
  for (const period of [60_000, 3_600_000, day])
    await ask(
      `${period}`,
      'rollups',
      'estimated_cost_nano',
      'unpriced',
      `WHERE grain = 'full' AND period = ${period}`,
    )
  await ask(
    'route',
    'rollups',
    'estimated_cost_nano',
    'unpriced',
    `WHERE grain = 'route' AND period = ${day}`,
  )
  for (const table of ['spend_days', 'spend_months'])
    await ask(table, table, 'estimated_cost_nano', 'unpriced', "WHERE dimension = 'metadata:team'")
  return sums
}

async function assertSame(engine: TestEngine, url: string): Promise<Sums> {
  const { rows, ...others } = await readSums(engine, url)
  assert.ok(rows)
  for (const [name, sums] of Object.entries(others)) assert.deepEqual(sums, rows, name)
  return rows
}

const all: Omit<RepriceWish, 'unpriced'> = { from: june, to: june + 30 * day, after: null, limit: 10_000 }

testEngines(
  'repricing moves every sum with its rows, goes on where it ended, and does it once',
  async (t, engine) => {
    const store = await openEmptyStore(t, engine)
    await fill(store, t)
    const before = await assertSame(engine, store.url)
    assert.equal(before.unpriced, requests / 2)
    const repricing = createRepricing({
      store,
      prices: () => later.prices,
      providers: () => later.providers,
    })
    const first = await repricing.reprice({ ...all, unpriced: true, limit: 30 })
    assert.equal(first?.changed, 30)
    assert.equal((await assertSame(engine, store.url)).unpriced, requests / 2 - 30)
    const rest = await repricing.reprice({ ...all, unpriced: true, after: first?.next ?? null })
    assert.deepEqual([rest?.changed, rest?.unknown, rest?.next], [requests / 2 - 30, 0, null])
    const after = await assertSame(engine, store.url)
    assert.equal(after.unpriced, 0)
    assert.equal(after.nanos - before.nanos, (first?.nanos ?? 0n) + (rest?.nanos ?? 0n))
    assert.ok(after.estimated > before.estimated)
    const again = await repricing.reprice({ ...all, unpriced: false })
    assert.deepEqual([again?.examined, again?.changed, again?.nanos], [requests, 0, 0n])
    assert.deepEqual(await assertSame(engine, store.url), after)
    const back = createRepricing({ store, prices: () => early.prices, providers: () => early.providers })
    await back.reprice({ ...all, unpriced: false })
    assert.deepEqual(await assertSame(engine, store.url), before, 'and back')
    const [session] = await engine.read(
      store.url,
      'SELECT s.cost_nano - (SELECT sum(cost_nano) FROM requests WHERE session_id = s.id) AS gap FROM sessions s',
    )
    assert.equal(Number(session?.gap), 0)
  },
)

testEngines('spend is the same by whatever it is told apart', async (t, engine) => {
  const store = await openEmptyStore(t, engine)
  await fill(store, t)
  const { nanos, unpriced } = await assertSame(engine, store.url)
  const admin = createAdminQueries(store)
  const time = { from: new Date(june).toISOString(), to: new Date(june + 5 * day).toISOString() }
  const ask = async (query: AdminSpendQuery): Promise<AdminSpend> => {
    const file = await admin.spend({ period: 'day', ...time, ...query })
    return JSON.parse(new TextDecoder().decode(file?.content))
  }
  const nanosOf = ({ rows }: AdminSpend) =>
    rows.reduce((sum, row) => sum + BigInt((row.cost_usd ?? '0').replace('.', '')), 0n)
  for (const group of [undefined, 'project', 'key', 'model', 'provider', 'user', 'metadata:team']) {
    const told = await ask(group === undefined ? {} : { group_by: group })
    assert.equal(nanosOf(told), nanos, group)
    assert.equal(
      told.rows.reduce((sum, row) => sum + row.unpriced_requests, 0),
      unpriced,
    )
  }
  const { rows } = await ask({ group_by: 'user' })
  const named = rows.filter(({ kind }) => kind === 'value')
  assert.deepEqual([...new Set(named.map(({ value }) => value))].sort(), ['ann', 'ben'])
  assert.equal(
    nanosOf(await ask({ group_by: 'model', provider: 'sail', key: 'acme/1', project: 'acme' })),
    nanos,
  )
  assert.deepEqual((await ask({ project: 'nobody' })).rows, [])
})

testEngines('a name that PostgreSQL cannot keep as it is stays one name', async (t, engine) => {
  const store = await openEmptyStore(t, engine)
  const log = await openTestLog(store)
  t.after(() => log.close())
  const usage = {
    input_tokens: 1000,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: 0,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: 1000,
  }
  const attempts = [makeAttempt({ upstreamModel: 'late', usage, usageSource: 'provider', facts: null })]
  const exchange = makeExchange({ createdAt: june, model: 'a\0b\ud800', attempts, usage })
  exchange.settings = { ...noSettings, userId: 'u\0', metadata: { 'n\0': 'v\0' } }
  exchange.cost = priceExchange(exchange, early.prices)
  log.finished?.(exchange)
  await log.flush()
  const repricing = createRepricing({ store, prices: () => later.prices, providers: () => later.providers })
  assert.equal((await repricing.reprice({ ...all, unpriced: true }))?.changed, 1)
  const cells = await engine.read(
    store.url,
    `SELECT model AS name, requests, cost_nano AS nanos, unpriced FROM rollups WHERE grain = 'route' AND period = ${day}
      UNION ALL SELECT value, requests, cost_nano, unpriced FROM spend_days
      UNION ALL SELECT value, requests, cost_nano, unpriced FROM spend_months
      UNION ALL SELECT value, requests, cost_nano, unpriced FROM spend_totals`,
  )
  const counted = cells.map(({ name, ...sums }) => [name, ...Object.values(sums).map(Number)])
  assert.deepEqual(counted.map((cell) => cell.join(' ')).sort(), [
    'a\uFFFDb\uFFFD 1 3000000 0',
    ...Array(3).fill('u\uFFFD 1 3000000 0'),
    ...Array(3).fill('v\uFFFD 1 3000000 0'),
  ])
})
