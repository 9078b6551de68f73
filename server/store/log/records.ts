/**
 * What crosses to the writer. A batch is one flat array and one buffer: cloning an object for each row, with its members'
 * names, costs the event loop several times as much. Text is redacted and compressed over there.
 */

/** A row of `requests` but for its key and the place of its document. Times are microseconds unless named otherwise. */
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
  background: boolean
  input_tokens: number | null
  cached_tokens: number | null
  output_tokens: number | null
  reasoning_tokens: number | null
  total_tokens: number | null
  /** Tokens written to the provider's cache; part of `input_tokens`. */
  cache_write_tokens: number | null
  usage_source: string | null
  /** What counted when `usage_source` is `estimated`. */
  usage_estimator: string | null
  /** Nano-dollars over all attempts; null when not known, and while the request runs. */
  cost_nano: number | null
  /** Why `cost_nano` is null; see UnpricedReason. */
  cost_reason: string | null
  /** The attempts' costs (gateway/money/pack-cost.ts); null without any. */
  cost_detail: string | null
  /** See Exchange.session. */
  session_id: string | null
  conversation_id: string | null
  previous_response_id: string | null
  user_id: string | null
  service_tier: string | null
  /** JSON of the client's `metadata`; null when it is empty. */
  metadata: string | null
  /** The instance that runs it; null once it is over. */
  instance: string | null
  latency_us: number | null
  ttft_us: number | null
  upstream_us: number | null
  overhead_us: number | null
  attempts: number
  response_id: string | null
  trace_id: string | null
  error_type: string | null
  error_code: string | null
  error_message: string | null
  error_param: string | null
  error_origin: string | null
  /** JSON of AdaptationRecord[]; null without any. */
  adaptations: string | null
}

/** The members of a RequestRow in the order in which a batch holds them. */
export const requestColumns = [
  'id',
  'client_request_id',
  'operation',
  'created_at',
  'project',
  'key_name',
  'model',
  'provider',
  'upstream_model',
  'status',
  'http_status',
  'stream',
  'background',
  'input_tokens',
  'cached_tokens',
  'output_tokens',
  'reasoning_tokens',
  'total_tokens',
  'cache_write_tokens',
  'usage_source',
  'usage_estimator',
  'cost_nano',
  'cost_reason',
  'cost_detail',
  'session_id',
  'conversation_id',
  'previous_response_id',
  'user_id',
  'service_tier',
  'metadata',
  'instance',
  'latency_us',
  'ttft_us',
  'upstream_us',
  'overhead_us',
  'attempts',
  'response_id',
  'trace_id',
  'error_type',
  'error_code',
  'error_message',
  'error_param',
  'error_origin',
  'adaptations',
] as const satisfies (keyof RequestRow)[]

/** The status of a record that takes the row of a running request away: another gateway tells of it. No row has it. */
export type HandedOver = 'handed_over'

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

/** What only the page of one request shows, kept as JSON in its document. */
export interface DocumentHead {
  user_agent: string | null
  client_address: string | null
  attempts: AttemptRecord[]
  /** In the order of the texts that follow. */
  messages: MessageRecord[]
  /** Whether the bodies had to go since the queue was full. Default false. */
  dropped?: boolean
}

/** One call to a provider. `started_us` counts from the request's start, the rest from the attempt's. */
export interface AttemptRecord {
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

export interface MessageRecord {
  kind: BodyKind
  /** 0 for the client's side. */
  attempt: number
  headers: Readonly<Record<string, string>>
  /** Bytes on the wire, also of what was not kept. */
  bytes: number
  truncated: boolean
}

/** A body as it was kept. */
export interface KeptText {
  /** As they came. */
  readonly chunks: readonly (string | Uint8Array)[]
  readonly truncated: boolean
}

/** The state of a request: written while it runs, when it runs for long, and whole at its end. */
export interface RequestRecord {
  key: number
  row: RequestRow
  /** Strings that must not be stored, besides those that the filter knows. */
  secrets: readonly string[]
  /** Null while the request runs. */
  document: {
    /** JSON of a DocumentHead. Values of headers that are secret by their name are out of it already. */
    head: string
    /** Of each message; null when only its size and headers are kept. */
    texts: readonly (KeptText | null)[]
    keeping: Keeping
    /** Under which the request is found besides its own: of its output items, and those that providers gave. */
    ids: readonly string[]
  } | null
}

/** What the writer makes of the bodies. */
export interface Keeping {
  /** Bytes of each, when its media are out of it; the rest is cut and marked. */
  maxBodyBytes: number
  /** Whether media are taken out and stored once. */
  media: boolean
  /** Whether the request can be found by its words. */
  search: boolean
}

export type BatchValue = string | number | boolean | null

/** Records as they cross to the writer (record-batch.ts). */
export interface RecordBatch {
  /** Rows in it. */
  rows: number
  values: BatchValue[]
  /** UTF-8 of the documents, one after the other. Its buffer is moved to the writer, not copied. */
  bytes: Uint8Array<ArrayBuffer>
}

export interface BatchBuilder {
  readonly rows: number
  /** Bytes of documents so far. */
  readonly size: number
  /** Copies everything, so that nothing of the record is held. Throws when it cannot be packed, and is then as before. */
  add(record: RequestRecord): void
  /** The end of building. */
  take(): RecordBatch
}

/** Takes secrets out of everything that is stored. Runs on the writer's thread. */
export interface RecordFilter {
  /**
   * Of a text, or of the UTF-8 bytes of one given as Latin-1, which need not be decoded for it. Gives the very same
   * string when nothing is found. `truncated`: the text was cut, perhaps in the middle of a secret.
   */
  text(text: string, options: { secrets: readonly string[]; truncated?: boolean }): string
}

/** A module that exports `createRecordFilter(settings): RecordFilter`, and what to give it: functions cannot cross threads. */
export interface RecordFilterSource {
  /** `file:` URL. */
  module: string
  /** Cloneable. */
  settings: unknown
}
