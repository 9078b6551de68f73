/** What requests used and cost, as the metrics tell it. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { AttemptCost, RequestCost } from '../../../server/gateway/money/cost.ts'
import { createMetrics, type Metrics } from '../../../server/telemetry/metrics.ts'
import { makeAttempt, makeError, makeExchange, makeUsage } from './metrics-exchange.ts'
import { parseExposition } from './metrics-lint.ts'

const create = (maxOtherModels?: number) =>
  createMetrics({
    version: '1',
    processMetrics: false,
    models: ['openai/gpt-oss-120b', 'gpt-oss-120b', 'gpt-oss-120b-2026'],
    maxOtherModels,
  })

function finish(metrics: Metrics, ...changes: Parameters<typeof makeExchange>): void {
  const exchange = makeExchange(...changes)
  metrics.observer.started?.(exchange)
  for (const attempt of exchange.attempts) metrics.observer.attemptEnded?.(exchange, attempt, false)
  metrics.observer.finished?.(exchange)
}

/** `label values → value` of a metric's samples. */
async function read(metrics: Metrics, name: string): Promise<Record<string, number>> {
  const families = parseExposition((await metrics.scrape()).body)
  const samples = families.flatMap((family) => family.samples).filter((sample) => sample.name === name)
  return Object.fromEntries(samples.map(({ labels, value }) => [Object.values(labels).join(' '), value]))
}

function bill(change: Partial<AttemptCost>): AttemptCost {
  const line = { attempt: 1, provider: 'alpha', usage: 'provider', nanos: 1_500, reason: null, ...change }
  return line as AttemptCost
}

function costOf(attempts: AttemptCost[], change: Partial<RequestCost> = {}): RequestCost {
  const nanos = attempts.reduce((sum, attempt) => sum + (attempt.nanos ?? 0), 0)
  return { nanos, reason: null, estimated: false, attempts, ...change }
}

describe('cost', () => {
  test('is that of each attempt at its provider, what rests on an estimate apart', async () => {
    const metrics = create()
    const cost = costOf([
      bill({}),
      bill({ attempt: 2, provider: 'beta', nanos: 2_000_000_000 }),
      bill({ attempt: 3, provider: 'beta', nanos: 123, usage: 'estimated' }),
    ])
    finish(metrics, { cost })
    finish(metrics, { cost: costOf([bill({ nanos: 1 })]) })
    assert.deepEqual(await read(metrics, 'dragoman_cost_usd_total'), {
      'alpha openai/gpt-oss-120b provider': 0.000001501,
      'beta openai/gpt-oss-120b provider': 2,
      'beta openai/gpt-oss-120b estimated': 0.000000123,
    })
    assert.deepEqual(await read(metrics, 'dragoman_unpriced_requests_total'), {})
  })

  test('adds up to the nano-dollar', async () => {
    const metrics = create()
    // In binary fractions of a dollar each of these would be off by a little.
    for (let count = 0; count < 1000; count++)
      finish(metrics, { cost: costOf([bill({ nanos: 100_000_001 })]) })
    const [total] = Object.values(await read(metrics, 'dragoman_cost_usd_total'))
    assert.equal(total, 100.000001)
  })

  test('that is not known is counted once for the request, where it is not known, and is no 0', async () => {
    const metrics = create()
    const unknown = { nanos: null, reason: 'unknown_model' as const }
    const cost = costOf([bill({}), bill({ attempt: 2, provider: 'beta', ...unknown })], unknown)
    finish(metrics, { cost })
    assert.deepEqual(await read(metrics, 'dragoman_unpriced_requests_total'), {
      'beta openai/gpt-oss-120b unknown_model': 1,
    })
    // As in the record: what is known of a part is no cost of the request.
    assert.deepEqual(await read(metrics, 'dragoman_cost_usd_total'), {})
  })

  test('of what made no call is neither', async () => {
    const metrics = create()
    finish(metrics, { attempts: [], usage: null, cost: costOf([]) })
    finish(metrics, { attempts: [], usage: null, cost: null })
    assert.deepEqual(await read(metrics, 'dragoman_cost_usd_total'), {})
    assert.deepEqual(await read(metrics, 'dragoman_unpriced_requests_total'), {})
  })

  test('has no more series for more models than the cap', async () => {
    const metrics = create(2)
    for (let index = 0; index < 20; index++) {
      finish(metrics, { model: `wild-${index}`, cost: costOf([bill({})]) })
      const cost = costOf([bill({ nanos: null })], { nanos: null, reason: 'no_rate' })
      finish(metrics, { model: `odd-${index}`, status: 'failed', error: makeError(), cost })
    }
    assert.deepEqual(Object.keys(await read(metrics, 'dragoman_cost_usd_total')).sort(), [
      'alpha _other provider',
      'alpha wild-0 provider',
      'alpha wild-1 provider',
    ])
    assert.deepEqual(await read(metrics, 'dragoman_unpriced_requests_total'), { 'alpha _other no_rate': 20 })
  })
})

describe('tokens', () => {
  test('that were estimated stand apart from those that were reported, and their request is counted', async () => {
    const metrics = create()
    const usage = makeUsage(9, 0, 4, 0)
    finish(metrics, {
      attempts: [
        makeAttempt({ usage: makeUsage(7, 0, 3, 0) }),
        makeAttempt({ index: 2, provider: 'beta', usage, usageSource: 'estimated' }),
      ],
      usage,
      usageSource: 'estimated',
    })
    assert.deepEqual(await read(metrics, 'dragoman_tokens_total'), {
      'alpha openai/gpt-oss-120b input provider': 7,
      'alpha openai/gpt-oss-120b output provider': 3,
      'beta openai/gpt-oss-120b input estimated': 9,
      'beta openai/gpt-oss-120b output estimated': 4,
    })
    assert.deepEqual(await read(metrics, 'dragoman_estimated_usage_requests_total'), {
      'beta openai/gpt-oss-120b': 1,
    })
  })

  test('written to a cache are a type of their own', async () => {
    const metrics = create()
    const usage = {
      ...makeUsage(100, 40, 20, 5),
      input_tokens_details: { cached_tokens: 40, cache_write_tokens: 30 },
    }
    finish(metrics, { usage, attempts: [makeAttempt({ usage })] })
    const tokens = await read(metrics, 'dragoman_tokens_total')
    assert.equal(tokens['alpha openai/gpt-oss-120b cache_write provider'], 30)
    const sums = await read(metrics, 'gen_ai_client_token_usage_sum')
    assert.equal(sums['chat alpha gpt-oss-120b gpt-oss-120b-2026 cache_write'], 30)
  })
})
