/**
 * The admin API's shapes: what `/admin/*` answers and the dashboard reads. Members are snake_case and stable.
 * Every call needs `X-Admin-Key` (open on loopback when no admin key is configured).
 */

/** Query of `GET /admin/requests`. All filters are exact and joined by "and". */
export interface AdminRequestsQuery {
  /** 1..500, default 50. */
  limit?: number
  /** A cursor from `next`: rows older than it. */
  before?: string
  model?: string
  project?: string
  provider?: string
  /** A response status (`completed`, `incomplete`, `failed`, `cancelled`, `queued`, `in_progress`), or `error` for every row with an error. */
  status?: string
}

/** `GET /admin/requests` → newest first. */
export interface AdminRequestList {
  data: AdminRequestRow[]
  /** Pass as `before` for the next, older page; null at the end. */
  next: string | null
}

export interface AdminError {
  type: string
  code: string
  message: string
  param: string | null
  /** `client`, `gateway` or `upstream`. */
  origin: string
}

export interface AdminAdaptation {
  field: string
  /** `mapped`, `emulated`, `clamped` or `dropped`. */
  action: string
  detail: string
}

export interface AdminRequestRow {
  id: string
  /** ISO 8601 with milliseconds, UTC. */
  created_at: string
  /** `responses.create`, `responses.compact` or `responses.input_tokens`. */
  operation: string
  project: string | null
  key: string | null
  /** The name that the client asked for. */
  model: string | null
  /** Of the attempt that answered, else of the last one; null when none was made. */
  provider: string | null
  upstream_model: string | null
  /** The response's status; `in_progress` until the end (`queued` in the background before a provider is asked), `failed` when the request never became a response. */
  status: string
  http_status: number | null
  stream: boolean
  /** `background: true`: it runs without its client. */
  background: boolean
  input_tokens: number | null
  cached_tokens: number | null
  output_tokens: number | null
  reasoning_tokens: number | null
  total_tokens: number | null
  /** `provider`, `estimated` or null when nothing is known. */
  usage_source: string | null
  latency_ms: number | null
  ttft_ms: number | null
  upstream_ms: number | null
  overhead_ms: number | null
  /** Calls made to providers. */
  attempts: number
  response_id: string | null
  trace_id: string | null
  error: AdminError | null
  adaptations: AdminAdaptation[]
}

/** One body as it was kept. */
export interface AdminBody {
  /** JSON or SSE text as it stood on the wire, secrets redacted; null when bodies are not kept. */
  text: string | null
  /** Bytes on the wire, also of what was not kept. */
  bytes: number
  truncated: boolean
}

export interface AdminMessage {
  headers: Record<string, string>
  body: AdminBody
}

export interface AdminAttempt {
  index: number
  provider: string
  variant: string
  upstream_model: string
  url: string
  http_status: number | null
  /** Milliseconds from the request's start. */
  started_ms: number
  ttfb_ms: number | null
  ttft_ms: number | null
  duration_ms: number | null
  upstream_response_id: string | null
  upstream_reported_model: string | null
  error: AdminError | null
  adaptations: AdminAdaptation[]
  request: AdminMessage
  response: AdminMessage
}

/** `GET /admin/requests/{id}`: the row and everything kept with it. */
export interface AdminRequest extends AdminRequestRow {
  user_agent: string | null
  client_address: string | null
  client_request: AdminMessage | null
  /** What went to and came from the provider in the attempt that answered, else the last one. */
  upstream_request: AdminMessage | null
  upstream_response: AdminMessage | null
  client_response: AdminMessage | null
  /** Every attempt in order, bodies included. */
  attempt_list: AdminAttempt[]
}

/** Query of `GET /admin/overview`. */
export interface AdminOverviewQuery {
  /** ISO 8601 or Unix seconds; default one hour before `to`. */
  from?: string
  /** Default now. */
  to?: string
  project?: string
  model?: string
  provider?: string
}

export interface AdminOverviewPoint {
  /** ISO 8601, start of the bucket. */
  at: string
  requests: number
  errors: number
  input_tokens: number
  output_tokens: number
  /** Null when the bucket holds no finished request. */
  latency_p50_ms: number | null
  latency_p95_ms: number | null
  ttft_p50_ms: number | null
  overhead_p50_ms: number | null
}

/** `GET /admin/overview` → equal buckets over the time asked for, empty ones included (at most 120). */
export interface AdminOverview {
  from: string
  to: string
  bucket_seconds: number
  totals: Omit<AdminOverviewPoint, 'at'> & {
    cached_tokens: number
    reasoning_tokens: number
    in_progress: number
  }
  points: AdminOverviewPoint[]
  /** By errors' `origin` and `code`, most first, at most 20. */
  errors: { origin: string; code: string; count: number }[]
  /** Most used first, at most 20 each. */
  models: { name: string; requests: number; errors: number; total_tokens: number }[]
  providers: { name: string; requests: number; errors: number; total_tokens: number }[]
}

/** `GET /admin/facets` → the values that the filters can offer, from the kept rows, at most 200 each. */
export interface AdminFacets {
  models: string[]
  projects: string[]
  providers: string[]
  statuses: string[]
}

/** `GET /admin/status` → what runs here. */
export interface AdminStatus {
  version: string
  /** Path of the configuration, or `sandbox`. */
  config_source: string
  sandbox: boolean
  started_at: string
  /** Log rows lost since the start because the queue was full or the store refused. */
  log_rows_dropped: number
  providers: {
    id: string
    variant: string
    title: string
    base_url: string
    available: boolean
    /** Environment variables that are not set. */
    missing: string[]
    document: string
  }[]
  models: { id: string; targets: { provider: string; model: string; available: boolean }[] }[]
}

/** `GET /admin/prompts` → those of the configuration first, then by id. */
export interface AdminPromptList {
  data: AdminPromptSummary[]
}

export interface AdminPromptSummary {
  id: string
  /** `config`: read-only, changed in the configuration. `store`: managed here. */
  source: 'config' | 'store'
  /** Taken when a request names no version. */
  default_version: string
  /** The oldest first. */
  versions: string[]
  /** Of the default version's template. */
  description: string | null
}

/** `GET /admin/prompts/{id}`, and what every change but a deletion answers. */
export interface AdminPrompt {
  id: string
  source: 'config' | 'store'
  default_version: string
  versions: AdminPromptVersion[]
}

export interface AdminPromptVersion {
  version: string
  /** ISO 8601 with milliseconds, UTC; null in the configuration. */
  created_at: string | null
  template: AdminPromptTemplate
}

/**
 * Members of a request whose texts (instructions, input) may hold `{{name}}`; beside the ones here: tools, tool_choice,
 * text, reasoning, temperature, max_output_tokens and the like.
 */
export interface AdminPromptTemplate {
  description?: string
  instructions?: string
  input?: unknown
  model?: string
  variables?: Record<string, AdminPromptVariable>
  [member: string]: unknown
}

export interface AdminPromptVariable {
  type: 'text' | 'image' | 'file'
  /** Default true. */
  required?: boolean
  /** A string, or an `input_text`, `input_image` or `input_file`. */
  default?: unknown
}

/** `POST /admin/prompts` and `POST /admin/prompts/{id}/versions` (without `id`) → 201, `AdminPromptAdded`. */
export interface AdminPromptBody {
  /** Unless given: a new one. A prompt of this id gets a further version. */
  id?: string
  template: AdminPromptTemplate
  /** Whether the version becomes the default. The first one is in any case. Default false. */
  default?: boolean
}

/** The prompt, and the version that was added: "1", "2", … */
export interface AdminPromptAdded extends AdminPrompt {
  version: string
}

/** `POST /admin/prompts/{id}/default` → 200, `AdminPrompt`. */
export interface AdminPromptDefaultBody {
  version: string
}

/** `DELETE /admin/prompts/{id}`, `DELETE /admin/prompts/{id}/versions/{version}`. */
export interface AdminPromptDeleted {
  id: string
  /** Null: all of them. */
  version: string | null
  deleted: true
}
