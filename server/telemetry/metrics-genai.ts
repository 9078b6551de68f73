/**
 * The client-side metrics of OpenTelemetry's GenAI conventions in Prometheus' spelling: one recording per call to a
 * provider, by the names of the last release (v1.41), or by those of the conventions' own repository since.
 */
import type { Usage } from '../../translators/shared/canonical.ts'
import type { Conventions } from './conventions.ts'
import { CellCounter, CellHistogram } from './metrics-cells.ts'
import { countTypes, type TokenType } from './metrics-tokens.ts'

/** Seconds; of the conventions, and three more for long reasoning. */
export const genAiSecondsBuckets = [
  0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92, 163.84, 327.68,
  655.36,
]

/** Tokens; of the conventions. */
export const genAiTokenBuckets = [
  1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864,
]

const labelNames = [
  'gen_ai_operation_name',
  'gen_ai_provider_name',
  'gen_ai_request_model',
  'gen_ai_response_model',
]

/** One call. Times in seconds, null where there is nothing to tell. */
export interface GenAiCall {
  /** Values of `labelNames`. */
  labels: string[]
  /** Empty when it succeeded. */
  errorType: string
  duration: number | null
  timeToFirstChunk: number | null
  timePerOutputChunk: number | null
  /** As the provider counted it; null where it did not. */
  usage: Usage | null
  /** Of a trace that is kept, else null. */
  traceId: string | null
}

export interface GenAiSeries {
  /** For the scrape. */
  metrics: { render(openMetrics: boolean): string }[]
  record(call: GenAiCall): void
}

/** The series of each naming that is spoken. */
export function createGenAiSeries({ released, latest }: Conventions): GenAiSeries {
  const spoken = [...(released ? [createReleased()] : []), ...(latest ? [createLatest()] : [])]
  return {
    metrics: spoken.flatMap(({ metrics }) => metrics),
    record(call) {
      for (const series of spoken) series.record(call)
    },
  }
}

function createTimes(prefix: string) {
  const seconds = { buckets: genAiSecondsBuckets }
  const duration = new CellHistogram({
    ...seconds,
    name: `${prefix}_duration_seconds`,
    help: 'Duration of one call to a provider, in seconds.',
    labelNames: [...labelNames, 'error_type'],
  })
  const firstChunk = new CellHistogram({
    ...seconds,
    name: `${prefix}_time_to_first_chunk_seconds`,
    help: 'Time from sending a streaming call to its first output, in seconds.',
    labelNames,
  })
  const perChunk = new CellHistogram({
    ...seconds,
    name: `${prefix}_time_per_output_chunk_seconds`,
    help: 'Mean time between the output events of one streaming call after the first, in seconds; one recording per call.',
    labelNames,
  })
  return {
    metrics: [duration, firstChunk, perChunk],
    record({ labels, errorType, traceId, ...call }: GenAiCall): void {
      if (call.duration !== null) duration.cell(...labels, errorType).observe(call.duration, traceId)
      if (call.timeToFirstChunk !== null) firstChunk.cell(...labels).observe(call.timeToFirstChunk, traceId)
      if (call.timePerOutputChunk !== null) perChunk.cell(...labels).observe(call.timePerOutputChunk, traceId)
    },
  }
}

function createReleased(): GenAiSeries {
  const times = createTimes('gen_ai_client_operation')
  const tokens = new CellHistogram({
    buckets: genAiTokenBuckets,
    name: 'gen_ai_client_token_usage',
    help: 'Tokens of one call as its provider counted them; cached_input and cache_write are part of input, reasoning is part of output.',
    labelNames: [...labelNames, 'gen_ai_token_type'],
  })
  return {
    metrics: [...times.metrics, tokens],
    record(call) {
      times.record(call)
      if (call.usage === null) return
      // Nothing cached and nothing reasoned are no recordings: they would drown the sizes of those that did.
      for (const [type, count] of countTypes(call.usage))
        if (count > 0 || type === 'input' || type === 'output')
          tokens.cell(...call.labels, type).observe(count, call.traceId)
    },
  }
}

/** As the latest conventions call what is counted. */
const latestCounters: Record<TokenType, string> = {
  input: 'input_tokens',
  cached_input: 'cache_read_input_tokens',
  cache_write: 'cache_write_input_tokens',
  output: 'output_tokens',
  reasoning: 'reasoning_output_tokens',
}

/** Totals are counters there, and only the sizes of calls that succeeded are histograms. */
function createLatest(): GenAiSeries {
  const times = createTimes('gen_ai_client_inference')
  const counters = new Map(
    (Object.keys(latestCounters) as TokenType[]).map((type) => [
      type,
      new CellCounter({
        name: `gen_ai_client_inference_usage_${latestCounters[type]}_total`,
        help: `Tokens of calls as their providers counted them: ${type}.`,
        labelNames,
      }),
    ]),
  )
  const [input, output] = (['input', 'output'] as const).map(
    (direction) =>
      new CellHistogram({
        buckets: genAiTokenBuckets,
        name: `gen_ai_client_inference_operation_${direction}_tokens`,
        help: `Tokens of one call that succeeded, as its provider counted them: ${direction}.`,
        labelNames,
      }),
  ) as [CellHistogram, CellHistogram]
  return {
    metrics: [...times.metrics, ...counters.values(), input, output],
    record(call) {
      // To count tokens is no inference.
      if (call.labels[0] === 'count_tokens') return
      times.record(call)
      if (call.usage === null) return
      for (const [type, count] of countTypes(call.usage)) {
        if (count > 0)
          counters
            .get(type)
            ?.cell(...call.labels)
            .inc(count)
        if (call.errorType !== '') continue
        if (type === 'input') input.cell(...call.labels).observe(count, call.traceId)
        if (type === 'output') output.cell(...call.labels).observe(count, call.traceId)
      }
    },
  }
}
