/**
 * The response object: what the client asked, echoed with the contract's defaults, around what the model answered.
 *
 * All 31 required members are always present, and those that real clients crash on when they are null get their
 * zero value. The echo is built once per response; tools and instructions are shared by reference.
 */
import {
  type CanonicalRequest,
  type CanonicalResponse,
  type Item,
  isObject,
  type JsonObject,
  type ReasoningConfig,
  type ResponseError,
  type ResponseStatus,
  type TextConfig,
  type TextFormat,
  type Tool,
  type ToolChoice,
  type Usage,
} from './canonical.ts'
import type { Context } from './translator.ts'

/** What a provider's own response object says about defaults that the client left open. */
export interface ProviderEcho {
  temperature?: number
  top_p?: number
  presence_penalty?: number
  frequency_penalty?: number
  service_tier?: string
}

const echoedNumbers = ['temperature', 'top_p', 'presence_penalty', 'frequency_penalty'] as const

/** Picks from a provider's response object what `buildEcho` may use. */
export function readProviderEcho(body: JsonObject): ProviderEcho {
  const echo: ProviderEcho = {}
  for (const name of echoedNumbers) {
    const value = body[name]
    if (typeof value === 'number' && Number.isFinite(value)) echo[name] = value
  }
  if (typeof body.service_tier === 'string' && body.service_tier !== '') echo.service_tier = body.service_tier
  return echo
}

/** The response object before any output: status `in_progress`, every member present. */
export function buildEcho(context: Context, provider: ProviderEcho = {}): CanonicalResponse {
  const { request } = context
  return {
    id: context.responseId,
    object: 'response',
    created_at: context.createdAt,
    completed_at: null,
    status: 'in_progress',
    incomplete_details: null,
    model: request.model,
    previous_response_id: request.previous_response_id ?? null,
    instructions: typeof request.instructions === 'string' ? request.instructions : null,
    output: [],
    error: null,
    tools: echoTools(request.tools),
    tool_choice: echoToolChoice(request.tool_choice),
    truncation: request.truncation ?? 'disabled',
    parallel_tool_calls: request.parallel_tool_calls ?? true,
    text: echoText(request.text),
    top_p: request.top_p ?? provider.top_p ?? 1,
    presence_penalty: request.presence_penalty ?? provider.presence_penalty ?? 0,
    frequency_penalty: request.frequency_penalty ?? provider.frequency_penalty ?? 0,
    top_logprobs: request.top_logprobs ?? 0,
    temperature: request.temperature ?? provider.temperature ?? 1,
    reasoning: echoReasoning(request.reasoning),
    usage: null,
    max_output_tokens: request.max_output_tokens ?? null,
    max_tool_calls: request.max_tool_calls ?? null,
    store: request.store ?? true,
    background: request.background ?? false,
    service_tier: provider.service_tier ?? request.service_tier ?? 'default',
    metadata: request.metadata ?? {},
    safety_identifier: request.safety_identifier ?? null,
    prompt_cache_key: request.prompt_cache_key ?? null,
    ...echoExtras(request),
    ...definedOf(context.echo),
  }
}

export interface ResponseEnd {
  status: ResponseStatus
  output: Item[]
  usage: Usage | null
  error: ResponseError | null
  /** `max_output_tokens`, `content_filter`, …; `cancelled` with that status; null with any other than `incomplete`. */
  incompleteReason: string | null
  /** Unix seconds; null unless the status is `completed`. */
  completedAt: number | null
  serviceTier: string | null
}

/** The final object: the echo with the whole output and `output_text`. */
export function buildFinal(echo: CanonicalResponse, end: ResponseEnd): CanonicalResponse {
  return {
    ...echo,
    status: end.status,
    completed_at: end.completedAt,
    incomplete_details: end.incompleteReason === null ? null : { reason: end.incompleteReason },
    output: end.output,
    error: end.error,
    usage: end.usage,
    service_tier: end.serviceTier ?? echo.service_tier,
    output_text: concatenateOutputText(end.output),
  }
}

/** A response that was stopped before its end: what there is of it stands, items that were open are incomplete. */
export function buildCancelled(response: CanonicalResponse): CanonicalResponse {
  return buildFinal(response, {
    status: 'cancelled',
    output: response.output.map(closeItem),
    usage: response.usage,
    error: null,
    incompleteReason: 'cancelled',
    completedAt: null,
    serviceTier: null,
  })
}

const endedStatuses: ReadonlySet<unknown> = new Set(['completed', 'incomplete', 'failed'])

function closeItem(item: Item): Item {
  return item.status === undefined || endedStatuses.has(item.status)
    ? item
    : { ...item, status: 'incomplete' }
}

/** All output text of all messages, as OpenAI's SDKs define `output_text`. */
export function concatenateOutputText(output: readonly Item[]): string {
  let text = ''
  for (const item of output) {
    if (item.type !== 'message' || !Array.isArray(item.content)) continue
    for (const part of item.content) {
      if (isObject(part) && part.type === 'output_text' && typeof part.text === 'string') text += part.text
    }
  }
  return text
}

/** Clients read `name`, `description`, `parameters` and `strict` of echoed functions: null is allowed, absence is not. */
function echoTools(tools: Tool[] | null | undefined): Tool[] {
  if (!tools) return []
  return tools.map((tool) => {
    if (tool.type !== 'function' || isFunctionComplete(tool)) return tool
    return { description: null, parameters: null, strict: null, ...tool }
  })
}

function isFunctionComplete(tool: Tool): boolean {
  return tool.description !== undefined && tool.parameters !== undefined && tool.strict !== undefined
}

function echoText(text: TextConfig | null | undefined): TextConfig {
  const { format, verbosity, ...rest } = text ?? {}
  return { ...rest, format: echoFormat(format), ...(verbosity ? { verbosity } : {}) }
}

function echoFormat(format: TextFormat | null | undefined): TextFormat {
  if (!format) return { type: 'text' }
  if (format.type !== 'json_schema') return format
  return { ...format, description: format.description ?? null, strict: format.strict ?? false }
}

function echoToolChoice(choice: ToolChoice | null | undefined): ToolChoice {
  if (!choice) return 'auto'
  return typeof choice === 'object' && choice.type === 'allowed_tools' ? { mode: 'auto', ...choice } : choice
}

function echoReasoning(reasoning: ReasoningConfig | null | undefined): ReasoningConfig | null {
  return reasoning ? { effort: null, summary: null, ...reasoning } : null
}

/** An override that is undefined overrides nothing: a required member must not vanish from the JSON. */
function definedOf(echo: Partial<CanonicalResponse>): Partial<CanonicalResponse> {
  return Object.fromEntries(Object.entries(echo).filter(([, value]) => value !== undefined))
}

/** Members outside the required 31 that OpenAI's response object echoes when they were sent. */
function echoExtras(request: CanonicalRequest): JsonObject {
  const extras: JsonObject = {}
  if (request.prompt) extras.prompt = request.prompt
  if (typeof request.user === 'string') extras.user = request.user
  return extras
}
