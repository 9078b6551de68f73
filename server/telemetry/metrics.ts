import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { Exchange, Observer } from '../gateway/exchange.ts'
import { type Conventions, readConventions } from './conventions.ts'
import type { ConfigFigures, LogFigures, QueryFigures, StoreFigures } from './metrics-figures.ts'
import { createGenAiSeries } from './metrics-genai.ts'
import { createLabelLimiter } from './metrics-labels.ts'
import { createReadGauge } from './metrics-read.ts'
import { createAttemptRecorder, createRequestRecorder } from './metrics-recorders.ts'
import { createAttemptSeries, createQuerySeries, createRequestSeries } from './metrics-series.ts'
import { addLogSeries, addStoreSeries } from './metrics-store.ts'
import { chooseFormat, tidyText } from './metrics-text.ts'
import { createUseSeries } from './metrics-tokens.ts'

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
  /** Read once at each scrape, for two seconds at most; without it the store's metrics are left out. */
  store?: () => StoreFigures | Promise<StoreFigures>
  /** Background responses, read at each scrape: those that run here, and those accepted here that wait for a place. */
  jobs?: () => { running: number; queued: number }
  /** Live tails of the log that are open; without it they are left out. */
  tails?: () => number
  /** Read at each scrape; without it the configuration's metrics are left out. */
  config?: () => ConfigFigures
  /** For the names of the GenAI metrics. Default: those of the last release. */
  conventions?: Conventions
  /** Whether to report the process and its event loop. Default true. */
  processMetrics?: boolean
}

export interface Metrics {
  observer: Observer
  /**
   * The text for `GET /metrics`.
   * @param accept the header; OpenMetrics, with exemplars, for who asks for it. Default: the text format 0.0.4.
   */
  scrape(accept?: string): Promise<{ contentType: string; body: string }>
  /** A query of the log is over. */
  queried(query: QueryFigures): void
  /** Model names of a configuration loaded later. */
  knowModels(names: Iterable<string>): void
}

/** Milliseconds that the store may take to tell of itself: Prometheus waits no more than ten seconds for all of a scrape. */
const storeTimeout = 2000

const queryOutcomes: readonly QueryFigures['outcome'][] = ['answered', 'timeout', 'refused', 'failed']

/** More than there are queries: their names are the gateway's own. */
const maxQueries = 64

/**
 * Metrics of this gateway, nothing global. What every request adds to is kept in cells, what is read at a scrape in a
 * registry of prom-client. Every label is closed or capped (see metrics-labels.ts).
 */
export function createMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry()
  const { cells, observer, knowModels, queried } = createRecorders(options)
  const inFlight = createInFlight(registry)
  let figures: StoreFigures | null = null
  addReadSeries(registry, options)
  if (options.store !== undefined) addStoreSeries(registry, () => figures)
  if (options.processMetrics ?? true) addProcessSeries(registry)
  return {
    knowModels,
    queried,
    observer: {
      ...observer,
      started: inFlight.started,
      firstOutput: inFlight.firstOutput,
      finished(exchange) {
        inFlight.finished(exchange)
        if (!exchange.handedOver) observer.finished(exchange)
      },
    },
    async scrape(accept = '') {
      if (options.store !== undefined) figures = await readStore(options.store)
      const format = chooseFormat(accept)
      const texts = cells.map((cell) => cell.render(format.isOpenMetrics))
      texts.push(tidyText(await registry.metrics(), format), format.isOpenMetrics ? '# EOF\n' : '')
      return { contentType: format.contentType, body: texts.join('') }
    },
  }
}

/** What requests, calls and queries add to. */
function createRecorders({ models: known, maxOtherModels: maxOthers = 50, ...options }: MetricsOptions) {
  const models = createLabelLimiter({ known, maxOthers })
  const responseModels = createLabelLimiter({ known, maxOthers })
  const queryNames = createLabelLimiter({ maxOthers: maxQueries })
  const request = createRequestSeries()
  const attempt = createAttemptSeries()
  const use = createUseSeries()
  const genAi = createGenAiSeries(options.conventions ?? readConventions({}))
  const queries = createQuerySeries()
  const attempts = createAttemptRecorder({
    series: attempt,
    genAi,
    models,
    responseModels,
    providers: options.providers ?? [],
  })
  const groups = [request, attempt, use, queries].flatMap((group) => Object.values<Rendered>(group))
  return {
    cells: [...groups, ...genAi.metrics] as Rendered[],
    observer: {
      attemptStarted: attempts.started,
      attemptEnded: attempts.ended,
      finished: createRequestRecorder({ series: request, use, models, fields: options.fields ?? [] }),
    },
    queried({ name, milliseconds, outcome }: QueryFigures): void {
      const query = queryNames.label(name, true)
      queries.durations.cell(query).observe(milliseconds / 1000)
      // From 0 on, since nobody sees a first timeout rise from nothing.
      for (const one of queryOutcomes) queries.outcomes.cell(query, one).inc(one === outcome ? 1 : 0)
    },
    knowModels(names: Iterable<string>): void {
      const list = [...names]
      models.know(list)
      responseModels.know(list)
    },
  }
}

interface Rendered {
  render(openMetrics: boolean): string
}

/** Null when the store does not say in time. */
async function readStore(store: NonNullable<MetricsOptions['store']>): Promise<StoreFigures | null> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(resolve, storeTimeout, null)
  })
  try {
    return await Promise.race([store(), late])
  } catch {
    return null
  } finally {
    clearTimeout(timer)
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

function addReadSeries(registry: Registry, { version, log, jobs, tails, config }: MetricsOptions): void {
  new Gauge({
    registers: [registry],
    name: 'dragoman_build_info',
    help: 'Always 1; the labels tell what runs.',
    labelNames: ['version', 'node_version'],
  })
    .labels(version, process.versions.node)
    .set(1)
  if (log !== undefined) addLogSeries(registry, log)
  if (jobs !== undefined) addJobSeries(registry, jobs)
  if (config !== undefined) addConfigSeries(registry, config)
  if (tails !== undefined)
    createReadGauge({
      registry,
      name: 'dragoman_live_tails_open',
      help: 'Live tails of the request log that are open.',
      read: tails,
    })
}

function addConfigSeries(registry: Registry, config: () => ConfigFigures): void {
  createReadGauge({
    registry,
    name: 'dragoman_config_last_load_successful',
    help: '1 when the last try to load a configuration succeeded, else 0.',
    read: () => (config().succeeded ? 1 : 0),
  })
  createReadGauge({
    registry,
    name: 'dragoman_config_last_load_success_timestamp_seconds',
    help: 'When the configuration in force was loaded, in Unix seconds.',
    read: () => config().loadedAt / 1000,
  })
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
