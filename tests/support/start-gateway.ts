import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type App, createApp } from '../../server/app.ts'
import { loadConfig } from '../../server/config/load.ts'
import { type Sandbox, startSandbox } from '../../server/sandbox/index.ts'
import { createLogger, type Logger } from '../../server/telemetry/logger.ts'

export interface TestGateway {
  /** E.g. `http://127.0.0.1:40123`. */
  origin: string
  app: App
  sandbox: Sandbox
  /** The file of its store. */
  storePath: string
  /** `POST /v1/responses` with a JSON body. */
  post(body: unknown, headers?: Record<string, string>): Promise<Response>
  /** `GET` of an admin path as JSON, after everything finished has been written. */
  admin<Shape>(path: string): Promise<Shape>
  close(): Promise<void>
}

export interface TestGatewayOptions {
  /** Changes the sandbox's configuration before it is loaded. */
  configure?(config: Record<string, unknown>): Record<string, unknown>
  env?: Record<string, string>
  /** Default: a silent one. */
  logger?: Logger
}

/** The whole gateway on a free port in front of a fresh sandbox, its store in a temporary folder. */
export async function startGateway({
  configure = (config) => config,
  env = {},
  logger = createLogger({ env: { LOG_LEVEL: 'silent' } }),
}: TestGatewayOptions = {}): Promise<TestGateway> {
  const folder = await mkdtemp(join(tmpdir(), 'dragoman-test-'))
  const storePath = join(folder, 'test.db')
  const sandbox = await startSandbox()
  const start = async () => {
    const config = configure({
      ...structuredClone(sandbox.config),
      listen: { host: '127.0.0.1', port: 0 },
      store: { url: `sqlite:${storePath}` },
    })
    const runtime = loadConfig({ config, source: 'test', env })
    const app = await createApp({ runtime, env, logger })
    return { app, origin: await app.listen() }
  }
  const { app, origin } = await start().catch(async (error: unknown) => {
    // What stays open would keep the test from ending.
    await sandbox.close()
    await rm(folder, { recursive: true, force: true })
    throw error
  })
  return {
    origin,
    app,
    sandbox,
    storePath,
    post: (body, headers = {}) =>
      fetch(`${origin}/v1/responses`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    async admin(path) {
      await app.flush()
      const response = await fetch(`${origin}${path}`)
      if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`)
      return response.json() as never
    },
    async close() {
      await app.close()
      await sandbox.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
