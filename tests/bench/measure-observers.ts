/** What metrics and tracing take of a request: one with one call, streamed, with all that they hear of it. In this process, alone. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Observer } from '../../server/gateway/exchange.ts'
import { createMetrics } from '../../server/telemetry/metrics.ts'
import { createTracing, passTraceHeaders } from '../../server/telemetry/tracing.ts'
import { makeExchange } from '../server/telemetry/metrics-exchange.ts'

/** Microseconds of a request. */
export interface ObserverFigures {
  metrics: number
  /** As it is unless somebody asks for traces: OpenTelemetry is not even loaded. */
  untraced: number
  /** With every span sent, to one who throws it away. */
  traced: number
}

const rounds = 20_000
const turns = 5
const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'

export async function measureObservers(): Promise<ObserverFigures> {
  const metrics = createMetrics({ version: '1', models: ['openai/gpt-oss-120b'] })
  const [metered, untraced] = [bestOf(metrics.observer), bestOf(passTraceHeaders)]
  const receiver = createServer((request, response) => request.resume().on('end', () => response.end()))
  await once(receiver.listen(0, '127.0.0.1'), 'listening')
  const endpoint = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`
  // The SDK reads its address from the process itself.
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = endpoint
  const tracing = await createTracing({ env: { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }, version: '1' })
  if (tracing === null) throw new Error('Tracing is off.')
  try {
    return { metrics: metered, untraced, traced: bestOf(tracing.observer) }
  } finally {
    await tracing.shutdown()
    delete process.env.OTEL_EXPORTER_OTLP_ENDPOINT
    receiver.closeAllConnections()
    receiver.close()
  }
}

function bestOf(observer: Observer): number {
  return Math.min(...Array.from({ length: turns }, () => measure(observer)))
}

function measure(observer: Observer): number {
  const exchange = makeExchange({ traceHeaders: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` } })
  const [attempt] = exchange.attempts
  if (attempt === undefined) throw new Error('The request has no call.')
  const startedAt = performance.now()
  for (let round = 0; round < rounds; round++) {
    observer.started?.(exchange)
    observer.attemptStarted?.(exchange, attempt, {})
    observer.firstOutput?.(exchange, attempt)
    observer.attemptEnded?.(exchange, attempt, false)
    observer.finished?.(exchange)
  }
  return ((performance.now() - startedAt) / rounds) * 1000
}
