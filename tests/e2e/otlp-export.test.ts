/** Spans on their way out: each protocol to a real receiver, sampling, and a gateway that traces nothing. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { after, afterEach, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import OpenAI from 'openai'
import type { AdminRequestList } from '../../server/http/admin/contract.ts'
import { createLogger } from '../../server/telemetry/logger.ts'
import { type OtlpReceiver, type ReceivedSpan, startOtlpReceiver } from '../support/otlp-receiver.ts'
import { startGateway, type TestGateway } from '../support/start-gateway.ts'
import { type ClientTrace, clearTracing, newTrace, setTracing, spansAsText } from '../support/trace.ts'

/** Where nobody listens, now and later: a port that was given back may soon be another one's. */
const nowhere = { endpoint: 'http://127.0.0.1:9' }
/** Shorter than the wait before an export is tried again, so that there is none, and long enough for a busy machine. */
const oneTry = { OTEL_EXPORTER_OTLP_TIMEOUT: '750' }
const model = 'openai/gpt-5.2'
const secret = 'heliotrope'

let receiver: OtlpReceiver | null = null
let gateway: TestGateway | null = null
afterEach(async () => {
  await gateway?.close()
  await receiver?.close()
  gateway = receiver = null
})
after(clearTracing)

interface Started {
  receiver: OtlpReceiver
  gateway: TestGateway
  /** One stream by OpenAI's SDK; resolves when it is over. */
  ask(trace?: ClientTrace): Promise<void>
  /** Ends the gateway, and with it what it still had to send. */
  end(): Promise<void>
}

async function start(more: Record<string, string>, transport: 'http' | 'grpc' = 'http'): Promise<Started> {
  const own = await startOtlpReceiver(transport)
  receiver = own
  const started = await startGateway({ env: setTracing(own, more) })
  gateway = started
  const client = new OpenAI({ baseURL: `${started.origin}/v1`, apiKey: 'none', maxRetries: 0 })
  return {
    receiver: own,
    gateway: started,
    async ask(trace) {
      const input = `${secret} hello`
      const stream = await client.responses.create(
        { model, input, stream: true },
        { headers: trace?.headers },
      )
      for await (const event of stream) assert.notEqual(event.type, 'error')
    },
    async end() {
      gateway = null
      await started.close()
    },
  }
}

/** What every protocol has to bring over alike, but for ids, times and ports. */
function shapeOf({ name, kind, attributes, events, status, scope, resource }: ReceivedSpan) {
  const types = Object.entries(attributes).map(([key, value]) => [
    key,
    Array.isArray(value) ? 'array' : typeof value,
  ])
  const service = [resource['service.name'], typeof resource['service.version']]
  return {
    name,
    kind,
    status,
    scope,
    service,
    types: types.sort(),
    events: events.map((event) => event.name),
  }
}

describe('spans reach an OTLP receiver', () => {
  const shapes: unknown[] = []
  const exporter = '/v1/traces'
  const service = '/opentelemetry.proto.collector.trace.v1.TraceService/Export'
  for (const { name, env, transport, path, type } of [
    {
      name: 'over HTTP with protobuf, by default',
      env: {},
      transport: 'http',
      path: exporter,
      type: 'application/x-protobuf',
    },
    {
      name: 'over HTTP with JSON, compressed',
      env: { OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json', OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip' },
      transport: 'http',
      path: exporter,
      type: 'application/json',
    },
    {
      name: 'over gRPC',
      env: { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
      transport: 'grpc',
      path: service,
      type: 'application/grpc',
    },
  ] as const)
    it(name, async () => {
      const own = await start({ ...env, OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=acme' }, transport)
      const trace = newTrace()
      await own.ask(trace)
      const spans = await own.receiver.trace(trace.id)
      for (const sent of own.receiver.exports)
        assert.deepEqual([sent.path, sent.type, sent.headers['x-tenant']], [path, type, 'acme'])
      const [request, call] = spans as [ReceivedSpan, ReceivedSpan]
      assert.equal(spans.length, 2)
      assert.deepEqual([request.kind, call.kind], ['SERVER', 'CLIENT'])
      assert.deepEqual([request.parentSpanId, call.parentSpanId], [trace.spanId, request.spanId])
      assert.ok(request.start <= call.start && call.start < call.end && call.end <= request.end)
      assert.equal(call.attributes['gen_ai.usage.input_tokens'], 2)
      shapes.push(spans.map(shapeOf))
    })
  it('and are the same over each', () => {
    assert.equal(shapes.length, 3)
    for (const shape of shapes) assert.deepEqual(shape, shapes[0])
  })
  it('with what is left when the gateway ends', async () => {
    const own = await start({ OTEL_BSP_SCHEDULE_DELAY: '60000' })
    await own.ask()
    assert.deepEqual(own.receiver.exports, [])
    await own.end()
    assert.deepEqual(own.receiver.spans.map(({ kind }) => kind).sort(), ['CLIENT', 'SERVER'])
  })
  it('and one that is not there disturbs nothing but a line of the log', async () => {
    const lines: string[] = []
    const logger = createLogger({
      level: 'warn',
      pretty: false,
      stream: { write: (line) => lines.push(line) },
    })
    const own = await startGateway({ env: setTracing(nowhere, oneTry), logger })
    const answer = await own.post({ model, input: `${secret} hello` })
    assert.equal(answer.status, 200)
    await answer.text()
    while (lines.length === 0) await pause(20)
    await own.close()
    for (const line of lines)
      assert.match(line, /"level":"error".*"msg":"tracing failed","reason":".*ECONNREFUSED/)
    assert.equal(lines.join('').includes(secret), false)
  })
  it('and what is left when there is none is lost, which is no reason not to end well', async () => {
    const lines: string[] = []
    const logger = createLogger({
      level: 'warn',
      pretty: false,
      stream: { write: (line) => lines.push(line) },
    })
    const env = { ...oneTry, OTEL_BSP_SCHEDULE_DELAY: '60000' }
    const own = await startGateway({ env: setTracing(nowhere, env), logger })
    await (await own.post({ model, input: `${secret} hello` })).text()
    await own.close()
    assert.match(lines.join(''), /"level":"error".*"msg":"tracing failed","reason":".*ECONNREFUSED/)
  })
})

describe('sampling', () => {
  /** The trace id in the row of the only request, and the flags that its provider got. */
  async function seen({ gateway }: Started): Promise<{ row: string | null; provider: string }> {
    const { data } = await gateway.admin<AdminRequestList>('/admin/requests')
    const [row] = data
    const { trace_id } = await gateway.admin<{ trace_id: string | null }>(`/admin/requests/${row?.id}`)
    const [request] = gateway.sandbox.requests
    return { row: trace_id, provider: request?.headers.traceparent ?? '' }
  }
  it('always_off sends nothing, and the trace goes on all the same, marked so', async () => {
    const own = await start({ OTEL_TRACES_SAMPLER: 'always_off' })
    const trace = newTrace()
    await own.ask(trace)
    const { row, provider } = await seen(own)
    await own.end()
    assert.deepEqual(own.receiver.exports, [])
    assert.equal(row, trace.id)
    assert.match(provider, new RegExp(`^00-${trace.id}-[0-9a-f]{16}-00$`))
  })
  it('a caller that does not sample is followed by default', async () => {
    const own = await start({})
    const trace = newTrace({ sampled: false })
    await own.ask(trace)
    const { provider } = await seen(own)
    await own.end()
    assert.deepEqual(own.receiver.exports, [])
    assert.match(provider, new RegExp(`^00-${trace.id}-[0-9a-f]{16}-00$`))
  })
  it('traceidratio decides by the trace id', async () => {
    const own = await start({ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.5' })
    const low = newTrace({ id: '00000001ff00000000ffffffffffffff' })
    const high = newTrace({ id: 'ffffffff000000000000000000000000' })
    await own.ask(high)
    await own.ask(low)
    await own.end()
    assert.deepEqual([...new Set(own.receiver.spans.map(({ traceId }) => traceId))], [low.id])
    assert.equal(own.receiver.spans.length, 2)
  })
})

describe('prompts and answers', () => {
  const opted = { OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT: 'true' }
  it('are in no span by default', async () => {
    const own = await start({})
    const trace = newTrace()
    await own.ask(trace)
    assert.equal(spansAsText(await own.receiver.trace(trace.id)).includes(secret), false)
  })
  it('stand in the span of the call when the operator opts in', async () => {
    const own = await start(opted)
    const trace = newTrace()
    await own.ask(trace)
    const [request, call] = await own.receiver.trace(trace.id)
    assert.equal(spansAsText(request).includes(secret), false)
    const read = (name: string) => JSON.parse(String(call?.attributes[`gen_ai.${name}`]))
    assert.deepEqual(read('input.messages'), [
      { role: 'user', parts: [{ type: 'text', content: `${secret} hello` }] },
    ])
    const [answer] = read('output.messages')
    assert.deepEqual([answer.role, answer.finish_reason], ['assistant', 'stop'])
    assert.match(answer.parts[0].content, new RegExp(secret))
  })
})

describe('a gateway that does not trace', () => {
  /** The packages of OpenTelemetry that a fresh process has loaded when its gateway has answered a request. */
  function findLoaded(env: Record<string, string>): string[] {
    const script = `
      import { registerHooks } from 'node:module'
      const loaded = new Set()
      registerHooks({
        load(url, context, next) {
          const [, name] = /@opentelemetry\\/([^/]+)/.exec(url) ?? []
          if (name !== undefined) loaded.add(name)
          return next(url, context)
        },
      })
      const { startGateway } = await import('./tests/support/start-gateway.ts')
      const gateway = await startGateway({ env: process.env })
      const answer = await gateway.post({ model: '${model}', input: 'hello' })
      if (answer.status !== 200) throw new Error(await answer.text())
      await gateway.close()
      console.log(JSON.stringify([...loaded].sort()))
    `
    const { stdout, stderr, status } = spawnSync(process.execPath, ['-e', script], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, ...env },
    })
    assert.equal(status, 0, stderr)
    // The exporter to the console writes before.
    return JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
  }
  it('loads nothing of OpenTelemetry but the bare API, which the metrics bring', () => {
    assert.deepEqual(findLoaded({}), ['api'])
    assert.ok(findLoaded({ OTEL_TRACES_EXPORTER: 'console' }).includes('sdk-node'))
  })
  it('sends nothing, and lets the trace of its caller pass', async () => {
    const own = await start({ OTEL_SDK_DISABLED: 'true' })
    const trace = newTrace()
    await own.ask(trace)
    const [request] = own.gateway.sandbox.requests
    assert.equal(request?.headers.traceparent, trace.headers.traceparent)
    await own.end()
    assert.deepEqual(own.receiver.exports, [])
  })
})
