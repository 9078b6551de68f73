/** The pieces of a Responses answer that most providers share: items, usage, the echo of the request. */
import { isObject, type JsonObject } from '../../translators/shared/canonical.ts'
import { makeId } from './desk.ts'
import { encryptContent } from './secrets.ts'
import type { Call, Failure, Frame, ProviderName, Reply, Script, ScriptItem } from './types.ts'

export interface ItemStyle {
  /** Where a reasoning item's text stands. `hidden`: nowhere, unless a summary was asked for. */
  reasoning: 'summary' | 'content' | 'hidden'
  /** Adds `encrypted_content`, made by this provider, to reasoning items. */
  encryptedBy?: ProviderName | undefined
}

/** The output items of a finished answer, in OpenAI's shape. */
export function buildItems(script: Script, style: ItemStyle): JsonObject[] {
  return script.items.map((item) => buildItem(item, style))
}

function buildItem(item: ScriptItem, style: ItemStyle): JsonObject {
  const status = 'cut' in item && item.cut ? 'incomplete' : 'completed'
  switch (item.kind) {
    case 'reasoning':
      return buildReasoning(item.text, style)
    case 'text':
      return buildMessage({ type: 'output_text', annotations: [], logprobs: [], text: item.text }, status)
    case 'refusal':
      return buildMessage({ type: 'refusal', refusal: item.text }, status)
    case 'call': {
      const { name, namespace, arguments: text } = item
      return {
        id: makeId('fc'),
        type: 'function_call',
        status,
        arguments: text,
        call_id: makeId('call', 12),
        name,
        ...(namespace === undefined ? {} : { namespace }),
      }
    }
    case 'custom': {
      const { name, input } = item
      return { id: makeId('ctc'), type: 'custom_tool_call', status, call_id: makeId('call', 12), name, input }
    }
    case 'builtin':
      return { id: makeId(item.item.type.replace(/_call$/, '').slice(0, 2)), status, ...item.item }
  }
}

function buildMessage(part: JsonObject, status: string): JsonObject {
  return { id: makeId('msg'), type: 'message', status, content: [part], role: 'assistant' }
}

function buildReasoning(text: string, { reasoning, encryptedBy }: ItemStyle): JsonObject {
  const item: JsonObject = { id: makeId('rs'), type: 'reasoning', summary: [] }
  if (reasoning === 'summary') item.summary = [{ type: 'summary_text', text }]
  if (reasoning === 'content') item.content = [{ type: 'reasoning_text', text }]
  if (encryptedBy) item.encrypted_content = encryptContent(encryptedBy, text)
  return item
}

/** How OpenAI and its kin show reasoning: as a summary where one was asked for, encrypted where included. */
export function openaiItemStyle({ body }: Call, provider: ProviderName): ItemStyle {
  const summary =
    isObject(body.reasoning) && (body.reasoning.summary ?? body.reasoning.generate_summary) != null
  const spoken = lastText(body.input).includes('/reason')
  const include = Array.isArray(body.include) ? body.include : []
  return {
    reasoning: summary || spoken ? 'summary' : 'hidden',
    encryptedBy: include.includes('reasoning.encrypted_content') ? provider : undefined,
  }
}

function lastText(input: unknown): string {
  return typeof input === 'string' ? input : JSON.stringify(Array.isArray(input) ? (input.at(-1) ?? '') : '')
}

/** All output text of all messages, concatenated. */
export function outputText(items: readonly JsonObject[]): string {
  const parts = items.flatMap((item) => (Array.isArray(item.content) ? item.content : [])).filter(isObject)
  return parts.map((part) => (part.type === 'output_text' ? String(part.text) : '')).join('')
}

export function buildUsage({ tokens }: Script): JsonObject {
  return {
    input_tokens: tokens.input,
    input_tokens_details: { cached_tokens: tokens.cached },
    output_tokens: tokens.output,
    output_tokens_details: { reasoning_tokens: tokens.reasoning },
    total_tokens: tokens.input + tokens.output,
  }
}

export function buildStatus({ ending }: Script): { status: string; incomplete_details: JsonObject | null } {
  if (ending !== 'incomplete') return { status: 'completed', incomplete_details: null }
  return { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } }
}

/** Unix seconds. */
export function unixNow(): number {
  return Math.floor(Date.now() / 1000)
}

/** The finished response object with every field, as OpenAI writes it; the others take what their documents have. */
export function buildResponse(call: Call, script: Script, output: JsonObject[]): JsonObject {
  const { body } = call
  const { status, incomplete_details } = buildStatus(script)
  const createdAt = unixNow()
  const text = isObject(body.text) ? body.text : {}
  return {
    id: makeId('resp', 24),
    object: 'response',
    created_at: createdAt,
    status,
    background: body.background ?? false,
    completed_at: status === 'completed' ? createdAt : null,
    error: null,
    incomplete_details,
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    max_tool_calls: body.max_tool_calls ?? null,
    model: body.model,
    output,
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    previous_response_id: body.previous_response_id ?? null,
    presence_penalty: body.presence_penalty ?? 0,
    frequency_penalty: body.frequency_penalty ?? 0,
    prompt_cache_key: body.prompt_cache_key ?? null,
    reasoning: isObject(body.reasoning)
      ? { effort: null, summary: null, ...body.reasoning }
      : { effort: null, summary: null },
    safety_identifier: body.safety_identifier ?? null,
    service_tier: body.service_tier === 'auto' ? 'default' : (body.service_tier ?? 'default'),
    store: body.store ?? true,
    temperature: body.temperature ?? 1,
    text: { format: { type: 'text' }, ...text },
    tool_choice: body.tool_choice ?? 'auto',
    tools: body.tools ?? [],
    top_logprobs: body.top_logprobs ?? 0,
    top_p: body.top_p ?? 1,
    truncation: body.truncation ?? 'disabled',
    usage: buildUsage(script),
    user: body.user ?? null,
    metadata: body.metadata ?? {},
  }
}

/** Only the members named, in their order; absent ones stay absent. */
export function pickMembers(object: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(names.filter((name) => name in object).map((name) => [name, object[name]]))
}

/** A server-sent event with its type as the event's name. */
export function eventFrame(event: JsonObject): Frame {
  const type = String(event.type)
  return { text: `event: ${type}\ndata: ${JSON.stringify(event)}\n\n`, delta: type.endsWith('.delta') }
}

/** A server-sent event of data alone. */
export function dataFrame(data: unknown, delta = false): Frame {
  return { text: `data: ${JSON.stringify(data)}\n\n`, delta }
}

export const doneFrame: Frame = { text: 'data: [DONE]\n\n', delta: false }

/** `{"error": {message, type, param, code}}`, as OpenAI and most of its kin say it. */
export function openaiFailure(failure: Failure, type: string, code: string | number | null): Reply {
  const { status, message, param = null, retryAfterSeconds } = failure
  return {
    kind: 'json',
    status,
    body: { error: { message, type, param, code } },
    headers: retryHeaders(retryAfterSeconds),
  }
}

export function retryHeaders(seconds: number | undefined): Record<string, string> {
  return seconds === undefined ? {} : { 'retry-after': String(seconds) }
}

/** The Bearer token of a call, or null. */
export function bearerToken({ headers }: Call): string | null {
  return /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1] ?? null
}
