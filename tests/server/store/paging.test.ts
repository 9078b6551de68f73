import assert from 'node:assert/strict'
import type { AdminRequestsQuery } from '../../../server/http/admin/contract.ts'
import { type AdminQueries, createAdminQueries } from '../../../server/store/admin-queries.ts'
import { PackedBatchBuilder } from '../../../server/store/log/record-batch.ts'
import type { RecordBatch, RequestRecord } from '../../../server/store/log/records.ts'
import type { Store } from '../../../server/store/store.ts'
import { recordFinished } from '../../../server/telemetry/request-log-record.ts'
import { openEmptyStore, testEngines } from './engines.ts'
import { makeAttempt, makeExchange, openTestLog } from './fixtures.ts'

const total = 20_000
const start = Date.UTC(2026, 3, 1)

function pack(records: RequestRecord[]): RecordBatch {
  const builder = new PackedBatchBuilder()
  for (const record of records) builder.add(record)
  return builder.take()
}

/** Times of sums are known to 10 %. */
function assertNear(actual: number | null, expected: number): void {
  assert.ok(actual !== null && Math.abs(actual - expected) <= 0.1 * expected, `${actual} for ${expected}`)
}

interface Expected {
  id: string
  model: string
  project: string
  provider: string
  status: string
  failed: boolean
}

/** Rows in steps of 100 ms whose members repeat at different periods, so that every combination is there. */
async function fill(store: Store): Promise<Expected[]> {
  const expected: Expected[] = []
  let batch: RequestRecord[] = []
  for (let index = 0; index < total; index += 1) {
    const failed = index % 11 === 0
    const model = index === 137 || index === 15_001 ? 'org/rare' : `org/model-${index % 7}`
    const provider = `provider-${index % 3}`
    const exchange = makeExchange({
      createdAt: start + index * 100,
      model,
      caller: { projectId: `project-${index % 5}`, keyName: 'k' },
      status: failed ? 'failed' : 'completed',
      error: failed
        ? { type: 'server_error', code: `code-${index % 2}`, message: 'm', param: null, origin: 'upstream' }
        : null,
      attempts: [makeAttempt({ provider })],
      endedAt: 1000 + (index % 100) + 1,
      upstreamMs: 0.5,
    })
    expected.push({
      id: exchange.id,
      model,
      project: `project-${index % 5}`,
      provider,
      status: exchange.status ?? '',
      failed,
    })
    batch.push(recordFinished({ exchange, key: store.nextKey(exchange.createdAt), kept: 'none' }))
    if (batch.length === 1000) {
      await store.writeRequests(pack(batch))
      batch = []
    }
  }
  return expected.reverse()
}

async function readAll(
  queries: AdminQueries,
  query: AdminRequestsQuery,
): Promise<{ ids: string[]; pages: number }> {
  const ids: string[] = []
  let pages = 0
  let before: string | undefined
  for (;;) {
    const page = await queries.listRequests({ ...query, before })
    assert.ok(page.data.length <= (query.limit ?? 50))
    ids.push(...page.data.map((row) => row.id))
    pages += 1
    if (page.next === null) return { ids, pages }
    before = page.next
  }
}

testEngines(
  'twenty thousand rows page fully, newest first, without a gap or a duplicate',
  async (t, engine) => {
    // No page may be cut short for its time: that is another test, and machines are slow at times.
    const long = 60_000
    const store = await openEmptyStore(t, engine, { queryTimeout: long })
    const patient = createAdminQueries(store, { patience: long })
    await openTestLog(store)
    const expected = await fill(store)
    const cases: [AdminRequestsQuery, (row: Expected) => boolean][] = [
      [{ limit: 500 }, () => true],
      [{ limit: 333, model: 'org/model-3' }, (row) => row.model === 'org/model-3'],
      [{ limit: 500, project: 'project-2' }, (row) => row.project === 'project-2'],
      [{ limit: 500, provider: 'provider-1' }, (row) => row.provider === 'provider-1'],
      [{ limit: 100, status: ['failed'] }, (row) => row.status === 'failed'],
      [{ limit: 100, status: ['error'] }, (row) => row.failed],
      [{ model: 'org/rare' }, (row) => row.model === 'org/rare'],
      [{ limit: 1, model: 'org/rare' }, (row) => row.model === 'org/rare'],
      [{ model: 'org/nothing' }, () => false],
      [
        { limit: 500, provider: 'provider-1', status: ['completed'] },
        (row) => row.provider === 'provider-1' && row.status === 'completed',
      ],
      [
        { limit: 20, model: 'org/model-3', project: 'project-2', provider: 'provider-1', status: ['error'] },
        (row) =>
          row.model === 'org/model-3' &&
          row.project === 'project-2' &&
          row.provider === 'provider-1' &&
          row.failed,
      ],
      [{ project: 'project-2', provider: 'nobody' }, () => false],
    ]
    for (const [query, matches] of cases) {
      await t.test(JSON.stringify(query), async () => {
        const { ids, pages } = await readAll(patient, query)
        const wanted = expected.filter(matches).map((row) => row.id)
        assert.deepEqual(ids, wanted)
        assert.equal(pages, Math.max(1, Math.ceil(wanted.length / (query.limit ?? 50))))
      })
    }

    await t.test('rows that come meanwhile do not disturb older pages', async () => {
      const first = await patient.listRequests({ limit: 10 })
      const newer = makeExchange({ createdAt: start + total * 100 })
      await store.writeRequests(
        pack([recordFinished({ exchange: newer, key: store.nextKey(newer.createdAt), kept: 'none' })]),
      )
      const second = await patient.listRequests({ limit: 10, before: first.next ?? '' })
      assert.deepEqual(
        [...first.data, ...second.data].map((row) => row.id),
        expected.slice(0, 20).map((row) => row.id),
      )
      assert.equal((await patient.listRequests({ limit: 1 })).data[0]?.id, newer.id)
    })

    const failures = expected.filter((row) => row.failed).length

    await t.test('facets', async () => {
      const { counts, ...found } = await createAdminQueries(store).facets({ from: String(start / 1000) })
      assert.deepEqual(found, {
        models: [
          ...Array.from({ length: 7 }, (_, index) => `org/model-${index}`),
          'org/model',
          'org/rare',
        ].sort(),
        projects: ['acme', ...Array.from({ length: 5 }, (_, index) => `project-${index}`)],
        providers: ['provider-0', 'provider-1', 'provider-2', 'sail'],
        statuses: ['completed', 'failed'],
        keys: ['acme/1', 'k'],
        error_codes: ['code-0', 'code-1'],
        error_origins: ['upstream'],
      })
      assert.deepEqual(
        counts.statuses.map(({ requests }) => requests),
        [total + 1 - failures, failures],
      )
      assert.equal(counts.models[0]?.requests, expected.filter(({ model }) => model === 'org/model-0').length)
    })

    await t.test('overview counts each row once, in its bucket', async () => {
      const from = new Date(start).toISOString()
      const to = new Date(start + total * 100).toISOString()
      const overview = await createAdminQueries(store).overview({ from, to })
      assert.equal(overview.from, from)
      // 33 minutes and 20 seconds, to the end of the minute, in which there is one newer row.
      assert.equal(overview.to, new Date(start + 34 * 60_000).toISOString())
      const counted = total + 1
      assert.ok(overview.points.length <= 120)
      assert.equal(overview.totals.requests, counted)
      assert.equal(overview.totals.errors, failures)
      assert.equal(overview.totals.input_tokens, counted * 10)
      assert.equal(overview.totals.cached_tokens, counted * 4)
      assert.equal(overview.totals.output_tokens, counted * 20)
      assert.equal(overview.totals.reasoning_tokens, counted * 5)
      // Latencies are 1..100 ms, each as often, and known to a tenth.
      assertNear(overview.totals.latency_p50_ms, 50)
      assertNear(overview.totals.latency_p95_ms, 95)
      assertNear(overview.totals.overhead_p50_ms, 49.5)
      assert.equal(overview.totals.in_progress, 0)
      for (const [index, point] of overview.points.entries()) {
        assert.equal(
          Date.parse(point.at),
          Date.parse(overview.points[0]?.at ?? '') + index * overview.bucket_seconds * 1000,
        )
      }
      assert.equal(
        overview.points.reduce((sum, point) => sum + point.requests, 0),
        counted,
      )
      const first = overview.points[0]
      assert.equal(first?.requests, (overview.bucket_seconds * 1000) / 100)
      assert.deepEqual(overview.errors.map(({ origin, code }) => `${origin} ${code}`).sort(), [
        'upstream code-0',
        'upstream code-1',
      ])
      assert.equal(overview.providers.length, 4)
      assert.equal(overview.models.length, 9)
      assert.equal(overview.models.at(-2)?.name, 'org/rare')
      assert.equal(overview.models.at(-2)?.total_tokens, 60)
      assert.equal(overview.projects.length, 6)
      assert.equal(overview.keys[0]?.requests, total)
    })

    await t.test('overview filters, and its empty buckets say null', async () => {
      const from = String(start / 1000 - 3600)
      const to = String(start / 1000 + 60)
      const overview = await createAdminQueries(store).overview({
        from,
        to,
        model: 'org/model-3',
        project: 'project-3',
        provider: 'provider-0',
      })
      const wanted = expected
        .slice(-600)
        .filter(
          (row) =>
            row.model === 'org/model-3' && row.project === 'project-3' && row.provider === 'provider-0',
        )
      assert.ok(wanted.length > 0)
      assert.equal(overview.totals.requests, wanted.length)
      assert.equal(overview.points[0]?.requests, 0)
      assert.equal(overview.points[0]?.latency_p50_ms, null)
      assert.deepEqual(
        overview.models.map(({ name }) => name),
        ['org/model-3'],
      )
    })
  },
)

testEngines('a page that the deadline cuts short goes on with the next one', async (t, engine) => {
  // No time at all: the first window of a list with two filters is the last of its page.
  const store = await openEmptyStore(t, engine)
  const hurried = createAdminQueries(store, { patience: 0 })
  await openTestLog(store)
  const half = 6000
  const oldest = makeExchange({
    createdAt: start,
    model: 'org/b',
    attempts: [makeAttempt({ provider: 'a' })],
  })
  const others = Array.from({ length: 2 * half }, (_, index) =>
    makeExchange({
      createdAt: start + 1 + index,
      model: index < half ? 'org/a' : 'org/b',
      attempts: [makeAttempt({ provider: index < half ? 'a' : 'b' })],
    }),
  )
  await store.writeRequests(
    pack(
      [oldest, ...others].map((exchange) =>
        recordFinished({ exchange, key: store.nextKey(exchange.createdAt), kept: 'none' }),
      ),
    ),
  )
  const query = { model: 'org/b', provider: 'a' }
  const first = await hurried.listRequests(query)
  assert.deepEqual(first.data, [])
  assert.notEqual(first.next, null)
  // The newest half matches by neither, but the time of its rows is known.
  assert.ok(Date.parse(first.searched_to ?? '') > start)
  const { ids, pages } = await readAll(hurried, query)
  assert.deepEqual(ids, [oldest.id])
  assert.ok(pages > 1)
  await assert.rejects(
    createAdminQueries({ query: (name, argument) => store.query(name, argument, 0) }).overview({
      from: String(start / 1000),
      to: String(start / 1000 + 60),
    }),
    {
      name: 'GatewayError',
      code: 'query_timeout',
      status: 503,
    },
  )
})

testEngines('a query that makes no sense is refused by the name of its parameter', async (t, engine) => {
  const store = await openEmptyStore(t, engine)
  const refused = (param: string) => ({ name: 'GatewayError', code: 'invalid_request', status: 400, param })
  for (const before of ['x', 'k', 'k!', 'kzzzzzzzzzzz', `k${'1'.repeat(30)}`, "k1' OR 1=1"]) {
    await assert.rejects(createAdminQueries(store).listRequests({ before }), refused('before'), before)
  }
  await assert.rejects(createAdminQueries(store).overview({ from: 'yesterday' }), refused('from'))
  await assert.rejects(createAdminQueries(store).overview({ to: '2026-13-45' }), refused('to'))
  await assert.rejects(
    createAdminQueries(store).overview({ from: '2026-01-02', to: '2026-01-01' }),
    refused('from'),
  )
  await assert.rejects(createAdminQueries(store).overview({ from: '0', to: '2026-01-01' }), refused('from'))
})

testEngines('an empty store answers with empty shapes', async (t, engine) => {
  const store = await openEmptyStore(t, engine)
  assert.deepEqual(await createAdminQueries(store).listRequests({}), {
    data: [],
    next: null,
    previous: null,
    searched_to: null,
  })
  const { counts, ...values } = await createAdminQueries(store).facets()
  for (const found of Object.values({ ...counts, ...values })) assert.deepEqual(found, [])
  // A clock that stands: on the minute itself there would be no more than the hour.
  t.mock.timers.enable({ apis: ['Date'], now: Date.UTC(2026, 4, 1, 12, 0, 30) })
  const overview = await createAdminQueries(store).overview({})
  assert.equal(overview.totals.requests, 0)
  assert.equal(overview.totals.latency_p50_ms, null)
  assert.ok(overview.points.length >= 60 && overview.points.length <= 120)
  // An hour, and what its first and last minute have more.
  assert.deepEqual([overview.from, overview.to], ['2026-05-01T11:00:00.000Z', '2026-05-01T12:01:00.000Z'])
})
