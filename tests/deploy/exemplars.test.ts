/** From a chart to a trace: the real Prometheus scrapes OpenMetrics, takes it, and gives the trace ids back. Skipped without it. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startGateway, type TestGateway } from '../support/start-gateway.ts'
import { newTrace } from '../support/trace.ts'
import { type Prometheus, skipWithout, startPrometheus } from './prometheus-process.ts'

interface Exemplars {
  seriesLabels: Record<string, string>
  exemplars: { labels: { trace_id: string }; value: string }[]
}
interface Targets {
  activeTargets: { health: string; lastError: string; lastScrape: string }[]
}

describe('exemplars', { skip: skipWithout('prometheus') }, () => {
  let gateway: TestGateway
  let prometheus: Prometheus
  before(async () => {
    gateway = await startGateway()
    prometheus = await startPrometheus(gateway.origin)
  })
  after(async () => {
    await prometheus?.close()
    await gateway.close()
  })

  /** Those of a metric, asked for until there are any. */
  async function exemplarsOf(metric: string): Promise<Exemplars[]> {
    const [start, end] = [Date.now() / 1000 - 600, Date.now() / 1000 + 600]
    for (let round = 0; round < 60; round++) {
      const found = await prometheus.get<Exemplars[]>(
        `query_exemplars?query=${encodeURIComponent(metric)}&start=${start}&end=${end}`,
      )
      if (found.length > 0) return found
      await new Promise((resolve) => setTimeout(resolve, 500))
    }
    return []
  }

  it('of a traced request are kept by Prometheus, for the whole request and for its call', async () => {
    const trace = newTrace()
    const answer = await gateway.post({ model: 'gpt-4o', input: '/count 3', stream: true }, trace.headers)
    await answer.text()
    await gateway.app.flush()
    for (const metric of [
      'dragoman_request_duration_seconds_bucket',
      'gen_ai_client_operation_duration_seconds_bucket',
    ]) {
      const [series] = await exemplarsOf(metric)
      assert.equal(series?.seriesLabels.job, 'dragoman')
      assert.equal(series?.exemplars[0]?.labels.trace_id, trace.id, metric)
    }
    const { activeTargets } = await prometheus.get<Targets>('targets')
    assert.deepEqual(
      activeTargets.map(({ health, lastError }) => [health, lastError]),
      [['up', '']],
    )
  })

  it('are for who asks for OpenMetrics alone', async () => {
    for (const [accept, type] of [
      ['application/openmetrics-text;version=1.0.0', /^application\/openmetrics-text; version=1\.0\.0/],
      ['text/plain', /^text\/plain; version=0\.0\.4/],
    ] as const) {
      const scrape = await fetch(`${gateway.origin}/metrics`, { headers: { accept } })
      assert.match(scrape.headers.get('content-type') ?? '', type)
      assert.equal((await scrape.text()).includes('# {trace_id='), accept.includes('openmetrics'))
    }
  })
})
