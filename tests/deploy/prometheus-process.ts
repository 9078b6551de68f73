/** The real Prometheus on a free port, with the rules of `deploy/`, scraping gateways every second. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { findPort } from '../support/free-port.ts'
import { deployFolder, readDeployed } from './deployed.ts'

/** Why a test that needs a program is skipped; false where the program is there. */
export function skipWithout(program: string): string | false {
  const { status } = spawnSync(program, ['--version'], { stdio: 'ignore' })
  return status === 0 ? false : `${program} is not installed on this machine`
}

export interface Series {
  metric: Record<string, string>
  value: number
}

export interface Prometheus {
  /** The result of an instant query. */
  query(expr: string): Promise<Series[]>
  /** `data` of any GET below `/api/v1`. */
  get<Shape>(path: string): Promise<Shape>
  close(): Promise<void>
}

/** @param targets origins of gateways. */
export async function startPrometheus(...targets: string[]): Promise<Prometheus> {
  const folder = await mkdtemp(join(tmpdir(), 'dragoman-prometheus-'))
  const config = join(folder, 'prometheus.yaml')
  await writeFile(config, stringify(configFor(targets)))
  const address = `127.0.0.1:${await findPort()}`
  const child = spawn(
    'prometheus',
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=${address}`,
      '--enable-feature=exemplar-storage',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  const origin = `http://${address}`
  await waitUntilReady(origin, child)
  async function get<Shape>(path: string): Promise<Shape> {
    const response = await fetch(`${origin}/api/v1/${path}`)
    const { status, data, error } = (await response.json()) as { status: string; data: Shape; error?: string }
    if (status !== 'success') throw new Error(`${path}: ${error}`)
    return data
  }
  return {
    get,
    async query(expr) {
      const { result } = await get<{ result: { metric: Record<string, string>; value: [number, string] }[] }>(
        `query?query=${encodeURIComponent(expr)}`,
      )
      return result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }))
    },
    async close() {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill()
      await ended
      await rm(folder, { recursive: true, force: true })
    },
  }
}

interface Configuration {
  global: object
  rule_files: string[]
  scrape_configs: { job_name: string; static_configs: { targets: string[] }[] }[]
}

/** The file that is deployed, but in a hurry, and with these gateways for its targets. */
function configFor(targets: readonly string[]): Configuration {
  const deployed = parse(readDeployed('prometheus/prometheus.yaml')) as Configuration
  const job = deployed.scrape_configs.find(({ job_name }) => job_name === 'dragoman')
  if (job === undefined) throw new Error('prometheus.yaml has no job dragoman')
  return {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: deployed.rule_files.map((file) =>
      file.replace('/etc/prometheus/', `${deployFolder}prometheus/`),
    ),
    scrape_configs: [
      { ...job, static_configs: [{ targets: targets.map((target) => new URL(target).host) }] },
    ],
  }
}

async function waitUntilReady(origin: string, child: ChildProcess): Promise<void> {
  let said = ''
  child.stderr?.on('data', (chunk) => {
    said = `${said}${chunk}`.slice(-2000)
  })
  while (child.exitCode === null) {
    const ready = await fetch(`${origin}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    )
    if (ready) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`prometheus ended: ${said}`)
}
