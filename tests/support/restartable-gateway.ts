/** A gateway that can be stopped and started again on the same store, its providers running on. The sandbox is new each time. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import OpenAI from 'openai'
import { type GatedProvider, startGatedProvider } from './gated-provider.ts'
import { startGateway, type TestGateway } from './start-gateway.ts'

export interface RestartableGateway {
  /** The running one. */
  readonly gateway: TestGateway
  /** OpenAI's SDK at the running one. Never retries. */
  readonly client: OpenAI
  /** Serves `gated/m`, a provider that streams and has no background of its own, and `keyed/m`, which has and knows idempotency keys; `lacking/m` lacks its key. */
  gated: GatedProvider
  storeFile: string
  /** Ends the gateway, giving requests in flight `drainTimeout` milliseconds. */
  stop(): Promise<void>
  start(config?: Record<string, unknown>): Promise<void>
  close(): Promise<void>
}

export interface RestartableOptions {
  config?: Record<string, unknown>
  /** Default 0: what runs at the stop goes on in the next one. */
  drainTimeout?: number
  env?: Record<string, string>
}

export async function startRestartable({
  config = {},
  drainTimeout = 0,
  env = {},
}: RestartableOptions = {}): Promise<RestartableGateway> {
  const folder = await mkdtemp(join(tmpdir(), 'dragoman-restart-'))
  const storeFile = join(folder, 'test.db')
  const gated = await startGatedProvider()
  const common = { baseUrl: gated.url, apiKey: 'provider-key-123456', attempts: 1, models: ['m'] }
  async function open(more: Record<string, unknown>): Promise<TestGateway> {
    return startGateway({
      env,
      configure: ({ providers, ...base }) => ({
        ...base,
        store: { url: `sqlite:${storeFile}` },
        limits: { drainTimeout },
        ...config,
        ...more,
        providers: {
          ...(providers as object),
          gated: { ...common, variant: 'open-responses' },
          keyed: { ...common, variant: 'openai' },
          lacking: { ...common, variant: 'openai', apiKey: '${LACKING_KEY}' },
        },
      }),
    })
  }
  let gateway: TestGateway | null = await open({})
  const running = (): TestGateway => {
    if (gateway === null) throw new Error('The gateway is stopped.')
    return gateway
  }
  const restartable: RestartableGateway = {
    get gateway() {
      return running()
    },
    get client() {
      return new OpenAI({ baseURL: `${running().origin}/v1`, apiKey: 'none', maxRetries: 0 })
    },
    gated,
    storeFile,
    async stop() {
      const ending = running()
      gateway = null
      await ending.close()
    },
    async start(more = {}) {
      gateway = await open(more)
    },
    async close() {
      if (gateway !== null) await restartable.stop()
      await gated.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
  return restartable
}
