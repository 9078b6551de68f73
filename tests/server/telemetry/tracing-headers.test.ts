import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { passTraceHeaders } from '../../../server/telemetry/tracing.ts'
import { makeAttempt, makeExchange } from './metrics-exchange.ts'

const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'

function pass(traceHeaders: { traceparent?: string; tracestate?: string }) {
  const exchange = makeExchange({ traceHeaders })
  const headers: Record<string, string> = {}
  passTraceHeaders.started?.(exchange)
  passTraceHeaders.attemptStarted?.(exchange, makeAttempt(), headers)
  return { headers, traceId: exchange.traceId }
}

test('the trace of the caller goes on to the provider and into the log', () => {
  assert.deepEqual(pass({ traceparent, tracestate: 'a=1,b=2' }), {
    headers: { traceparent, tracestate: 'a=1,b=2' },
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  })
})

test('without a trace nothing is added', () => {
  assert.deepEqual(pass({}), { headers: {}, traceId: null })
  assert.deepEqual(pass({ tracestate: 'a=1' }), { headers: {}, traceId: null })
})

for (const wrong of [
  '',
  'garbage',
  '00-00000000000000000000000000000000-00f067aa0ba902b7-01',
  '00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01',
  `${traceparent}\r\nx-evil: 1`,
  '00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01',
])
  test(`an invalid traceparent stays here: ${JSON.stringify(wrong)}`, () => {
    assert.deepEqual(pass({ traceparent: wrong, tracestate: 'a=1' }), { headers: {}, traceId: null })
  })

test('a tracestate that is too long or holds a line end stays here', () => {
  assert.deepEqual(pass({ traceparent, tracestate: 'x'.repeat(513) }).headers, { traceparent })
  assert.deepEqual(pass({ traceparent, tracestate: 'a=1\nb=2' }).headers, { traceparent })
})

/** The modules of OpenTelemetry that a fresh process loads to create its tracing. */
function findLoaded(env: Record<string, string>): string[] {
  const script = `
    import { registerHooks } from 'node:module'
    const loaded = []
    registerHooks({
      load(url, context, next) {
        if (url.includes('@opentelemetry')) loaded.push(url)
        return next(url, context)
      },
    })
    const { createTracing } = await import('./server/telemetry/tracing.ts')
    await createTracing({ env: process.env, version: '1' })
    console.log(JSON.stringify(loaded))
    process.exit()
  `
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, ...env },
  })
  assert.equal(status, 0, stderr)
  return JSON.parse(stdout)
}

test('a gateway that does not trace never loads OpenTelemetry', () => {
  assert.deepEqual(findLoaded({}), [])
  assert.notDeepEqual(findLoaded({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' }), [])
})
