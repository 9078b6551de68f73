/**
 * What a provider variant is: pure functions between the canonical contract and one provider's wire.
 * Nothing here or below may use the network, the file system, the environment, a clock or randomness:
 * what a translator needs of those comes in through `Target` and `Context`.
 */
import type {
  CanonicalEvent,
  CanonicalRequest,
  CanonicalResponse,
  Item,
  JsonObject,
  Usage,
} from './canonical.ts'

/**
 * How a canonical field meets a provider.
 * `native`: sent as it is. `mapped`: sent in another form that means the same. `emulated`: the gateway does it.
 * `dropped`: left out, named in the adaptations. `refused`: cannot be served here, the next target is tried.
 */
export type Support = 'native' | 'mapped' | 'emulated' | 'dropped' | 'refused'

/** One change made to a request or response on its way. Rendered as `action:field` or `action:field=detail` in `x-dragoman-adaptations`. */
export interface Adaptation {
  field: string
  action: 'mapped' | 'emulated' | 'clamped' | 'dropped'
  /** What it became or why, in a few words; never content of the request. Empty when the field says it all. */
  detail: string
}

/** The policy for a field that the provider cannot take: change it and say so, or answer 400. */
export type UnsupportedPolicy = 'adapt' | 'reject'

/** What a document allows for a field's value. Lengths count characters, counts count elements. */
export interface Limit {
  min?: number
  /** The value must be greater than `min`, not equal. */
  exclusiveMin?: boolean
  max?: number
  maxLength?: number
  minLength?: number
  maxItems?: number
  /** Of kinds (tools, items): a word also stands for those that begin with it and an underscore. */
  values?: readonly string[]
}

/**
 * The wire form of a `mapped` field, or the way an `emulated` one is done:
 * `system_message` first in the input, `system` as the role, `user`/`safety_identifier`/`generate_summary`/`logprobs`/`reasoning.effort`
 * as the member that takes the value, `id` alone instead of an object, `nested` `{type, function: {name}}`, `only_tool` (just that tool is sent, as `required`),
 * `without_tools` (the tools are left out), `function_call` instead of the custom kind, `json_schema` that allows any object,
 * `plain_text` messages where all parts are text, `without_ids` for items, `without_content` for reasoning.
 */
export type WireForm =
  | 'system_message'
  | 'system'
  | 'user'
  | 'safety_identifier'
  | 'generate_summary'
  | 'logprobs'
  | 'reasoning.effort'
  | 'id'
  | 'nested'
  | 'only_tool'
  | 'without_tools'
  | 'function_call'
  | 'json_schema'
  | 'plain_text'
  | 'without_ids'
  | 'without_content'

export interface FieldContract {
  support: Support
  limit?: Limit
  form?: WireForm
  /** The sentence of the provider's document (or of its other public material, marked `[seen]`) that this row rests on. */
  source: string
  /** One line for the support matrix when the support word does not say enough. */
  note?: string
}

/** What each canonical field meets at one provider: data, complete, with sources. */
export interface Contract {
  /** The document's title and address or file, for error messages and the matrix. */
  document: string
  /** Keyed by every name in `canonicalFields` (see contract-fields.ts). */
  fields: { readonly [field: string]: FieldContract }
  /** When the document limits the models: upstream names that can be served, and the sentence that says so. */
  models?: { only: readonly string[]; source: string }
  /** Whether the provider documents that it takes fields it does not know. */
  additionalProperties: 'pass' | 'drop'
  /** Members beyond the canonical ones that the provider is known to take: passed as they are. */
  extraMembers?: { readonly [place in MemberPlace]?: readonly string[] }
}

/** Where a member stands that the canonical contract does not know. */
export type MemberPlace = 'request' | 'text' | 'reasoning' | 'function' | 'stream_options'

/** Where and as whom one attempt is made. */
export interface Target {
  /** The provider's id in the configuration. */
  provider: string
  /** The provider's own name of the model. */
  model: string
  /** Without a trailing slash; may hold `{project_id}`. */
  baseUrl: string
  /** The provider's project: its own, or what the caller's project maps to. Validated to be safe in a path and a header. */
  projectId?: string
  credentials: { apiKey?: string; adminKey?: string }
  /** The variant's own options, validated at load against `Translator.options`. */
  options: JsonObject
  unsupported: UnsupportedPolicy
  /** Passed on where the provider knows such a header. */
  idempotencyKey?: string
}

/** Constraints on the output that the gateway enforces because this provider does not (or may not). */
export interface Guards {
  /** Tool calls past this many are dropped. */
  maxToolCalls?: number
  /** Function names, as sent upstream, that may be called; a call to any other is dropped. Absent: no constraint. Empty: no call at all. */
  allowedTools?: readonly string[]
  /** False: only the first function call is kept. */
  parallelToolCalls?: boolean
  /** A strict json_schema was asked and the provider does not enforce it: the output is validated before the terminal event. */
  verifySchema?: boolean
}

/** A tool as the client knows it. */
export interface OwnTool {
  name: string
  namespace?: string
  /** A custom tool, which is sent as a function of one string: its calls become custom calls again. */
  custom?: true
}

/** What one attempt sends. Headers carry the credentials; the body is serialised by the gateway once. */
export interface UpstreamRequest {
  ok: true
  method: 'POST' | 'GET'
  url: string
  headers: Record<string, string>
  body: JsonObject | null
  /** What was asked of the provider; what comes back is told by its content-type. */
  stream: boolean
  adaptations: Adaptation[]
  guards: Guards
  /** Upstream function name → the client's own tool, where they differ. */
  toolNames: { readonly [upstream: string]: OwnTool }
}

/** The target cannot serve this request, and why. */
export interface Refusal {
  ok: false
  field: string
  /** For the client: names the field, the limit or the reason, and what to do. */
  message: string
}

/** A failure told by a provider, in the canonical words. */
export interface UpstreamFailure {
  /** What the client is told: the provider's HTTP status, or the one that its error body under a 200 means, made truthful (a 401 is a 502). */
  status: number
  /** Canonical code, e.g. `rate_limit_exceeded`, `context_length_exceeded`, `upstream_authentication_failed`. */
  code: string
  /** Safe for the client: no key, no internals. */
  message: string
  /** The canonical field at fault when the provider says so. */
  param: string | null
  /** Whether the same call may succeed later or elsewhere. */
  retryable: boolean
  retryAfterSeconds: number | null
  /** Whose fault: `client` when the request itself is wrong, else `upstream`. */
  origin: 'client' | 'upstream'
}

/** One server-sent event as it stood on the wire. */
export interface WireEvent {
  /** The `event:` field, empty when absent. */
  event: string
  /** The `data:` lines joined by a newline. */
  data: string
}

/** What one response needs of the world. One per attempt. */
export interface Context {
  /** The client's request: what the response object echoes. */
  request: CanonicalRequest
  /** What this attempt sent: guards and tool names. */
  sent: Pick<UpstreamRequest, 'guards' | 'toolNames'>
  options: JsonObject
  responseId: string
  /** Unix seconds. */
  createdAt: number
  /** Members that the gateway overrides in the echoed response object, e.g. `store: false`. */
  echo: Partial<CanonicalResponse>
  /** A fresh id, e.g. `msg_…`. */
  newId(prefix: string): string
  /** Unix seconds. */
  now(): number
  /** The spelling of reasoning events, and whether events outside the specification's list may be sent. */
  events: EventDialect
  /** Checks the final output (strict json_schema); a failure turns the terminal event into `response.failed`. */
  verify?(output: Item[]): { code: string; message: string } | null
  /** Counts the tokens of an answer whose provider told none; the result goes out as usage and is noted as `emulated:usage`. */
  estimateUsage?(output: Item[]): Usage
  /** A change noticed while the answer streams. */
  note(adaptation: Adaptation): void
}

/** `openai`: `response.reasoning_text.*`, as OpenAI's SDKs spell it. `open-responses`: `response.reasoning.*` and only the specification's events. */
export type EventDialect = 'openai' | 'open-responses'

/** What the provider said about itself, for the record. */
export interface UpstreamFacts {
  responseId: string | null
  model: string | null
  /** Metadata that the provider added of its own. */
  metadata: JsonObject | null
  serviceTier: string | null
}

/**
 * A machine for one response. Nothing is emitted before the first real output or the end, so that a failure
 * before it can still be answered by another target.
 */
export interface StreamTranslator {
  push(event: WireEvent): CanonicalEvent[]
  /**
   * The stream is over: cleanly, or cut (`cut` says why, for the client). Idempotent.
   * @param cut absent when the connection closed in order.
   */
  end(cut?: { code: string; message: string }): CanonicalEvent[]
  /** A failure told before any event was emitted; nothing will be emitted by this machine then. */
  readonly failure: UpstreamFailure | null
  /** Set once the terminal event has been emitted. */
  readonly final: CanonicalResponse | null
  readonly facts: UpstreamFacts
}

/** How to ask for a response that the provider answered with `202` or a pending status. */
export interface PollPlan {
  request(upstreamResponseId: string, target: Target): { url: string; headers: Record<string, string> }
  /** Milliseconds to wait before each poll; the last one repeats. */
  delays: readonly number[]
}

/** A variant. Registered in translators/index.ts. */
export interface Translator {
  readonly id: string
  /** The name people know, for the matrix and the dashboard. */
  readonly title: string
  readonly contract: Contract
  /** JSON Schema of the variant's own `options` in the configuration, each with a description and a default. */
  readonly options: JsonObject
  /** Which credentials the configuration must give: any one of these sets is enough. */
  readonly credentials: readonly (readonly ('apiKey' | 'adminKey')[])[]
  readonly poll?: PollPlan
  /** Pure and repeatable; never changes `request`. */
  request(request: CanonicalRequest, target: Target): UpstreamRequest | Refusal
  /** The finished JSON body of a provider, through the same code as a stream; emits every event and sets `final` or `failure`. */
  response(
    body: unknown,
    context: Context,
  ): {
    events: CanonicalEvent[]
    final: CanonicalResponse | null
    failure: UpstreamFailure | null
    facts: UpstreamFacts
    pending: { id: string } | null
  }
  stream(context: Context): StreamTranslator
  /** An HTTP error. `body` is parsed JSON, or the text when it is none. */
  failure(status: number, headers: Record<string, string>, body: unknown): UpstreamFailure
}
