/** What an OTLP receiver is told of a running gateway: which spans, under which, with what, for each way to ask. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import OpenAI from 'openai'
import type { ResponseCompactParams } from 'openai/resources/responses/responses'
import type { AdminRequest } from '../../server/http/admin/contract.ts'
import { createLogger } from '../../server/telemetry/logger.ts'
import { variantTargets } from '../conformance/targets.ts'
import { pollFor } from '../support/background-calls.ts'
import { type OtlpReceiver, type ReceivedSpan, startOtlpReceiver } from '../support/otlp-receiver.ts'
import { type RestartableGateway, startRestartable } from '../support/restartable-gateway.ts'
import { openSocket } from '../support/socket-client.ts'
import { contentNames, eventNames, spanNames } from '../support/span-names.ts'
import { startGateway, type TestGateway } from '../support/start-gateway.ts'
import { type ClientTrace, clearTracing, newTrace, setTracing, spansAsText } from '../support/trace.ts'

const native = 'openai/gpt-5.2'
const opted = { OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT: 'true' }

let receiver: OtlpReceiver
let gateway: TestGateway
let client: OpenAI
const lines: string[] = []
before(async () => {
  receiver = await startOtlpReceiver()
})
after(async () => {
  await receiver.close()
  clearTracing()
})

/** The spans of one request, and the calls among them in their order. */
async function told(trace: ClientTrace, requests = 1) {
  const spans = await receiver.trace(trace.id, requests)
  const calls = spans.filter(({ kind }) => kind === 'CLIENT')
  const [request, ...others] = spans.filter(({ kind }) => kind !== 'CLIENT') as [
    ReceivedSpan,
    ...ReceivedSpan[],
  ]
  return { request, others, calls }
}
/** The providers' requests that belong to a trace, by the span that each was told to be under. */
const sentUnder = (trace: ClientTrace) =>
  gateway.sandbox.requests.flatMap(({ headers, method, provider }) => {
    const [, id, spanId, flags] = headers.traceparent?.split('-') ?? []
    return id === trace.id ? [{ spanId, flags, method, provider }] : []
  })
const adaptationsOf = ({ events }: ReceivedSpan) =>
  events
    .filter(({ name }) => name === 'dragoman.adaptation')
    .map(({ attributes }) =>
      ['action', 'field', 'detail'].map((name) => attributes[`dragoman.adaptation.${name}`]).join(' '),
    )

describe('the spans of', () => {
  before(async () => {
    const stream = { write: (line: string) => lines.push(line) }
    const logger = createLogger({ level: 'debug', pretty: false, stream })
    gateway = await startGateway({ env: setTracing(receiver), logger })
    client = new OpenAI({ baseURL: `${gateway.origin}/v1`, apiKey: 'none', maxRetries: 0 })
  })
  after(() => gateway.close())

  for (const { variant, provider, model, streams } of variantTargets)
    it(`a stream over ${variant}`, async () => {
      const trace = newTrace()
      const { headers } = trace
      const stream = await client.responses.create({ model, input: '/count 5', stream: true }, { headers })
      let final: OpenAI.Responses.Response | null = null
      for await (const event of stream) if (event.type === 'response.completed') final = event.response
      const { request, calls } = await told(trace)
      assert.equal(request.name, 'POST /v1/responses')
      assert.deepEqual([request.kind, request.parentSpanId], ['SERVER', trace.spanId])
      assert.equal(request.attributes['dragoman.response.id'], final?.id)
      assert.equal(request.attributes['http.response.status_code'], 200)
      const [call] = calls as [ReceivedSpan]
      assert.equal(calls.length, 1)
      const { attributes } = call
      const upstream = model.slice(provider.length + 1)
      assert.deepEqual([call.name, call.parentSpanId], [`chat ${upstream}`, request.spanId])
      assert.deepEqual(
        [
          attributes['gen_ai.provider.name'],
          attributes['gen_ai.request.model'],
          attributes['dragoman.variant'],
        ],
        [provider, upstream, variant],
      )
      const { host } = new URL(gateway.sandbox.origin)
      assert.equal(`${attributes['server.address']}:${attributes['server.port']}`, host)
      // What nobody told is not made up: this provider tells no usage, and the client has an estimate.
      const known = variant !== 'scaleway'
      assert.equal(attributes['gen_ai.usage.output_tokens'], known ? final?.usage?.output_tokens : undefined)
      assert.equal(
        call.events.some(
          ({ name, at }) => name === 'dragoman.first_output' && at >= call.start && at <= call.end,
        ),
        true,
      )
      assert.equal(typeof attributes['gen_ai.response.time_to_first_chunk'], 'number')
      assert.deepEqual(
        adaptationsOf(call).some((text) => text.includes('stream')),
        !streams,
      )
      const sent = sentUnder(trace)
      assert.ok(sent.length > 0)
      for (const one of sent) assert.deepEqual([one.spanId, one.flags], [call.spanId, '01'])
      assert.deepEqual([request.status.code, call.status.code], ['UNSET', 'UNSET'])
    })

  it('a request with all that spans name of it', async () => {
    const trace = newTrace()
    const { headers } = trace
    const { id: conversation } = await client.conversations.create()
    const answer = await client.responses.create(
      {
        model: native,
        input: 'Say it as JSON.',
        conversation,
        max_output_tokens: 512,
        temperature: 0.25,
        top_p: 0.5,
        service_tier: 'default',
        text: { format: { type: 'json_object' } },
        ...{ frequency_penalty: 0.125, presence_penalty: -0.5 },
      },
      { headers },
    )
    const { calls } = await told(trace)
    const attributes = calls[0]?.attributes ?? {}
    const chosen = {
      'gen_ai.operation.name': 'chat',
      'gen_ai.conversation.id': conversation,
      'gen_ai.output.type': 'json',
      'gen_ai.request.max_tokens': 512,
      'gen_ai.request.temperature': 0.25,
      'gen_ai.request.top_p': 0.5,
      'gen_ai.request.frequency_penalty': 0.125,
      'gen_ai.request.presence_penalty': -0.5,
      'openai.api.type': 'responses',
      'openai.request.service_tier': 'default',
      'openai.response.service_tier': 'default',
      'gen_ai.response.model': 'gpt-5.2',
      'gen_ai.response.finish_reasons': ['stop'],
      'gen_ai.usage.input_tokens': answer.usage?.input_tokens,
      'gen_ai.usage.output_tokens': answer.usage?.output_tokens,
      'gen_ai.usage.cache_read.input_tokens': answer.usage?.input_tokens_details.cached_tokens,
      'gen_ai.usage.reasoning.output_tokens': answer.usage?.output_tokens_details.reasoning_tokens,
      'http.response.status_code': 200,
    }
    for (const [name, value] of Object.entries(chosen)) assert.deepEqual(attributes[name], value, name)
    // Nothing was streamed.
    for (const name of ['gen_ai.request.stream', 'gen_ai.response.time_to_first_chunk'])
      assert.equal(name in attributes, false)
  })

  it('a request that another provider had to answer', async () => {
    const trace = newTrace()
    const { headers } = trace
    const input = '/fail 500 scaleway'
    await client.responses.create({ model: 'openai/gpt-oss-120b', input }, { headers })
    const { request, calls } = await told(trace)
    const providers = calls.map(({ attributes }) => attributes['gen_ai.provider.name'])
    assert.equal(providers.at(-1), 'sail')
    assert.ok(providers.length > 1 && providers.slice(0, -1).every((one) => one === 'scaleway'))
    for (const [index, call] of calls.entries()) {
      const isLast = index === calls.length - 1
      assert.deepEqual([call.parentSpanId, call.attributes['dragoman.attempt']], [request.spanId, index + 1])
      assert.equal(call.status.code, isLast ? 'UNSET' : 'ERROR')
      assert.equal(call.attributes['http.response.status_code'], isLast ? 200 : 500)
      assert.equal('error.type' in call.attributes, !isLast)
    }
    assert.equal(request.status.code, 'UNSET')
    assert.equal(request.attributes['dragoman.attempts'], calls.length)
    const posts = sentUnder(trace).filter(({ method }) => method === 'POST')
    assert.deepEqual(
      posts.map(({ spanId }) => spanId),
      calls.map(({ spanId }) => spanId),
    )
  })

  for (const { name, body, status, httpStatus, calls: most } of [
    {
      name: 'what the gateway refuses',
      body: { model: native, input: 7 },
      status: 'UNSET',
      httpStatus: 400,
      calls: 0,
    },
    {
      name: 'what the provider refuses for the caller',
      body: { model: native, input: '/fail 400' },
      status: 'UNSET',
      httpStatus: 400,
      calls: 1,
    },
    {
      name: 'a provider that fails',
      body: { model: native, input: '/fail 501' },
      status: 'ERROR',
      httpStatus: 502,
      calls: 1,
    },
    {
      name: 'a stream that breaks off',
      body: { model: native, input: '/cut some words', stream: true },
      status: 'ERROR',
      httpStatus: 200,
      calls: 1,
    },
  ] as const)
    it(name, async () => {
      const trace = newTrace()
      const answer = await gateway.post(body, trace.headers)
      await answer.text()
      const { request, calls } = await told(trace)
      assert.deepEqual(
        [request.status.code, request.attributes['http.response.status_code']],
        [status, httpStatus],
      )
      assert.match(String(request.attributes['error.type']), /^[a-z_]+$/)
      assert.equal(calls.length > 0, most > 0)
      for (const call of calls) {
        assert.equal(call.status.code, 'ERROR')
        assert.match(String(call.attributes['error.type']), /^[a-z_]+$/)
      }
    })

  it('a client that hangs up', async () => {
    const trace = newTrace()
    const hangUp = new AbortController()
    const answer = await fetch(`${gateway.origin}/v1/responses`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...trace.headers },
      body: JSON.stringify({ model: native, input: '/slow 50 /long 500', stream: true }),
      signal: hangUp.signal,
    })
    await answer.body?.getReader().read()
    hangUp.abort()
    const { request, calls } = await told(trace)
    assert.equal(request.attributes['error.type'], 'client_closed_request')
    assert.deepEqual([request.attributes['http.response.status_code'], request.status.code], [499, 'UNSET'])
    // The tokens that it had made are our own count, and no usage that the provider told.
    assert.equal(calls.length, 1)
    assert.equal('gen_ai.usage.output_tokens' in (calls[0]?.attributes ?? {}), false)
  })

  it('a repeated call: none to a provider', async () => {
    const headers = { 'idempotency-key': 'told-twice' }
    await client.responses.create({ model: native, input: 'hello' }, { headers })
    const trace = newTrace()
    await client.responses.create(
      { model: native, input: 'hello' },
      { headers: { ...headers, ...trace.headers } },
    )
    const { request, calls } = await told(trace)
    assert.deepEqual(calls, [])
    assert.equal(request.attributes['dragoman.attempts'], 0)
    assert.deepEqual(adaptationsOf(request), ['emulated idempotency replayed'])
  })

  it('compactions: by the provider itself, and by a summary', async () => {
    const input = [{ role: 'user' as const, content: 'The word is heliotrope.' }]
    for (const [model, name] of [
      [native, 'compact gpt-5.2'],
      ['azure/gpt-5.2', 'chat gpt-5.2'],
    ] as const) {
      const trace = newTrace()
      const asked = { model: model as ResponseCompactParams['model'], input }
      await client.responses.compact(asked, { headers: trace.headers })
      const { request, calls } = await told(trace)
      assert.deepEqual(
        [request.name, request.attributes['http.route']],
        ['POST /v1/responses/compact', '/v1/responses/compact'],
      )
      assert.deepEqual(
        calls.map((call) => call.name),
        [name],
      )
    }
  })

  it('counts of tokens: by the provider where it has one, else by nobody', async () => {
    for (const [model, name] of [
      [native, 'count_tokens gpt-5.2'],
      ['azure/gpt-5.2', null],
    ] as const) {
      const trace = newTrace()
      await client.responses.inputTokens.count({ model, input: 'one two' }, { headers: trace.headers })
      const { request, calls } = await told(trace)
      assert.equal(request.name, 'POST /v1/responses/input_tokens')
      assert.deepEqual(
        calls.map((call) => call.name),
        name === null ? [] : [name],
      )
      assert.equal(adaptationsOf(request).includes('emulated input_tokens estimated'), name === null)
    }
  })

  it('the turns of a WebSocket, each by itself in the trace of the upgrade', async () => {
    const trace = newTrace()
    const socket = await openSocket(gateway.origin, { headers: trace.headers })
    const first = await socket.ask({ model: native, input: 'one' })
    const second = await socket.ask({ model: native, input: 'two', previous_response_id: first.id })
    await socket.close()
    const { request, others, calls } = await told(trace, 2)
    for (const [index, turn] of [request, ...others].entries()) {
      assert.deepEqual(
        [turn.name, turn.kind, turn.parentSpanId],
        ['GET /v1/responses', 'SERVER', trace.spanId],
      )
      assert.deepEqual(
        [turn.attributes['url.scheme'], turn.attributes['network.protocol.name']],
        ['ws', 'websocket'],
      )
      assert.equal(turn.attributes['dragoman.response.id'], [first, second][index]?.id)
      assert.equal(calls[index]?.parentSpanId, turn.spanId)
    }
    assert.equal(calls.length, 2)
  })

  it('a background response, whose SERVER span lasts as long as it', async () => {
    const trace = newTrace()
    const { id } = await client.responses.create(
      { model: native, input: '/polls 2 hello', background: true },
      { headers: trace.headers },
    )
    await pollFor(client, id, 'completed')
    const { request, calls } = await told(trace)
    const [call] = calls as [ReceivedSpan]
    assert.equal(calls.length, 1)
    assert.ok(request.start <= call.start && call.end <= request.end)
    const { attributes } = request
    assert.deepEqual(
      [attributes['dragoman.background'], attributes['dragoman.status'], attributes['dragoman.response.id']],
      [true, 'completed', id],
    )
    // The request that begins it at the provider, and those that ask for it later.
    const sent = sentUnder(trace)
    assert.deepEqual(new Set(sent.map(({ method }) => method)), new Set(['POST', 'GET']))
    for (const { spanId } of sent) assert.equal(spanId, call.spanId)
  })

  it('a request, found from its line in the log and its row, also without a trace of the client', async () => {
    const answer = await gateway.post({ model: native, input: 'hello' })
    const id = answer.headers.get('x-request-id') ?? ''
    await answer.text()
    const row = await gateway.admin<AdminRequest>(`/admin/requests/${id}`)
    const line = lines.map((text) => JSON.parse(text)).find((one) => one.request_id === id)
    assert.equal(line?.msg, 'request')
    assert.equal(line.trace_id, row.trace_id)
    const [request] = await receiver.trace(String(row.trace_id))
    assert.deepEqual([request?.parentSpanId, request?.attributes['dragoman.request.id']], ['', id])
  })
})

describe('after a restart', () => {
  let own: RestartableGateway
  before(async () => {
    own = await startRestartable({ env: setTracing(receiver, opted) })
  })
  after(() => own.close())

  it('a background response goes on in its trace, under the span of its request', async () => {
    const trace = newTrace()
    const { id } = await own.client.responses.create(
      {
        model: 'gated/m',
        instructions: 'Be brief.',
        input: 'hi',
        background: true,
        tools: [{ type: 'function', name: 'f', parameters: {}, strict: false }],
      },
      { headers: trace.headers },
    )
    await own.gated.next()
    await own.stop()
    await own.start()
    const again = await own.gated.next()
    again.answer('made again')
    await pollFor(own.client, id, 'completed')
    const { request, others, calls } = await told(trace, 2)
    const [resumed] = others as [ReceivedSpan]
    assert.deepEqual([request.kind, request.attributes['error.type']], ['SERVER', 'gateway_restarted'])
    assert.deepEqual(
      [resumed.kind, resumed.name, resumed.parentSpanId],
      ['CONSUMER', 'responses.create', request.spanId],
    )
    assert.deepEqual(
      [resumed.attributes['dragoman.response.id'], resumed.attributes['dragoman.status']],
      [id, 'completed'],
    )
    const second = calls.find(({ parentSpanId }) => parentSpanId === resumed.spanId)
    assert.equal(calls.length, 2)
    assert.equal(again.headers.traceparent, `00-${trace.id}-${second?.spanId}-01`)
    // What it was asked is read back with it.
    assert.match(String(second?.attributes['gen_ai.input.messages']), /"hi"/)
  })

  it('the trace goes on to the provider also where the gateway does not trace', async () => {
    await own.close()
    clearTracing()
    own = await startRestartable()
    const trace = newTrace()
    const { id } = await own.client.responses.create(
      { model: 'gated/m', input: 'hi', background: true },
      { headers: trace.headers },
    )
    await own.gated.next()
    await own.stop()
    await own.start()
    const again = await own.gated.next()
    assert.equal(again.headers.traceparent, trace.headers.traceparent)
    again.answer()
    await pollFor(own.client, id, 'completed')
  })
})

describe('the names in spans', () => {
  it('are these, and each of them is used', () => {
    const seen = new Map<string, Set<string>>()
    const note = (of: string, attributes: Record<string, unknown>) => {
      const names = seen.get(of) ?? new Set()
      for (const name of Object.keys(attributes)) names.add(name)
      seen.set(of, names)
    }
    for (const { kind, attributes, events } of receiver.spans) {
      note(kind, attributes)
      for (const event of events) note(event.name, event.attributes)
    }
    const sorted = (names: Iterable<string>) => [...names].sort()
    // The run after the restart went well, and no provider of the sandbox tells what it wrote to its cache.
    const unseen: Record<string, string[]> = {
      CONSUMER: ['error.type'],
      CLIENT: ['gen_ai.usage.cache_creation.input_tokens'],
    }
    const pinned = { ...spanNames, CLIENT: [...spanNames.CLIENT, ...contentNames], ...eventNames }
    assert.deepEqual(sorted(seen.keys()), sorted(Object.keys(pinned)))
    for (const [of, names] of Object.entries(pinned)) {
      const used = new Set([...(seen.get(of) ?? []), ...(unseen[of] ?? [])])
      assert.deepEqual(sorted(used), sorted(names), of)
    }
  })
  it('stand with no word of a prompt, a key or an answer where nobody opted in', () => {
    const own = receiver.spans.filter(({ attributes }) => !contentNames.some((name) => name in attributes))
    assert.ok(own.length > 20)
    const text = spansAsText(own)
    for (const word of ['heliotrope', 'Say it as JSON', 'some words', 'Bearer', 'sandbox-key'])
      assert.equal(text.includes(word), false, word)
  })
})
