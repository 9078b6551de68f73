/** What tests of tracing share: the standard variables for a receiver, and traces for their calls to join. */
import { randomBytes } from 'node:crypto'
import type { OtlpReceiver } from './otlp-receiver.ts'

/**
 * Sets the standard variables of OpenTelemetry, which the SDK reads from the process itself.
 * @returns the environment for the gateway. `clearTracing` takes them away.
 */
export function setTracing(
  { endpoint }: Pick<OtlpReceiver, 'endpoint'>,
  more: Record<string, string> = {},
): Record<string, string> {
  clearTracing()
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    // Milliseconds until what has ended is sent.
    OTEL_BSP_SCHEDULE_DELAY: '10',
    ...more,
  }
  Object.assign(process.env, env)
  return env
}

export function clearTracing(): void {
  for (const name of Object.keys(process.env)) if (name.startsWith('OTEL_')) delete process.env[name]
}

export interface ClientTrace {
  id: string
  /** Of the client's own span. */
  spanId: string
  headers: { traceparent: string }
}

/** A trace of a client. */
export function newTrace({
  id = randomBytes(16).toString('hex'),
  sampled = true,
}: {
  id?: string
  sampled?: boolean
} = {}): ClientTrace {
  const spanId = randomBytes(8).toString('hex')
  return { id, spanId, headers: { traceparent: `00-${id}-${spanId}-${sampled ? '01' : '00'}` } }
}

/** All of the spans as text, to look for what must not be in there. */
export function spansAsText(spans: unknown): string {
  return JSON.stringify(spans, (_, value) => (typeof value === 'bigint' ? value.toString() : value))
}
