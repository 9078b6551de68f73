/** The composition root: the only file that constructs things and knows them all. */
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { canonicalFields } from '../translators/shared/contract-fields.ts'
import { resolveModel } from './config/resolve-model.ts'
import type { Runtime } from './config/runtime.ts'
import type { Exchange } from './gateway/exchange.ts'
import { priceRequests } from './gateway/money/price-requests.ts'
import { createRepricing } from './gateway/money/reprice.ts'
import { combineObservers } from './gateway/observe.ts'
import { createPromptLibrary } from './gateway/prompt-library.ts'
import { createGateway } from './gateway/respond.ts'
import { createSideGateway } from './gateway/side-gateway.ts'
import { createConversationLocks } from './gateway/state/conversation-locks.ts'
import { createIdempotency } from './gateway/state/idempotency.ts'
import { createSealer } from './gateway/state/seal.ts'
import { createTokenCounter } from './gateway/token-counter.ts'
import { createUnderWay } from './gateway/under-way.ts'
import { createHttpApp } from './http/app.ts'
import { createHttpServer, type HttpServer } from './http/create-server.ts'
import { createWebSockets } from './http/websocket.ts'
import {
  createJobs,
  createMaintenance,
  createRemovalClock,
  createRetention,
  createRollupBacklog,
} from './jobs/index.ts'
import { createAdminQueries } from './store/admin-queries.ts'
import { measureParts } from './store/measure-parts.ts'
import { createRollupRebuilding } from './store/rebuild-rollups.ts'
import { openStore } from './store/store.ts'
import { readStoreFigures } from './store/store-figures.ts'
import { readConventions } from './telemetry/conventions.ts'
import { createLogger, createRequestLogger, type Logger } from './telemetry/logger.ts'
import { createMetrics } from './telemetry/metrics.ts'
import { createRequestLog } from './telemetry/request-log.ts'
import { createTracing, passTraceHeaders } from './telemetry/tracing.ts'
import { createUpstreamClient } from './upstream/client.ts'
import { createSseParser } from './upstream/sse-parser.ts'
import { version } from './version.ts'

export interface App {
  /** Starts to accept; resolves with the origin, e.g. `http://127.0.0.1:8787`. */
  listen(): Promise<string>
  /** Lets requests in flight end within `limits.drainTimeout`, flushes the record, and frees everything. */
  close(): Promise<void>
  /** Resolves when every finished request is in the store. */
  flush(): Promise<void>
}

export interface AppOptions {
  runtime: Runtime
  /** For the standard variables of tracing and logging. */
  env: Record<string, string | undefined>
  logger?: Logger
  /** Default: the built dashboard beside this folder. */
  dashboardFolder?: string
}

/** Queued connections that the kernel holds while the process is busy. */
const listenBacklog = 4096

export async function createApp({
  runtime,
  env,
  logger = createLogger({ env }),
  dashboardFolder,
}: AppOptions): Promise<App> {
  const startedAt = new Date()
  const store = await openStore({ url: runtime.store.url, onQuery: (query) => metrics.queried(query) })
  const { state } = store
  const sealer = await createSealer({
    state,
    rotateAfter: runtime.state.keyRotationDays * 86_400_000,
    now: Date.now(),
  })
  const prompts = await createPromptLibrary({
    runtime: () => runtime,
    store: state,
    onError: (error) => logger.error('the prompts could not be read', { error: String(error) }),
  })
  const requestLog = await createRequestLog({
    store,
    settings: runtime.log,
    projects: runtime.projects,
    providerSecrets: providerSecrets(runtime),
    onDropped: (lost) => logger.error('a part of the record was lost', { ...lost }),
  })
  const tracing = await createTracing({ env, version, logger })
  const metrics = createMetrics({
    version,
    models: runtime.models.flatMap(({ pattern, targets }) => [pattern, ...targets.map(({ model }) => model)]),
    providers: runtime.providers.keys(),
    fields: canonicalFields,
    log: () => ({
      written: requestLog.written(),
      dropped: requestLog.dropped(),
      queued: requestLog.queued(),
      bodiesDropped: requestLog.bodiesDropped(),
      queuedBytes: requestLog.queuedBytes(),
    }),
    conventions: readConventions(env),
    config: () => ({ loadedAt: startedAt.getTime(), succeeded: true }),
    jobs: () => ({ running: jobs.running(), queued: jobs.queued() }),
    tails: () => tails,
    store: async () => ({
      ...(await readStoreFigures(store)),
      ...(await measureParts(store)),
      retention: retention.figures(),
    }),
  })
  const underWay = createUnderWay()
  const observer = combineObservers(
    [
      // Before all who look at the cost.
      priceRequests(() => runtime.prices),
      tracing?.observer ?? passTraceHeaders,
      metrics.observer,
      requestLog,
      createRequestLogger(logger),
      underWay.observer,
    ],
    (error) => logger.error('an observer failed', { error: String(error) }),
  )
  const client = createUpstreamClient()
  const tokens = createTokenCounter()
  const onUnexpected = (error: unknown, exchange: Exchange | null) => logUnexpected(logger, error, exchange)
  let draining = false
  let tails = 0
  const parts = {
    state,
    locks: createConversationLocks({ state }),
    sealer,
    prompts,
    runtime: () => runtime,
    resolveModel,
    client,
    createSseParser,
    observer,
    tokens,
    onUnexpected,
  }
  const gateway = createGateway(parts)
  const jobs = createJobs({
    ...parts,
    gateway,
    onTrouble: onUnexpected,
    onOutage: (error) => logOutage(logger, error),
  })
  const removalClock = createRemovalClock({
    onDoubt: (ms) => logger.warn('the clock went ahead: nothing is removed for an hour', { ahead_ms: ms }),
  })
  const maintenance = createMaintenance({
    state,
    sealer,
    now: removalClock,
    holdLease: (lease) => store.step('holdLease', lease),
    onTrouble: (error) => logger.error('what has expired could not be removed', { error: String(error) }),
  })
  const retention = createRetention({
    store,
    now: removalClock,
    settings: () => runtime.log.retention,
    onTrouble: (error) => logger.error('retention of the log', { error: String(error) }),
  })
  const backlog = createRollupBacklog({
    store,
    settings: () => runtime.log.retention,
    onTrouble: (error) =>
      logger.error('requests of before the upgrade could not be counted', { error: String(error) }),
  })
  const serving = {
    runtime: () => runtime,
    gateway,
    observer,
    draining: () => draining,
    onUnexpected,
  }
  const app = await createHttpApp({
    ...serving,
    sides: createSideGateway(gateway, parts),
    state,
    jobs,
    idempotency: createIdempotency({ state }),
    prompts,
    admin: {
      queries: createAdminQueries(store),
      version,
      startedAt,
      logRowsDropped: () => requestLog.dropped(),
      storeState: () => ({
        problem: store.problem(),
        warning: retention.warning(),
        rowsQueued: requestLog.queued(),
        bodiesDropped: requestLog.bodiesDropped(),
        retention: retention.figures(),
      }),
      onTails: (open) => {
        tails = open
      },
      repricing: createRepricing({ store, prices: () => runtime.prices, providers: () => runtime.providers }),
      rebuilding: createRollupRebuilding(store),
    },
    scrape: (accept) => metrics.scrape(accept),
    problems: () =>
      [draining ? 'shutting down' : null, store.problem()].filter((problem) => problem !== null),
    warnings: () => [retention.warning()].filter((warning) => warning !== null),
    dashboardFolder: dashboardFolder ?? fileURLToPath(new URL('../dashboard/dist', import.meta.url)),
  })
  const httpServer = createHttpServer({
    limits: runtime.limits,
    handler: app.callback(),
    webSockets: createWebSockets(serving),
  })
  return {
    async listen() {
      await jobs.start()
      maintenance.start()
      retention.start()
      backlog.start()
      return listen(httpServer.server, runtime.listen)
    },
    flush: () => requestLog.flush(),
    async close() {
      draining = true
      const { drainTimeout } = runtime.limits
      await Promise.all([
        drain(httpServer, drainTimeout),
        jobs.stop(drainTimeout),
        maintenance.stop(),
        retention.stop(),
        backlog.stop(),
      ])
      await client.destroy()
      await underWay.settled(lastWords)
      await jobs.leave()
      prompts.close()
      await tokens.close()
      await observer.close()
      await store.close()
      await tracing?.shutdown()
    },
  }
}

function listen(server: Server, { host, port }: Runtime['listen']): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, listenBacklog, () => {
      server.off('error', reject)
      const address = server.address() as AddressInfo
      resolve(
        `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`,
      )
    })
  })
}

/** Milliseconds that exchanges get to conclude, and to be recorded, when their connections are gone. */
const lastWords = 5000

/** Milliseconds between two looks for connections that have become idle while the server drains. */
const drainSweep = 50

/** Stops accepting, ends connections as they become idle, and cuts what is still running after `timeout` milliseconds. */
function drain({ server, closeIdle, closeAll }: HttpServer, timeout: number): Promise<void> {
  if (!server.listening) return Promise.resolve()
  return new Promise((resolve) => {
    const timer = setTimeout(closeAll, timeout)
    const sweep = setInterval(closeIdle, drainSweep)
    server.close(() => {
      clearTimeout(timer)
      clearInterval(sweep)
      resolve()
    })
  })
}

function providerSecrets(runtime: Runtime): string[] {
  return [...runtime.providers.values()].flatMap(({ credentials }) =>
    [credentials.apiKey, credentials.adminKey].filter((secret) => secret !== undefined),
  )
}

function logOutage(logger: Logger, error: unknown): void {
  if (error === null) logger.info('the store answers again: background jobs go on')
  else logger.error('the store does not answer: background jobs wait for it', { error: String(error) })
}

function logUnexpected(logger: Logger, error: unknown, exchange: Exchange | null): void {
  logger.error('a request failed unexpectedly', {
    request_id: exchange?.id,
    trace_id: exchange?.traceId,
    error: error instanceof Error ? (error.stack ?? error.message) : String(error),
  })
}
