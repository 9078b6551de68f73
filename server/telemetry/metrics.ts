import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { Exchange, Observer } from '../gateway/exchange.ts'
import type { ConfigFigures, LogFigures, StoreFigures } from './metrics-figures.ts'
import { createLabelLimiter } from './metrics-labels.ts'
import { createAttemptRecorder, createRequestRecorder } from './metrics-recorders.ts'
import {
  createAttemptSeries,
  createGenAiSeries,
  createReadCounter,
  createReadGauge,
  createRequestSeries,
} from './metrics-series.ts'

export interface MetricsOptions {
  /** Of the gateway. */
  version: string
  /** Model names of the configuration: aliases, and the names that targets have at their providers. */
  models?: Iterable<string>
  /** Provider ids of the configuration: their counters start at 0 instead of being absent until the first failure. */
  providers?: Iterable<string>
  /** Canonical field names that adaptations may name; any other counts as `_other`. */
  fields?: Iterable<string>
  /** Places for model names that are not in the configuration (wildcards, direct routing). Default 50. */
  maxOtherModels?: number
  /** Read at each scrape; without it the log's metrics are left out. */
  log?: () => LogFigures
  /** Read at each scrape; without it the store's metrics are left out. */
  store?: () => StoreFigures | Promise<StoreFigures>
  /** Background responses, read at each scrape: those that run here, and those accepted here that wait for a place. */
  jobs?: () => { running: number; queued: number }
  /** Live tails of the log that are open; without it they are left out. */
  tails?: () => number
  /** Read at each scrape; without it the configuration's metrics are left out. */
  config?: () => ConfigFigures
  /** Whether to report the process and its event loop. Default true. */
  processMetrics?: boolean
}

export interface Metrics {
  observer: Observer
  /** The text for `GET /metrics`. */
  scrape(): Promise<{ contentType: string; body: string }>
  /** Model names of a configuration loaded later. */
  knowModels(names: Iterable<string>): void
}

/**
 * Metrics of this gateway, nothing global. What every request adds to is kept in cells, what is read at a scrape in a
 * registry of prom-client. Every label is closed or capped (see metrics-labels.ts).
 */
export function createMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry()
  const maxOthers = options.maxOtherModels ?? 50
  const models = createLabelLimiter({ known: options.models, maxOthers })
  const responseModels = createLabelLimiter({ known: options.models, maxOthers })
  const series = {
    request: createRequestSeries(),
    attempt: createAttemptSeries(),
    genAi: createGenAiSeries(),
  }
  const cells = Object.values(series).flatMap((group) => Object.values<{ render(): string }>(group))
  const requests = createRequestRecorder({ series: series.request, models, fields: options.fields ?? [] })
  const attempts = createAttemptRecorder({
    series: series.attempt,
    genAi: series.genAi,
    models,
    responseModels,
    providers: options.providers ?? [],
  })
  const inFlight = createInFlight(registry)
  addReadSeries(registry, options)
  if (options.processMetrics ?? true) addProcessSeries(registry)
  return {
    observer: {
      started: inFlight.started,
      attemptStarted: attempts.started,
      attemptEnded: attempts.ended,
      firstOutput: inFlight.firstOutput,
      finished(exchange) {
        inFlight.finished(exchange)
        requests(exchange)
      },
    },
    async scrape() {
      // prom-client writes NaN (an event loop not measured yet) in a spelling of its own.
      const own = (await registry.metrics()).replaceAll(/ Nan$/gm, ' NaN')
      return {
        contentType: registry.contentType,
        body: [...cells.map((cell) => cell.render()), own].join('\n'),
      }
    },
    knowModels(names) {
      const list = [...names]
      models.know(list)
      responseModels.know(list)
    },
  }
}

/** Sets rather than numbers: an exchange that an observer sees twice, or only the end of, cannot skew them. */
function createInFlight(registry: Registry) {
  const requests = new Set<Exchange>()
  const streams = new Set<Exchange>()
  createReadGauge({
    registry,
    name: 'dragoman_requests_in_flight',
    help: 'Requests admitted and not yet answered to the end.',
    read: () => requests.size,
  })
  createReadGauge({
    registry,
    name: 'dragoman_streams_open',
    help: 'Streams of which the first event has been sent and the last has not.',
    read: () => streams.size,
  })
  return {
    started(exchange: Exchange): void {
      requests.add(exchange)
    },
    firstOutput(exchange: Exchange): void {
      if (exchange.stream) streams.add(exchange)
    },
    finished(exchange: Exchange): void {
      requests.delete(exchange)
      streams.delete(exchange)
    },
  }
}

function addReadSeries(registry: Registry, { version, log, store, jobs }: MetricsOptions): void {
  new Gauge({
    registers: [registry],
    name: 'dragoman_build_info',
    help: 'Always 1; the labels tell what runs.',
    labelNames: ['version', 'node_version'],
  })
    .labels(version, process.versions.node)
    .set(1)
  if (log !== undefined) addLogSeries(registry, log)
  if (store !== undefined) addStoreSeries(registry, store)
  if (jobs !== undefined) addJobSeries(registry, jobs)
}

function addJobSeries(registry: Registry, jobs: NonNullable<MetricsOptions['jobs']>): void {
  new Gauge({
    registers: [registry],
    name: 'dragoman_background_jobs',
    help: 'Background responses in this process, by state: running, or queued (accepted and waiting for a place).',
    labelNames: ['state'],
    collect() {
      const { running, queued } = jobs()
      this.labels('running').set(running)
      this.labels('queued').set(queued)
    },
  })
}

function addLogSeries(registry: Registry, log: () => LogFigures): void {
  createReadCounter({
    registry,
    name: 'dragoman_log_rows_written_total',
    help: 'Rows of the request log committed to the store; a request written while it runs counts again at its end.',
    read: () => log().written,
  })
  createReadCounter({
    registry,
    name: 'dragoman_log_rows_dropped_total',
    help: 'Rows of the request log lost because the queue was full or the store refused them.',
    read: () => log().dropped,
  })
  createReadGauge({
    registry,
    name: 'dragoman_log_rows_queued',
    help: 'Rows of the request log waiting for the writer.',
    read: () => log().queued,
  })
  createReadCounter({
    registry,
    name: 'dragoman_log_bodies_dropped_total',
    help: 'Requests of which the log kept the row and lost the bodies.',
    read: () => log().bodiesDropped ?? 0,
  })
  createReadGauge({
    registry,
    name: 'dragoman_log_queued_bytes',
    help: 'Bytes of bodies waiting for the writer of the request log.',
    read: () => log().queuedBytes ?? 0,
  })
}

function addStoreSeries(registry: Registry, store: () => StoreFigures | Promise<StoreFigures>): void {
  createReadGauge({
    registry,
    name: 'dragoman_store_size_bytes',
    help: 'Size of the store on disk, in bytes.',
    read: async () => (await store()).sizeBytes,
  })
  createReadGauge({
    registry,
    name: 'dragoman_store_healthy',
    help: '1 while the store can be written to, else 0.',
    read: async () => ((await store()).healthy ? 1 : 0),
  })
}

/** Gauges that prom-client names like counters; `promtool check metrics` refuses them, and each has its sum in a twin. */
const misnamed = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
]

function addProcessSeries(registry: Registry): void {
  collectDefaultMetrics({ register: registry })
  for (const name of misnamed) registry.removeSingleMetric(name)
}
