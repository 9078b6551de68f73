/** The measurements, every target in turn within each round, so that what else the machine does meets all alike. */
import type { LoadOrder, LoadResult } from './load-client.ts'
import { createRequestBody, deltaCount, slowDelay } from './payloads.ts'
import {
  type LoadClient,
  projectKey,
  readCpuSeconds,
  readMemory,
  readMetric,
  type Target,
} from './processes.ts'

export interface Plan {
  /** Rounds of each scenario, and milliseconds of each run in it. */
  rounds: number
  duration: number
  /** Milliseconds of a run with 1000 slow streams. */
  slowDuration: number
  /** Milliseconds of warm-up that a target may have at most, per kind of answer. */
  warmup: number
  /** Turns of the long chain. */
  chain: number
}

export const plans = {
  full: { rounds: 5, duration: 1200, slowDuration: 6000, warmup: 15_000, chain: 1000 },
  quick: { rounds: 3, duration: 400, slowDuration: 2000, warmup: 2000, chain: 200 },
} satisfies Record<string, Plan>

export interface Scenario {
  name: string
  stream: boolean
  model: 'mock' | 'mock-slow'
  connections: number
}

export const scenarios: Scenario[] = [1, 16, 64, 256]
  .map(
    (connections): Scenario => ({ name: `json c=${connections}`, stream: false, model: 'mock', connections }),
  )
  .concat({ name: `streams of ${deltaCount}, 64 at once`, stream: true, model: 'mock', connections: 64 })

export const slowScenario: Scenario = {
  name: `1000 streams at ${slowDelay} ms/delta`,
  stream: true,
  model: 'mock-slow',
  connections: 1000,
}

export interface Figures {
  target: string
  /** Answers per second, or deltas per second where streams are counted; the median of the rounds. */
  rate: number
  /** To the first target of the round, the median of the rounds' own ratios. */
  ratio: number
  p50: number | null
  p99: number | null
  /** Microseconds of processor time per answer or delta, all threads; null where unknown. */
  cpu: number | null
  /** The same of the event loop's thread alone. */
  mainCpu: number | null
  errors: number
  complaints: string[]
  deltas: number
  seconds: number
}

interface Sample extends LoadResult {
  rate: number
  cpu: number | null
  mainCpu: number | null
}

/** Runs one scenario against the targets, the first of which is the measure of the others. */
export async function measureScenario({
  client,
  scenario,
  targets,
  rounds,
  duration,
  warmup,
}: {
  client: LoadClient
  scenario: Scenario
  targets: Target[]
  rounds: number
  duration: number
  warmup: number
}): Promise<Figures[]> {
  const samples = new Map<Target, Sample[]>(targets.map((target) => [target, []]))
  for (let round = 0; round < rounds; round++) {
    // Turned round each time: who comes second finds a warmer or a busier machine.
    const order = round % 2 === 0 ? targets : targets.toReversed()
    for (const target of order)
      samples
        .get(target)!
        .push(await measureOnce(client, target, createOrder(scenario, target, duration, warmup)))
  }
  const base = samples.get(targets[0]!)!
  return targets.map((target) => summarise(target, samples.get(target)!, base))
}

function createOrder(scenario: Scenario, target: Target, duration: number, warmup: number): LoadOrder {
  return {
    port: target.port,
    headers: { authorization: `Bearer ${projectKey}` },
    body: createRequestBody(scenario.model, scenario.stream),
    stream: scenario.stream,
    connections: scenario.connections,
    warmup,
    duration,
  }
}

/**
 * Runs a target until the processor time of an answer no longer falls, or `limit` milliseconds: the more code a
 * target has, the more answers it takes until all of it is compiled.
 */
export async function warmUp(
  client: LoadClient,
  target: Target,
  scenario: Scenario,
  limit: number,
): Promise<void> {
  const slice = Math.min(1000, limit / 3)
  let best = Number.POSITIVE_INFINITY
  let idle = 0
  for (let spent = 0; spent < limit && idle < 2; spent += slice) {
    const { cpu, rate } = await measureOnce(client, target, createOrder(scenario, target, slice, 0))
    const cost = cpu ?? (rate === 0 ? best : 1 / rate)
    idle = cost < best * 0.95 ? 0 : idle + 1
    best = Math.min(best, cost)
  }
}

async function measureOnce(client: LoadClient, target: Target, order: LoadOrder): Promise<Sample> {
  const before = readCpuSeconds(target.pid)
  const result = await client.run(order)
  const after = readCpuSeconds(target.pid)
  const count = order.stream ? result.deltas : result.requests
  // The processor was used in the warm-up too: scale to all that was done.
  const all = count * ((order.warmup + order.duration) / order.duration)
  const spent = (kind: 'all' | 'main') =>
    before === null || after === null || count === 0 ? null : ((after[kind] - before[kind]) * 1e6) / all
  return { ...result, rate: count / result.seconds, cpu: spent('all'), mainCpu: spent('main') }
}

function summarise(target: Target, own: Sample[], base: Sample[]): Figures {
  const some = (pick: (sample: Sample) => number | null) =>
    median(own.map(pick).filter((value) => value !== null))
  return {
    target: target.name,
    rate: median(own.map(({ rate }) => rate)) ?? 0,
    ratio:
      median(own.map(({ rate }, round) => (base[round]!.rate === 0 ? 0 : rate / base[round]!.rate))) ?? 0,
    p50: some(({ p50 }) => p50),
    p99: some(({ p99 }) => p99),
    cpu: some(({ cpu }) => cpu),
    mainCpu: some(({ mainCpu }) => mainCpu),
    errors: own.reduce((sum, { errors }) => sum + errors, 0),
    complaints: own.flatMap(({ complaints }) => complaints).slice(0, 3),
    deltas: own.reduce((sum, { deltas }) => sum + deltas, 0),
    seconds: own.reduce((sum, { seconds }) => sum + seconds, 0),
  }
}

function median(values: number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  if (sorted.length === 0) return null
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** Per cent of the deltas that a client without any loss of time would have had. */
export function deliveredShare({ deltas, seconds }: Figures, { connections }: Scenario): number {
  return (deltas / ((connections * seconds * 1000) / slowDelay)) * 100
}

/** Event-loop delay (p99, milliseconds) of a gateway under load at c=64: prom-client starts anew at each scrape. */
export async function measureLoopDelay(
  client: LoadClient,
  target: Target,
  duration: number,
): Promise<number | null> {
  await readMetric(target.port, 'nodejs_eventloop_lag_p99_seconds')
  await client.run(createOrder(scenarios[2]!, target, duration, 0))
  const seconds = await readMetric(target.port, 'nodejs_eventloop_lag_p99_seconds')
  return seconds === null ? null : seconds * 1000
}

export function readMemories(targets: Target[]): { target: string; now: number; peak: number }[] {
  return targets.flatMap((target) => {
    const memory = readMemory(target.pid)
    return memory === null ? [] : [{ target: target.name, ...memory }]
  })
}
