/** The names of the GenAI metrics under each setting. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readConventions } from '../../../server/telemetry/conventions.ts'
import { createMetrics } from '../../../server/telemetry/metrics.ts'
import { makeAttempt, makeError, makeExchange } from './metrics-exchange.ts'
import { parseExposition, type Sample } from './metrics-lint.ts'

async function scrapeAfter(
  asked: string,
  ...attempts: Parameters<typeof makeAttempt>[0][]
): Promise<Sample[]> {
  const conventions = readConventions({ OTEL_SEMCONV_STABILITY_OPT_IN: asked })
  const metrics = createMetrics({
    version: '1',
    processMetrics: false,
    models: ['gpt-oss-120b', 'gpt-oss-120b-2026'],
    conventions,
  })
  const exchange = makeExchange({ attempts: attempts.map(makeAttempt) })
  for (const attempt of exchange.attempts) metrics.observer.attemptEnded?.(exchange, attempt, false)
  const families = parseExposition((await metrics.scrape()).body)
  return families.filter(({ name }) => name.startsWith('gen_ai_')).flatMap(({ samples }) => samples)
}
const namesOf = (samples: Sample[]) => [
  ...new Set(samples.map(({ name }) => name.replace(/_(?:bucket|sum|count)$/, ''))),
]

const released = [
  'gen_ai_client_operation_duration_seconds',
  'gen_ai_client_operation_time_to_first_chunk_seconds',
  'gen_ai_client_operation_time_per_output_chunk_seconds',
  'gen_ai_client_token_usage',
]
const latest = [
  'gen_ai_client_inference_duration_seconds',
  'gen_ai_client_inference_time_to_first_chunk_seconds',
  'gen_ai_client_inference_time_per_output_chunk_seconds',
  'gen_ai_client_inference_usage_input_tokens_total',
  'gen_ai_client_inference_usage_cache_read_input_tokens_total',
  'gen_ai_client_inference_usage_output_tokens_total',
  'gen_ai_client_inference_usage_reasoning_output_tokens_total',
  'gen_ai_client_inference_operation_input_tokens',
  'gen_ai_client_inference_operation_output_tokens',
]

describe('OTEL_SEMCONV_STABILITY_OPT_IN', () => {
  for (const [asked, names] of [
    ['', released],
    ['http/dup,database', released],
    ['gen_ai_latest_experimental', latest],
    [' http , gen_ai_latest_experimental ', latest],
    ['gen_ai_latest_experimental/dup', [...released, ...latest]],
  ] as const)
    test(`'${asked}' → ${names.length} names`, async () =>
      assert.deepEqual(namesOf(await scrapeAfter(asked, {})), names))

  test('the latest names count totals, and the sizes of what succeeded alone', async () => {
    const failed = { index: 2, error: makeError() }
    const samples = await scrapeAfter('gen_ai_latest_experimental', {}, failed)
    const value = (name: string) => samples.find((sample) => sample.name === name)?.value
    assert.equal(value('gen_ai_client_inference_usage_input_tokens_total'), 200)
    assert.equal(value('gen_ai_client_inference_operation_input_tokens_count'), 1)
    assert.equal(value('gen_ai_client_inference_operation_output_tokens_sum'), 20)
  })
})

test('a call is named after what it asks the provider for', async () => {
  const at = (path: string) => ({ url: `https://alpha.example/v1${path}` })
  const calls = [
    at('/responses'),
    at('/responses/compact?api-version=1'),
    at('/responses/input_tokens'),
    at('/chat/completions'),
  ]
  const counts = (await scrapeAfter('', ...calls)).filter(
    ({ name }) => name === 'gen_ai_client_operation_duration_seconds_count',
  )
  assert.deepEqual(
    counts.map(({ labels, value }) => [labels.gen_ai_operation_name, value]),
    [
      ['chat', 2],
      ['compact', 1],
      ['count_tokens', 1],
    ],
  )
  const latestCounts = (await scrapeAfter('gen_ai_latest_experimental', ...calls)).filter(
    ({ name }) => name === 'gen_ai_client_inference_duration_seconds_count',
  )
  assert.deepEqual(
    latestCounts.map(({ labels }) => labels.gen_ai_operation_name),
    ['chat', 'compact'],
    'to count is no inference',
  )
})
