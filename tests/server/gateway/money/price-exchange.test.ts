/** Which calls of a request are billed, and how they add up. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { loadConfig } from '../../../../server/config/load.ts'
import type { Attempt } from '../../../../server/gateway/exchange.ts'
import { packCost, unpackCost } from '../../../../server/gateway/money/pack-cost.ts'
import { priceExchange } from '../../../../server/gateway/money/price-exchange.ts'
import { repriceRow } from '../../../../server/gateway/money/reprice.ts'
import type { CostRow } from '../../../../server/store/log/reprice.ts'
import { makeAttempt, makeExchange } from '../../store/fixtures.ts'

const providers = {
  sail: { variant: 'sail', baseUrl: 'http://127.0.0.1:1/v1', apiKey: 'k' },
  other: { variant: 'open-responses', baseUrl: 'http://127.0.0.1:2/v1' },
}
const runtime = loadConfig({
  config: {
    providers,
    prices: { sail: { '*': [{ input: 1, output: 10 }] }, other: { known: [{ input: 2, output: 20 }] } },
  } as Record<string, unknown>,
  source: 'test',
})
const { prices } = runtime
const usage = {
  input_tokens: 10,
  input_tokens_details: { cached_tokens: 0 },
  output_tokens: 1,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: 11,
}
const error = {
  type: 'server_error',
  code: 'upstream_error',
  message: 'no',
  param: null,
  origin: 'upstream' as const,
}
const told = { usage, usageSource: 'provider' as const }
const costOf = (...attempts: Partial<Attempt>[]) =>
  priceExchange(
    makeExchange({ attempts: attempts.map((change, at) => makeAttempt({ index: at + 1, ...change })) }),
    prices,
  )

describe('the cost of a request', () => {
  it('is the sum of its calls', () => {
    const cost = costOf(
      { ...told, error },
      { ...told, provider: 'other', variant: 'open-responses', upstreamModel: 'known' },
    )
    assert.deepEqual([cost.nanos, cost.reason, cost.estimated], [20_000 + 40_000, null, false])
    assert.deepEqual(
      cost.attempts.map(({ attempt, nanos }) => [attempt, nanos]),
      [
        [1, 20_000],
        [2, 40_000],
      ],
    )
  })

  it('leaves out what was refused or failed before output, and is 0 without any call', () => {
    assert.deepEqual(costOf({ error, events: 0 }).attempts, [])
    assert.equal(costOf({ error, events: 0 }).nanos, 0)
    assert.equal(costOf().nanos, 0)
  })

  it('is unknown when it is more than whole nano-dollars can say', () => {
    const much = { ...told, usage: { ...usage, input_tokens: 6e12, total_tokens: 6e12 + 1 } }
    assert.equal(costOf(much).nanos, 6e15 + 10_000)
    const cost = costOf(much, much)
    assert.deepEqual([cost.nanos, cost.reason], [null, 'no_usage'])
  })

  it('is unknown as soon as one call is, which says why', () => {
    const cost = costOf(told, { ...told, provider: 'other', variant: 'open-responses' })
    assert.deepEqual([cost.nanos, cost.reason], [null, 'unknown_model'])
    assert.deepEqual(
      cost.attempts.map(({ nanos }) => nanos),
      [20_000, null],
    )
  })

  it('is unknown where nothing was told of what must have been used', () => {
    assert.equal(costOf({}).reason, 'no_usage', 'answered')
    assert.equal(costOf({ error, events: 5 }).reason, 'no_usage', 'output was given')
    assert.equal(costOf({ error, events: 0, taken: true }).reason, 'no_usage', 'taken on, and lost')
  })

  it('says when a part of it is estimated', () => {
    assert.equal(costOf(told, { usage, usageSource: 'estimated' }).estimated, true)
  })

  it('goes by the service tier of the answer, else by the one that was sent', () => {
    const facts = { responseId: null, model: null, metadata: null, serviceTier: 'default' }
    assert.equal(costOf({ ...told, serviceTier: 'flex', facts }).reason, null)
    assert.equal(costOf({ ...told, serviceTier: 'flex', facts: null }).reason, 'no_rate')
  })

  it('has no cost for counts that are none', () => {
    for (const input_tokens of [-1, Number.NaN, 1.5, Number.MAX_VALUE])
      assert.equal(costOf({ usageSource: 'provider', usage: { ...usage, input_tokens } }).reason, 'no_usage')
  })
})

describe('a stored request that is priced again', () => {
  const row: CostRow = {
    key: 1,
    operation: 'responses.create',
    created_at: Date.UTC(2026, 5, 1),
    status: 'completed',
    provider: 'sail',
    upstream_model: 'm',
    attempts: 1,
    usage_source: 'estimated',
    input_tokens: 10,
    cached_tokens: 0,
    cache_write_tokens: null,
    output_tokens: 1,
    reasoning_tokens: 0,
    cost_nano: null,
    cost_reason: null,
    cost_detail: null,
  }
  const reprice = (change: Partial<CostRow>) => repriceRow({ ...row, ...change }, prices, runtime.providers)

  it('costs the same as at its end, call by call', () => {
    const cost = costOf({ ...told, error }, { ...told, usageSource: 'estimated' })
    const cost_detail = packCost(cost.attempts)
    const again = reprice({ cost_detail, attempts: 2 })
    assert.deepEqual([again?.cost_nano, again?.cost_reason], [cost.nanos, null])
    assert.deepEqual(unpackCost(again?.cost_detail ?? ''), cost.attempts)
    assert.equal(
      reprice({ cost_detail: again?.cost_detail ?? '', attempts: 2 })?.cost_detail,
      again?.cost_detail,
    )
  })

  it('from before there were prices is priced by the tokens of its row', () => {
    const again = reprice({})
    assert.equal(again?.cost_nano, 20_000)
    assert.equal(unpackCost(again?.cost_detail ?? '')?.[0]?.usage, 'estimated')
  })

  it('is left alone where nothing is known of it', () => {
    assert.equal(reprice({ status: 'in_progress' }), null)
    assert.equal(reprice({ input_tokens: null }), null)
    assert.equal(reprice({ cost_detail: '[{"broken' }), null)
    assert.equal(reprice({ attempts: 0, input_tokens: null })?.cost_nano, 0)
    const unseen = { attempts: 0, input_tokens: null, cost_reason: 'no_usage' }
    assert.equal(reprice(unseen), null, 'its gateway stopped before it ended')
  })
})
