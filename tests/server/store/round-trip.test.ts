import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createAdminQueries } from '../../../server/store/admin-queries.ts'
import { recordFinished, recordOpen } from '../../../server/telemetry/request-log-record.ts'
import { openEmptyStore, testEngines } from './engines.ts'
import { captured, makeAttempt, makeExchange, openTestLog } from './fixtures.ts'

testEngines('a request is found whole by its id and by its response id', async (t, engine) => {
  const store = await openEmptyStore(t, engine)
  const log = await openTestLog(store)
  const exchange = makeExchange()
  log.started?.(exchange)
  log.finished?.(exchange)
  await store.flush()

  const found = await createAdminQueries(store).getRequest(exchange.id)
  assert.deepEqual(await createAdminQueries(store).getRequest(exchange.responseId ?? ''), {
    ...found,
    matched_by: 'response',
  })
  assert.deepEqual(found, {
    id: exchange.id,
    created_at: new Date(exchange.createdAt).toISOString(),
    operation: 'responses.create',
    project: 'acme',
    key: 'acme/1',
    model: 'org/model',
    provider: 'sail',
    upstream_model: 'vendor/upstream',
    status: 'completed',
    http_status: 200,
    stream: true,
    background: false,
    input_tokens: 10,
    cached_tokens: 4,
    cache_write_tokens: null,
    output_tokens: 20,
    reasoning_tokens: 5,
    total_tokens: 30,
    usage_source: 'provider',
    usage_estimator: null,
    cost_usd: null,
    cost_reason: null,
    session_id: null,
    conversation_id: null,
    previous_response_id: null,
    user: null,
    service_tier: null,
    metadata: {},
    latency_ms: 32.5,
    ttft_ms: 12.25,
    upstream_ms: 28,
    overhead_ms: 4.5,
    attempts: 1,
    response_id: exchange.responseId,
    trace_id: 'f'.repeat(32),
    error: null,
    adaptations: [{ field: 'temperature', action: 'clamped', detail: 'temperature=1' }],
    client_request_id: null,
    cost: null,
    matched_by: 'request',
    matches: [],
    bodies_absent: null,
    user_agent: 'test/1',
    client_address: '127.0.0.1',
    client_request: message('{"model":"org/model","input":"hello"}', { 'content-type': 'application/json' }),
    upstream_request: message('{"model":"vendor/upstream"}', { 'content-type': 'application/json' }),
    upstream_response: message('data: {"type":"response.completed"}\n\n', {
      'content-type': 'text/event-stream',
    }),
    client_response: message('data: {"type":"response.created"}\n\ndata: [DONE]\n\n', {}),
    attempt_list: [
      {
        index: 1,
        provider: 'sail',
        variant: 'sail',
        upstream_model: 'vendor/upstream',
        url: 'https://upstream.test/v1/responses',
        http_status: 200,
        started_ms: 2,
        ttfb_ms: 8.5,
        ttft_ms: 10,
        duration_ms: 28,
        upstream_response_id: 'up_1',
        upstream_reported_model: 'vendor/upstream-2',
        error: null,
        adaptations: [],
        request: message('{"model":"vendor/upstream"}', { 'content-type': 'application/json' }),
        response: message('data: {"type":"response.completed"}\n\n', { 'content-type': 'text/event-stream' }),
      },
    ],
  })
  assert.equal(await createAdminQueries(store).getRequest('req_none'), null)
})

testEngines('a running request has a row, which its end replaces', async (t, engine) => {
  const store = await openEmptyStore(t, engine)
  const log = await openTestLog(store)
  const exchange = makeExchange({
    caller: null,
    model: '',
    attempts: [],
    adaptations: [],
    status: null,
    httpStatus: null,
    responseId: null,
    usage: null,
    usageSource: null,
    firstOutputAt: null,
    endedAt: null,
  })
  log.started?.(exchange)
  await store.flush()
  const running = await createAdminQueries(store).getRequest(exchange.id)
  assert.equal(running?.status, 'in_progress')
  assert.equal(running.latency_ms, null)
  assert.equal(running.model, null)
  assert.equal(running.total_tokens, null)

  exchange.model = 'org/model'
  exchange.caller = { projectId: 'acme', keyName: 'acme/1' }
  const attempt = makeAttempt({ endedAt: null })
  exchange.attempts.push(attempt)
  log.attemptStarted?.(exchange, attempt, {})
  await store.flush()
  const sent = await createAdminQueries(store).getRequest(exchange.id)
  assert.equal(sent?.status, 'in_progress')
  assert.equal(sent.model, 'org/model')
  assert.equal(sent.provider, 'sail')

  exchange.status = 'completed'
  exchange.httpStatus = 200
  exchange.endedAt = 2000
  log.finished?.(exchange)
  await store.flush()
  assert.equal((await createAdminQueries(store).getRequest(exchange.id))?.status, 'completed')
  const list = await createAdminQueries(store).listRequests({})
  assert.equal(list.data.length, 1)
  assert.equal(list.data[0]?.latency_ms, 1000)
  assert.equal(log.written(), 1)
})

testEngines(
  'a background response is queued until a provider is asked, and says at its end how it ran',
  async (t, engine) => {
    const store = await openEmptyStore(t, engine)
    const log = await openTestLog(store)
    const open = { attempts: [], status: null, httpStatus: 200, endedAt: null, usage: null }
    const exchange = makeExchange({ ...open, background: true })
    const statusOf = async () => {
      await store.flush()
      return (await createAdminQueries(store).getRequest(exchange.id))?.status
    }
    log.started?.(exchange)
    assert.equal(await statusOf(), 'queued')
    assert.equal((await createAdminQueries(store).listRequests({ status: ['queued'] })).data.length, 1)
    const { created_at: from } = (await createAdminQueries(store).listRequests({})).data[0] ?? {
      created_at: '',
    }
    const to = new Date(Date.parse(from) + 1000).toISOString()
    assert.equal((await createAdminQueries(store).overview({ from, to })).totals.in_progress, 1)
    const attempt = makeAttempt({ endedAt: null })
    exchange.attempts.push(attempt)
    log.attemptStarted?.(exchange, attempt, {})
    assert.equal(await statusOf(), 'in_progress')
    exchange.status = 'cancelled'
    exchange.endedAt = 2000
    log.finished?.(exchange)
    assert.equal(await statusOf(), 'cancelled')
    const [row] = (await createAdminQueries(store).listRequests({})).data
    assert.deepEqual([row?.background, row?.operation], [true, 'responses.create'])
  },
)

testEngines(
  'a request that never became a response failed; one whose client went was cancelled',
  async (t, engine) => {
    const store = await openEmptyStore(t, engine)
    const log = await openTestLog(store)
    const error = {
      type: 'authentication_error',
      code: 'invalid_api_key',
      message: 'No.',
      param: null,
      origin: 'client',
    } as const
    const refused = makeExchange({ status: null, httpStatus: 401, attempts: [], error })
    const gone = makeExchange({ status: 'in_progress', httpStatus: 499 })
    for (const exchange of [refused, gone]) {
      log.started?.(exchange)
      log.finished?.(exchange)
    }
    await store.flush()
    const row = await createAdminQueries(store).getRequest(refused.id)
    assert.equal(row?.status, 'failed')
    assert.deepEqual(row.error, error)
    assert.equal(row.provider, null)
    assert.equal(row.upstream_request, null)
    assert.equal((await createAdminQueries(store).getRequest(gone.id))?.status, 'cancelled')
  },
)

testEngines(
  'the attempt that answered is the request’s provider, and every attempt is kept',
  async (t, engine) => {
    const store = await openEmptyStore(t, engine)
    const log = await openTestLog(store)
    const error = {
      type: 'server_error',
      code: 'upstream_error',
      message: 'Bad.',
      param: null,
      origin: 'upstream',
    } as const
    const exchange = makeExchange({
      attempts: [
        makeAttempt({ error, httpStatus: 500, facts: null, firstOutputAt: null, response: captured('oops') }),
        makeAttempt({ index: 2, provider: 'scaleway', upstreamModel: 'other', response: captured('fine') }),
      ],
    })
    log.finished?.(exchange)
    await store.flush()
    const found = await createAdminQueries(store).getRequest(exchange.id)
    assert.equal(found?.provider, 'scaleway')
    assert.equal(found.upstream_model, 'other')
    assert.equal(found.attempts, 2)
    assert.equal(found.upstream_response?.body.text, 'fine')
    assert.deepEqual(
      found.attempt_list.map((attempt) => [
        attempt.provider,
        attempt.error?.code,
        attempt.response.body.text,
      ]),
      [
        ['sail', 'upstream_error', 'oops'],
        ['scaleway', undefined, 'fine'],
      ],
    )
  },
)

testEngines(
  'a client that sends the same request id twice has two rows, the newest found by it',
  async (t, engine) => {
    const store = await openEmptyStore(t, engine)
    const log = await openTestLog(store)
    for (const model of ['org/first', 'org/second']) {
      const exchange = makeExchange({ clientRequestId: 'same', model })
      log.started?.(exchange)
      log.finished?.(exchange)
    }
    await store.flush()
    assert.equal((await createAdminQueries(store).listRequests({})).data.length, 2)
    assert.equal((await createAdminQueries(store).getRequest('same'))?.model, 'org/second')
  },
)

testEngines('a request whose row and end come in one batch has ended, and counts once', async (t, engine) => {
  const store = await openEmptyStore(t, engine)
  await openTestLog(store)
  const exchange = makeExchange()
  const key = store.nextKey(exchange.createdAt)
  const batch = store.startBatch()
  batch.add(recordOpen({ exchange, key, instance: store.state.instance }))
  batch.add(recordFinished({ exchange, key, kept: 'full' }))
  assert.deepEqual(await store.writeRequests(batch.take()), { lost: [] })
  const queries = createAdminQueries(store)
  assert.deepEqual(
    (await queries.listRequests({})).data.map(({ id, status }) => [id, status]),
    [[exchange.id, 'completed']],
  )
  const hour = { from: new Date(exchange.createdAt - 60_000), to: new Date(exchange.createdAt + 60_000) }
  const { totals } = await queries.overview({ from: hour.from.toISOString(), to: hour.to.toISOString() })
  assert.deepEqual([totals.requests, totals.in_progress], [1, 0])
})

test('an in-memory store works and leaves nothing behind', async (t) => {
  const { openStore } = await import('../../../server/store/store.ts')
  const { existsSync } = await import('node:fs')
  const store = await openStore({ url: 'sqlite::memory:' })
  t.after(() => store.close())
  const log = await openTestLog(store)
  const exchange = makeExchange()
  log.finished?.(exchange)
  await store.flush()
  assert.equal((await createAdminQueries(store).getRequest(exchange.id))?.status, 'completed')
  assert.ok((await store.sizeBytes()) > 0)
  assert.ok(existsSync(store.location))
  await store.close()
  assert.ok(!existsSync(store.location))
})

function message(text: string, headers: Record<string, string>) {
  return { headers, body: { text, bytes: Buffer.byteLength(text), truncated: false, absent: null } }
}
