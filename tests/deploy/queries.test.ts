/** Every query of the dashboards and rules, against what a gateway that has seen traffic really exposes. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { renderFiles, rulesPath } from '../../deploy/grafana/dashboards.ts'
import { type Family, parseExposition } from '../server/telemetry/metrics-lint.ts'
import { startGateway, type TestGateway } from '../support/start-gateway.ts'
import { listPanelQueries, listRules, listVariableQueries, readDeployed } from './deployed.ts'
import { passes, readQuery, type Selector } from './promql.ts'
import { configureTraffic, sendTraffic } from './traffic.ts'

let gateway: TestGateway
let families: Family[]
before(async () => {
  gateway = await startGateway({ configure: configureTraffic })
  await sendTraffic(gateway)
  families = await scrapeAfterRetention()
})

/** Retention runs now and then: it tells what is oldest once it has looked, and later that it came to its end. */
async function scrapeAfterRetention(): Promise<Family[]> {
  for (let round = 0; round < 200; round++) {
    const text = await (await fetch(`${gateway.origin}/metrics`)).text()
    const told = [
      /^dragoman_store_oldest_age_seconds\{/m,
      /^dragoman_retention_last_success_timestamp_seconds /m,
    ]
    if (told.every((line) => line.test(text))) return parseExposition(text)
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
  throw new Error('retention has told nothing of what it found')
}
after(() => gateway.close())

const panels = listPanelQueries('1m')
const rules = listRules()

/** What Prometheus adds to each series, and the one series that it makes of a scrape. */
const targetLabels = ['job', 'instance']

interface Known {
  /** Labels of each series. */
  series: Record<string, string>[]
  type: string
}

function know(metric: string): Known {
  if (metric === 'up') return { series: [{}], type: 'gauge' }
  const rule = rules.find(({ record }) => record === metric)
  if (rule !== undefined) {
    const labels = readQuery(rule.expr).kept ?? []
    return { series: [Object.fromEntries(labels.map((label) => [label, 'any']))], type: 'gauge' }
  }
  const family = families.find(({ samples }) => samples.some(({ name }) => name === metric))
  assert.ok(family, `no metric ${metric} in the scrape`)
  const samples = family.samples.filter(({ name }) => name === metric)
  return { series: samples.map(({ labels }) => labels), type: family.type }
}

/** Names, labels and values exist. */
function checkNames({ metric, matchers, grouping }: Selector): void {
  const { series } = know(metric)
  const labels = new Set([...series.flatMap((one) => Object.keys(one)), ...targetLabels])
  for (const label of [...grouping, ...matchers.map((matcher) => matcher.label)])
    assert.ok(labels.has(label), `${metric} has no label ${label}`)
  const own = matchers.filter(({ label }) => !targetLabels.includes(label))
  assert.ok(
    series.some((one) => own.every((matcher) => passes(matcher, one[matcher.label] ?? ''))),
    `no series of ${metric} passes ${JSON.stringify(own)}`,
  )
}

/** And only what counts up is asked for its rate. */
function checkSelector(selector: Selector): void {
  checkNames(selector)
  const { metric, inFunction } = selector
  const { type } = know(metric)
  const counts = type === 'counter' || type === 'histogram'
  if (inFunction === 'rate' || inFunction === 'increase')
    assert.ok(counts, `${inFunction} of ${metric}, a ${type}`)
  else assert.ok(!counts, `${metric} is a ${type}: only its rate means something`)
}

describe('panels', () => {
  for (const { where, expr, legend } of panels) {
    it(`${where}${legend === '' ? '' : ` (${legend})`}`, () => {
      const { selectors, kept } = readQuery(expr)
      assert.notEqual(selectors.length, 0)
      for (const selector of selectors) checkSelector(selector)
      const named = [...legend.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1] as string)
      const given = kept ?? [...Object.keys(know(selectors[0]!.metric).series[0] ?? {}), ...targetLabels]
      assert.deepEqual(
        named.filter((label) => !given.includes(label)),
        [],
        'labels of the legend that the result lacks',
      )
      if (kept !== null)
        assert.deepEqual(
          [...new Set(kept)].filter((label) => !named.includes(label) && legend !== ''),
          [],
        )
    })
  }
  it('every metric of ours is shown somewhere', () => {
    const shown = panels.flatMap(({ expr }) => readQuery(expr).selectors.map(({ metric }) => metric))
    const missing = families
      .map(({ name }) => name)
      .filter((name) => /^(?:dragoman|gen_ai)_/.test(name))
      .filter(
        (name) =>
          !shown.some((metric) => metric === name || metric.replace(/_(?:bucket|sum|count)$/, '') === name),
      )
    assert.deepEqual(missing, [], 'add a panel in deploy/grafana, then `npm run dashboards`')
  })
})

describe('variables', () => {
  for (const { where, selector, label } of listVariableQueries()) {
    it(where, () => {
      const [read] = readQuery(selector).selectors
      assert.ok(read)
      checkNames(read)
      const names = know(read.metric).series.flatMap((one) => Object.keys(one))
      assert.ok([...names, ...targetLabels].includes(label), `${read.metric} has no label ${label}`)
    })
  }
})

describe('rules', () => {
  for (const { alert, record, expr, labels, annotations } of rules) {
    it(`${alert ?? record}`, () => {
      const { selectors } = readQuery(expr)
      assert.notEqual(selectors.length, 0)
      for (const selector of selectors) checkSelector(selector)
      if (alert === undefined) return
      assert.match(alert, /^Dragoman[A-Z]/)
      assert.match(labels?.severity ?? '', /^(?:critical|warning)$/)
      assert.ok(annotations?.summary && annotations.description, 'says what is wrong and what to do')
    })
  }
})

describe('the reader of queries', () => {
  for (const wrong of [
    'sum(',
    'rate(up)',
    'up[5m]',
    'histogram_quantile(0.9, sum by (le) (a_bucket[5m]))',
    'a{b=c}',
    'nonsense(a)',
  ])
    it(`refuses ${wrong}`, () => assert.throws(() => readQuery(wrong), /PromQL|range/))
  it('knows what a scrape lacks', () => {
    for (const wrong of [
      'dragoman_nothing',
      'up{provider="a"}',
      'sum by (color) (dragoman_streams_open)',
      'dragoman_background_jobs{state="idle"}',
      'rate(dragoman_streams_open[5m])',
    ])
      assert.throws(() => readQuery(wrong).selectors.forEach(checkSelector), assert.AssertionError)
  })
})

it('the files that are made from code are fresh', () => {
  for (const { path, text } of renderFiles(readDeployed(rulesPath)))
    assert.equal(readDeployed(path), text, `deploy/${path} is stale: run \`npm run dashboards\``)
})
