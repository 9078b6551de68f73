/** `tool_choice` in all its forms, in the form that the provider takes; what it lacks is done by what is sent. */
import { admit, type Draft, fieldContract, note, refuse } from '../shared/apply-contract.ts'
import { isObject, type JsonObject } from '../shared/canonical.ts'
import type { CanonicalField } from '../shared/contract-fields.ts'
import type { SentTool } from './tools.ts'

type Word = 'none' | 'auto' | 'required'

/** Sets `body.tool_choice` and the guard on names; returns the tools to send. */
export function applyToolChoice(draft: Draft, offered: SentTool[]): SentTool[] {
  const { tool_choice: choice, tools } = draft.request
  const hasTools = (tools?.length ?? 0) > 0 || draft.body.prompt !== undefined
  // Without tools a choice means nothing, and strict providers refuse it.
  if (choice === null || choice === undefined || !hasTools) return offered
  if (typeof choice === 'string') return applyWord(draft, choice, offered)
  if (!isObject(choice)) return offered
  if (choice.type === 'allowed_tools') return applyAllowed(draft, choice, offered)
  return applySpecific(draft, choice, offered)
}

/** `none` holds whatever the provider makes of it: the guard drops any call. */
function applyWord(draft: Draft, word: Word, offered: SentTool[]): SentTool[] {
  const field: CanonicalField = `tool_choice.${word}`
  if (word === 'none') {
    draft.guards.allowedTools = []
    if (fieldContract(draft, field).form === 'without_tools') {
      note(draft, field, 'emulated', 'tools left out')
      return []
    }
  }
  if (offered.length === 0 && draft.body.prompt === undefined) {
    if (word === 'required') refuseUnmet(draft, field)
    return offered
  }
  if (admit(draft, field) === 'send') draft.body.tool_choice = word
  return offered
}

/** A call is demanded of tools that this provider does not have. */
function refuseUnmet(draft: Draft, field: CanonicalField): void {
  refuse(
    draft,
    field,
    `"tool_choice" demands a call of a tool that provider "${draft.target.provider}" cannot be given. Choose "auto", or send a function tool.`,
  )
}

/** Whether a reference of the client (`{type, name?, namespace?, server_label?}`) means this tool. */
function refersTo(
  reference: JsonObject,
  { type, name, upstreamName, namespace, serverLabel }: SentTool,
): boolean {
  const { name: wanted, namespace: within, server_label: label } = reference
  if (type === 'namespace' && reference.namespace === name) return true
  if (reference.type !== type) return false
  if (typeof label === 'string') return label === serverLabel
  if (upstreamName === null) return true
  if (typeof within === 'string') return within === namespace && wanted === name
  return wanted === name || wanted === upstreamName
}

const specificFields: { readonly [type: string]: CanonicalField } = {
  function: 'tool_choice.function',
  custom: 'tool_choice.custom',
}

function applySpecific(draft: Draft, choice: JsonObject, offered: SentTool[]): SentTool[] {
  const type = String(choice.type)
  const field = Object.hasOwn(specificFields, type)
    ? (specificFields[type] ?? 'tool_choice.builtin')
    : 'tool_choice.builtin'
  const chosen = offered.find((tool) => refersTo(choice, tool))
  if (!chosen) {
    if (draft.body.prompt !== undefined) draft.body.tool_choice = choice
    else refuseUnmet(draft, field)
    return offered
  }
  const outcome = admit(draft, field, 'only this tool is sent')
  if (outcome === 'leave') return offered
  if (chosen.upstreamName !== null) draft.guards.allowedTools = [chosen.upstreamName]
  if (outcome === 'emulate') {
    draft.body.tool_choice = 'required'
    return [chosen]
  }
  draft.body.tool_choice = specificForm(draft, { choice, chosen, field })
  return offered
}

/** The chosen tool flat, as the contract has it, or nested in a member of its type's name. */
function specificForm(
  draft: Draft,
  { choice, chosen, field }: { choice: JsonObject; chosen: SentTool; field: CanonicalField },
): JsonObject {
  const { tool, upstreamName, namespace } = chosen
  const type = String(tool.type)
  const flat: JsonObject = upstreamName === null ? choice : { ...choice, type, name: upstreamName }
  if (namespace !== null) delete flat.namespace
  const isNested = fieldContract(draft, field).form === 'nested'
  if (isNested || type !== chosen.type) note(draft, field, 'mapped', isNested ? 'nested' : type)
  return isNested ? { type, [type]: { name: upstreamName } } : flat
}

/** The list is a hard constraint, so the guard holds it also where the provider knows the form. */
function applyAllowed(draft: Draft, choice: JsonObject, offered: SentTool[]): SentTool[] {
  const references = Array.isArray(choice.tools) ? choice.tools.filter(isObject) : []
  const mode: Word = choice.mode === 'required' || choice.mode === 'none' ? choice.mode : 'auto'
  const allowed = offered.filter((tool) => references.some((reference) => refersTo(reference, tool)))
  if (mode === 'none') return applyWord(draft, 'none', offered)
  // A namespace that the provider knows holds names that are not listed here.
  if (!allowed.some(({ type }) => type === 'namespace'))
    draft.guards.allowedTools = allowed.flatMap(({ upstreamName }) => upstreamName ?? [])
  if (mode === 'required' && allowed.length === 0) {
    refuseUnmet(draft, 'tool_choice.allowed_tools')
    return offered
  }
  const outcome = admit(draft, 'tool_choice.allowed_tools', 'only the allowed tools are sent')
  if (outcome === 'send') {
    draft.body.tool_choice = { ...choice, tools: allowed.map((tool) => nameReference(tool, references)) }
    return offered
  }
  if (allowed.length > 0) draft.body.tool_choice = mode
  return outcome === 'emulate' ? allowed : offered
}

/** The client's own reference, under the name that was sent. */
function nameReference(tool: SentTool, references: JsonObject[]): JsonObject {
  const reference = references.find((one) => refersTo(one, tool)) ?? { type: tool.type }
  if (tool.upstreamName === null) return reference
  const { namespace: _namespace, ...flat } = reference
  return { ...flat, type: String(tool.tool.type), name: tool.upstreamName }
}
