/**
 * The process's own log: one JSON object per line on stderr, or a readable line on a terminal. It hides nothing by
 * itself: give it only what may be read by anyone who runs the gateway, never a key, a prompt or an answer.
 */
import type { Exchange, Observer } from '../gateway/exchange.ts'

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

/** Extra members of a line. Null and undefined are left out; an Error becomes its message, code and stack. */
export type LogFields = Readonly<Record<string, unknown>>

export interface Logger {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  /** To skip making fields that nobody would read. */
  isEnabled(level: Exclude<LogLevel, 'silent'>): boolean
}

export interface LoggerOptions {
  /** Where `LOG_LEVEL` stands. Default: the process's environment. */
  env?: Readonly<Record<string, string | undefined>>
  /** Lowest level that is written. Default `LOG_LEVEL`, else (or when that is none of the levels) `info`. */
  level?: LogLevel
  /** Default stderr. */
  stream?: { write(text: string): unknown; isTTY?: boolean }
  /** Readable lines instead of JSON. Default: whether the stream is a terminal. */
  pretty?: boolean
  now?: () => Date
}

export function createLogger({
  env = process.env,
  level = parseLevel(env.LOG_LEVEL),
  stream = process.stderr,
  pretty = stream.isTTY === true,
  now = () => new Date(),
}: LoggerOptions = {}): Logger {
  const lowest = logLevels.indexOf(level)
  const render = pretty ? renderPretty : renderJson
  function isEnabled(wanted: LogLevel): boolean {
    return logLevels.indexOf(wanted) >= lowest
  }
  function createWriter(of: LogLevel): Logger['info'] {
    if (!isEnabled(of)) return () => {}
    return (message, fields = {}) => {
      stream.write(`${render(of, now().toISOString(), message, fields)}\n`)
    }
  }
  return {
    debug: createWriter('debug'),
    info: createWriter('info'),
    warn: createWriter('warn'),
    error: createWriter('error'),
    isEnabled,
  }
}

function parseLevel(text: string | undefined): LogLevel {
  return logLevels.find((level) => level === text?.trim().toLowerCase()) ?? 'info'
}

function renderJson(level: LogLevel, time: string, message: string, fields: LogFields): string {
  try {
    return JSON.stringify({ level, time, msg: message, ...fields }, (_, value) => describeValue(value))
  } catch {
    return JSON.stringify({ level, time, msg: message, fields: 'not serialisable' })
  }
}

function describeValue(value: unknown): unknown {
  if (value instanceof Error) {
    const { name, message, stack, cause } = value
    return { name, message, ...('code' in value ? { code: value.code } : {}), stack, cause }
  }
  if (typeof value === 'bigint') return value.toString()
  return value ?? undefined
}

const colours: Record<LogLevel, string> = { debug: '90', info: '36', warn: '33', error: '31', silent: '0' }

function renderPretty(level: LogLevel, time: string, message: string, fields: LogFields): string {
  const words = Object.entries(fields)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]) => `\u001b[90m${name}=\u001b[0m${renderValue(value)}`)
  const head = `\u001b[90m${time.slice(11, 23)}\u001b[0m \u001b[${colours[level]}m${level.padEnd(5)}\u001b[0m`
  return [head, escapeControls(message), ...words].join(' ')
}

function renderValue(value: unknown): string {
  if (value instanceof Error) return escapeControls(value.stack ?? value.message, true)
  if (typeof value === 'string' && /^[\w./:@+-]+$/.test(value)) return value
  try {
    return escapeControls(JSON.stringify(value, (_, inner) => describeValue(inner)) ?? String(value))
  } catch {
    return 'not serialisable'
  }
}

/** A client's text must not move the cursor of whoever watches the terminal. */
function escapeControls(text: string, keepLines = false): string {
  return text.replaceAll(/\p{Cc}|\p{Cf}|[\u2028\u2029]/gu, (control) =>
    keepLines && control === '\n' ? control : `\\u${control.codePointAt(0)?.toString(16).padStart(4, '0')}`,
  )
}

/** One line per finished request: `debug` when it went well, `info` for a caller's fault, `warn` for ours or a provider's. */
export function createRequestLogger(logger: Logger): Observer {
  return {
    finished(exchange) {
      const level = chooseLevel(exchange)
      if (logger.isEnabled(level)) logger[level]('request', describeRequest(exchange))
    },
  }
}

function chooseLevel({ error, httpStatus }: Exchange): 'debug' | 'info' | 'warn' {
  if (error === null && (httpStatus ?? 0) < 400) return 'debug'
  return error?.origin === 'client' && (httpStatus ?? 0) < 500 ? 'info' : 'warn'
}

function describeRequest(exchange: Exchange): LogFields {
  const { startedAt, endedAt, firstOutputAt, usage, error } = exchange
  const answering = exchange.attempts.at(-1)
  const latency = endedAt === null ? null : endedAt - startedAt
  return {
    request_id: exchange.id,
    client_request_id: exchange.clientRequestId,
    trace_id: exchange.traceId,
    project: exchange.caller?.projectId,
    key: exchange.caller?.keyName,
    model: exchange.model || null,
    provider: answering?.provider,
    upstream_model: answering?.upstreamModel,
    status: exchange.status,
    http_status: exchange.httpStatus,
    stream: exchange.stream,
    attempts: exchange.attempts.length,
    latency_ms: round(latency),
    ttft_ms: round(firstOutputAt === null ? null : firstOutputAt - startedAt),
    overhead_ms: round(latency === null ? null : Math.max(0, latency - exchange.upstreamMs)),
    input_tokens: usage?.input_tokens,
    output_tokens: usage?.output_tokens,
    adaptations: exchange.adaptations.map(({ action, field }) => `${action}:${field}`).join(' ') || null,
    error_code: error?.code,
    error_origin: error?.origin,
    error_message: error?.message,
  }
}

function round(milliseconds: number | null): number | null {
  return milliseconds === null ? null : Math.round(milliseconds * 100) / 100
}
