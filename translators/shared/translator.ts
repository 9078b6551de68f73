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
import type { Contract } from './contract-types.ts'

export type {
  Contract,
  FieldContract,
  Limit,
  MemberPlace,
  Support,
  WireForm,
} from './contract-types.ts'

/** One change made to a request or response on its way. Rendered as `action:field` or `action:field=detail` in `x-dragoman-adaptations`. */
export interface Adaptation {
  field: string
  action: 'mapped' | 'emulated' | 'clamped' | 'dropped'
  /** What it became or why, in a few words; never content of the request. Empty when the field says it all. */
  detail: string
}

/** The policy for a field that the provider cannot take: change it and say so, or answer 400. */
export type UnsupportedPolicy = 'adapt' | 'reject'

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
  /**
   * Makes the provider's `encrypted_content` safe to hand out: what it returns stands in the item that is sent, null leaves
   * the member out. Asked once per item and content. Default: as the provider made it.
   * @param itemId the id under which the client gets the item.
   */
  seal?(content: string, itemId: string): string | null
  /** For a stream whose beginning has been sent by others. */
  resume?: {
    /** Sequence numbers go on from here. */
    nextSequence: number
    /** `response.created` has been sent: the stream begins with `response.in_progress`. */
    created: boolean
  }
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
  /**
   * As the provider has told it so far, also when it failed or never ended; null when it told none. With what the
   * contract has no place for, and which therefore is not in `final`.
   */
  readonly usage: Usage | null
  readonly facts: UpstreamFacts
}

/** How to ask for a response that the provider answered with `202` or a pending status. */
export interface PollPlan {
  request(upstreamResponseId: string, target: Target): { url: string; headers: Record<string, string> }
  /** Milliseconds to wait before each poll; the last one repeats. */
  delays: readonly number[]
  /** How to stop it; absent where the provider documents no such route. */
  cancel?(
    upstreamResponseId: string,
    target: Target,
  ): { method: 'POST'; url: string; headers: Record<string, string> }
}

/** A provider's own compaction of a context. */
export interface CompactRoute {
  /** Pure and repeatable. The body holds only members that the route knows. */
  request(request: CanonicalRequest, target: Target): UpstreamRequest | Refusal
  /** The body of an answer with a good status. Items have the provider's ids, their `encrypted_content` is not sealed. */
  read(
    body: unknown,
  ): { ok: true; output: Item[]; usage: Usage | null } | { ok: false; failure: UpstreamFailure }
}

/** A provider's own count of the tokens of a request. */
export interface CountRoute {
  /** Pure and repeatable. The body holds only members that the route knows. */
  request(request: CanonicalRequest, target: Target): UpstreamRequest | Refusal
  /** The body of an answer with a good status: tokens, null when it tells none. */
  read(body: unknown): number | null
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
  /** Absent where the provider documents no such route. */
  readonly compact?: CompactRoute
  /** Absent where the provider documents no such route. */
  readonly countInput?: CountRoute
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
    /** As `StreamTranslator.usage`. */
    usage: Usage | null
    facts: UpstreamFacts
    pending: { id: string } | null
  }
  stream(context: Context): StreamTranslator
  /** An HTTP error. `body` is parsed JSON, or the text when it is none. */
  failure(status: number, headers: Record<string, string>, body: unknown): UpstreamFailure
}
