/**
 * Every metric that the gateway records, with its name, help, labels and buckets: the names are an interface
 * (dashboards and alerts are built on them), so a test pins them.
 */
import { Counter, Gauge, type Registry } from 'prom-client'
import { CellCounter, CellHistogram } from './metrics-cells.ts'

/** Seconds; of the GenAI conventions, and three more for long reasoning. */
export const genAiSecondsBuckets = [
  0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92, 163.84, 327.68,
  655.36,
]

/** Tokens; of the GenAI conventions. */
export const genAiTokenBuckets = [
  1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864,
]

/** Seconds of the gateway's own work: fine where it should be, coarse where something is wrong. */
export const overheadBuckets = [
  0.00025, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 4.096,
]

/** Seconds of a whole request, from a refusal to long reasoning. */
export const durationBuckets = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800,
]

/** Seconds until the client sees the first output. */
export const firstTokenBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120]

export type GenAiSeries = ReturnType<typeof createGenAiSeries>
export type RequestSeries = ReturnType<typeof createRequestSeries>
export type AttemptSeries = ReturnType<typeof createAttemptSeries>

/** The client-side metrics of OpenTelemetry's GenAI conventions (v1.41) in Prometheus spelling: one recording per call. */
export function createGenAiSeries() {
  const common = [
    'gen_ai_operation_name',
    'gen_ai_provider_name',
    'gen_ai_request_model',
    'gen_ai_response_model',
  ]
  const seconds = { buckets: genAiSecondsBuckets }
  return {
    operationDuration: new CellHistogram({
      ...seconds,
      name: 'gen_ai_client_operation_duration_seconds',
      help: 'Duration of one call to a provider, in seconds.',
      labelNames: [...common, 'error_type'],
    }),
    timeToFirstChunk: new CellHistogram({
      ...seconds,
      name: 'gen_ai_client_operation_time_to_first_chunk_seconds',
      help: 'Time from sending a streaming call to its first output, in seconds.',
      labelNames: common,
    }),
    timePerOutputChunk: new CellHistogram({
      ...seconds,
      name: 'gen_ai_client_operation_time_per_output_chunk_seconds',
      help: 'Mean time between the output events of one streaming call after the first, in seconds; one recording per call.',
      labelNames: common,
    }),
    tokenUsage: new CellHistogram({
      buckets: genAiTokenBuckets,
      name: 'gen_ai_client_token_usage',
      help: 'Tokens of one call as its provider counted them; cached_input is part of input, reasoning is part of output.',
      labelNames: [...common, 'gen_ai_token_type'],
    }),
  }
}

/** What clients saw. */
export function createRequestSeries() {
  const routed = ['provider', 'model']
  return {
    requests: new CellCounter({
      name: 'dragoman_requests_total',
      help: 'Finished requests by provider, model asked for, stream, final status of the response, class of the HTTP status and error type.',
      labelNames: [...routed, 'stream', 'status', 'http_status', 'error_type'],
    }),
    errors: new CellCounter({
      name: 'dragoman_errors_total',
      help: 'Requests that ended with an error, by whose fault it was (client, gateway, upstream) and its code.',
      labelNames: ['origin', 'code'],
    }),
    tokens: new CellCounter({
      name: 'dragoman_tokens_total',
      help: 'Tokens used, failed calls included, by type; cached_input is part of input, reasoning is part of output.',
      labelNames: [...routed, 'type'],
    }),
    adaptations: new CellCounter({
      name: 'dragoman_adaptations_total',
      help: 'Changes made to requests and responses because the provider cannot take them as they are.',
      labelNames: ['provider', 'field', 'action'],
    }),
    disconnects: new CellCounter({
      name: 'dragoman_client_disconnects_total',
      help: 'Clients that hung up before the end of their answer.',
      labelNames: ['stream'],
    }),
    ...createRequestTimes(routed),
  }
}

function createRequestTimes(routed: string[]) {
  return {
    overhead: new CellHistogram({
      buckets: overheadBuckets,
      name: 'dragoman_overhead_seconds',
      help: "The gateway's own time per request: its duration without waiting for providers, in seconds.",
      labelNames: ['stream'],
    }),
    duration: new CellHistogram({
      buckets: durationBuckets,
      name: 'dragoman_request_duration_seconds',
      help: 'Time from the head of a request to the end of its answer, in seconds.',
      labelNames: [...routed, 'stream', 'outcome'],
    }),
    firstToken: new CellHistogram({
      buckets: firstTokenBuckets,
      name: 'dragoman_time_to_first_token_seconds',
      help: 'Time from the head of a streaming request to its first output on the client connection, in seconds.',
      labelNames: routed,
    }),
  }
}

/** What the gateway tried at the providers. */
export function createAttemptSeries() {
  return {
    attempts: new CellCounter({
      name: 'dragoman_attempts_total',
      help: 'Calls made to providers, by the code of their error (empty when they succeeded).',
      labelNames: ['provider', 'error_code'],
    }),
    retries: new CellCounter({
      name: 'dragoman_retries_total',
      help: 'Calls repeated at the same provider and model after a failure.',
      labelNames: ['provider'],
    }),
    fallbacks: new CellCounter({
      name: 'dragoman_fallbacks_total',
      help: 'Requests passed on from a provider that failed to the next target of the model.',
      labelNames: ['from', 'to'],
    }),
  }
}

/** A counter whose total is kept elsewhere and read at each scrape. */
export function createReadCounter(options: {
  registry: Registry
  name: string
  help: string
  read: () => number
}): void {
  new Counter({
    registers: [options.registry],
    name: options.name,
    help: options.help,
    collect() {
      this.reset()
      this.inc(Math.max(0, options.read()))
    },
  })
}

/** A gauge read at each scrape; null or a failing read leaves the sample out, and the rest of the scrape stands. */
export function createReadGauge(options: {
  registry: Registry
  name: string
  help: string
  read: () => number | null | Promise<number | null>
}): void {
  new Gauge({
    registers: [options.registry],
    name: options.name,
    help: options.help,
    async collect() {
      const value = await readOrNull(options.read)
      if (value === null) this.remove()
      else this.set(value)
    },
  })
}

async function readOrNull(read: () => number | null | Promise<number | null>): Promise<number | null> {
  try {
    return await read()
  } catch {
    return null
  }
}
