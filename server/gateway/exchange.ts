/**
 * The record of one request, which everything cross-cutting watches: metrics, spans and log rows are written by
 * observers of it and nowhere else.
 */

import type { ResponseStatus, Usage } from '../../translators/shared/canonical.ts'
import type { Adaptation, UpstreamFacts } from '../../translators/shared/translator.ts'
import type { ErrorOrigin } from '../errors.ts'
import type { FinishReason } from './finish-reason.ts'
import type { RequestCost } from './money/cost.ts'

/** Who calls. `keyName` never holds the key. */
export interface Caller {
  projectId: string
  /** The key's name in the configuration (`acme/1` when it has none), `admin`, or `open` when no key is configured. */
  keyName: string
}

export interface ExchangeError {
  type: string
  code: string
  message: string
  param: string | null
  origin: ErrorOrigin
}

/**
 * Bytes of one body kept for the log: chunks as they came, never joined on the request path.
 * `bytes` counts all that passed, also what was not kept once `truncated`.
 */
export interface CapturedBody {
  chunks: (string | Uint8Array)[]
  bytes: number
  truncated: boolean
}

/** One call to one provider. All times are milliseconds of `performance.now()`, null until they happen. */
export interface Attempt {
  /** From 1. */
  index: number
  provider: string
  variant: string
  upstreamModel: string
  /** Without credentials. */
  url: string
  startedAt: number
  headAt: number | null
  firstOutputAt: number | null
  /** The provider's last byte; the client may still be sent what followed from it. */
  endedAt: number | null
  /** HTTP status, null when none came. */
  httpStatus: number | null
  error: ExchangeError | null
  /** As sent and as received, credentials included: whoever keeps them redacts them. */
  requestHeaders: Record<string, string>
  responseHeaders: Record<string, string>
  request: CapturedBody
  response: CapturedBody
  adaptations: Adaptation[]
  usage: Usage | null
  /** As in the exchange; null without usage. */
  usageSource: 'provider' | 'estimated' | null
  /** As in the exchange. */
  usageEstimator: string | null
  /** Images that the provider's own tool made. */
  images: number
  /** The service tier that was sent to the provider. */
  serviceTier: string | null
  /** The provider took the response on to finish it later: it is paid for, also when its end is never heard of. */
  taken: boolean
  facts: UpstreamFacts | null
  /** Null where the model did not stop: it was cut off, failed before, or was asked for something else than output. */
  finishReason: FinishReason | null
  /** Number of output events sent on to the client. */
  events: number
  /** Milliseconds that the gateway's own code took of this attempt (parse, translate, write). */
  ownMs: number
}

/** Sums of a request. Times are milliseconds of `performance.now()` unless a name says otherwise. */
export interface Exchange {
  /** `req_…`, made by the gateway: unique, also when a client repeats its own id. */
  id: string
  /** That of the request itself when this is the record of a later run of its response; else null. */
  receivedId: string | null
  /** The client's own `x-request-id` if sane: echoed to it, and found by the admin API as well. */
  clientRequestId: string | null
  operation: 'responses.create' | 'responses.compact' | 'responses.input_tokens'
  /** Unix milliseconds. */
  createdAt: number
  startedAt: number
  /** When the first output event was handed to the client's socket. */
  firstOutputAt: number | null
  endedAt: number | null
  caller: Caller | null
  clientAddress: string
  userAgent: string
  /** What the client asked for, and whether an alias, a wildcard or direct routing found its targets. Empty until parsed. */
  model: string
  stream: boolean
  /** The response runs without its client; `attempts` is empty while it is queued. */
  background: boolean
  /** Another process runs the response, and tells of the request in a record of its own: here it is not counted. */
  handedOver: boolean
  /**
   * `traceparent` and `tracestate` of the caller, as they came; where the gateway traces, those of its own span, under
   * which whoever goes on with the request later goes on.
   */
  traceHeaders: { traceparent?: string; tracestate?: string; [name: string]: string | undefined }
  /** Filled by the tracing observer, for logs. */
  traceId: string | null
  attempts: Attempt[]
  /** Of the request as a whole, then those of the attempt that answered. */
  adaptations: Adaptation[]
  responseId: string | null
  /** Of the response's output items. */
  itemIds: string[]
  /** The response's final status; null when the request never became one. */
  status: ResponseStatus | null
  /** What the client saw; 499 when it had gone. */
  httpStatus: number | null
  error: ExchangeError | null
  usage: Usage | null
  /** `estimated` when the provider told none and the gateway counted. */
  usageSource: 'provider' | 'estimated' | null
  /** What counted when `usageSource` is `estimated`, such as `gpt-tokenizer/o200k_base`; else null. */
  usageEstimator: string | null
  /** Null until the request is over; set by the first of its observers. */
  cost: RequestCost | null
  /**
   * What the request belongs to: the client's `x-dragoman-session`, else its conversation, else the first response of
   * the chain that it goes on with. Null for a request that stands alone, which may become the first of a chain.
   */
  session: string | null
  /**
   * Milliseconds spent waiting for providers (connect to last byte, and between retries); the rest is the gateway's own.
   * While the request runs it holds the waits between retries only; see `measureOwnTime`.
   */
  upstreamMs: number
  /** Strings that must not appear in the log: the presented key. Never stored. */
  secrets: string[]
  /** Fields of the request worth a span attribute; set once the body is valid. */
  settings: RequestSettings | null
  clientRequest: CapturedBody
  /** As received, credentials included: whoever keeps them redacts them. */
  clientRequestHeaders: Record<string, string>
  /** As sent, but for what Node adds (`date`, `connection`). Empty when the client had gone. */
  clientResponseHeaders: Record<string, string>
  clientResponse: CapturedBody
}

/** Settings of the request that spans and metrics name. */
export interface RequestSettings {
  maxOutputTokens: number | null
  temperature: number | null
  topP: number | null
  frequencyPenalty: number | null
  presencePenalty: number | null
  serviceTier: string | null
  /** `text` or `json`. */
  outputType: 'text' | 'json'
  conversationId: string | null
  previousResponseId: string | null
  /** `safety_identifier`, else `user`. */
  userId: string | null
  metadata: Record<string, string> | null
}

/** Watches exchanges. Never throws, never blocks, never changes what it sees but for the members named here. */
export interface Observer {
  /** Admitted: the head of the request has been read. May set `traceId` and `traceHeaders`. */
  started?(exchange: Exchange): void
  /** A call is about to be sent; may add trace headers to `headers`, which go to the provider. */
  attemptStarted?(exchange: Exchange, attempt: Attempt, headers: Record<string, string>): void
  /** The call is over; `willRetry` when another attempt follows. */
  attemptEnded?(exchange: Exchange, attempt: Attempt, willRetry: boolean): void
  /** The first output event goes to the client. */
  firstOutput?(exchange: Exchange, attempt: Attempt): void
  /** Over, whatever happened: exactly once per started exchange. */
  finished?(exchange: Exchange): void
  /** Flush and stop. */
  close?(): Promise<void>
}
