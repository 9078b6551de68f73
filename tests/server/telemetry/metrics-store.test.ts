/** What a scrape tells of the store, and what it does when the store does not answer. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createMetrics } from '../../../server/telemetry/metrics.ts'
import type { StoreFigures } from '../../../server/telemetry/metrics-figures.ts'
import { findProblems, parseExposition } from './metrics-lint.ts'

async function scrape(store: () => StoreFigures | Promise<StoreFigures>): Promise<Record<string, number>> {
  const metrics = createMetrics({ version: '1', processMetrics: false, store })
  const families = parseExposition((await metrics.scrape()).body)
  assert.deepEqual(findProblems(families), [])
  const samples = families.flatMap((family) => family.samples)
  return Object.fromEntries(
    samples
      .filter(({ name }) => /_(?:store|retention)_/.test(name))
      .map(({ name, labels, value }) => [
        `${name.replace('dragoman_', '')} ${Object.values(labels)}`.trim(),
        value,
      ]),
  )
}

const retention: NonNullable<StoreFigures['retention']> = {
  leads: true,
  lastRunAt: 1_800_000_000_500,
  failures: 3,
  pruned: { rows: 10, bodies: 20 },
  oldestAt: { rows: Date.now() - 86_400_000, bodies: null },
  keptFor: { rows: 90 * 86_400_000, bodies: 7 * 86_400_000 },
  maxBytes: 10_000_000_000,
}

describe('the store', () => {
  test('by part, with its retention', async () => {
    const parts = { rows: 1000, bodies: 3000, wal: 96 }
    const figures = {
      sizeBytes: 4096,
      healthy: true,
      reachable: true,
      parts,
      writesWaiting: 4,
      threadsReplaced: 2,
      retention,
    }
    const { 'store_oldest_age_seconds rows': age, ...rest } = await scrape(async () => figures)
    assert.ok(age !== undefined && age >= 86_400 && age < 86_460)
    assert.deepEqual(rest, {
      'store_size_bytes rows': 1000,
      'store_size_bytes bodies': 3000,
      'store_size_bytes wal': 96,
      store_healthy: 1,
      store_reachable: 1,
      store_writes_waiting: 4,
      store_threads_replaced_total: 2,
      retention_leader: 1,
      retention_last_success_timestamp_seconds: 1_800_000_000.5,
      retention_failures_total: 3,
      'retention_pruned_total rows': 10,
      'retention_pruned_total bodies': 20,
      'retention_limit_seconds rows': 90 * 86_400,
      'retention_limit_seconds bodies': 7 * 86_400,
      retention_limit_bytes: 10_000_000_000,
    })
  })

  test('of which little is known', async () => {
    assert.deepEqual(await scrape(() => ({ sizeBytes: 4096, healthy: false })), {
      'store_size_bytes all': 4096,
      store_healthy: 0,
      store_reachable: 0,
      store_threads_replaced_total: 0,
      retention_failures_total: 0,
    })
    assert.deepEqual(await scrape(() => ({ sizeBytes: null, healthy: true, reachable: false })), {
      store_healthy: 1,
      store_reachable: 0,
      store_threads_replaced_total: 0,
      retention_failures_total: 0,
    })
  })

  for (const [name, store] of [
    ['that fails', () => Promise.reject(new Error('gone'))],
    [
      'that throws',
      () => {
        throw new Error('gone')
      },
    ],
    ['that never answers', () => new Promise<StoreFigures>(() => {})],
  ] as const)
    test(`${name} is told as not reachable, and costs no scrape`, async () => {
      const { store_reachable: reachable, store_healthy: healthy } = await scrape(store)
      assert.deepEqual([reachable, healthy], [0, undefined])
    })

  test('is asked once a scrape', async () => {
    let asked = 0
    await scrape(() => {
      asked += 1
      return { sizeBytes: 1, healthy: true }
    })
    assert.equal(asked, 1)
  })
})

test('queries by name and outcome, and no more names than there are places', async () => {
  const metrics = createMetrics({ version: '1', processMetrics: false })
  metrics.queried({ name: 'listRequests', milliseconds: 30, outcome: 'answered' })
  metrics.queried({ name: 'listRequests', milliseconds: 5000, outcome: 'timeout' })
  for (let index = 0; index < 200; index++)
    metrics.queried({ name: `q${index}`, milliseconds: 1, outcome: 'failed' })
  const [family] = parseExposition((await metrics.scrape()).body).filter(
    ({ name }) => name === 'dragoman_store_queries_total',
  )
  const counts = family!.samples
  assert.deepEqual(
    counts.slice(0, 4).map(({ labels, value }) => [labels.query, labels.outcome, value]),
    [
      ['listRequests', 'answered', 1],
      ['listRequests', 'timeout', 1],
      ['listRequests', 'refused', 0],
      ['listRequests', 'failed', 0],
    ],
  )
  assert.ok(counts.length <= 66 * 4)
  assert.ok(counts.some(({ labels }) => labels.query === '_other'))
})
