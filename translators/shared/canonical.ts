/**
 * The canonical Responses contract as types: Open Responses 2026-04-24 and what OpenAI's SDKs add to it.
 *
 * Types name what the gateway reads; everything else passes through, so item and tool types carry an index
 * signature. `unknown` members are never trusted without a check.
 */

/** A plain JSON object whose members have not been checked. */
export type JsonObject = { [key: string]: unknown }

/** `POST /v1/responses`, after validation. Absent and null both mean "the default" unless said otherwise. */
export interface CanonicalRequest extends JsonObject {
  /** The name that the client asked for: an alias, `org/name`, or `<provider>/<model>`. */
  model: string
  /** A string (one user message, at most 10 485 760 characters) or items. Absent counts as no input. */
  input?: string | Item[] | null
  instructions?: string | null
  previous_response_id?: string | null
  conversation?: string | { id: string } | null
  prompt?: PromptReference | null
  include?: string[] | null
  tools?: Tool[] | null
  tool_choice?: ToolChoice | null
  parallel_tool_calls?: boolean | null
  /** At least 1. Counts every kind of tool call. */
  max_tool_calls?: number | null
  /** At least 1 here (one provider allows it); each provider's own minimum is met in its contract table. */
  max_output_tokens?: number | null
  metadata?: Record<string, string> | null
  text?: TextConfig | null
  /** 0..2, default 1. */
  temperature?: number | null
  /** 0..1, default 1. */
  top_p?: number | null
  /** -2..2, default 0. */
  presence_penalty?: number | null
  /** -2..2, default 0. */
  frequency_penalty?: number | null
  /** 0..20, default 0. */
  top_logprobs?: number | null
  reasoning?: ReasoningConfig | null
  stream?: boolean | null
  stream_options?: { include_obfuscation?: boolean } | null
  background?: boolean | null
  /** Default true. */
  store?: boolean | null
  service_tier?: string | null
  truncation?: 'auto' | 'disabled' | null
  /** At most 64 characters. */
  safety_identifier?: string | null
  /** At most 64 characters. */
  prompt_cache_key?: string | null
  /** OpenAI's older name for `safety_identifier`; 1..200 characters. */
  user?: string | null
}

/** A reference to a prompt template. */
export interface PromptReference extends JsonObject {
  id: string
  version?: string | null
  variables?: JsonObject | null
}

export interface TextConfig extends JsonObject {
  format?: TextFormat | null
  verbosity?: 'low' | 'medium' | 'high' | null
}

export type TextFormat =
  | { type: 'text' }
  | { type: 'json_object' }
  | {
      type: 'json_schema'
      name: string
      schema: JsonObject
      description?: string | null
      strict?: boolean | null
    }

/** The specification's, `minimal` of its prose, and `max` of OpenAI's SDKs. */
export const reasoningEfforts = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'] as const
export type ReasoningEffort = (typeof reasoningEfforts)[number]

export interface ReasoningConfig extends JsonObject {
  effort?: ReasoningEffort | null
  summary?: 'auto' | 'concise' | 'detailed' | null
}

/** A tool of any kind. `function`, `custom` and `namespace` are understood; all others pass whole or are dropped by name. */
export interface Tool extends JsonObject {
  type: string
  name?: string
}

export interface FunctionTool extends Tool {
  type: 'function'
  name: string
  description?: string | null
  parameters?: JsonObject | null
  strict?: boolean | null
}

export type ToolChoice = 'none' | 'auto' | 'required' | ToolChoiceObject

/** `{type:'function', name}`, `{type:'allowed_tools', mode, tools}`, `{type:'custom', name}`, or a built-in tool's `{type}`. */
export interface ToolChoiceObject extends JsonObject {
  type: string
  name?: string
  mode?: 'none' | 'auto' | 'required'
  tools?: JsonObject[]
}

export const itemStatuses = ['in_progress', 'completed', 'incomplete'] as const
export type ItemStatus =
  | (typeof itemStatuses)[number]
  | 'failed'
  | 'searching'
  | 'generating'
  | 'calling'
  | 'interpreting'

/** Any item, in or out. Built-in items of which only the type is known pass whole. */
export interface Item extends JsonObject {
  type: string
  id?: string
  status?: string
}

export type MessageRole = 'user' | 'assistant' | 'system' | 'developer'

export interface MessageItem extends Item {
  type: 'message'
  role: MessageRole
  /** A string is the easy form of one text part; output messages always carry parts. */
  content: string | ContentPart[]
  phase?: string | null
}

export interface FunctionCallItem extends Item {
  type: 'function_call'
  call_id: string
  name: string
  /** JSON text, exactly as the model wrote it. */
  arguments: string
}

export interface FunctionCallOutputItem extends Item {
  type: 'function_call_output'
  call_id: string
  output: string | ContentPart[]
}

export interface ReasoningItem extends Item {
  type: 'reasoning'
  summary: ContentPart[]
  content?: ContentPart[] | null
  encrypted_content?: string | null
}

/** `input_text`, `input_image`, `input_file`, `output_text`, `refusal`, `summary_text`, `reasoning_text`, … */
export interface ContentPart extends JsonObject {
  type: string
  text?: string
}

export interface OutputTextPart extends ContentPart {
  type: 'output_text'
  text: string
  annotations: JsonObject[]
  logprobs: JsonObject[]
}

/** Tokens of one response. Totals are inclusive: cached is part of input, reasoning part of output. */
export interface Usage {
  input_tokens: number
  /** `cache_write_tokens`: written to the provider's cache, where that is told; like the others a part of the input. */
  input_tokens_details: { cached_tokens: number; cache_write_tokens?: number }
  output_tokens: number
  output_tokens_details: { reasoning_tokens: number }
  total_tokens: number
}

export type ResponseStatus = 'queued' | 'in_progress' | 'completed' | 'incomplete' | 'failed' | 'cancelled'

export interface ResponseError {
  code: string
  message: string
}

/** The response object: 31 required members, then what OpenAI's SDKs add. */
export interface CanonicalResponse extends JsonObject {
  id: string
  object: 'response'
  /** Unix seconds. */
  created_at: number
  /** Unix seconds, set when the status is `completed`. */
  completed_at: number | null
  status: ResponseStatus
  incomplete_details: { reason: string } | null
  /** The name that the client asked for. */
  model: string
  previous_response_id: string | null
  instructions: string | null
  output: Item[]
  error: ResponseError | null
  tools: Tool[]
  tool_choice: ToolChoice
  truncation: 'auto' | 'disabled'
  parallel_tool_calls: boolean
  text: TextConfig
  top_p: number
  presence_penalty: number
  frequency_penalty: number
  top_logprobs: number
  temperature: number
  reasoning: ReasoningConfig | null
  usage: Usage | null
  max_output_tokens: number | null
  max_tool_calls: number | null
  store: boolean
  background: boolean
  service_tier: string
  metadata: Record<string, string>
  safety_identifier: string | null
  prompt_cache_key: string | null
  /** A convenience of OpenAI's SDKs: all output text of all messages, concatenated. On final objects only. */
  output_text?: string
}

/** One server-sent event of the contract; `sequence_number` counts from 0 without a gap. */
export interface CanonicalEvent extends JsonObject {
  type: string
  sequence_number: number
}

/** The event types that end a stream. Exactly one of them is sent, and `[DONE]` follows it. */
export const terminalEventTypes = [
  'response.completed',
  'response.incomplete',
  'response.failed',
  'response.cancelled',
] as const

const terminalTypes: ReadonlySet<string> = new Set(terminalEventTypes)

/** Whether the event ends its stream. */
export function isTerminalEvent(event: { type: string }): boolean {
  return terminalTypes.has(event.type)
}

/** Item kinds that the model produces to call a tool, known by name; anything ending in `_call` counts as well. */
export function isToolCallItem(type: string): boolean {
  return type.endsWith('_call') || type === 'tool_search_call'
}

/** True for a plain JSON object (not null, not an array). */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
