/** The two formats of a scrape, and the traces that one of them leads to. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createMetrics } from '../../../server/telemetry/metrics.ts'
import { CellHistogram } from '../../../server/telemetry/metrics-cells.ts'
import { chooseFormat } from '../../../server/telemetry/metrics-text.ts'
import { makeExchange } from './metrics-exchange.ts'
import { parseExposition } from './metrics-lint.ts'

const openMetrics = 'application/openmetrics-text; version=1.0.0; charset=utf-8'
const plain = 'text/plain; version=0.0.4; charset=utf-8'
const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'

describe('the Accept header', () => {
  for (const [accept, expected] of [
    // Prometheus 2.42, then 3.5.
    [
      'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
      openMetrics,
    ],
    [
      'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1',
      openMetrics,
    ],
    ['application/openmetrics-text', openMetrics],
    ['Application/OpenMetrics-Text; Version=1.0.0', openMetrics],
    ['application/openmetrics-text; version=0.0.1', plain],
    ['application/openmetrics-text; version=2.0.0', plain],
    ['application/openmetrics-text;q=0', plain],
    ['text/plain, application/openmetrics-text;q=0.5', plain],
    ['text/html,application/xhtml+xml,*/*;q=0.8', plain],
    ['*/*', plain],
    ['', plain],
    [',;=;q=x', plain],
  ] as const)
    test(`${accept.slice(0, 80)} → ${expected.split(';')[0]}`, () =>
      assert.equal(chooseFormat(accept).contentType, expected))
})

/** A gateway's metrics after a request of a trace with these flags. */
async function scrapeBoth(flags: string | null) {
  const metrics = createMetrics({ version: 'a "quoted" one', models: ['openai/gpt-oss-120b'] })
  const traceHeaders = flags === null ? {} : { traceparent: `00-${traceId}-00f067aa0ba902b7-${flags}` }
  const exchange = makeExchange({ traceHeaders, traceId: flags === null ? null : traceId })
  metrics.observer.started?.(exchange)
  for (const attempt of exchange.attempts) metrics.observer.attemptEnded?.(exchange, attempt, false)
  metrics.observer.finished?.(exchange)
  metrics.queried({ name: 'listRequests', milliseconds: 3, outcome: 'answered' })
  const [text, open] = [await metrics.scrape(), await metrics.scrape(openMetrics)]
  assert.deepEqual([text.contentType, open.contentType], [plain, openMetrics])
  return { text: text.body, open: open.body }
}

/** Lines with an exemplar. */
const exemplarsOf = (body: string) => body.split('\n').filter((line) => / # \{/.test(line))

describe('OpenMetrics', () => {
  test('has the same samples as the text format, process metrics included', async () => {
    const { text, open } = await scrapeBoth(null)
    const names = (body: string) => [
      ...new Set(body.split('\n').flatMap((line) => /^[a-z]\w*(?:\{[^}]*\})?(?= )/.exec(line) ?? [])),
    ]
    assert.deepEqual(names(open), names(text))
  })

  test('names counters without _total, but not their samples; ends with # EOF; has no empty line', async () => {
    const { open } = await scrapeBoth('01')
    const lines = open.split('\n')
    assert.deepEqual(lines.slice(-2), ['# EOF', ''])
    assert.equal(lines.slice(0, -1).includes(''), false)
    const counters = lines.flatMap((line) => /^# TYPE (\S+) counter$/.exec(line)?.[1] ?? [])
    assert.ok(counters.includes('dragoman_requests') && counters.includes('process_cpu_seconds'))
    for (const counter of counters) {
      assert.equal(counter.endsWith('_total'), false)
      const samples = lines.filter((line) => line.startsWith(`${counter}{`) || line.startsWith(`${counter} `))
      assert.deepEqual(samples, [], 'a sample without _total')
    }
  })

  test('leads from the bucket of a request to its trace', async () => {
    const { text, open } = await scrapeBoth('01')
    const now = Date.now() / 1000
    const found = exemplarsOf(open)
    const duration = found.filter((line) => line.startsWith('dragoman_request_duration_seconds_bucket'))
    assert.equal(duration.length, 1)
    const [, le, value, at] =
      /le="([\d.]+)"\} 1 # \{trace_id="4bf92f3577b34da6a3ce929d0e0e4736"\} ([\d.]+) ([\d.]+)$/.exec(
        duration[0]!,
      ) ?? []
    assert.deepEqual([le, value], ['0.5', '0.412'])
    assert.ok(Math.abs(Number(at) - now) < 60)
    const families = new Set(found.map((line) => line.slice(0, line.indexOf('_bucket'))))
    assert.ok(
      families.has('gen_ai_client_operation_duration_seconds') && families.has('dragoman_overhead_seconds'),
    )
    // The text format has no place for them.
    assert.deepEqual(exemplarsOf(text), [])
    parseExposition(text)
  })

  for (const flags of ['00', null])
    test(`and to none that is not kept (${flags})`, async () =>
      assert.deepEqual(exemplarsOf((await scrapeBoth(flags)).open), []))

  test('the last trace of a bucket stands in it', () => {
    const histogram = new CellHistogram({ name: 'x', help: 'x', labelNames: ['a'], buckets: [1] })
    const cell = histogram.cell('y')
    cell.observe(0.5, 'aa')
    cell.observe(0.25, 'bb')
    cell.observe(0.75)
    cell.observe(3, 'cc')
    const [below, above] = exemplarsOf(histogram.render(true))
    assert.match(below!, /le="1"\} 3 # \{trace_id="bb"\} 0\.25 [\d.]+$/)
    assert.match(above!, /le="\+Inf"\} 4 # \{trace_id="cc"\} 3 [\d.]+$/)
  })
})
