/** The gateway as a process of its own, to be killed and started again on the same store. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const startFile = fileURLToPath(new URL('../../server/start.mjs', import.meta.url))

export interface GatewayProcess {
  /** E.g. `http://127.0.0.1:40123`. */
  origin: string
  /** Takes its life at once: no handler runs, nothing is flushed. */
  kill(): void
  /** Aborts when the process has ended. */
  dead: AbortSignal
  /** Resolves with how it ended. */
  exit: Promise<{ code: number | null; signal: string | null }>
  /** Asks it to stop in order. */
  stop(): Promise<{ code: number | null; signal: string | null }>
  /** What it said on stderr. */
  complaints(): string
}

export interface GatewayPlan {
  folder: string
  /** The origin of the provider. */
  provider: string
  /** Its `store.url`. */
  store: string
}

export async function writeConfig({ folder, provider, store }: GatewayPlan): Promise<void> {
  const config = {
    listen: { host: '127.0.0.1', port: 0 },
    store: { url: store },
    // Where several gateways may be, what a dead one had stays its own for some seconds, and its clients wait.
    state: { idempotencyWait: store.startsWith('postgres:') ? 30_000 : 0 },
    providers: {
      plain: { variant: 'open-responses', baseUrl: `${provider}/plain/v1`, attempts: 1 },
      native: {
        variant: 'openai',
        baseUrl: `${provider}/native/v1`,
        apiKey: 'provider-key-123456',
        attempts: 1,
      },
    },
    models: {
      plain: { targets: [{ provider: 'plain', model: 'crash' }] },
      native: { targets: [{ provider: 'native', model: 'crash' }] },
    },
    prices: {
      plain: { crash: [{ input: 1, output: 10 }] },
      native: { crash: [{ input: 3, output: 30, request: '0.001' }] },
    },
    // Old rows are no less to be there than new ones: retention takes none of them away.
    log: { bodies: 'none', retention: { rowDays: 0, rollupDays: 0 } },
  }
  await writeFile(join(folder, 'crash.json'), JSON.stringify(config))
}

/** Resolves when it listens. `killed`: called with the way to kill it as soon as it runs, before it listens. */
export async function startGatewayProcess(
  folder: string,
  killed: (kill: () => void) => void = () => {},
): Promise<GatewayProcess> {
  const child = spawn(process.execPath, ['--max-semi-space-size=16', startFile, '--config', 'crash.json'], {
    cwd: folder,
    env: { ...process.env, LOG_LEVEL: 'error' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const dead = new AbortController()
  const exit = once(child, 'exit').then(([code, signal]) => {
    dead.abort()
    return { code, signal }
  })
  let complaints = ''
  child.stderr.on('data', (chunk) => {
    complaints = (complaints + chunk).slice(-2_000_000)
  })
  const kill = () => child.kill('SIGKILL')
  killed(kill)
  const origin = await Promise.race([readOrigin(child), exit.then(() => null)])
  if (origin === null) throw new NotStarted(complaints)
  return {
    origin,
    kill,
    dead: dead.signal,
    exit,
    complaints: () => complaints,
    stop() {
      child.kill('SIGTERM')
      return exit
    },
  }
}

/** The process ended before it listened. */
export class NotStarted extends Error {}

function readOrigin(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    child.stdout?.on('data', (chunk) => {
      text = (text + chunk).slice(-20_000)
      const origin = /answers at (http:\S+)\/v1\/responses/.exec(text)?.[1]
      if (origin !== undefined) resolve(origin)
    })
  })
}
