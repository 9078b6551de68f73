import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, test } from 'node:test'
import type { Exchange } from '../../../server/gateway/exchange.ts'
import { createMetrics, type Metrics, type MetricsOptions } from '../../../server/telemetry/metrics.ts'
import { makeAttempt, makeError, makeExchange, makeUsage } from './metrics-exchange.ts'
import { findProblems, parseExposition, type Sample } from './metrics-lint.ts'

function create(options: Partial<MetricsOptions> = {}): Metrics {
  return createMetrics({
    version: '1.2.3',
    processMetrics: false,
    models: ['openai/gpt-oss-120b', 'gpt-oss-120b', 'gpt-oss-120b-2026', 'deepseek-ai/*'],
    fields: ['tools', 'presence_penalty', 'reasoning.effort'],
    ...options,
  })
}

/** The whole life of an exchange, as the gateway tells it. */
function run(metrics: Metrics, exchange: Exchange): void {
  const { observer } = metrics
  observer.started?.(exchange)
  exchange.attempts.forEach((attempt, index) => {
    observer.attemptStarted?.(exchange, attempt, {})
    if (attempt.firstOutputAt !== null) observer.firstOutput?.(exchange, attempt)
    observer.attemptEnded?.(exchange, attempt, index < exchange.attempts.length - 1)
  })
  observer.finished?.(exchange)
}

async function read(metrics: Metrics): Promise<Sample[]> {
  return parseExposition((await metrics.scrape()).body).flatMap((family) => family.samples)
}

/** The one sample of that name whose labels include those given. */
function pick(samples: Sample[], name: string, labels: Record<string, string> = {}): number {
  const found = samples.filter(
    (sample) =>
      sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
  )
  assert.equal(found.length, 1, `${name} ${JSON.stringify(labels)}: ${found.length} samples`)
  return found[0]!.value
}

describe('metrics of a request', () => {
  test('a finished stream is counted once everywhere', async () => {
    const metrics = create()
    run(metrics, makeExchange())
    const samples = await read(metrics)
    const labels = { provider: 'alpha', model: 'openai/gpt-oss-120b' }
    assert.equal(
      pick(samples, 'dragoman_requests_total', {
        ...labels,
        stream: 'true',
        status: 'completed',
        http_status: '2xx',
        error_type: '',
      }),
      1,
    )
    assert.equal(pick(samples, 'dragoman_request_duration_seconds_count', labels), 1)
    assert.equal(pick(samples, 'dragoman_request_duration_seconds_sum', labels), 0.412)
    assert.equal(pick(samples, 'dragoman_time_to_first_token_seconds_sum', labels), 0.211)
    assert.equal(pick(samples, 'dragoman_attempts_total', { provider: 'alpha', error_code: '' }), 1)
    assert.equal(
      samples.some((sample) => sample.name === 'dragoman_errors_total'),
      false,
    )
  })

  test('overhead is the total without the provider, and lies in a fine bucket', async () => {
    const metrics = create()
    run(metrics, makeExchange({ endedAt: 1400.4, upstreamMs: 400 }))
    const samples = await read(metrics)
    assert.equal(pick(samples, 'dragoman_overhead_seconds_bucket', { le: '0.00025' }), 0)
    assert.equal(pick(samples, 'dragoman_overhead_seconds_bucket', { le: '0.0005' }), 1)
  })

  test('an overhead below zero (clock granularity) is zero', async () => {
    const metrics = create()
    run(metrics, makeExchange({ endedAt: 1400, upstreamMs: 401 }))
    assert.equal(pick(await read(metrics), 'dragoman_overhead_seconds_sum'), 0)
  })

  test('tokens by type, the subsets apart', async () => {
    const metrics = create()
    run(metrics, makeExchange())
    const samples = await read(metrics)
    for (const [type, count] of [
      ['input', 100],
      ['cached_input', 40],
      ['output', 20],
      ['reasoning', 5],
    ] as const)
      assert.equal(pick(samples, 'dragoman_tokens_total', { type }), count)
  })

  test('tokens of a failed call count for the provider that took them', async () => {
    const metrics = create()
    const attempts = [
      makeAttempt({ error: makeError(), usage: makeUsage(7, 0, 3, 0) }),
      makeAttempt({ index: 2, provider: 'beta' }),
    ]
    run(metrics, makeExchange({ attempts }))
    const samples = await read(metrics)
    assert.equal(pick(samples, 'dragoman_tokens_total', { provider: 'alpha', type: 'input' }), 7)
    assert.equal(pick(samples, 'dragoman_tokens_total', { provider: 'beta', type: 'input' }), 100)
  })

  test('an estimated usage is counted, but not told as the measurement of the provider', async () => {
    const metrics = create()
    run(
      metrics,
      makeExchange({
        attempts: [makeAttempt({ usage: makeUsage(9, 0, 4, 0) })],
        usage: makeUsage(9, 0, 4, 0),
        usageSource: 'estimated',
      }),
    )
    const samples = await read(metrics)
    assert.equal(pick(samples, 'dragoman_tokens_total', { type: 'input' }), 9)
    assert.equal(
      samples.some((sample) => sample.name.startsWith('gen_ai_client_token_usage')),
      false,
    )
  })

  test('a usage that is no number neither throws nor counts', async () => {
    const metrics = create()
    const usage = makeUsage(Number.NaN, -3, Number.POSITIVE_INFINITY, 0)
    run(metrics, makeExchange({ usage, attempts: [makeAttempt({ usage })] }))
    const samples = await read(metrics)
    assert.equal(
      samples.some((sample) => sample.name === 'dragoman_tokens_total'),
      false,
    )
    assert.equal(pick(samples, 'dragoman_requests_total'), 1)
  })

  test('a refusal before any call has no provider and no model of its own', async () => {
    const metrics = create()
    const error = makeError({ type: 'invalid_request_error', code: 'invalid_json', origin: 'client' })
    run(metrics, makeExchange({ attempts: [], model: '', status: null, httpStatus: 400, error, usage: null }))
    const samples = await read(metrics)
    assert.equal(
      pick(samples, 'dragoman_requests_total', {
        provider: '',
        model: '',
        status: '',
        http_status: '4xx',
        error_type: 'invalid_request_error',
      }),
      1,
    )
    assert.equal(pick(samples, 'dragoman_errors_total', { origin: 'client', code: 'invalid_json' }), 1)
    assert.equal(pick(samples, 'dragoman_request_duration_seconds_count', { outcome: 'error' }), 1)
  })

  test('a client that hangs up is a disconnect', async () => {
    const metrics = create()
    const error = makeError({
      code: 'client_closed_request',
      origin: 'client',
      type: 'invalid_request_error',
    })
    run(metrics, makeExchange({ httpStatus: 499, status: 'cancelled', error }))
    assert.equal(pick(await read(metrics), 'dragoman_client_disconnects_total', { stream: 'true' }), 1)
  })

  test('requests in flight and open streams rise and fall', async () => {
    const metrics = create()
    const exchange = makeExchange()
    const figures = async () => {
      const samples = await read(metrics)
      return [pick(samples, 'dragoman_requests_in_flight'), pick(samples, 'dragoman_streams_open')]
    }
    assert.deepEqual(await figures(), [0, 0])
    metrics.observer.started?.(exchange)
    assert.deepEqual(await figures(), [1, 0])
    metrics.observer.firstOutput?.(exchange, exchange.attempts[0]!)
    assert.deepEqual(await figures(), [1, 1])
    metrics.observer.finished?.(exchange)
    assert.deepEqual(await figures(), [0, 0])
    metrics.observer.finished?.(exchange)
    assert.deepEqual(await figures(), [0, 0])
  })
})

describe('metrics of calls to providers', () => {
  test('the GenAI names, attributes and values of the conventions', async () => {
    const metrics = create()
    run(metrics, makeExchange())
    const samples = await read(metrics)
    const labels = {
      gen_ai_operation_name: 'chat',
      gen_ai_provider_name: 'alpha',
      gen_ai_request_model: 'gpt-oss-120b',
      gen_ai_response_model: 'gpt-oss-120b-2026',
    }
    assert.equal(
      pick(samples, 'gen_ai_client_operation_duration_seconds_sum', { ...labels, error_type: '' }),
      0.4,
    )
    assert.equal(pick(samples, 'gen_ai_client_operation_time_to_first_chunk_seconds_sum', labels), 0.2)
    assert.equal(pick(samples, 'gen_ai_client_operation_time_per_output_chunk_seconds_sum', labels), 0.02)
    for (const [type, count] of [
      ['input', 100],
      ['cached_input', 40],
      ['output', 20],
      ['reasoning', 5],
    ] as const) {
      const typed = { ...labels, gen_ai_token_type: type }
      assert.equal(pick(samples, 'gen_ai_client_token_usage_sum', typed), count)
      assert.equal(pick(samples, 'gen_ai_client_token_usage_count', typed), 1)
    }
    assert.equal(pick(samples, 'gen_ai_client_operation_duration_seconds_bucket', { le: '0.64' }), 1)
    assert.equal(pick(samples, 'gen_ai_client_operation_duration_seconds_bucket', { le: '0.32' }), 0)
  })

  test('a request without streaming has no time to the first chunk', async () => {
    const metrics = create()
    run(metrics, makeExchange({ stream: false }))
    const samples = await read(metrics)
    assert.equal(pick(samples, 'gen_ai_client_operation_duration_seconds_count'), 1)
    assert.equal(
      samples.some((sample) => /time_to_first|per_output_chunk/.test(sample.name)),
      false,
    )
  })

  test('a retry and a fallback are told apart, each call recorded once', async () => {
    const metrics = create()
    const failed = {
      error: makeError({ code: 'rate_limit_exceeded' }),
      usage: null,
      firstOutputAt: null,
      facts: null,
    }
    const attempts = [
      makeAttempt(failed),
      makeAttempt({ ...failed, index: 2 }),
      makeAttempt({ index: 3, provider: 'beta' }),
    ]
    run(metrics, makeExchange({ attempts }))
    const samples = await read(metrics)
    assert.equal(pick(samples, 'dragoman_retries_total', { provider: 'alpha' }), 1)
    assert.equal(pick(samples, 'dragoman_fallbacks_total', { from: 'alpha', to: 'beta' }), 1)
    assert.equal(
      pick(samples, 'dragoman_attempts_total', { provider: 'alpha', error_code: 'rate_limit_exceeded' }),
      2,
    )
    assert.equal(
      pick(samples, 'gen_ai_client_operation_duration_seconds_count', { error_type: 'rate_limit_exceeded' }),
      2,
    )
    assert.equal(pick(samples, 'dragoman_requests_total', { provider: 'beta' }), 1)
  })

  test('counters of configured providers stand at zero before the first failure', async () => {
    const samples = await read(create({ providers: ['alpha', 'beta'] }))
    assert.equal(pick(samples, 'dragoman_attempts_total', { provider: 'beta', error_code: '' }), 0)
    assert.equal(pick(samples, 'dragoman_retries_total', { provider: 'alpha' }), 0)
  })

  test('a call given up for a client that has gone is no success', async () => {
    const metrics = create()
    run(
      metrics,
      makeExchange({ attempts: [makeAttempt({ facts: null })], status: 'cancelled', httpStatus: 499 }),
    )
    const samples = await read(metrics)
    assert.equal(pick(samples, 'dragoman_attempts_total', { error_code: 'client_closed_request' }), 1)
  })
})

describe('labels stay closed', () => {
  test('model names past the cap are _other; a name takes a place only when a provider answered to it', async () => {
    const metrics = create({ maxOtherModels: 2 })
    const failure = { status: 'failed' as const, error: makeError(), attempts: [] }
    for (let index = 0; index < 50; index += 1)
      run(metrics, makeExchange({ ...failure, model: `junk-${index}` }))
    for (const model of ['wild-a', 'wild-b', 'wild-c', 'wild-d', 'wild-a'])
      run(metrics, makeExchange({ model }))
    const samples = await read(metrics)
    const models = new Set(
      samples
        .filter((sample) => sample.name === 'dragoman_requests_total')
        .map((sample) => sample.labels.model),
    )
    assert.deepEqual([...models].sort(), ['_other', 'wild-a', 'wild-b'])
    assert.equal(pick(samples, 'dragoman_requests_total', { model: 'wild-a' }), 2)
    assert.equal(pick(samples, 'dragoman_requests_total', { model: '_other', status: 'failed' }), 50)
  })

  test('models that providers report are capped as well', async () => {
    const metrics = create({ maxOtherModels: 3 })
    for (let index = 0; index < 40; index += 1) {
      const facts = { responseId: null, model: `build-${index}`, metadata: null, serviceTier: null }
      run(metrics, makeExchange({ attempts: [makeAttempt({ facts, upstreamModel: `wild-${index}` })] }))
    }
    const counts = (await read(metrics)).filter(
      (sample) => sample.name === 'gen_ai_client_operation_duration_seconds_count',
    )
    assert.equal(counts.length, 4)
  })

  test('unknown codes, types, statuses and fields are _other', async () => {
    const metrics = create()
    const error = makeError({ code: 'provider said 0xdeadbeef', type: 'weird' })
    run(
      metrics,
      makeExchange({
        error,
        httpStatus: 502,
        attempts: [makeAttempt({ error })],
        adaptations: [
          { field: 'tools[3].parameters', action: 'mapped', detail: 'x' },
          { field: 'reasoning.effort', action: 'clamped', detail: 'high' },
          { field: 'client says hello', action: 'dropped', detail: '' },
        ],
      }),
    )
    const samples = await read(metrics)
    assert.equal(pick(samples, 'dragoman_errors_total', { code: '_other', origin: 'upstream' }), 1)
    assert.equal(pick(samples, 'dragoman_requests_total', { error_type: '_other', http_status: '5xx' }), 1)
    assert.equal(pick(samples, 'gen_ai_client_operation_duration_seconds_count', { error_type: '_OTHER' }), 1)
    assert.equal(pick(samples, 'dragoman_adaptations_total', { field: 'tools', action: 'mapped' }), 1)
    assert.equal(
      pick(samples, 'dragoman_adaptations_total', { field: 'reasoning.effort', action: 'clamped' }),
      1,
    )
    assert.equal(pick(samples, 'dragoman_adaptations_total', { field: '_other', action: 'dropped' }), 1)
  })

  test('models of a later configuration are known', async () => {
    const metrics = create({ maxOtherModels: 0 })
    metrics.knowModels(['new/model'])
    run(metrics, makeExchange({ model: 'new/model', status: 'failed', error: makeError() }))
    assert.equal(pick(await read(metrics), 'dragoman_requests_total', { model: 'new/model' }), 1)
  })

  test('nothing of a person, a key, a request or a text is in the scrape', async () => {
    const metrics = create()
    run(metrics, makeExchange({ error: makeError({ message: 'a private sentence' }), userAgent: 'agent-x' }))
    const { body } = await metrics.scrape()
    for (const secret of [
      'sk-secret-key',
      'acme',
      'req_1',
      'resp_1',
      'private sentence',
      'agent-x',
      '127.0.0.1',
    ])
      assert.equal(body.includes(secret), false, secret)
  })
})

describe('the scrape', () => {
  const full = () =>
    create({
      processMetrics: true,
      log: () => ({ written: 10, dropped: 2, queued: 3 }),
      store: async () => ({ sizeBytes: 4096, healthy: true }),
      jobs: () => ({ running: 0, queued: 0 }),
      tails: () => 1,
      config: () => ({ loadedAt: 1_800_000_000_000, succeeded: true }),
    })

  test('reads the log and the store at each scrape', async () => {
    let written = 1
    const metrics = create({
      log: () => ({ written, dropped: 2, queued: 3, bodiesDropped: 4, queuedBytes: 5 }),
      store: () => ({ sizeBytes: null, healthy: false }),
      jobs: () => ({ running: 6, queued: 7 }),
    })
    assert.equal(pick(await read(metrics), 'dragoman_log_rows_written_total'), 1)
    written = 5
    const samples = await read(metrics)
    assert.equal(pick(samples, 'dragoman_log_rows_written_total'), 5)
    assert.equal(pick(samples, 'dragoman_log_rows_dropped_total'), 2)
    assert.equal(pick(samples, 'dragoman_log_rows_queued'), 3)
    assert.equal(pick(samples, 'dragoman_log_bodies_dropped_total'), 4)
    assert.equal(pick(samples, 'dragoman_log_queued_bytes'), 5)
    assert.equal(pick(samples, 'dragoman_background_jobs', { state: 'running' }), 6)
    assert.equal(pick(samples, 'dragoman_background_jobs', { state: 'queued' }), 7)
    assert.equal(pick(samples, 'dragoman_store_healthy'), 0)
    assert.equal(
      samples.some((sample) => sample.name === 'dragoman_store_size_bytes'),
      false,
    )
  })

  test('a store that cannot be asked does not cost the scrape', async () => {
    const metrics = create({ store: () => Promise.reject(new Error('gone')) })
    run(metrics, makeExchange())
    assert.equal(pick(await read(metrics), 'dragoman_requests_total'), 1)
  })

  test('names, types and labels are pinned', async () => {
    const metrics = full()
    run(metrics, makeExchange({ adaptations: [{ field: 'tools', action: 'dropped', detail: '' }] }))
    const names = parseExposition((await metrics.scrape()).body)
      .filter((family) => /^(dragoman|gen_ai)_/.test(family.name))
      .map((family) => `${family.type} ${family.name}`)
      .sort()
    assert.deepEqual(names, [
      'counter dragoman_adaptations_total',
      'counter dragoman_attempts_total',
      'counter dragoman_client_disconnects_total',
      'counter dragoman_cost_usd_total',
      'counter dragoman_errors_total',
      'counter dragoman_estimated_usage_requests_total',
      'counter dragoman_fallbacks_total',
      'counter dragoman_log_bodies_dropped_total',
      'counter dragoman_log_rows_dropped_total',
      'counter dragoman_log_rows_written_total',
      'counter dragoman_requests_total',
      'counter dragoman_retention_failures_total',
      'counter dragoman_retention_pruned_total',
      'counter dragoman_retries_total',
      'counter dragoman_store_queries_total',
      'counter dragoman_store_threads_replaced_total',
      'counter dragoman_tokens_total',
      'counter dragoman_unpriced_requests_total',
      'gauge dragoman_background_jobs',
      'gauge dragoman_build_info',
      'gauge dragoman_config_last_load_success_timestamp_seconds',
      'gauge dragoman_config_last_load_successful',
      'gauge dragoman_live_tails_open',
      'gauge dragoman_log_queued_bytes',
      'gauge dragoman_log_rows_queued',
      'gauge dragoman_requests_in_flight',
      'gauge dragoman_retention_last_success_timestamp_seconds',
      'gauge dragoman_retention_leader',
      'gauge dragoman_retention_limit_bytes',
      'gauge dragoman_retention_limit_seconds',
      'gauge dragoman_store_healthy',
      'gauge dragoman_store_oldest_age_seconds',
      'gauge dragoman_store_reachable',
      'gauge dragoman_store_size_bytes',
      'gauge dragoman_store_writes_waiting',
      'gauge dragoman_streams_open',
      'histogram dragoman_overhead_seconds',
      'histogram dragoman_request_duration_seconds',
      'histogram dragoman_store_query_duration_seconds',
      'histogram dragoman_time_to_first_token_seconds',
      'histogram gen_ai_client_operation_duration_seconds',
      'histogram gen_ai_client_operation_time_per_output_chunk_seconds',
      'histogram gen_ai_client_operation_time_to_first_chunk_seconds',
      'histogram gen_ai_client_token_usage',
    ])
  })

  test('obeys the rules of promtool, process metrics included', async () => {
    const metrics = full()
    run(metrics, makeExchange({ error: makeError(), model: 'quote " backslash \\ line\nend' }))
    const { body, contentType } = await metrics.scrape()
    assert.match(contentType, /^text\/plain; version=0\.0\.4/)
    const families = parseExposition(body)
    assert.ok(families.some((family) => family.name === 'process_resident_memory_bytes'))
    assert.ok(families.some((family) => family.name === 'nodejs_eventloop_lag_p99_seconds'))
    assert.deepEqual(findProblems(families), [])
  })

  test('promtool itself agrees', async (t) => {
    if (spawnSync('promtool', ['--version']).error !== undefined) return t.skip('promtool is not on PATH')
    const metrics = full()
    run(metrics, makeExchange())
    const { status, stderr, stdout } = spawnSync('promtool', ['check', 'metrics'], {
      input: (await metrics.scrape()).body,
      encoding: 'utf8',
    })
    assert.equal(status, 0, stdout + stderr)
  })
})
