/**
 * Every metric that the gateway records, with its name, help, labels and buckets: the names are an interface
 * (dashboards and alerts are built on them), so a test pins them.
 */
import { CellCounter, CellHistogram } from './metrics-cells.ts'

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

/** Seconds of a query: 0.2 is what a page of the dashboard may take. */
export const queryBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5]

export type RequestSeries = ReturnType<typeof createRequestSeries>
export type AttemptSeries = ReturnType<typeof createAttemptSeries>

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

/** Queries of the log, for the admin API and the dashboard. */
export function createQuerySeries() {
  return {
    durations: new CellHistogram({
      buckets: queryBuckets,
      name: 'dragoman_store_query_duration_seconds',
      help: 'Time that a query of the request log took, waiting included, in seconds.',
      labelNames: ['query'],
    }),
    outcomes: new CellCounter({
      name: 'dragoman_store_queries_total',
      help: 'Queries of the request log by outcome: answered, timeout (not done by its deadline), refused (too many were waiting), failed.',
      labelNames: ['query', 'outcome'],
    }),
  }
}
