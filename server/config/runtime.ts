/**
 * The configuration as the gateway uses it: immutable, complete, with every secret resolved. Built by load.ts;
 * a reload builds a whole new one and swaps the reference.
 */

import type { JsonObject } from '../../translators/shared/canonical.ts'
import type { EventDialect, Translator, UnsupportedPolicy } from '../../translators/shared/translator.ts'
import type { PromptTemplate } from '../gateway/prompt-template.ts'

export interface Runtime {
  /** Where it came from, for the start banner: a path, or `sandbox`. */
  source: string
  listen: { host: string; port: number }
  /** `sqlite:<path>` or `sqlite::memory:`. */
  store: { url: string }
  admin: { keyHash: Buffer | null }
  projects: ReadonlyMap<string, ProjectRuntime>
  /** Hex SHA-256 of the key → key. Empty when no key is configured (open, on loopback only). */
  keys: ReadonlyMap<string, KeyRuntime>
  providers: ReadonlyMap<string, ProviderRuntime>
  /** In the configuration's order. */
  models: readonly ModelRuntime[]
  /** Whether `<provider>/<model>` addresses a provider directly. Default true. */
  directRouting: boolean
  limits: LimitsRuntime
  state: StateRuntime
  webSocket: WebSocketRuntime
  /** Templates of the configuration, by id; others are in the store. */
  prompts: ReadonlyMap<string, PromptRuntime>
  prices: PricesRuntime
  log: LogRuntime
  /**
   * What happens when an answer breaks the strict json_schema that was asked and the provider does not enforce it:
   * `retry` tries once more (a stream is then held back until it is proved). Default false: it fails at once.
   */
  structuredOutput: { retry: boolean }
  /** Seconds of silence after which an SSE comment is sent. Default 15. */
  pingSeconds: number
  /** Non-fatal remarks to print at start, e.g. a provider without its secret. */
  warnings: readonly string[]
}

export interface ProjectRuntime {
  id: string
  name: string
  /** Whether a response is kept when the request does not say. */
  store: boolean
  /** Milliseconds that a response is kept; null: for ever. */
  retentionMs: number | null
  /** Default: as of `Runtime.log`. */
  log: Pick<LogRuntime, 'bodies' | 'maxBodyBytes'>
  /** Provider id → what this project maps to there. */
  upstream: ReadonlyMap<string, { projectId?: string }>
}

/** A project key: only its hash is kept. */
export interface KeyRuntime {
  /** As configured, else `<project>/<position from 1>`. */
  name: string
  projectId: string
  events: EventDialect
  unsupported: UnsupportedPolicy | null
}

export interface ProviderRuntime {
  id: string
  translator: Translator
  baseUrl: string
  projectId?: string
  credentials: { apiKey?: string; adminKey?: string }
  options: JsonObject
  unsupported: UnsupportedPolicy
  /** Environment variables that are named in the configuration and not set. Not empty: the provider is unavailable. */
  missing: readonly string[]
  timeouts: TimeoutsRuntime
  /** Keep-alive connections to the provider at most. Default 1024. */
  maxConnections: number
  /** Total tries per target before the next one, the first included. Default 2. */
  attempts: number
  /** Names that the provider serves beyond `translator.contract.models`; `*` for any. Default none. */
  models?: readonly string[]
}

/** Milliseconds. */
export interface TimeoutsRuntime {
  /** To an open connection. Default 10 000. */
  connect: number
  /** From the sent request to the response head. Default 120 000. */
  firstByte: number
  /** Between two chunks of the body. Default 120 000. */
  idle: number
  /** From start to the last byte. Default 1 800 000. */
  total: number
}

/** One entry of `models`; `pattern` may end in or hold one `*`. */
export interface ModelRuntime {
  pattern: string
  targets: readonly TargetRuntime[]
}

export interface TargetRuntime {
  provider: string
  /** The provider's name of the model; `*` stands for what the pattern's `*` matched. */
  model: string
  /** Tokens of input and output together; null: not known. */
  contextTokens: number | null
}

export interface LimitsRuntime {
  /** Bytes of a request body. Default 33 554 432. */
  bodyBytes: number
  /** Milliseconds a client may take to send its headers. Default 30 000. */
  headersTimeout: number
  /** Milliseconds without a byte of an unfinished request body. Default 60 000. */
  bodyIdleTimeout: number
  /** Milliseconds an idle keep-alive connection stays open. Default 65 000. */
  keepAliveTimeout: number
  /** Milliseconds that requests in flight get to end when the process is told to stop. Default 30 000. */
  drainTimeout: number
}

/** What is kept for clients. */
export interface StateRuntime {
  /** Whether a response is kept when neither the request nor its project says; see `ProjectRuntime.store`. Default true. */
  store: boolean
  /** Days; 0: for ever. See `ProjectRuntime.retentionMs`. Default 30. */
  retentionDays: number
  /** Days that a conversation is kept; 0: for ever. Default 0. */
  conversationDays: number
  /** Milliseconds a turn waits for another on the same conversation, then 409. Default 30 000. */
  conversationWait: number
  /** Hours that an idempotency key is kept. Default 24. */
  idempotencyHours: number
  /** Milliseconds that a repeated call waits for the first to end, then 409. Default 0. */
  idempotencyWait: number
  /** Background responses at once in this process. Default 64. */
  backgroundJobs: number
  /** Days until a new key seals. Default 30. */
  keyRotationDays: number
  /** Whether a prompt id that is not kept here goes to providers that have prompts of their own. Default false. */
  passPrompts: boolean
}

export interface PromptRuntime {
  id: string
  /** One of `versions`. */
  defaultVersion: string
  versions: ReadonlyMap<string, PromptTemplate>
}

/** What models cost, in US dollars. Lists are asked in this order; see `gateway/money/find-price.ts`. */
export interface PricesRuntime {
  /** Of the configuration, by provider id or variant. */
  configured: ReadonlyMap<string, PriceListRuntime>
  /** Those that come with the gateway, by variant. */
  defaults: ReadonlyMap<string, PriceListRuntime>
}

export interface PriceListRuntime {
  /** By the provider's name of the model; each with its newest price first. */
  exact: ReadonlyMap<string, readonly PriceRuntime[]>
  /** Names with a `*`, the one with the most literal characters first. */
  patterns: readonly { prefix: string; suffix: string; prices: readonly PriceRuntime[] }[]
}

export interface PriceRuntime {
  version: string
  /** Unix milliseconds; `-Infinity`: always. */
  from: number
  /** Where it is published, of those that come with the gateway. */
  source?: string
  /** The usual rates first. */
  tiers: readonly PriceTierRuntime[]
}

/** Whole nano-dollars per million of what is counted; null: no rate of its own. */
export interface PriceRatesRuntime {
  input: number | null
  cachedInput: number | null
  cacheWrite: number | null
  output: number | null
  reasoning: number | null
  request: number | null
  image: number | null
}

export interface PriceTierRuntime extends PriceRatesRuntime {
  /** In small letters; null: the usual one. */
  serviceTier: string | null
  /** Counts for requests with more tokens of input than this; 0: any. */
  aboveInputTokens: number
}

export interface WebSocketRuntime {
  /** Bytes of one message from the client. Default 33 554 432. */
  maxFrameBytes: number
  /** Turns that may wait for the running one. Default 16. */
  maxQueuedTurns: number
  /** Minutes that a connection may last; may be a fraction. Default 60. */
  maxMinutes: number
  /** Bytes of `store: false` turns remembered per connection. Default 33 554 432. */
  maxMemoryBytes: number
}

export interface LogRuntime {
  /** `full`, `metadata` (rows without bodies) or `none`. Default `full`. */
  bodies: 'full' | 'metadata' | 'none'
  /** Bytes kept of each body, when its media are out of it; the rest is cut and marked. Default 1 048 576. */
  maxBodyBytes: number
  /** Whether media are taken out of the bodies and stored once. Default true. */
  media: boolean
  /** Bytes held of each body until its media are out of it, where that is more. Default 16 777 216. */
  maxMediaBytes: number
  /** Whether requests can be found by their words. Default true. */
  search: boolean
  /** Bound of the queue to the writer; past either, rows are dropped and counted. Defaults 10 000 and 134 217 728. */
  queueRows: number
  queueBytes: number
  retention: RetentionRuntime
}

/** How long the log is kept: milliseconds of each kind, null for no end. */
export interface RetentionRuntime {
  /** Headers and bodies. Never longer than `rows`. Default 7 days. */
  bodies: number | null
  /** Default 90 days. */
  rows: number | null
  /** Sums per hour and day. Default 400 days. */
  rollups: number | null
  /** Sums per minute. Never longer than `rollups`. Default 7 days. */
  minutes: number | null
  /** Bytes that the store may use before the oldest of the log goes early. Default 10 000 000 000. */
  maxBytes: number | null
}
