import type { Observer } from '../gateway/exchange.ts'
import { readConventions } from './conventions.ts'
import type { Logger } from './logger.ts'
import { createTracingObserver, type OpenTelemetry } from './tracing-observer.ts'

export { passTraceHeaders } from './tracing-headers.ts'

export interface Tracing {
  observer: Observer
  /** Sends what is waiting, then stops. Never rejects: what cannot be sent is lost, and said in the log. */
  shutdown(): Promise<void>
}

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Tracing through OpenTelemetry's SDK, configured by the standard `OTEL_*` variables, which the SDK reads from
 * the process itself (exporter, protocol, headers, sampler, limits, propagators, resource). No instrumentation is
 * patched in: spans are made by hand from the exchange.
 *
 * `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true` adds prompts, answers and providers' error messages to the
 * spans; `OTEL_SEMCONV_STABILITY_OPT_IN` chooses the names (see conventions.ts).
 * @returns null, and nothing is loaded, unless an endpoint or an exporter is configured.
 */
export async function createTracing({
  env,
  version,
  logger,
}: {
  env: Environment
  version: string
  /** Told what the SDK complains about (an endpoint that does not answer); without it the SDK prints it itself. */
  logger?: Logger
}): Promise<Tracing | null> {
  if (!isTracingConfigured(env)) return null
  const [api, { startNodeSdk }] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-node'),
  ])
  const sdk = startNodeSdk({
    metricReaders: [],
    logRecordProcessors: [],
    resourceAttributes: nameService(env, version),
  })
  if (logger !== undefined && !env.OTEL_LOG_LEVEL) logComplaints(api, logger)
  return {
    observer: createTracingObserver({
      api,
      provider: api.trace.getTracerProvider(),
      version,
      captureContent: env.OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT?.toLowerCase() === 'true',
      conventions: readConventions(env),
    }),
    async shutdown() {
      await sdk
        .shutdown()
        .catch((error: unknown) => logger?.error('tracing failed', { reason: String(error) }))
      // The SDK registers itself for the whole process; what is over must not be found there.
      api.trace.disable()
      api.context.disable()
      api.propagation.disable()
      api.diag.disable()
    },
  }
}

/** Whether the environment asks for traces. */
export function isTracingConfigured(env: Environment): boolean {
  if (env.OTEL_SDK_DISABLED?.trim().toLowerCase() === 'true') return false
  const exporters = env.OTEL_TRACES_EXPORTER?.trim() ?? ''
  if (exporters !== '') return !exporters.split(',').some((name) => name.trim() === 'none')
  return [env.OTEL_EXPORTER_OTLP_ENDPOINT, env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT].some((url) =>
    Boolean(url?.trim()),
  )
}

/** What is given here overrides the environment, so a name is given only when the environment has none. */
function nameService(env: Environment, version: string): Record<string, string> {
  const named =
    Boolean(env.OTEL_SERVICE_NAME) || /(^|,)\s*service\.name\s*=/.test(env.OTEL_RESOURCE_ATTRIBUTES ?? '')
  return { 'service.version': version, ...(named ? {} : { 'service.name': 'dragoman' }) }
}

function logComplaints(api: OpenTelemetry, logger: Logger): void {
  const quiet = () => {}
  const diagnostics = {
    error: (message: string) => logger.error('tracing failed', { reason: message }),
    warn: (message: string) => logger.warn('tracing', { reason: message }),
    info: quiet,
    debug: quiet,
    verbose: quiet,
  }
  api.diag.setLogger(diagnostics, { logLevel: api.DiagLogLevel.WARN, suppressOverrideMessage: true })
}
