/** The tools of a request: flattened, filtered and narrowed to what may be called, for one provider. */
import {
  admit,
  admitKind,
  type Draft,
  fieldContract,
  lose,
  note,
  refuse,
  safeName,
  takesMember,
} from '../shared/apply-contract.ts'
import { isObject, type JsonObject } from '../shared/canonical.ts'
import type { CanonicalField } from '../shared/contract-fields.ts'
import { customParameters } from '../shared/custom-input.ts'
import { createToolNames, type ToolNames } from '../shared/tool-names.ts'
import { applyToolChoice } from './tool-choice.ts'

/** One tool as it is sent, beside the names by which the client may refer to it. */
export interface SentTool {
  tool: JsonObject
  /** As the client knows it: a custom tool may be sent as a function. */
  type: string
  /** Of functions and custom tools: as sent. */
  upstreamName: string | null
  /** The client's own. */
  name: string | null
  namespace: string | null
  serverLabel: string | null
}

/** Names that stay as they are: those of tools outside a namespace. */
export function namesOf(draft: Draft): ToolNames {
  const taken: string[] = []
  for (const tool of draft.request.tools ?? [])
    if (isObject(tool) && tool.type !== 'namespace' && typeof tool.name === 'string') taken.push(tool.name)
  return createToolNames(taken)
}

/** Sets `tools`, `tool_choice`, `parallel_tool_calls`, and the guards that stand in for what the provider ignores. */
export function applyTools(draft: Draft, names: ToolNames): void {
  const offered = (draft.request.tools ?? []).flatMap((tool) => expandTool(draft, tool, names))
  checkCount(draft, offered.length)
  const sent = applyToolChoice(draft, offered)
  if (sent.length > 0) draft.body.tools = sent.map(({ tool }) => tool)
  // A stored prompt may bring tools of its own.
  if (sent.length > 0 || draft.body.prompt !== undefined) {
    applyParallel(draft)
    applyMaxCalls(draft)
  }
}

/** Tools are never left out to meet a count: which ones matter is not ours to say. */
function checkCount(draft: Draft, count: number): void {
  const { maxItems } = fieldContract(draft, 'tools').limit ?? {}
  if (maxItems !== undefined && count > maxItems)
    refuse(
      draft,
      'tools',
      `"tools" must have at most ${maxItems} tools at provider "${draft.target.provider}" (has ${count}, those of namespaces counted one by one). Send fewer.`,
    )
}

function expandTool(draft: Draft, tool: unknown, names: ToolNames): SentTool[] {
  if (!isObject(tool)) return []
  if (tool.type !== 'namespace') return admitTool(draft, tool, { names, origin: null })
  const support = admit(draft, 'tools.namespace')
  if (support === 'leave') return []
  if (fieldContract(draft, 'tools.namespace').support === 'native') return [describeTool(tool, null)]
  note(draft, 'tools.namespace', 'mapped', 'functions')
  return flattenNamespace(tool, names).flatMap(({ flat, origin }) =>
    admitTool(draft, flat, { names, origin }),
  )
}

interface ToolOrigin {
  name: string
  namespace: string
}

/** The functions of a namespace under flat names; its description goes with the first of them. */
function flattenNamespace(
  namespace: JsonObject,
  names: ToolNames,
): { flat: JsonObject; origin: ToolOrigin | null }[] {
  const members = Array.isArray(namespace.tools) ? namespace.tools.filter(isObject) : []
  const label = typeof namespace.name === 'string' ? namespace.name : ''
  return members.map((member, index) => {
    const { defer_loading: _deferred, ...flat }: JsonObject = member
    if (index === 0 && typeof namespace.description === 'string' && namespace.description !== '')
      flat.description = [namespace.description, flat.description].filter(Boolean).join('\n\n')
    if (typeof member.name !== 'string' || label === '') return { flat, origin: null }
    flat.name = names.upstreamName(member.name, label)
    return { flat, origin: { name: member.name, namespace: label } }
  })
}

const toolFields: { readonly [type: string]: CanonicalField } = {
  function: 'tools.function',
  custom: 'tools.custom',
  mcp: 'tools.mcp',
}

function admitTool(
  draft: Draft,
  tool: JsonObject,
  { names, origin }: { names: ToolNames; origin: ToolOrigin | null },
): SentTool[] {
  const type = String(tool.type)
  const field = Object.hasOwn(toolFields, type) ? (toolFields[type] ?? 'tools.builtin') : 'tools.builtin'
  const outcome = field === 'tools.function' ? admit(draft, field) : admitKind(draft, field, type)
  if (outcome !== 'send') return []
  if (type === 'custom' && fieldContract(draft, field).form === 'function_call')
    return [describeTool(customAsFunction(draft, tool, names), origin, type)]
  const sent = type === 'function' ? documentedFunction(draft, tool) : tool
  return [describeTool(withoutNulls(sent), origin)]
}

/** A custom tool as a function of one string. Its grammar can only be asked for. */
function customAsFunction(draft: Draft, tool: JsonObject, names: ToolNames): JsonObject {
  const { name, description, format } = tool
  note(draft, 'tools.custom', 'mapped', 'function_call')
  if (typeof name === 'string') names.markCustom(name)
  const lines = typeof description === 'string' ? [description] : []
  if (isObject(format) && format.type === 'grammar') {
    lose(draft, 'tools.custom', {
      action: 'dropped',
      detail: 'grammar',
      reason: 'cannot have its grammar enforced',
    })
    lines.push(`The input must follow this ${String(format.syntax)} grammar:\n${String(format.definition)}`)
  }
  const described = lines.length > 0 ? { description: lines.join('\n\n') } : {}
  return { type: 'function', name, ...described, parameters: customParameters }
}

const functionMembers = new Set(['type', 'name', 'description', 'parameters', 'strict'])

/** A function without the members that only some other provider knows, each named. */
function documentedFunction(draft: Draft, tool: JsonObject): JsonObject {
  const takes = (member: string) => functionMembers.has(member) || takesMember(draft, 'function', member)
  const extra = Object.keys(tool).filter((member) => !takes(member))
  if (extra.length === 0) return tool
  for (const member of extra)
    if (tool[member] !== null && tool[member] !== undefined)
      note(draft, 'tools.function', 'dropped', safeName(member))
  return Object.fromEntries(Object.entries(tool).filter(([member]) => takes(member)))
}

/** `strict: null` and `description: null` mean absent; strict providers refuse them. */
function withoutNulls(tool: JsonObject): JsonObject {
  if (tool.strict !== null && tool.description !== null) return tool
  const copy = { ...tool }
  if (copy.strict === null) delete copy.strict
  if (copy.description === null) delete copy.description
  return copy
}

function describeTool(tool: JsonObject, origin: ToolOrigin | null, type = String(tool.type)): SentTool {
  const named = tool.type === 'function' || tool.type === 'custom'
  const upstreamName = named && typeof tool.name === 'string' ? tool.name : null
  return {
    tool,
    type,
    upstreamName,
    name: origin?.name ?? (typeof tool.name === 'string' ? tool.name : null),
    namespace: origin?.namespace ?? null,
    serverLabel: typeof tool.server_label === 'string' ? tool.server_label : null,
  }
}

/** Where the provider ignores `false`, it is still told, and the gateway keeps the first call only. */
function applyParallel(draft: Draft): void {
  const { parallel_tool_calls: parallel } = draft.request
  if (parallel === null || parallel === undefined) return
  const { support } = fieldContract(draft, 'parallel_tool_calls')
  if (support !== 'native' && parallel) return
  const outcome = admit(draft, 'parallel_tool_calls')
  if (outcome === 'leave') return
  draft.body.parallel_tool_calls = parallel
  if (outcome === 'emulate') draft.guards.parallelToolCalls = false
}

/** A model that is not told would answer with nothing but calls, and all of them would be dropped. */
function forbidCalls({ body, contract }: Draft): void {
  if (contract.fields['tool_choice.none']?.form === 'without_tools') {
    delete body.tools
    delete body.tool_choice
    delete body.parallel_tool_calls
  } else if (body.tools !== undefined) body.tool_choice = 'none'
}

/**
 * The gateway always counts: some providers count only their built-in tools. A limit below the provider's
 * minimum is the gateway's alone.
 */
function applyMaxCalls(draft: Draft): void {
  const { max_tool_calls: calls } = draft.request
  if (calls === null || calls === undefined) return
  draft.guards.maxToolCalls = calls
  if (calls === 0) forbidCalls(draft)
  const { limit } = fieldContract(draft, 'max_tool_calls')
  if (limit?.min !== undefined && calls < limit.min) note(draft, 'max_tool_calls', 'emulated')
  else if (admit(draft, 'max_tool_calls') === 'send') draft.body.max_tool_calls = calls
}
