/** Any filters together give what looking at every row gives, page by page in both directions, while rows come in. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Exchange } from '../../../server/gateway/exchange.ts'
import type { AdminRequestRow, AdminRequestsQuery } from '../../../server/http/admin/contract.ts'
import { type AdminQueries, createAdminQueries } from '../../../server/store/admin-queries.ts'
import { PackedBatchBuilder } from '../../../server/store/log/record-batch.ts'
import type { Store } from '../../../server/store/store.ts'
import { recordFinished, recordOpen } from '../../../server/telemetry/request-log-record.ts'
import { openEmptyStore, testEngines } from './engines.ts'
import { captured, makeAttempt, makeExchange, openTestLog } from './fixtures.ts'

const start = Date.UTC(2026, 4, 1)
const words = ['apple', 'banana', 'cherry', 'damson']
const keeping = { maxBodyBytes: 1_048_576, media: true, search: true }
const origins = ['client', 'gateway', 'upstream'] as const

/** Rows whose members repeat at different periods, so that most combinations are there and some are rare. */
function makeRow(index: number) {
  const failed = index % 13 === 0
  const running = index % 97 === 5
  const input = (index * 37) % 1000
  const output = index % 7 === 0 ? 90_000 : (index * 11) % 500
  const origin = origins[index % 3] ?? 'client'
  return makeExchange({
    createdAt: start + index * 1000,
    model: index % 400 === 7 ? 'rare' : `model-${index % 4}`,
    caller: { projectId: `project-${index % 3}`, keyName: `key-${index % 5}` },
    stream: index % 2 === 0,
    background: index % 9 === 0,
    operation: index % 10 === 0 ? 'responses.compact' : 'responses.create',
    status: running ? null : failed ? 'failed' : 'completed',
    error: failed
      ? { type: 'server_error', code: `code-${index % 2}`, message: 'm', param: null, origin }
      : null,
    attempts: [makeAttempt({ provider: `provider-${index % 2}`, upstreamModel: `up-${index % 3}` })],
    endedAt: running ? null : 1000 + (index % 50 === 0 ? 60_000 : (index * 7) % 300),
    firstOutputAt: index % 4 === 0 ? null : 1000 + (index % 90),
    usage:
      index % 6 === 0
        ? null
        : {
            input_tokens: input,
            input_tokens_details: { cached_tokens: 0 },
            output_tokens: output,
            output_tokens_details: { reasoning_tokens: 0 },
            total_tokens: input + output,
          },
    cost:
      index % 5 === 0
        ? { nanos: null, reason: 'unknown_model', estimated: false, attempts: [] }
        : { nanos: index * 1_000_000, reason: null, estimated: false, attempts: [] },
    responseId: `resp_${index}`,
    session: index % 8 === 1 ? `resp_${index - 1}` : index % 8 === 2 ? 'thread' : null,
    settings: {
      userId: index % 30 === 0 ? `user-${index % 60}` : null,
      conversationId: index % 20 === 3 ? 'conv_a' : null,
      previousResponseId: null,
      serviceTier: null,
      metadata: index % 3 === 0 ? { team: `team-${index % 2}`, run: `${index % 300}` } : null,
    } as NonNullable<Exchange['settings']>,
    clientRequest: captured(JSON.stringify({ model: 'm', input: wordsOf(index).join(' ') })),
  })
}

function wordsOf(index: number): string[] {
  return words.filter((_, position) => index % (position + 2) === 0)
}

async function write(store: Store, from: number, to: number): Promise<void> {
  const builder = new PackedBatchBuilder()
  for (let index = from; index < to; index += 1) {
    const exchange = makeRow(index)
    const key = store.nextKey(exchange.createdAt)
    if (exchange.endedAt === null) builder.add(recordOpen({ exchange, key, instance: 'test' }))
    else builder.add(recordFinished({ exchange, key, keeping, kept: 'full' }))
  }
  await store.writeRequests(builder.take())
}

/** What every list has to give: written anew, over what the rows show. */
function matches(row: AdminRequestRow, query: AdminRequestsQuery): boolean {
  const index = Number(row.response_id?.slice(5))
  const between = (value: number | null, min: number | undefined, max: number | undefined) =>
    (min === undefined && max === undefined) ||
    (value !== null && value >= (min ?? -1) && value <= (max ?? Number.MAX_VALUE))
  const same = <T>(wanted: T | undefined, value: T | null) => wanted === undefined || wanted === value
  const time = Date.parse(row.created_at)
  return (
    (query.from === undefined || time >= Date.parse(query.from)) &&
    (query.to === undefined || time < Date.parse(query.to)) &&
    same(query.project, row.project) &&
    same(query.key, row.key) &&
    same(query.model, row.model) &&
    same(query.provider, row.provider) &&
    same(query.upstream_model, row.upstream_model) &&
    (query.status === undefined ||
      query.status.some((status) => (status === 'error' ? row.error !== null : row.status === status))) &&
    same(query.error_code, row.error?.code ?? null) &&
    (query.error_origin === undefined || query.error_origin === row.error?.origin) &&
    same(query.stream, row.stream) &&
    same(query.background, row.background) &&
    (query.operation === undefined || query.operation === row.operation) &&
    between(row.total_tokens, query.min_total_tokens, query.max_total_tokens) &&
    between(row.input_tokens, query.min_input_tokens, query.max_input_tokens) &&
    between(row.output_tokens, query.min_output_tokens, query.max_output_tokens) &&
    between(
      row.cost_usd === null ? null : Number(row.cost_usd),
      query.min_cost_usd === undefined ? undefined : Number(query.min_cost_usd),
      query.max_cost_usd === undefined ? undefined : Number(query.max_cost_usd),
    ) &&
    between(row.latency_ms, query.min_latency_ms, query.max_latency_ms) &&
    between(row.ttft_ms, query.min_ttft_ms, query.max_ttft_ms) &&
    // Metadata and words are indexed at the end of a request.
    (query.metadata === undefined || row.status !== 'in_progress') &&
    Object.entries(query.metadata ?? {}).every(([name, value]) => row.metadata[name] === value) &&
    same(query.user, row.user) &&
    (query.session === undefined || query.session === (row.session_id ?? row.response_id)) &&
    same(query.conversation, row.conversation_id) &&
    (query.unpriced === undefined || query.unpriced === (row.cost_reason !== null)) &&
    (query.q === undefined ||
      (row.status !== 'in_progress' && query.q.split(' ').every((word) => wordsOf(index).includes(word))))
  )
}

const some = <T>(...values: T[]) => fc.constantFrom(...values)
const moment = fc.integer({ min: 0, max: 2600 }).map((index) => new Date(start + index * 1000).toISOString())

const queries: fc.Arbitrary<AdminRequestsQuery> = fc
  .record(
    {
      from: moment,
      to: moment,
      project: some('project-0', 'project-2', 'nobody'),
      key: some('key-1', 'key-4'),
      model: some('model-0', 'model-3', 'rare'),
      provider: some('provider-0', 'provider-1'),
      upstream_model: some('up-0', 'up-2'),
      status: fc.uniqueArray(
        some('failed' as const, 'completed' as const, 'in_progress' as const, 'error' as const),
        {
          minLength: 1,
          maxLength: 3,
        },
      ),
      error_code: some('code-0', 'code-1'),
      error_origin: some(...origins),
      stream: fc.boolean(),
      background: fc.boolean(),
      operation: some('responses.create' as const, 'responses.compact' as const),
      min_total_tokens: some(0, 500, 90_000),
      max_total_tokens: some(90_500, 99_000),
      min_input_tokens: some(10, 900),
      max_output_tokens: some(300, 90_000),
      min_cost_usd: some('0', '0.5', '2.4'),
      max_cost_usd: some('2.5', '2.499'),
      min_latency_ms: some(0, 100, 60_000),
      max_latency_ms: some(60_000, 250_000),
      min_ttft_ms: some(1, 80),
      max_ttft_ms: some(85, 100),
      metadata: some({ team: 'team-1' }, { run: '12' }, { team: 'team-0', run: '6' }, { team: 'none' }),
      user: some('user-0', 'user-30'),
      session: some('resp_8', 'resp_9', 'thread', 'resp_none'),
      conversation: some('conv_a', 'conv_b'),
      unpriced: fc.boolean(),
      q: some('apple', 'banana cherry', 'damson apple'),
    },
    { requiredKeys: [] },
  )
  // A few at a time: all together match nothing.
  .chain((query) =>
    fc
      .shuffledSubarray(Object.keys(query), { maxLength: Math.min(4, Object.keys(query).length) })
      .map((names) => Object.fromEntries(Object.entries(query).filter(([name]) => names.includes(name)))),
  )
  .filter(({ from, to }) => from === undefined || to === undefined || from < to)

interface Walk {
  ids: string[]
  /** The cursor with which the last page was asked for. */
  end: string | undefined
}

async function walkOlder(admin: AdminQueries, query: AdminRequestsQuery): Promise<Walk> {
  const ids: string[] = []
  let end: string | undefined
  for (;;) {
    const page = await admin.listRequests({ ...query, ...(end !== undefined && { before: end }) })
    ids.push(...page.data.map(({ id }) => id))
    if (page.next === null) return { ids, end }
    end = page.next
  }
}

/** From the oldest on. */
async function walkNewer(admin: AdminQueries, query: AdminRequestsQuery): Promise<string[]> {
  const ids: string[] = []
  let after = 'k0'
  for (;;) {
    const page = await admin.listRequests({ ...query, after })
    ids.unshift(...page.data.map(({ id }) => id))
    if (page.previous === null) return ids
    after = page.previous
  }
}

testEngines('any filters give the same rows as looking at each, in both directions', async (t, engine) => {
  const store = await openEmptyStore(t, engine)
  await openTestLog(store)
  await write(store, 0, 2500)
  const admin = createAdminQueries(store)
  // Without time, each page ends with its first window.
  const hurried = createAdminQueries(store, { patience: 0 })
  const all: AdminRequestRow[] = []
  for (let before: string | null = null; ; ) {
    const page = await admin.listRequests({ limit: 500, ...(before !== null && { before }) })
    all.push(...page.data)
    before = page.next
    if (before === null) break
  }
  assert.equal(all.length, 2500)
  let matched = 0
  await fc.assert(
    fc.asyncProperty(queries, fc.integer({ min: 1, max: 120 }), async (query, limit) => {
      const wanted = all.filter((row) => matches(row, query)).map(({ id }) => id)
      matched += wanted.length
      assert.deepEqual((await walkOlder(admin, { ...query, limit: limit * 4 })).ids, wanted)
      assert.deepEqual(await walkNewer(admin, { ...query, limit: limit * 4 }), wanted)
      assert.deepEqual((await walkOlder(hurried, { ...query, limit: 500 })).ids, wanted)
    }),
    { numRuns: 50 },
  )
  assert.ok(matched > 1000, 'the filters must match something')
})

testEngines('what one filter finds, or none, fills a page however slow the machine', async (t, engine) => {
  const store = await openEmptyStore(t, engine)
  await openTestLog(store)
  await write(store, 0, 600)
  const hurried = createAdminQueries(store, { patience: 0 })
  for (const query of [{}, { model: 'model-1' }]) {
    const whole = await createAdminQueries(store, { patience: 60_000 }).listRequests({ ...query, limit: 300 })
    assert.ok(whole.data.length >= 140, JSON.stringify(query))
    assert.deepEqual((await hurried.listRequests({ ...query, limit: 300 })).data, whole.data)
  }
})

testEngines('rows that come in between make no gap and no double on the way', async (t, engine) => {
  const store = await openEmptyStore(t, engine)
  await openTestLog(store)
  const admin = createAdminQueries(store)
  let written = 600
  await write(store, 0, written)
  const query: AdminRequestsQuery = { model: 'model-1', provider: 'provider-1', limit: 20 }
  const seen: string[] = []
  let page = await admin.listRequests(query)
  const newest = page.data[0]?.id
  while (page.next !== null) {
    seen.push(...page.data.map(({ id }) => id))
    await write(store, written, written + 50)
    written += 50
    page = await admin.listRequests({ ...query, before: page.next })
  }
  seen.push(...page.data.map(({ id }) => id))
  // Back up to where the rows have come in meanwhile.
  const back: string[] = page.data.map(({ id }) => id)
  while (page.previous !== null) {
    page = await admin.listRequests({ ...query, after: page.previous })
    back.unshift(...page.data.map(({ id }) => id))
  }
  const whole = (await walkOlder(admin, { ...query, limit: 500 })).ids
  assert.deepEqual(back, whole)
  assert.deepEqual(seen, whole.slice(whole.indexOf(newest ?? '')))
  assert.ok(whole.indexOf(newest ?? '') > 0)
})
