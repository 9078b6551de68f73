/**
 * `npm run soak [-- --minutes 20 --rate 300]`: mixed traffic at a steady rate against a gateway whose log may keep
 * little, so that retention works all the time. Prints memory, file sizes and losses once a minute, and at the end
 * whether they were flat: the second half against the first. Ends with code 1 when they were not, when rows were lost,
 * or when an answer was not what it should be.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { readMemory, readMetric, startGateway, startScript, stopChild } from '../bench/processes.ts'
import type { TrafficCounts, TrafficOrder } from './traffic.ts'

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '20' },
    rate: { type: 'string', default: '300' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
})
const minutes = Number(options.minutes)
const rate = Number(options.rate)

/**
 * Days that bodies and rows are kept: minutes of this traffic, so that the oldest part is removed all the time from the
 * fourth minute on. The limit of bytes has to do nothing.
 */
const retention = { bodyDays: 2 / 1440, rowDays: 4 / 1440, minuteDays: 4 / 1440 }

/** Shares by which the last quarter may be above the second: memory and files breathe. */
const tolerance = { rssMB: 0.15, fileMB: 0.1 }

interface Sample {
  minute: number
  rssMB: number
  fileMB: number
  walMB: number
  answered: number
  unexpected: number
  p50: number | null
  p99: number | null
  written: number
  dropped: number
}

const upstream = await startScript('provider', 'mock-upstream.ts')
const gateway = await startGateway({
  name: 'gateway',
  upstreamPort: upstream.port,
  bodies: 'full',
  store: false,
  log: { retention },
})
const traffic = fork(fileURLToPath(new URL('traffic.ts', import.meta.url)), {
  stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
})
const samples: Sample[] = []
try {
  traffic.send({ port: gateway.port, rate, seed: Number(options.seed) } satisfies TrafficOrder)
  console.log(
    ['minute', 'RSS MB', 'file MB', 'WAL MB', 'answered', 'wrong', 'p50 ms', 'p99 ms', 'rows', 'lost'].join(
      '\t',
    ),
  )
  for (let minute = 1; minute <= minutes; minute++) {
    await new Promise((resolve) => setTimeout(resolve, 60_000))
    const sample = await takeSample(minute)
    samples.push(sample)
    console.log(Object.values(sample).map(show).join('\t'))
  }
  const counts = await report()
  console.log(JSON.stringify(counts.kinds), counts.complaints.join('\n'))
  process.exitCode = judge(samples) ? 0 : 1
} finally {
  await stopChild(traffic)
  await gateway.stop()
  await upstream.stop()
}

async function report(): Promise<TrafficCounts> {
  traffic.send('report')
  const [counts] = (await once(traffic, 'message')) as [TrafficCounts]
  return counts
}

async function takeSample(minute: number): Promise<Sample> {
  const { ended, unexpected, p50, p99 } = await report()
  return {
    minute,
    rssMB: readMemory(gateway.pid)?.now ?? 0,
    fileMB: megabytes(gateway.storePath),
    walMB: megabytes(`${gateway.storePath}-wal`),
    answered: ended,
    unexpected,
    p50,
    p99,
    written: (await readMetric(gateway.port, 'dragoman_log_rows_written_total')) ?? 0,
    dropped: (await readMetric(gateway.port, 'dragoman_log_rows_dropped_total')) ?? 0,
  }
}

function megabytes(path: string): number {
  return Math.round((statSync(path, { throwIfNoEntry: false })?.size ?? 0) / 1_048_576)
}

function show(value: number | null): string {
  return value === null ? '' : String(Math.round(value * 10) / 10)
}

function judge(all: readonly Sample[]): boolean {
  const quarter = Math.max(1, Math.floor(all.length / 4))
  let good = true
  for (const [name, share] of Object.entries(tolerance) as ['rssMB' | 'fileMB', number][]) {
    const before = mean(all.slice(quarter, 2 * quarter).map((sample) => sample[name]))
    const after = mean(all.slice(-quarter).map((sample) => sample[name]))
    const flat = after <= before * (1 + share)
    good &&= flat
    console.log(
      `${name}: ${show(before)} in the second quarter, ${show(after)} in the last: ${flat ? 'flat' : 'GROWS'}`,
    )
  }
  const last = all.at(-1)
  const lost = last?.dropped ?? 0
  const wrong = last?.unexpected ?? 0
  console.log(`rows lost: ${lost}; answers that were not as they should be: ${wrong}`)
  return good && lost === 0 && wrong === 0
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
}
