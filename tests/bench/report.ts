/** The bench's figures as tables, and the goals beside them. */

import { deliveredShare, type Figures, type Scenario, slowScenario } from './measure.ts'
import type { ChainFigures } from './measure-chain.ts'
import type { ObserverFigures } from './measure-observers.ts'

export interface Report {
  cores: number
  /** Load average of the machine before the run. */
  load: number
  node: string
  scenarios: { scenario: Scenario; figures: Figures[] }[]
  slow: Figures[]
  /** Megabytes, before and after the slow streams. */
  idle: { target: string; now: number; peak: number }[]
  memory: { target: string; now: number; peak: number }[]
  /** Rows of the request log that the gateway lost. */
  dropped: number | null
  /** Of a chain of `previous_response_id`; null when the gateway was not measured. */
  chain: ChainFigures | null
  /** Event-loop delay p99 in milliseconds with everything logged, and with bare rows alone. */
  loop: { logged: number | null; quiet: number | null }
  observers: ObserverFigures
}

interface Goal {
  what: string
  goal: string
  got: string
  met: boolean
}

export const gatewayName = 'gateway'
/** The same without `store`: what is kept before an answer leaves is all the difference. */
export const unkeptName = 'gateway, store: false'

export function renderReport(report: Report): string {
  const busy = report.load > report.cores / 2
  const lines = [
    `Node.js ${report.node}, ${report.cores} cores, load ${report.load.toFixed(2)} before the run`,
    ...(busy ? ['The machine was busy already: run again when it is not.'] : []),
    '',
    renderTable(
      ['', 'target', 'per second', '÷ pass-through', 'p50 ms', 'p99 ms', 'CPU µs', 'main µs', 'errors'],
      [...report.scenarios, { scenario: slowScenario, figures: report.slow }].flatMap(
        ({ scenario, figures }) =>
          figures.map((one, index) => [index === 0 ? scenario.name : '', ...renderFigures(one)]),
      ),
    ),
    'Per second and CPU: of answers; of streams, of deltas. CPU is that of all threads of the target, main that of its event loop.',
    '',
    renderTable(
      ['memory, MB', 'after json and fast streams', `after ${slowScenario.name}`, 'peak'],
      report.memory.map(({ target, now, peak }) => [
        target,
        String(report.idle.find((one) => one.target === target)?.now ?? '?'),
        String(now),
        String(peak),
      ]),
    ),
    '',
    ...renderKeeping(report),
    describeObservers(report.observers),
    '',
    ...renderGoals(listGoals(report)),
    ...listComplaints(report),
  ]
  return lines.join('\n')
}

/** What it costs to keep each response before its answer leaves, and what a long chain costs. */
function renderKeeping({ scenarios, chain }: Report): string[] {
  const rows = scenarios.flatMap(({ scenario, figures }) => {
    const [kept, unkept] = [find(figures, gatewayName), find(figures, unkeptName)]
    if (kept === undefined || unkept === undefined) return []
    const more = (own: number | null, other: number | null) =>
      own === null || other === null ? '?' : (own - other).toFixed(2)
    return [
      [
        scenario.name,
        (kept.rate / unkept.rate).toFixed(2),
        more(kept.p50, unkept.p50),
        more(kept.p99, unkept.p99),
        more(kept.mainCpu, unkept.mainCpu),
        more(kept.cpu, unkept.cpu),
      ],
    ]
  })
  if (rows.length === 0) return []
  const head = ['committed before the answer', '÷ store: false', 'more p50 ms', 'p99 ms', 'main µs', 'CPU µs']
  return [renderTable(head, rows), '', ...(chain === null ? [] : [describeChain(chain), ''])]
}

function describeChain({ turns, first, last, sent }: ChainFigures): string {
  const ratio = (value: number) => (value / first).toFixed(1)
  return `chain: turn 2 takes ${first.toFixed(2)} ms, turn ${turns} ${last.toFixed(2)} ms (${ratio(last)} ×); the same history sent by the client ${sent.toFixed(2)} ms (${ratio(sent)} ×)`
}

function describeObservers({ metrics, untraced, traced }: ObserverFigures): string {
  const number = (value: number) => value.toFixed(2)
  return `of a request, µs: metrics ${number(metrics)}; tracing, when it is off ${number(untraced)}, when it is on ${number(traced)}`
}

function renderGoals(goals: Goal[]): string[] {
  if (goals.length === 0) return ['The gateway was not measured.']
  const rows = goals.map(({ what, goal, got, met }) => [what, goal, got, met ? 'met' : 'MISSED'])
  return [renderTable(['', 'goal', 'measured', ''], rows)]
}

function renderFigures(one: Figures): string[] {
  const number = (value: number | null, digits: number) => (value === null ? '?' : value.toFixed(digits))
  return [
    one.target,
    number(one.rate, 0),
    number(one.ratio, 2),
    number(one.p50, 3),
    number(one.p99, 3),
    number(one.cpu, 1),
    number(one.mainCpu, 1),
    String(one.errors),
  ]
}

/** The goals and how far the gateway is from them; empty when it was not measured. */
function listGoals({ scenarios, slow, memory, dropped, loop }: Report): Goal[] {
  const goals: Goal[] = []
  for (const { scenario, figures } of scenarios) {
    const gateway = find(figures, gatewayName)
    if (gateway === undefined) continue
    if (scenario.connections === 1) goals.push(...addedGoal(figures))
    else goals.push(atLeast(`${scenario.name}, ÷ pass-through`, gateway.ratio, scenario.stream ? 0.5 : 0.45))
  }
  const gateway = find(slow, gatewayName)
  if (gateway === undefined) return goals
  const peak = memory.find(({ target }) => target === gatewayName)?.peak ?? null
  const pass = slow[0]!
  const share = deliveredShare(gateway, slowScenario)
  goals.push(
    { what: slowScenario.name, goal: 'no error', got: `${gateway.errors} errors`, met: gateway.errors === 0 },
    {
      what: '  delivered in time',
      goal: 'reported',
      got: `${share.toFixed(0)} % (pass-through ${deliveredShare(pass, slowScenario).toFixed(0)} %)`,
      met: true,
    },
    {
      what: '  memory',
      goal: '< 300 MB',
      got: `${peak ?? '?'} MB at its peak`,
      met: peak !== null && peak < 300,
    },
    { what: 'log rows dropped', goal: '0', got: String(dropped ?? '?'), met: dropped === 0 },
  )
  if (loop.logged !== null && loop.quiet !== null)
    goals.push({
      what: 'event-loop delay p99, all logged ÷ bare rows',
      goal: '≤ 1.5',
      got: `${(loop.logged / loop.quiet).toFixed(2)} (${loop.logged.toFixed(1)} ms, ${loop.quiet.toFixed(1)} ms)`,
      met: loop.logged <= loop.quiet * 1.5,
    })
  return goals
}

/** What each adds to the time of the provider itself. */
function addedGoal(figures: Figures[]): Goal[] {
  const [pass, gateway, direct] = ['pass-through', gatewayName, 'provider itself'].map(
    (name) => find(figures, name)?.p50 ?? null,
  )
  if (pass == null || gateway == null || direct == null) return []
  const ratio = (gateway - direct) / (pass - direct)
  const micro = (milliseconds: number) => `${Math.round(milliseconds * 1000)} µs`
  return [
    {
      what: 'added p50 at c=1, ÷ what the pass-through adds',
      goal: '≤ 1.5',
      got: `${ratio.toFixed(2)} (${micro(gateway - direct)}, ${micro(pass - direct)})`,
      met: ratio <= 1.5,
    },
  ]
}

function atLeast(what: string, got: number, goal: number): Goal {
  return { what, goal: `≥ ${goal}`, got: got.toFixed(2), met: got >= goal }
}

function find(figures: Figures[], target: string): Figures | undefined {
  return figures.find((one) => one.target === target)
}

function listComplaints({ scenarios, slow }: Report): string[] {
  const all = [...scenarios.flatMap(({ figures }) => figures), ...slow]
  const complaints = all.flatMap(({ target, complaints: own }) => own.map((text) => `  ${target}: ${text}`))
  return complaints.length === 0 ? [] : ['', 'Requests failed:', ...complaints.slice(0, 10)]
}

export function renderTable(head: string[], rows: string[][]): string {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]!.length)))
  const render = (row: string[]) =>
    row
      .map((cell, column) =>
        /^[\d.?]+$/.test(cell) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!),
      )
      .join('  ')
      .trimEnd()
  return [render(head), widths.map((width) => '─'.repeat(width)).join('  '), ...rows.map(render)].join('\n')
}
