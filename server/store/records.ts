/** What crosses to the writer: plain data, cloned by postMessage. Text is redacted and bodies are joined over there. */

/** A row of `requests` but for its key. Times are microseconds unless named otherwise. */
export interface RequestRow {
  id: string
  client_request_id: string | null
  operation: string
  /** Unix milliseconds. */
  created_at: number
  project: string | null
  key_name: string | null
  model: string | null
  provider: string | null
  upstream_model: string | null
  status: string
  http_status: number | null
  stream: boolean
  input_tokens: number | null
  cached_tokens: number | null
  output_tokens: number | null
  reasoning_tokens: number | null
  total_tokens: number | null
  usage_source: string | null
  latency_us: number | null
  ttft_us: number | null
  upstream_us: number | null
  overhead_us: number | null
  attempts: number
  response_id: string | null
  trace_id: string | null
  error: ErrorRecord | null
  adaptations: AdaptationRecord[]
  user_agent: string | null
  client_address: string | null
}

export interface ErrorRecord {
  type: string
  code: string
  message: string
  param: string | null
  origin: string
}

export interface AdaptationRecord {
  field: string
  action: string
  detail: string
}

/** A row of `attempts` but for the request's key. `started_us` counts from the request's start, the rest from the attempt's. */
export interface AttemptRow {
  attempt: number
  provider: string
  variant: string
  upstream_model: string
  url: string
  http_status: number | null
  started_us: number
  ttfb_us: number | null
  ttft_us: number | null
  duration_us: number | null
  upstream_response_id: string | null
  upstream_reported_model: string | null
  input_tokens: number | null
  cached_tokens: number | null
  output_tokens: number | null
  reasoning_tokens: number | null
  total_tokens: number | null
  events: number
  error: ErrorRecord | null
  adaptations: AdaptationRecord[]
}

export type BodyKind = 'client_request' | 'upstream_request' | 'upstream_response' | 'client_response'

export interface BodyRecord {
  kind: BodyKind
  /** 0 for the client's side. */
  attempt: number
  headers: Record<string, string>
  /** What was kept, as it came; null when only size and headers are recorded. */
  chunks: (string | Uint8Array)[] | null
  /** Bytes on the wire, also of what was not kept. */
  bytes: number
  truncated: boolean
}

/** The state of a request: written at admission and again, whole, at its end. */
export interface RequestRecord {
  key: number
  row: RequestRow
  attempts: AttemptRow[]
  bodies: BodyRecord[]
  /** Strings that must not be stored, besides those that the filter knows. */
  secrets: string[]
}

/** Takes secrets out of everything that is stored. Runs on the writer's thread. */
export interface RecordFilter {
  /** `truncated`: the text was cut, perhaps in the middle of a secret. */
  text(text: string, options: { secrets: readonly string[]; truncated?: boolean }): string
  headers(headers: Record<string, string>, options: { secrets: readonly string[] }): Record<string, string>
}

/** A module that exports `createRecordFilter(settings): RecordFilter`, and what to give it: functions cannot cross threads. */
export interface RecordFilterSource {
  /** `file:` URL. */
  module: string
  /** Cloneable. */
  settings: unknown
}
