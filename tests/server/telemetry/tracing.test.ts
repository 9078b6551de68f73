/** Spans as an OTLP receiver gets them, over HTTP, from the SDK itself. */
import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, beforeEach, describe, test } from 'node:test'
import type { Exchange } from '../../../server/gateway/exchange.ts'
import { createTracing, isTracingConfigured, type Tracing } from '../../../server/telemetry/tracing.ts'
import { makeAttempt, makeError, makeExchange, makeUsage } from './metrics-exchange.ts'

interface OtlpValue {
  stringValue?: string
  intValue?: number | string
  doubleValue?: number
  boolValue?: boolean
  arrayValue?: { values: OtlpValue[] }
}
interface OtlpAttribute {
  key: string
  value: OtlpValue
}
interface OtlpSpan {
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  kind: number
  startTimeUnixNano: string
  endTimeUnixNano: string
  attributes: OtlpAttribute[]
  events?: { name: string; timeUnixNano: string; attributes: OtlpAttribute[] }[]
  status: { code?: number; message?: string }
}
interface OtlpBody {
  resourceSpans: { resource: { attributes: OtlpAttribute[] }; scopeSpans: { spans: OtlpSpan[] }[] }[]
}

const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'

function plain(value: OtlpValue): unknown {
  if (value.arrayValue !== undefined) return value.arrayValue.values.map(plain)
  if (value.intValue !== undefined) return Number(value.intValue)
  return value.stringValue ?? value.doubleValue ?? value.boolValue
}

function toRecord(attributes: OtlpAttribute[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, plain(value)]))
}

/** The life of an exchange as the gateway tells it; returns the headers of each call. */
function run({ observer }: Tracing, exchange: Exchange): Record<string, string>[] {
  observer.started?.(exchange)
  const sent = exchange.attempts.map((attempt, index) => {
    const headers: Record<string, string> = { 'content-type': 'application/json' }
    observer.attemptStarted?.(exchange, attempt, headers)
    if (attempt.firstOutputAt !== null) observer.firstOutput?.(exchange, attempt)
    observer.attemptEnded?.(exchange, attempt, index < exchange.attempts.length - 1)
    return headers
  })
  observer.finished?.(exchange)
  return sent
}

function keep(text: string) {
  return { chunks: [text], bytes: Buffer.byteLength(text), truncated: false }
}

describe('tracing', () => {
  const bodies: OtlpBody[] = []
  const paths: string[] = []
  let receiver: Server
  const saved = { ...process.env }

  before(async () => {
    receiver = createServer({ keepAliveTimeout: 0 }, async (request, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk)
      paths.push(request.url ?? '')
      bodies.push(JSON.parse(Buffer.concat(chunks).toString()))
      response.setHeader('content-type', 'application/json').end('{}')
    })
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
  })
  after(() => receiver.close())
  beforeEach(() => {
    bodies.length = 0
    paths.length = 0
    for (const name of Object.keys(process.env)) if (name.startsWith('OTEL_')) delete process.env[name]
  })
  after(() => {
    for (const name of Object.keys(process.env)) if (name.startsWith('OTEL_')) delete process.env[name]
    Object.assign(process.env, saved)
  })

  async function start(env: Record<string, string> = {}): Promise<Tracing> {
    Object.assign(process.env, {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      ...env,
    })
    const tracing = await createTracing({ env: process.env, version: '1.2.3' })
    assert.ok(tracing !== null)
    return tracing
  }

  const received = () =>
    bodies.flatMap((body) =>
      body.resourceSpans.flatMap((one) => one.scopeSpans.flatMap((scope) => scope.spans)),
    )

  test('one span for the request in the trace of the caller, one for the call below it', async () => {
    const tracing = await start()
    const exchange = makeExchange({ traceHeaders: { traceparent, tracestate: 'vendor=1' } })
    const [headers] = run(tracing, exchange)
    await tracing.shutdown()

    assert.deepEqual(paths, ['/v1/traces'])
    const spans = received()
    assert.equal(spans.length, 2)
    const request = spans.find((span) => span.name === 'POST /v1/responses')!
    const call = spans.find((span) => span.name === 'chat gpt-oss-120b')!
    assert.equal(request.kind, 2, 'SERVER')
    assert.equal(call.kind, 3, 'CLIENT')
    assert.equal(request.traceId, '4bf92f3577b34da6a3ce929d0e0e4736')
    assert.equal(request.parentSpanId, '00f067aa0ba902b7')
    assert.equal(call.traceId, request.traceId)
    assert.equal(call.parentSpanId, request.spanId)
    assert.equal(exchange.traceId, request.traceId)
    assert.equal(headers?.traceparent, `00-${call.traceId}-${call.spanId}-01`)
    assert.equal(headers?.tracestate, 'vendor=1')
    assert.equal(headers?.['content-type'], 'application/json')
  })

  test('times are those of the exchange', async () => {
    const tracing = await start()
    run(tracing, makeExchange())
    await tracing.shutdown()
    const [request, call] = ['POST /v1/responses', 'chat gpt-oss-120b'].map(
      (name) => received().find((span) => span.name === name)!,
    )
    const base = 1_800_000_000_000
    const milliseconds = (nanoseconds: string) => Number(BigInt(nanoseconds) / 1000n) / 1000 - base
    assert.deepEqual([request!.startTimeUnixNano, request!.endTimeUnixNano].map(milliseconds), [0, 412])
    assert.deepEqual([call!.startTimeUnixNano, call!.endTimeUnixNano].map(milliseconds), [10, 410])
    assert.deepEqual(
      call!.events?.map((event) => [event.name, milliseconds(event.timeUnixNano)]),
      [['dragoman.first_output', 210]],
    )
  })

  test('the attributes of the conventions, to the letter', async () => {
    const tracing = await start()
    const settings = {
      maxOutputTokens: 512,
      temperature: 0.25,
      topP: 0.5,
      frequencyPenalty: 0.125,
      presencePenalty: -0.5,
      serviceTier: 'flex',
      outputType: 'json' as const,
      previousResponseId: null,
      userId: null,
      conversationId: 'conv_9',
      metadata: { secret: 'person' },
    }
    const adaptations = [{ field: 'max_output_tokens', action: 'clamped' as const, detail: '512' }]
    run(tracing, makeExchange({ settings, attempts: [makeAttempt({ adaptations })] }))
    await tracing.shutdown()
    const call = received().find((span) => span.kind === 3)!
    assert.deepEqual(toRecord(call.attributes), {
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'alpha',
      'gen_ai.request.model': 'gpt-oss-120b',
      'gen_ai.request.stream': true,
      'gen_ai.conversation.id': 'conv_9',
      'gen_ai.output.type': 'json',
      'gen_ai.request.max_tokens': 512,
      'gen_ai.request.temperature': 0.25,
      'gen_ai.request.top_p': 0.5,
      'gen_ai.request.frequency_penalty': 0.125,
      'gen_ai.request.presence_penalty': -0.5,
      'openai.api.type': 'responses',
      'openai.request.service_tier': 'flex',
      'openai.response.service_tier': 'default',
      'server.address': 'alpha.example',
      'server.port': 8443,
      'gen_ai.response.id': 'resp_up',
      'gen_ai.response.model': 'gpt-oss-120b-2026',
      'gen_ai.response.finish_reasons': ['stop'],
      'gen_ai.response.time_to_first_chunk': 0.2,
      'gen_ai.usage.input_tokens': 100,
      'gen_ai.usage.output_tokens': 20,
      'gen_ai.usage.cache_read.input_tokens': 40,
      'gen_ai.usage.reasoning.output_tokens': 5,
      'http.response.status_code': 200,
      'dragoman.variant': 'open-responses',
      'dragoman.attempt': 1,
    })
    const event = call.events?.find(({ name }) => name === 'dragoman.adaptation')
    assert.deepEqual(toRecord(event!.attributes), {
      'dragoman.adaptation.field': 'max_output_tokens',
      'dragoman.adaptation.action': 'clamped',
      'dragoman.adaptation.detail': '512',
    })
  })

  test('what is not known is left out', async () => {
    const tracing = await start()
    const attempt = makeAttempt({
      url: 'http://alpha.example/v1/chat/completions',
      usage: null,
      facts: null,
      finishReason: null,
      firstOutputAt: null,
      httpStatus: null,
    })
    run(tracing, makeExchange({ stream: false, status: null, attempts: [attempt] }))
    await tracing.shutdown()
    assert.deepEqual(toRecord(received().find((span) => span.kind === 3)!.attributes), {
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'alpha',
      'gen_ai.request.model': 'gpt-oss-120b',
      'openai.api.type': 'chat_completions',
      'server.address': 'alpha.example',
      'server.port': 80,
      'dragoman.variant': 'open-responses',
      'dragoman.attempt': 1,
    })
  })

  test('one span per call, and its error on the one that failed', async () => {
    const tracing = await start()
    const failed = makeAttempt({
      error: makeError({ code: 'rate_limit_exceeded', message: 'slow down' }),
      httpStatus: 429,
    })
    const sent = run(
      tracing,
      makeExchange({ attempts: [failed, makeAttempt({ index: 2, provider: 'beta' })] }),
    )
    await tracing.shutdown()
    const calls = received().filter((span) => span.kind === 3)
    assert.equal(calls.length, 2)
    const [first, second] = ['alpha', 'beta'].map(
      (name) => calls.find((span) => toRecord(span.attributes)['gen_ai.provider.name'] === name)!,
    )
    // A provider's words may quote the prompt.
    assert.deepEqual(first!.status, { code: 2 })
    assert.equal(toRecord(first!.attributes)['error.type'], 'rate_limit_exceeded')
    assert.equal(toRecord(first!.attributes)['http.response.status_code'], 429)
    assert.equal(toRecord(second!.attributes)['error.type'], undefined)
    assert.notEqual(sent[0]!.traceparent, sent[1]!.traceparent)
    assert.equal(received().find((span) => span.kind === 2)!.status.code ?? 0, 0, 'the request went well')
  })

  test('tokens written to a cache, by the name of the conventions that were asked for', async () => {
    const usage = {
      ...makeUsage(100, 40, 20, 5),
      input_tokens_details: { cached_tokens: 40, cache_write_tokens: 30 },
    }
    const released = 'gen_ai.usage.cache_creation.input_tokens'
    const latest = 'gen_ai.usage.cache_write.input_tokens'
    for (const [asked, names] of [
      ['', [released]],
      ['http, gen_ai_latest_experimental', [latest]],
      ['gen_ai_latest_experimental/dup', [released, latest]],
    ] as const) {
      bodies.length = 0
      const tracing = await start({ OTEL_SEMCONV_STABILITY_OPT_IN: asked })
      run(tracing, makeExchange({ usage, attempts: [makeAttempt({ usage })] }))
      await tracing.shutdown()
      const attributes = toRecord(received().find((span) => span.kind === 3)!.attributes)
      const told = [released, latest].filter((name) => name in attributes)
      assert.deepEqual(told, names, asked)
      for (const name of names) assert.equal(attributes[name], 30)
    }
  })

  test('the latest conventions name the previous response, and an error where the model came to no end', async () => {
    const settings = {
      maxOutputTokens: null,
      temperature: null,
      topP: null,
      frequencyPenalty: null,
      presencePenalty: null,
      serviceTier: null,
      outputType: 'text' as const,
      conversationId: null,
      previousResponseId: 'resp_0',
      userId: null,
      metadata: null,
    }
    for (const [asked, previous, reasons] of [
      ['', undefined, undefined],
      ['gen_ai_latest_experimental', 'resp_0', ['error']],
    ] as const) {
      bodies.length = 0
      const tracing = await start({ OTEL_SEMCONV_STABILITY_OPT_IN: asked })
      run(tracing, makeExchange({ settings, attempts: [makeAttempt({ finishReason: null })] }))
      await tracing.shutdown()
      const attributes = toRecord(received().find((span) => span.kind === 3)!.attributes)
      assert.equal(attributes['gen_ai.request.previous_response.id'], previous)
      assert.deepEqual(attributes['gen_ai.response.finish_reasons'], reasons)
    }
  })

  test("the provider's words of an error are content; the gateway's own are not", async () => {
    const upstream = makeError({ message: 'bad prompt: "my secret"' })
    const own = makeError({ origin: 'gateway', code: 'upstream_unconfigured', message: 'Set KEY.' })
    for (const [asked, error, message] of [
      ['false', upstream, undefined],
      ['true', upstream, upstream.message],
      ['false', own, own.message],
    ] as const) {
      bodies.length = 0
      const tracing = await start({ OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT: asked })
      run(tracing, makeExchange({ error, attempts: [makeAttempt({ error })] }))
      await tracing.shutdown()
      for (const { status } of received()) assert.deepEqual([status.code, status.message], [2, message])
    }
  })

  test("a caller's mistake is named, and is no error of the server", async () => {
    const tracing = await start()
    const error = makeError({ code: 'invalid_json', origin: 'client' })
    run(tracing, makeExchange({ attempts: [], error, httpStatus: 400, status: null }))
    await tracing.shutdown()
    const [request] = received()
    assert.equal(request!.status.code ?? 0, 0)
    const attributes = toRecord(request!.attributes)
    assert.equal(attributes['error.type'], 'invalid_json')
    assert.equal(attributes['http.response.status_code'], 400)
    assert.equal(attributes['http.route'], '/v1/responses')
  })

  test('each operation under its own route, and each call by what it asks', async () => {
    const tracing = await start()
    const call = (path: string) => makeAttempt({ url: `http://[::1]:8080/v1${path}` })
    run(
      tracing,
      makeExchange({ operation: 'responses.compact', attempts: [call('/responses/compact?api-version=1')] }),
    )
    run(
      tracing,
      makeExchange({ operation: 'responses.input_tokens', attempts: [call('/responses/input_tokens')] }),
    )
    run(tracing, makeExchange({ attempts: [call('/complete')] }))
    await tracing.shutdown()
    const told = (kind: number, ...names: string[]) =>
      received()
        .filter((span) => span.kind === kind)
        .map((span) => [span.name, ...names.map((name) => toRecord(span.attributes)[name])])
        .sort()
    assert.deepEqual(told(2, 'http.route', 'url.path'), [
      ['POST /v1/responses', '/v1/responses', '/v1/responses'],
      ['POST /v1/responses/compact', '/v1/responses/compact', '/v1/responses/compact'],
      ['POST /v1/responses/input_tokens', '/v1/responses/input_tokens', '/v1/responses/input_tokens'],
    ])
    assert.deepEqual(told(3, 'gen_ai.operation.name', 'openai.api.type', 'server.address'), [
      ['chat gpt-oss-120b', 'chat', undefined, '::1'],
      ['compact gpt-oss-120b', 'compact', 'responses', '::1'],
      ['count_tokens gpt-oss-120b', 'count_tokens', 'responses', '::1'],
    ])
  })

  test('what a request was changed by stands with it, and with its call what that was', async () => {
    const tracing = await start()
    const ofCall = { field: 'top_k', action: 'dropped' as const, detail: 'unknown there' }
    const ofRequest = { field: 'truncation', action: 'emulated' as const, detail: '2 items dropped' }
    run(
      tracing,
      makeExchange({
        adaptations: [ofRequest, ofCall],
        attempts: [makeAttempt({ adaptations: [ofCall] })],
      }),
    )
    await tracing.shutdown()
    const fields = (kind: number) =>
      received()
        .find((span) => span.kind === kind)!
        .events?.filter(({ name }) => name === 'dragoman.adaptation')
        .map(({ attributes }) => toRecord(attributes)['dragoman.adaptation.field'])
    assert.deepEqual(fields(2), ['truncation'])
    assert.deepEqual(fields(3), ['top_k'])
  })

  test('other propagators are read and passed on, and baggage stays here', async () => {
    const tracing = await start({ OTEL_PROPAGATORS: 'b3,tracecontext,baggage' })
    const clientRequestHeaders = {
      b3: '4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1',
      baggage: 'user=ada',
    }
    const [headers] = run(tracing, makeExchange({ clientRequestHeaders }))
    await tracing.shutdown()
    const [request, call] = [2, 3].map((kind) => received().find((span) => span.kind === kind)!)
    assert.equal(request!.parentSpanId, '00f067aa0ba902b7')
    assert.equal(headers?.b3, `${request!.traceId}-${call!.spanId}-1`)
    assert.equal(headers?.traceparent, `00-${request!.traceId}-${call!.spanId}-01`)
    assert.equal(headers?.baggage, undefined)
  })

  test('the service is named dragoman unless the environment names it', async () => {
    const resource = () => toRecord(bodies[0]!.resourceSpans[0]!.resource.attributes)
    const first = await start()
    run(first, makeExchange())
    await first.shutdown()
    assert.equal(resource()['service.name'], 'dragoman')
    assert.equal(resource()['service.version'], '1.2.3')
    bodies.length = 0
    const second = await start({ OTEL_SERVICE_NAME: 'llm-edge' })
    run(second, makeExchange())
    await second.shutdown()
    assert.equal(resource()['service.name'], 'llm-edge')
  })

  test('a sampled-out trace is not sent, and still goes on to the provider', async () => {
    const tracing = await start({ OTEL_TRACES_SAMPLER: 'always_off' })
    const exchange = makeExchange({ traceHeaders: { traceparent } })
    const [headers] = run(tracing, exchange)
    await tracing.shutdown()
    assert.deepEqual(received(), [])
    assert.match(headers!.traceparent!, /^00-4bf92f3577b34da6a3ce929d0e0e4736-[0-9a-f]{16}-00$/)
    assert.equal(exchange.traceId, '4bf92f3577b34da6a3ce929d0e0e4736')
  })

  describe('content', () => {
    const request = JSON.stringify({
      model: 'm',
      instructions: 'Be brief.',
      input: [
        { role: 'user', content: [{ type: 'input_text', text: 'How warm is it?' }] },
        { type: 'function_call', call_id: 'c1', name: 'weather', arguments: '{"city":"Basel"}' },
        { type: 'function_call_output', call_id: 'c1', output: '21' },
      ],
      tools: [{ type: 'function', name: 'weather' }],
    })
    const final = {
      type: 'response.completed',
      response: {
        status: 'completed',
        output: [
          { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: '21 degrees' }] },
        ],
      },
    }
    const exchange = () =>
      makeExchange({
        clientRequest: keep(request),
        clientResponse: keep(
          `event: x\ndata: {"type":"x"}\n\ndata: ${JSON.stringify(final)}\n\ndata: [DONE]\n\n`,
        ),
      })

    test('stays out of the spans by default', async () => {
      const tracing = await start()
      run(tracing, exchange())
      await tracing.shutdown()
      const sent = JSON.stringify(bodies)
      for (const text of ['How warm', 'Be brief', '21 degrees', 'sk-secret-key'])
        assert.equal(sent.includes(text), false)
    })

    test('is there when asked for, in the shape of the conventions', async () => {
      const tracing = await start({ OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT: 'true' })
      run(tracing, exchange())
      await tracing.shutdown()
      const attributes = toRecord(received().find((span) => span.kind === 3)!.attributes)
      const read = (name: string) => JSON.parse(String(attributes[name]))
      assert.deepEqual(read('gen_ai.system_instructions'), [{ type: 'text', content: 'Be brief.' }])
      assert.deepEqual(read('gen_ai.input.messages'), [
        { role: 'user', parts: [{ type: 'text', content: 'How warm is it?' }] },
        {
          role: 'assistant',
          parts: [{ type: 'tool_call', id: 'c1', name: 'weather', arguments: { city: 'Basel' } }],
        },
        { role: 'tool', parts: [{ type: 'tool_call_response', id: 'c1', response: '21' }] },
      ])
      assert.deepEqual(read('gen_ai.output.messages'), [
        { role: 'assistant', parts: [{ type: 'text', content: '21 degrees' }], finish_reason: 'stop' },
      ])
      assert.deepEqual(read('gen_ai.tool.definitions'), [{ type: 'function', name: 'weather' }])
    })

    test('that was cut is left out rather than half told', async () => {
      const tracing = await start({ OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT: 'true' })
      run(tracing, makeExchange({ clientRequest: { chunks: ['{"inp'], bytes: 4000, truncated: true } }))
      await tracing.shutdown()
      const attributes = toRecord(received().find((span) => span.kind === 3)!.attributes)
      assert.equal('gen_ai.input.messages' in attributes, false)
    })
  })
})

describe('whether tracing is configured', () => {
  for (const [env, expected] of [
    [{}, false],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://x:4318' }, true],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://x:4318/v1/traces' }, true],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: '  ' }, false],
    [{ OTEL_TRACES_EXPORTER: 'console' }, true],
    [{ OTEL_TRACES_EXPORTER: 'none', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://x:4318' }, false],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://x:4318', OTEL_SDK_DISABLED: 'TRUE' }, false],
    [{ OTEL_SERVICE_NAME: 'x' }, false],
  ] as const)
    test(`${JSON.stringify(env)} → ${expected}`, async () => {
      assert.equal(isTracingConfigured(env), expected)
      if (!expected) assert.equal(await createTracing({ env, version: '1' }), null)
    })
})
