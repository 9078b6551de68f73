/**
 * Two gateways on one real PostgreSQL, in front of a provider that the test leads: in this process, or each in one of
 * its own where one has to be killed.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import OpenAI from 'openai'
import postgres from 'postgres'
import { createApp } from '../../server/app.ts'
import { loadConfig } from '../../server/config/load.ts'
import { createLogger } from '../../server/telemetry/logger.ts'
import { type GatedProvider, startGatedProvider } from './gated-provider.ts'
import { createMigratedDatabase } from './postgres.ts'

export interface OneGateway {
  /** E.g. `http://127.0.0.1:40123`. */
  origin: string
  /** OpenAI's SDK at it. Never retries. */
  client: OpenAI
  /** `POST /v1/responses` with a JSON body. */
  post(body: unknown, headers?: Record<string, string>): Promise<Response>
  /** `GET` of an admin path as JSON. */
  admin<Shape>(path: string): Promise<Shape>
  /** Ends it in order. */
  stop(): Promise<void>
  /** Ends it as a crash does: no handler runs, nothing is flushed. Only of one in a process of its own. */
  kill(): Promise<void>
}

export interface TwoGateways {
  a: OneGateway
  b: OneGateway
  /** Serves `gated/m`, a provider that streams, and `keyed/m`, which has background responses and knows idempotency keys. */
  gated: GatedProvider
  /** `postgres://…` of their store. */
  url: string
  /** One more on the same store. */
  startAnother(): Promise<OneGateway>
  /** As if the keys of seals had been made a year ago: the next gateway that starts makes a new one. */
  ageSealKeys(): Promise<void>
}

export interface TwoGatewaysOptions {
  config?: Record<string, unknown>
  /** Each in a process of its own. Default false. */
  processes?: boolean
}

/** What ends with a test, in the order in which it was told. */
type Ending = Pick<TestContext, 'after'>

/** They end with the test, before their database does. */
export async function startTwoGateways(
  t: Ending,
  { config = {}, processes = false }: TwoGatewaysOptions = {},
): Promise<TwoGateways> {
  const endings: (() => unknown)[] = []
  const later: Ending = { after: (work) => endings.push(work as () => unknown) }
  const url = await createMigratedDatabase(later as TestContext)
  const gated = await startGatedProvider()
  const provider = { baseUrl: gated.url, apiKey: 'provider-key-123456', attempts: 1, models: ['m'] }
  const whole = {
    listen: { host: '127.0.0.1', port: 0 },
    store: { url },
    limits: { drainTimeout: 100 },
    providers: {
      gated: { ...provider, variant: 'open-responses' },
      keyed: { ...provider, variant: 'openai' },
    },
    ...config,
  }
  const running: OneGateway[] = []
  t.after(async () => {
    await Promise.all(running.map((gateway) => gateway.stop()))
    await gated.close()
    for (const end of endings) await end()
  })
  async function start(): Promise<OneGateway> {
    const gateway = processes ? await startProcess(later, whole) : await startHere(whole)
    running.push(gateway)
    return gateway
  }
  // At once, as they are when several are deployed.
  const [a, b] = await Promise.all([start(), start()])
  return { a, b, gated, url, startAnother: start, ageSealKeys: () => ageSealKeys(url) }
}

async function ageSealKeys(url: string): Promise<void> {
  const sql = postgres(url, { max: 1 })
  await sql`UPDATE seal_keys SET created_at = created_at - ${365 * 86_400_000}`
  await sql.end()
}

function reach(origin: string): Pick<OneGateway, 'origin' | 'client' | 'post' | 'admin'> {
  return {
    origin,
    client: new OpenAI({ baseURL: `${origin}/v1`, apiKey: 'none', maxRetries: 0 }),
    post: (body, headers = {}) =>
      fetch(`${origin}/v1/responses`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      }),
    async admin(path) {
      const response = await fetch(`${origin}${path}`)
      if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`)
      return response.json() as never
    },
  }
}

async function startHere(config: Record<string, unknown>): Promise<OneGateway> {
  const runtime = loadConfig({ config, source: 'test', env: {} })
  const logger = createLogger({ env: { LOG_LEVEL: process.env.LOG_LEVEL ?? 'silent' } })
  const app = await createApp({ runtime, env: {}, logger })
  const near = reach(await app.listen())
  let ending: Promise<void> | null = null
  return {
    ...near,
    async admin(path) {
      await app.flush()
      return near.admin(path)
    },
    stop() {
      ending ??= app.close()
      return ending
    },
    kill: () => Promise.reject(new Error('Start the gateways with { processes: true } to kill one.')),
  }
}

const startFile = fileURLToPath(new URL('../../server/start.mjs', import.meta.url))

async function startProcess(t: Ending, config: Record<string, unknown>): Promise<OneGateway> {
  const folder = await mkdtemp(join(tmpdir(), 'dragoman-process-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  await writeFile(join(folder, 'config.json'), JSON.stringify(config))
  const child = spawn(process.execPath, [startFile, '--config', 'config.json'], {
    cwd: folder,
    env: { ...process.env, LOG_LEVEL: 'error' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const gone = once(child, 'exit')
  let said = ''
  const origin = await new Promise<string>((resolve, reject) => {
    const listen = (chunk: Buffer) => {
      said = (said + String(chunk)).slice(-20_000)
      const found = /answers at (http:\S+)\/v1\/responses/.exec(said)?.[1]
      if (found !== undefined) resolve(found)
    }
    child.stdout.on('data', listen)
    child.stderr.on('data', listen)
    gone.then(() => reject(new Error(`The gateway ended before it listened: ${said}`)))
  })
  async function end(signal: NodeJS.Signals): Promise<void> {
    child.kill(signal)
    await gone
  }
  return {
    ...reach(origin),
    stop: () => (child.exitCode === null && child.signalCode === null ? end('SIGTERM') : Promise.resolve()),
    kill: () => end('SIGKILL'),
  }
}
