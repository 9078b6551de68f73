/**
 * `npm run bench:store [-- --rows 10000000 --postgres --folder <dir> --json]`: what the record answers when it is large.
 * Fills a store with made-up traffic, starts a gateway on it, and asks the admin API every kind of question, first alone
 * and then beside traffic, which it must not harm. `--folder` keeps the store there for another run. Ends with code 1 when
 * a question failed; a missed goal is only said.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createRandom } from '../../crash/random.ts'
import type { TrafficCounts, TrafficOrder } from '../../soak/traffic.ts'
import { adminKey, type Gateway, readMetric, startGateway, startScript, stopChild } from '../processes.ts'
import { renderTable } from '../report.ts'
import { type FilledStore, openFilledStore } from './filled-store.ts'
import { type Facts, type Question, questions } from './questions.ts'

const { values: options } = parseArgs({
  options: {
    rows: { type: 'string', default: '10000000' },
    days: { type: 'string', default: '90' },
    rounds: { type: 'string', default: '20' },
    rate: { type: 'string', default: '200' },
    postgres: { type: 'boolean', default: false },
    folder: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
})
const say = (text: string) => process.stderr.write(`${text}\n`)

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** Milliseconds that the 95th of a hundred answers may take. */
const goal = 200

interface Answered {
  kind: Question['kind']
  name: string
  /** Milliseconds. */
  times: number[]
  failures: string[]
}

const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'dragoman-bench-store-')))
const running: { stop(): Promise<void> }[] = []
function keep<T extends { stop(): Promise<void> }>(one: T): T {
  running.unshift(one)
  return one
}

try {
  process.exitCode = (await run()) ? 0 : 1
} finally {
  for (const one of running) await one.stop()
  if (options.folder === undefined) await rm(folder, { recursive: true, force: true })
}

async function run(): Promise<boolean> {
  const store = keep(
    await openFilledStore({
      folder,
      engine: options.postgres ? 'postgres' : 'sqlite',
      rows: Number(options.rows),
      days: Number(options.days),
      say,
    }),
  )
  const upstream = keep(await startScript('provider', 'mock-upstream.ts'))
  const gateway = keep(await startOn(store, upstream.port))
  const rounds = Number(options.rounds)
  say('questions alone')
  await askAll(gateway, store.facts, 2)
  const alone = await askAll(gateway, store.facts, rounds)
  const traffic = startTraffic(gateway.port)
  say('traffic alone')
  await pause(5000)
  await traffic.report()
  await pause(15_000)
  const before = await traffic.report()
  say('questions beside traffic')
  const beside = await askAll(gateway, store.facts, rounds)
  const during = await traffic.report()
  const dropped = await readMetric(gateway.port, 'dragoman_log_rows_dropped_total')
  await traffic.stop()
  print({ store, alone, beside, before, during, dropped })
  return [...alone, ...beside].every(({ failures }) => failures.length === 0)
}

/** Nothing is removed: the rows are to stay what they are. */
function startOn(store: FilledStore, upstreamPort: number): Promise<Gateway> {
  return startGateway({
    name: 'gateway',
    upstreamPort,
    bodies: 'full',
    store: false,
    log: { retention: { bodyDays: 0, rowDays: 0, rollupDays: 0, minuteDays: 0, maxBytes: 0 } },
    settings: { store: { url: store.url } },
  })
}

async function askAll(gateway: Gateway, facts: Facts, rounds: number): Promise<Answered[]> {
  const random = createRandom(rounds)
  const answered = questions.map(({ kind, name }): Answered => ({ kind, name, times: [], failures: [] }))
  for (let round = 0; round < rounds; round++) {
    for (const [index, question] of questions.entries()) {
      await ask(gateway.port, question.path(random, facts), answered[index] as Answered)
    }
  }
  return answered
}

async function ask(port: number, path: string, { times, failures }: Answered): Promise<void> {
  const startedAt = performance.now()
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { 'x-admin-key': adminKey } })
  const text = await response.text()
  times.push(performance.now() - startedAt)
  if (!response.ok && failures.length < 3) failures.push(`${response.status} ${path} ${text.slice(0, 200)}`)
}

function startTraffic(port: number) {
  const child = fork(fileURLToPath(new URL('../../soak/traffic.ts', import.meta.url)), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  child.send({ port, rate: Number(options.rate), seed: 1, admin: false } satisfies TrafficOrder)
  return keep({
    async report(): Promise<TrafficCounts> {
      child.send('report')
      const [counts] = (await once(child, 'message')) as [TrafficCounts]
      return counts
    },
    stop: () => stopChild(child),
  })
}

interface Findings {
  store: FilledStore
  alone: Answered[]
  beside: Answered[]
  before: TrafficCounts
  during: TrafficCounts
  dropped: number | null
}

function print(findings: Findings): void {
  if (options.json) console.log(JSON.stringify({ ...findings, store: findings.store.url.split(':')[0] }))
  else console.log(render(findings))
}

function render({ store, alone, beside, before, during, dropped }: Findings): string {
  const rows = alone.map((one, index) => {
    const loaded = beside[index] as Answered
    const slow = quantile(one.times, 0.95) > goal || quantile(loaded.times, 0.95) > goal
    const shown = [one.times, loaded.times].flatMap((times) =>
      [0.5, 0.95, 1].map((share) => round(quantile(times, share))),
    )
    return [one.kind, one.name, ...shown, slow ? 'over the goal' : '']
  })
  const failures = [...alone, ...beside].flatMap((one) => one.failures)
  return [
    `${options.postgres ? 'PostgreSQL' : 'SQLite'}, ${options.rows} rows over ${options.days} days, ${store.megabytes} MB`,
    '',
    renderTable(
      ['', 'question, ms', 'p50', 'p95', 'max', 'p50 beside', 'p95 beside', 'max beside', ''],
      rows,
    ),
    `Goal: p95 of ${goal} ms. Beside: with ${options.rate} requests a second of mixed traffic.`,
    `Traffic alone: p50 ${round(before.p50)} ms, p99 ${round(before.p99)} ms; beside the questions: p50 ${round(during.p50)} ms, p99 ${round(during.p99)} ms.`,
    `Rows lost: ${dropped ?? '?'}; answers that were not as they should be: ${during.unexpected}`,
    ...failures,
  ].join('\n')
}

function quantile(times: readonly number[], share: number): number {
  const sorted = [...times].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
}

function round(value: number | null): string {
  return value === null ? '?' : value.toFixed(value < 10 ? 1 : 0)
}
