/**
 * What the parts of the sandbox share: a call as it came in, the script of the model's answer, and what a
 * simulated provider is. The sandbox stands for the providers: nothing here is used by the gateway itself.
 */
import type { JsonObject } from '../../translators/shared/canonical.ts'
import type { Desk } from './desk.ts'

/** The names under which the simulated providers stand in the sandbox's configuration. */
export const providerNames = ['sail', 'sudo', 'scaleway', 'augment', 'azure', 'openai', 'local'] as const
export type ProviderName = (typeof providerNames)[number]

/** One request as the sandbox received it, kept for tests. */
export interface RecordedRequest {
  provider: ProviderName
  /** The variant whose document the provider follows. */
  variant: string
  method: string
  /** Whole path with its query, e.g. `/scaleway/p1/v1/responses`. */
  path: string
  headers: Record<string, string>
  /** Parsed JSON, the raw text when it is none, or null without a body. */
  body: unknown
  /** HTTP status answered; null while the answer is pending. */
  status: number | null
  /** The client went away before the answer was complete. */
  aborted: boolean
  /** Server-sent events written so far. */
  events: number
}

/** What a provider gets to see of one call. */
export interface Call {
  /** The path segment of a project, or the project header, where the provider knows one. */
  projectId: string | null
  headers: Record<string, string>
  body: JsonObject
}

/** One entry of the model's context, already reduced to what the script needs. */
export interface Turn {
  kind: 'message' | 'call' | 'output' | 'reasoning' | 'other'
  /** The role of a message, the name of a call, the call id of an output, else the item's type. */
  label: string
  text: string
  images: number
  files: number
}

export interface ScriptTool {
  type: string
  name: string
  /** The namespace that the tool stands in, where the provider knows namespaces. */
  namespace?: string
  parameters: JsonObject
}

/** A request as the scripted model reads it, the same for every provider. */
export interface ScriptRequest {
  provider: ProviderName
  model: string
  instructions: string | null
  turns: Turn[]
  tools: ScriptTool[]
  toolChoice: { mode: 'none' | 'auto' | 'required'; names: string[] | null }
  /** False only where the provider honours `parallel_tool_calls: false`. */
  parallelToolCalls: boolean
  format: { type: 'text' } | { type: 'json_object' } | { type: 'json_schema'; schema: JsonObject }
  /** Null: no reasoning was asked for. */
  effort: string | null
  maxOutputTokens: number | null
  promptCacheKey: string | null
  /** What `/whoami` tells besides provider and model. */
  notes: string[]
}

export type ScriptItem =
  | { kind: 'reasoning'; text: string; cut?: boolean }
  | { kind: 'text'; text: string; cut?: boolean }
  | { kind: 'refusal'; text: string }
  | { kind: 'call'; name: string; namespace?: string; arguments: string }
  | { kind: 'custom'; name: string; input: string }
  | { kind: 'builtin'; item: JsonObject & { type: string } }

/** Tokens as the sandbox counts them: words. `output` includes `reasoning`, `input` includes `cached`. */
export interface TokenCount {
  input: number
  cached: number
  output: number
  reasoning: number
}

/** The model's answer: the same script behind every provider's wire. */
export interface Script {
  items: ScriptItem[]
  /** `fail` and `cut` happen in the middle of the answer. */
  ending: 'completed' | 'incomplete' | 'fail' | 'cut'
  /** Answered instead of anything else. */
  failure: Failure | null
  /** Milliseconds before each delta, or before a JSON answer. */
  delay: number
  /** Polls that a background answer is pending for; null: as many as the provider takes. */
  polls: number | null
  tokens: TokenCount
}

/** A failure in neutral words; each provider puts it in its own shape. */
export interface Failure {
  status: number
  message: string
  code?: string
  param?: string | null
  retryAfterSeconds?: number
}

/** One write of a stream. */
export interface Frame {
  text: string
  /** Holds content of the model: `/slow` waits before it, `/cut` and `/fail-midstream` count it. */
  delta: boolean
}

export type Reply =
  | { kind: 'json'; status: number; body: unknown; headers?: Record<string, string> }
  | { kind: 'text'; status: number; body: string; headers: Record<string, string> }

/** One provider, as its document describes it. */
export interface SimulatedProvider {
  readonly name: ProviderName
  readonly variant: string
  /** Matches the path from its start; what follows is the resource. Group `project` is the project's id. */
  readonly base: RegExp
  /** The models it serves, for `GET …/models` and the configuration. */
  readonly models: readonly string[]
  /** Whether `parallel_tool_calls: false` has an effect. */
  readonly honoursParallel: boolean
  /** The model reasons even when nobody asked, as gpt-oss does. */
  readonly alwaysReasons?: boolean
  /** Null when the credentials are good. */
  authenticate(call: Call): Failure | null
  /** Null when the document allows this request; else the provider's own refusal. */
  refuse(call: Call, desk: Desk): Reply | null
  failure(failure: Failure): Reply
  /** The finished response object in the provider's own shape. */
  respond(call: Call, script: Script, desk: Desk): JsonObject
  /** The answer when it is not streamed; default: 200 with the response object. */
  reply?(call: Call, response: JsonObject, desk: Desk): Reply
  /** The answer as a stream, one write per frame. */
  frames(call: Call, script: Script, response: JsonObject, desk: Desk): Iterable<Frame>
  /** What is written when the model fails in mid-stream; `sequence` events came before. */
  failedFrames(response: JsonObject, sequence: number): Frame[]
  /** The answer to a failure in the middle when it is not streamed. */
  failedReply(response: JsonObject): Reply
  /** `GET`, `DELETE` and `POST …/cancel` on what it keeps; null: no such route. */
  resource?(method: string, path: string, desk: Desk): Reply | null
  /** `POST` to any other path than `/responses`; null: no such route. */
  answer?(path: string, call: Call, desk: Desk): Reply | null
  /** Before the answer is given, which may take its time: a key counts as used from here on. */
  begin?(call: Call, response: JsonObject, desk: Desk): void
  /** After the answer, or with null after a failure: idempotency keys and conversations are settled here. */
  settle?(call: Call, response: JsonObject | null, context: JsonObject[], desk: Desk): void
  /** Polls that a background response answers as pending. */
  polls?(desk: Desk): number
  /** Turns and items that the provider itself holds: previous responses and conversations. */
  history?(call: Call, desk: Desk): JsonObject[]
}
