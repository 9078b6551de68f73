/** Starts, watches and stops the processes of the bench. */
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { LoadOrder, LoadResult } from './load-client.ts'

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const root = fileURLToPath(new URL('../../', import.meta.url))
/** What `npm start` gives to Node. */
const startArguments = (
  JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { scripts: { start: string } }
).scripts.start
  .split(' ')
  .slice(1)

/** Opens the metrics and the admin API. */
export const adminKey = 'admin-bench-0123456789abcdef'
/** The key that the load presents; the gateway checks it. */
export const projectKey = 'sk-bench-0123456789abcdef'

export interface Target {
  name: string
  pid: number
  port: number
  /** Ends the process and what it left behind. */
  stop(): Promise<void>
}

export interface LoadClient {
  run(order: LoadOrder): Promise<LoadResult>
  stop(): Promise<void>
}

export async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 3000)
  await ended
  clearTimeout(timer)
}

/** Resolves with what `find` makes of a line of the child's output; rejects with its stderr when it ends before. */
function waitForLine<T>(child: ChildProcess, name: string, find: (line: string) => T | null): Promise<T> {
  return new Promise((resolve, reject) => {
    let complaints = ''
    child.stderr?.on('data', (text) => {
      complaints = (complaints + text).slice(-4000)
    })
    child.once('error', reject)
    child.once('exit', (code) =>
      reject(new Error(`${name} ended with code ${code} instead of starting:\n${complaints}`)),
    )
    createInterface({ input: child.stdout! }).on('line', (line) => {
      const found = find(line)
      if (found !== null) resolve(found)
    })
  })
}

/** A script of this folder that prints its port. */
export async function startScript(name: string, script: string, ...args: string[]): Promise<Target> {
  const child = spawn(process.execPath, [here(script), ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const port = await waitForLine(child, name, (line) => Number(line) || null)
  return { name, pid: child.pid!, port, stop: () => stopChild(child) }
}

export interface GatewayPlan {
  name: string
  upstreamPort: number
  /** What the log keeps. */
  bodies: 'full' | 'none'
  /** Whether responses are kept, each before its answer leaves. */
  store: boolean
  /** More of `log`, and of the whole configuration. */
  log?: Record<string, unknown>
  settings?: Record<string, unknown>
}

export interface Gateway extends Target {
  /** The file of its store. */
  storePath: string
}

/** The gateway as anyone starts it, with a key to check, metrics, and what the plan says of the record. */
export async function startGateway(plan: GatewayPlan): Promise<Gateway> {
  const { name } = plan
  const folder = await mkdtemp(join(tmpdir(), 'dragoman-bench-'))
  const config = join(folder, 'config.json')
  await writeFile(config, JSON.stringify(createConfig(folder, plan)))
  const env = { ...process.env, NODE_ENV: 'production', LOG_LEVEL: 'warn', OTEL_SDK_DISABLED: 'true' }
  const child = spawn(process.execPath, [...startArguments, '--config', config], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const port = await waitForLine(
    child,
    name,
    (line) => Number(/http:\/\/127\.0\.0\.1:(\d+)/.exec(line)?.[1]) || null,
  )
  return {
    name,
    pid: child.pid!,
    port,
    storePath: storePathIn(folder),
    async stop() {
      await stopChild(child)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

const storePathIn = (folder: string) => join(folder, 'dragoman.db')

function createConfig(folder: string, { upstreamPort, bodies, store, log, settings }: GatewayPlan) {
  const models = ['mock', 'mock-slow'].map((model) => [model, { targets: [{ provider: 'mock', model }] }])
  return {
    listen: { host: '127.0.0.1', port: 0 },
    store: { url: `sqlite:${storePathIn(folder)}` },
    admin: { key: adminKey },
    projects: { bench: { name: 'Bench', keys: [projectKey] } },
    providers: {
      mock: {
        variant: 'openai',
        baseUrl: `http://127.0.0.1:${upstreamPort}/v1`,
        apiKey: 'sk-mock',
        maxConnections: 1024,
      },
    },
    models: Object.fromEntries(models),
    log: { bodies, ...log },
    state: { store },
    ...settings,
  }
}

export function startLoadClient(): LoadClient {
  const child = fork(here('load-client.ts'), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  return {
    async run(order) {
      child.send(order)
      const [result] = (await once(child, 'message')) as [LoadResult]
      return result
    },
    stop: () => stopChild(child),
  }
}

/** Seconds of processor time that a process has had: all its threads, and the one of its event loop. Null where `/proc` does not tell. */
export function readCpuSeconds(pid: number): { all: number; main: number } | null {
  const read = (path: string) => {
    const text = readFileSync(path, 'latin1')
    const [user, system] = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 13)
    // Linux counts in ticks of 10 ms on every platform that Node.js runs on.
    return (Number(user) + Number(system)) / 100
  }
  try {
    return { all: read(`/proc/${pid}/stat`), main: read(`/proc/${pid}/task/${pid}/stat`) }
  } catch {
    return null
  }
}

/** Megabytes of memory now and at its highest; null where `/proc` does not tell. */
export function readMemory(pid: number): { now: number; peak: number } | null {
  try {
    const text = readFileSync(`/proc/${pid}/status`, 'latin1')
    const read = (name: string) =>
      Math.round(Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(text)?.[1]) / 1024)
    return { now: read('VmRSS'), peak: read('VmHWM') }
  } catch {
    return null
  }
}

/** Sum over all label sets of a metric of the gateway; null when it is not there. */
export async function readMetric(port: number, name: string): Promise<number | null> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`, {
    headers: { 'x-admin-key': adminKey },
  })
  if (!response.ok) throw new Error(`/metrics answered ${response.status}`)
  const text = await response.text()
  const values = [...text.matchAll(new RegExp(`^${name}(?:\\{[^\\n]*\\})? (\\S+)$`, 'gm'))].map(([, value]) =>
    Number(value),
  )
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0)
}
