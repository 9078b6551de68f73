/** What a request adds to the sums, from its exchange to the cells. */
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import Database from 'better-sqlite3'
import type { Exchange } from '../../../server/gateway/exchange.ts'
import type { AttemptCost } from '../../../server/gateway/money/cost.ts'
import { makeAttempt, makeExchange, openTestLog, openTestStore } from './fixtures.ts'

type Row = Record<string, string | number>

/** A store that has had the exchanges, each admitted and ended; gives a way to look into its file. */
async function record(t: TestContext, ...exchanges: Exchange[]) {
  const store = await openTestStore(t)
  const log = await openTestLog(store)
  const put = async (exchange: Exchange) => {
    log.started?.(exchange)
    log.finished?.(exchange)
    await log.flush()
  }
  for (const exchange of exchanges) await put(exchange)
  const file = new Database(store.path, { readonly: true })
  t.after(() => file.close())
  const rows = (sql: string) => file.prepare(sql).all() as Row[]
  const full = (period: number) =>
    rows(`SELECT * FROM rollups WHERE grain = 'full' AND period = ${period} ORDER BY provider, status`)
  return { store, log, put, rows, full }
}

const minute = 60_000
const day = 86_400_000

function cost(changes: Partial<AttemptCost>): AttemptCost {
  return {
    attempt: 1,
    provider: 'sail',
    variant: 'sail',
    upstream_model: 'vendor/upstream',
    reported_model: null,
    service_tier: null,
    used: null,
    price: 'v1',
    usage: 'provider',
    nanos: 0,
    reason: null,
    parts: [],
    ...changes,
  }
}

describe('rollups, as requests end', () => {
  it('counts a request in its minute, hour and day with its tokens and times', async (t) => {
    const exchange = makeExchange({ createdAt: Date.UTC(2026, 0, 2, 3, 4, 5, 678) })
    const { full, rows } = await record(t, exchange)
    const [cell] = full(minute)
    assert.equal(cell?.at, Date.UTC(2026, 0, 2, 3, 4))
    const { project, key_name, model, provider, status, error_origin, error_code } = cell ?? {}
    assert.deepEqual(
      [project, key_name, model, provider, status, error_origin, error_code],
      ['acme', 'acme/1', 'org/model', 'sail', 'completed', '', ''],
    )
    const { requests, errors, streams, attempts, input_tokens, cached_tokens } = cell ?? {}
    assert.deepEqual([requests, errors, streams, attempts, input_tokens, cached_tokens], [1, 0, 1, 1, 10, 4])
    const ats = rows("SELECT at FROM rollups WHERE grain = 'outcome' ORDER BY period").map(({ at }) => at)
    assert.deepEqual(ats, [Date.UTC(2026, 0, 2, 3, 4), Date.UTC(2026, 0, 2, 3), Date.UTC(2026, 0, 2)])
    assert.equal(String(cell?.histograms).split(',').length, 3)
  })

  it('counts a request once that had a row while it ran', async (t) => {
    const { log, store, full } = await record(t)
    const exchange = makeExchange()
    log.started?.(exchange)
    await log.flush()
    assert.deepEqual(full(day), [])
    log.finished?.(exchange)
    await log.flush()
    await store.flush()
    assert.equal(full(day)[0]?.requests, 1)
  })

  it('adds to the cells that are there, and merges the times', async (t) => {
    const createdAt = Date.UTC(2026, 0, 2)
    const { full } = await record(t, makeExchange({ createdAt }), makeExchange({ createdAt }))
    const cells = full(minute)
    assert.equal(cells.length, 1)
    assert.equal(cells[0]?.requests, 2)
    assert.match(String(cells[0]?.histograms), /^\d+:2,\d+:2,\d+:2$/)
  })

  it('has tokens that were estimated apart from those that were told', async (t) => {
    const { full } = await record(t, makeExchange({ usageSource: 'estimated' }))
    const [cell] = full(minute)
    assert.deepEqual([cell?.input_tokens, cell?.estimated_input_tokens], [0, 10])
    assert.deepEqual([cell?.reasoning_tokens, cell?.estimated_reasoning_tokens], [0, 5])
  })

  it('gives each provider what its attempts cost, and the request to the one that answered', async (t) => {
    const attempts = [
      makeAttempt({
        provider: 'sudo',
        error: { type: 'server_error', code: 'x', message: '', param: null, origin: 'upstream' },
      }),
      makeAttempt({ index: 2 }),
    ]
    const { full, rows } = await record(
      t,
      makeExchange({
        attempts,
        cost: {
          nanos: 1000,
          reason: null,
          estimated: true,
          attempts: [
            cost({ provider: 'sudo', nanos: 300, usage: 'estimated' }),
            cost({ attempt: 2, nanos: 700 }),
          ],
        },
      }),
    )
    const of = full(minute).map((cell) => [
      cell.provider,
      cell.requests,
      cell.cost_nano,
      cell.estimated_cost_nano,
    ])
    assert.deepEqual(of, [
      ['sail', 1, 700, 0],
      ['sudo', 0, 300, 300],
    ])
    const [day1] = rows(`SELECT * FROM rollups WHERE grain = 'outcome' AND period = ${day}`)
    assert.deepEqual([day1?.requests, day1?.cost_nano, day1?.estimated_cost_nano], [1, 1000, 300])
  })

  it('counts a request without a price as unpriced, and nothing of it as paid', async (t) => {
    const { full } = await record(
      t,
      makeExchange({
        cost: {
          nanos: null,
          reason: 'unknown_model',
          estimated: false,
          attempts: [cost({ nanos: 5 }), cost({ attempt: 2, nanos: null, reason: 'unknown_model' })],
        },
      }),
    )
    assert.deepEqual(
      full(minute).map((cell) => [cell.unpriced, cell.cost_nano]),
      [[1, 0]],
    )
  })

  it('keeps names out that were never routed, and bounds codes that providers make up', async (t) => {
    const error = {
      type: 'invalid_request_error',
      code: 'c'.repeat(500),
      message: '',
      param: null,
      origin: 'client' as const,
    }
    const { full } = await record(
      t,
      makeExchange({ attempts: [], model: 'made/up', status: 'failed', error }),
    )
    const [cell] = full(minute)
    assert.deepEqual([cell?.model, cell?.provider, cell?.status, cell?.errors], ['', '', 'failed', 1])
    assert.equal(cell?.error_code, 'c'.repeat(64))
  })

  it('does not keep a secret that stands in a name', async (t) => {
    const { full, rows } = await record(t, makeExchange({ model: 'org/topsecret', secrets: ['topsecret'] }))
    assert.equal(full(minute)[0]?.model, 'org/[redacted]')
    assert.equal(rows("SELECT * FROM rollups WHERE model LIKE '%topsecret%'").length, 0)
  })

  it('counts what a stopped process left open as failed, once', async (t) => {
    const { log, store } = await record(t)
    const exchange = makeExchange({ session: 's1' })
    log.started?.(exchange)
    await log.flush()
    await store.close()
    for (const _start of [1, 2]) {
      const again = await openTestStore(t, { path: store.path })
      await again.close()
    }
    const file = new Database(store.path, { readonly: true })
    t.after(() => file.close())
    const cells = file.prepare('SELECT * FROM rollups ORDER BY grain, period').all() as Row[]
    assert.equal(cells.length, 11)
    for (const cell of cells)
      assert.deepEqual([cell.requests, cell.errors, cell.attempts, cell.unpriced], [1, 1, 1, 1])
    const [left] = file.prepare('SELECT * FROM requests').all() as Row[]
    assert.deepEqual([left?.cost_nano, left?.cost_reason], [null, 'no_usage'], 'it may have cost something')
    const outcome = cells.find(({ grain }) => grain === 'outcome')
    assert.deepEqual(
      [outcome?.status, outcome?.error_origin, outcome?.error_code],
      ['failed', 'gateway', 'gateway_restarted'],
    )
    const [session] = file.prepare('SELECT * FROM sessions').all() as Row[]
    assert.deepEqual([session?.id, session?.requests, session?.errors], ['s1', 1, 1])
  })
})
