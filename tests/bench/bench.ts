/**
 * `npm run bench [-- --quick] [--json]`: what the gateway costs, with the log, metrics and authentication on,
 * against a bare pass-through in the same interleaved run. Only ratios mean anything: the load, the provider and the
 * targets share one machine. Ends with code 1 when a request failed, not when a goal was missed.
 */
import { availableParallelism, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import {
  type Figures,
  measureLoopDelay,
  measureScenario,
  plans,
  readMemories,
  scenarios,
  slowScenario,
  warmUp,
} from './measure.ts'
import { measureChain } from './measure-chain.ts'
import { measureObservers } from './measure-observers.ts'
import { readMetric, startGateway, startLoadClient, startScript, type Target } from './processes.ts'
import { gatewayName, type Report, renderReport, unkeptName } from './report.ts'

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    'no-gateway': { type: 'boolean', default: false },
  },
})
const plan = options.quick ? plans.quick : plans.full
const say = (text: string) => process.stderr.write(`${text}\n`)

const running: { stop(): Promise<void> }[] = []
function keep<T extends { stop(): Promise<void> }>(one: T): T {
  running.push(one)
  return one
}

async function measure(): Promise<Report> {
  const load = loadavg()[0]!
  const upstream = keep(await startScript('provider itself', 'mock-upstream.ts'))
  const pass = keep(await startScript('pass-through', 'pass-through.ts', String(upstream.port)))
  const common = { upstreamPort: upstream.port, bodies: 'full', store: true } as const
  const gateways = options['no-gateway']
    ? []
    : [
        keep(await startGateway({ ...common, name: gatewayName })),
        keep(await startGateway({ ...common, name: unkeptName, store: false })),
      ]
  const quiet = options['no-gateway']
    ? null
    : keep(await startGateway({ ...common, name: 'gateway that keeps no bodies', bodies: 'none' }))
  const client = keep(startLoadClient())
  const compared = [pass, ...gateways]

  say('warming up')
  for (const target of compared)
    for (const scenario of [scenarios[2]!, scenarios[4]!]) await warmUp(client, target, scenario, plan.warmup)

  const results: Report['scenarios'] = []
  for (const scenario of scenarios) {
    say(scenario.name)
    // At one connection the provider is asked directly as well: what it takes is nobody's overhead.
    const targets = scenario.connections === 1 ? [...compared, upstream] : compared
    const { rounds, duration } = plan
    results.push({
      scenario,
      figures: await measureScenario({ client, scenario, targets, rounds, duration, warmup: 100 }),
    })
  }
  const idle = readMemories(compared)
  say(slowScenario.name)
  const slow = await measureScenario({
    client,
    scenario: slowScenario,
    targets: compared,
    rounds: 1,
    duration: plan.slowDuration,
    warmup: 1500,
  })
  const memory = readMemories(compared)
  const dropped =
    gateways[0] === undefined ? null : await readMetric(gateways[0].port, 'dragoman_log_rows_dropped_total')
  say('a long chain')
  const chain = gateways[0] === undefined ? null : await measureChain(gateways[0], plan.chain)
  say('event-loop delay')
  const loop = { logged: await delayOf(gateways[0]), quiet: await delayOf(quiet ?? undefined) }
  return {
    cores: availableParallelism(),
    load,
    node: process.version,
    scenarios: results,
    slow,
    idle,
    memory,
    dropped,
    chain,
    loop,
    observers: await measureObservers(),
  }

  async function delayOf(gateway: Target | undefined): Promise<number | null> {
    if (gateway === undefined) return null
    await warmUp(client, gateway, scenarios[2]!, plan.warmup / 2)
    return measureLoopDelay(client, gateway, plan.duration * 2)
  }
}

function countErrors({ scenarios: all, slow }: Report): number {
  const figures: Figures[] = [...all.flatMap((one) => one.figures), ...slow]
  return figures.reduce((sum, { errors }) => sum + errors, 0)
}

try {
  const report = await measure()
  console.log(options.json ? JSON.stringify(report, null, 2) : renderReport(report))
  process.exitCode = countErrors(report) === 0 ? 0 : 1
} finally {
  await Promise.allSettled(running.toReversed().map((one) => one.stop()))
}
