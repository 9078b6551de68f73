/** Reads a provider's request, already found good, into what the scripted model needs. */
import { isObject, type JsonObject } from '../../translators/shared/canonical.ts'
import { type Desk, inputItems } from './desk.ts'
import { openItem } from './secrets.ts'
import type { Call, ScriptRequest, ScriptTool, SimulatedProvider, Turn } from './types.ts'

/** The whole context of one call: what the provider holds already, then the request's own items. */
export function contextItems(provider: SimulatedProvider, call: Call, desk: Desk): JsonObject[] {
  const own = inputItems(call.body.input).map((item) =>
    item.type === 'item_reference' ? (desk.findItem(String(item.id)) ?? item) : item,
  )
  return [...(provider.history?.(call, desk) ?? []), ...own].flatMap((item) => openItem(provider.name, item))
}

export function readRequest(provider: SimulatedProvider, call: Call, context: JsonObject[]): ScriptRequest {
  const { body } = call
  const reasoning = isObject(body.reasoning) ? body.reasoning : {}
  const effort = reasoning.effort ?? body.reasoning_effort
  const asked = typeof effort === 'string' && effort !== 'none' ? effort : null
  return {
    provider: provider.name,
    model: String(body.model),
    instructions: readInstructions(body.instructions),
    turns: context.map(readTurn),
    tools: readTools(body.tools),
    toolChoice: readToolChoice(body.tool_choice),
    parallelToolCalls: !(provider.honoursParallel && body.parallel_tool_calls === false),
    format: readFormat(body.text),
    effort: asked ?? (provider.alwaysReasons ? 'medium' : null),
    maxOutputTokens: typeof body.max_output_tokens === 'number' ? body.max_output_tokens : null,
    promptCacheKey: typeof body.prompt_cache_key === 'string' ? body.prompt_cache_key : null,
    notes: readNotes(call),
  }
}

function readInstructions(value: unknown): string | null {
  if (typeof value === 'string') return value
  return Array.isArray(value)
    ? value
        .filter(isObject)
        .map((item) => readTurn(item).text)
        .join('\n')
    : null
}

function readTurn(item: JsonObject): Turn {
  const type = typeof item.type === 'string' ? item.type : 'message'
  if (type === 'function_call' || type === 'custom_tool_call')
    return {
      kind: 'call',
      label: String(item.name),
      text: String(item.arguments ?? item.input ?? ''),
      images: 0,
      files: 0,
    }
  if (type.endsWith('_output'))
    return { kind: 'output', label: String(item.call_id ?? type), ...readContent(item.output) }
  if (type === 'message') return { kind: 'message', label: String(item.role), ...readContent(item.content) }
  const content = readContent([...asArray(item.summary), ...asArray(item.content)])
  return { kind: type === 'reasoning' ? 'reasoning' : 'other', label: type, ...content }
}

function readContent(content: unknown): { text: string; images: number; files: number } {
  if (typeof content === 'string') return { text: content, images: 0, files: 0 }
  const parts = asArray(content).filter(isObject)
  const count = (type: string) => parts.filter((part) => part.type === type).length
  const texts = parts.map((part) => part.text ?? part.refusal).filter((text) => typeof text === 'string')
  return { text: texts.join('\n'), images: count('input_image'), files: count('input_file') }
}

function readTools(value: unknown): ScriptTool[] {
  return asArray(value)
    .filter(isObject)
    .flatMap((tool) => {
      if (tool.type !== 'namespace') return [readTool(tool)]
      const namespace = String(tool.name)
      return readTools(tool.tools).map((inner) => ({ ...inner, namespace }))
    })
}

function readTool(tool: JsonObject): ScriptTool {
  return {
    type: String(tool.type),
    name: typeof tool.name === 'string' ? tool.name : String(tool.type),
    parameters: isObject(tool.parameters) ? tool.parameters : {},
  }
}

function readToolChoice(value: unknown): ScriptRequest['toolChoice'] {
  if (value === 'none' || value === 'required') return { mode: value, names: null }
  if (!isObject(value)) return { mode: 'auto', names: null }
  if (value.type === 'allowed_tools') {
    const names = asArray(value.tools)
      .filter(isObject)
      .map((tool) => String(tool.name ?? tool.type))
    return { mode: value.mode === 'required' ? 'required' : 'auto', names }
  }
  const nested = isObject(value.function) ? value.function.name : undefined
  return { mode: 'required', names: [String(value.name ?? nested ?? value.type)] }
}

function readFormat(text: unknown): ScriptRequest['format'] {
  const format = isObject(text) && isObject(text.format) ? text.format : {}
  if (format.type === 'json_schema')
    return { type: 'json_schema', schema: isObject(format.schema) ? format.schema : {} }
  return { type: format.type === 'json_object' ? 'json_object' : 'text' }
}

function readNotes({ projectId, headers, body }: Call): string[] {
  const notes: string[] = []
  if (projectId) notes.push(`project ${projectId}`)
  for (const name of ['idempotency-key', 'x-idempotency-key', 'traceparent', 'x-request-id'])
    if (headers[name]) notes.push(`${name} ${headers[name]}`)
  for (const name of ['user', 'safety_identifier', 'prompt_cache_key', 'service_tier'])
    if (typeof body[name] === 'string') notes.push(`${name} ${body[name]}`)
  return notes
}

function asArray(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}
