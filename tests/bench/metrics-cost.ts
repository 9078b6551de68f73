/**
 * What the metrics cost a request: `node --import tsx tests/bench/metrics-cost.ts`. One request with one call, streamed,
 * with all that it adds to; with and without a sampled trace, whose id the histograms keep; and a scrape of 400 label sets.
 */
import { createMetrics, type Metrics } from '../../server/telemetry/metrics.ts'
import { makeExchange } from '../server/telemetry/metrics-exchange.ts'

const rounds = 200_000
const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'

function measure(metrics: Metrics, traced: boolean): number {
  const traceHeaders = traced ? { traceparent: `00-${traceId}-00f067aa0ba902b7-01` } : {}
  const exchange = makeExchange({ traceHeaders, traceId: traced ? traceId : null })
  const [attempt] = exchange.attempts
  const { observer } = metrics
  const started = performance.now()
  for (let round = 0; round < rounds; round++) {
    observer.started?.(exchange)
    observer.attemptStarted?.(exchange, attempt!, {})
    observer.firstOutput?.(exchange, attempt!)
    observer.attemptEnded?.(exchange, attempt!, false)
    observer.finished?.(exchange)
  }
  return ((performance.now() - started) / rounds) * 1000
}

const models = Array.from({ length: 50 }, (_, index) => `model-${index}`)
const metrics = createMetrics({ version: '1', models: [...models, 'openai/gpt-oss-120b'] })
const best = { untraced: Number.POSITIVE_INFINITY, traced: Number.POSITIVE_INFINITY }
for (let turn = 0; turn < 5; turn++) {
  best.untraced = Math.min(best.untraced, measure(metrics, false))
  best.traced = Math.min(best.traced, measure(metrics, true))
}
for (const model of models)
  for (const provider of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']) {
    const exchange = makeExchange({ model })
    for (const attempt of exchange.attempts) attempt.provider = provider
    metrics.observer.finished?.(exchange)
  }
await metrics.scrape()
for (const accept of ['text/plain', 'application/openmetrics-text;version=1.0.0']) {
  const started = performance.now()
  const { body } = await metrics.scrape(accept)
  const milliseconds = (performance.now() - started).toFixed(1)
  console.log(`scrape  ${accept.padEnd(44)} ${milliseconds} ms, ${Math.round(body.length / 1024)} KB`)
}
console.log(`request without a trace ${best.untraced.toFixed(2)} µs, with one ${best.traced.toFixed(2)} µs`)
