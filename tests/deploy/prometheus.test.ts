/** The rules under promtool, and every query of the dashboards asked of a real Prometheus. Skipped where these are not installed. */
import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { parse } from 'yaml'
import { startGateway, type TestGateway } from '../support/start-gateway.ts'
import { deployFolder, listPanelQueries, listRules, listVariableQueries, readDeployed } from './deployed.ts'
import { type Prometheus, skipWithout, startPrometheus } from './prometheus-process.ts'
import { configureTraffic, sendTraffic } from './traffic.ts'

const run = promisify(execFile)
const folder = `${deployFolder}prometheus/`

describe('promtool', { skip: skipWithout('promtool') }, () => {
  it('finds nothing wrong with the rules', async () => {
    const { stdout } = await run('promtool', [
      'check',
      'rules',
      '--lint=all',
      '--lint-fatal',
      `${folder}rules/dragoman.yaml`,
    ])
    assert.match(stdout, new RegExp(`SUCCESS: ${listRules().length} rules`))
  })
  it('finds nothing wrong with the configuration', async () => {
    await run('promtool', ['check', 'config', '--syntax-only', `${folder}prometheus.yaml`])
  })
  it('lets every alert fire where it should, and not elsewhere', async () => {
    await run('promtool', ['test', 'rules', `${folder}tests/dragoman.test.yaml`])
  })
  it('finds nothing wrong with a scrape', async () => {
    const gateway = await startGateway({ configure: configureTraffic })
    try {
      await sendTraffic(gateway)
      const input = await (await fetch(`${gateway.origin}/metrics`)).text()
      const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
        input,
        encoding: 'utf8',
      })
      assert.equal(`${stdout}${stderr}`, '')
      assert.equal(status, 0)
    } finally {
      await gateway.close()
    }
  })
})

it('every alert has a case in which it fires, and one in which it does not', () => {
  const { tests } = parse(readDeployed('prometheus/tests/dragoman.test.yaml')) as {
    tests: { alert_rule_test: { alertname: string; exp_alerts: object[] }[] }[]
  }
  const cases = tests.flatMap((one) => one.alert_rule_test)
  for (const { alert } of listRules()) {
    if (alert === undefined) continue
    const counts = cases
      .filter(({ alertname }) => alertname === alert)
      .map(({ exp_alerts }) => exp_alerts.length)
    assert.ok(
      counts.some((count) => count > 0),
      `${alert} never fires in the tests`,
    )
    assert.ok(counts.includes(0), `${alert} always fires in the tests`)
  }
})

describe('Prometheus', { skip: skipWithout('prometheus') }, () => {
  let gateway: TestGateway
  let prometheus: Prometheus
  before(async () => {
    gateway = await startGateway({ configure: configureTraffic })
    prometheus = await startPrometheus(gateway.origin)
  })
  after(async () => {
    await prometheus?.close()
    await gateway.close()
  })

  /** Traffic once a second until nothing is missing any more; gives up after a minute and returns what still is. */
  async function missingAfterTraffic<Item>(
    items: readonly Item[],
    isThere: (item: Item) => Promise<boolean>,
  ): Promise<Item[]> {
    let missing = [...items]
    for (let round = 0; round < 60 && missing.length > 0; round++) {
      await sendTraffic(gateway)
      await new Promise((resolve) => setTimeout(resolve, 1000))
      const found = await Promise.all(missing.map(isThere))
      missing = missing.filter((_, index) => !found[index])
    }
    return missing
  }

  it('every panel shows data', async () => {
    const missing = await missingAfterTraffic(listPanelQueries('1m'), async ({ expr, legend }) => {
      const labels = [...legend.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1] as string)
      const series = await prometheus.query(expr)
      return series.some(
        ({ metric, value }) => Number.isFinite(value) && labels.every((label) => label in metric),
      )
    })
    assert.deepEqual(missing, [])
  })
  it('every variable offers values', async () => {
    const missing = await missingAfterTraffic(listVariableQueries(), async ({ selector, label }) => {
      const values = await prometheus.get<string[]>(
        `label/${label}/values?match[]=${encodeURIComponent(selector)}`,
      )
      return values.some((value) => value !== '')
    })
    assert.deepEqual(missing, [])
  })
  it('every rule evaluates, and so many errors burn the budget', async () => {
    interface Loaded {
      groups: { rules: { name: string; health: string; lastError?: string; state?: string }[] }[]
    }
    const missing = await missingAfterTraffic(listRules(), async ({ record, alert }) => {
      const { groups } = await prometheus.get<Loaded>('rules')
      const rule = groups.flatMap(({ rules }) => rules).find(({ name }) => name === (record ?? alert))
      if (rule?.health === 'err') throw new Error(`${rule.name}: ${rule.lastError}`)
      if (alert === 'DragomanErrorBudgetBurnsFast') return rule?.state === 'firing'
      if (record !== undefined) return (await prometheus.query(record)).length > 0
      return rule?.health === 'ok'
    })
    assert.deepEqual(missing, [])
  })
})
