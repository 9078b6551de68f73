/** Validation of `tools` and `tool_choice`. */

import { isObject, type JsonObject, type Tool, type ToolChoice } from '../../translators/shared/canonical.ts'
import {
  checkArray,
  checkBoolean,
  checkObject,
  checkOneOf,
  checkString,
  describeWord,
  isAbsent,
  refuse,
  type StringLimit,
} from './validate-request-checks.ts'

/** Open Responses, `AllowedToolsParam.tools`, and Scaleway's document: "A maximum of 128 tools can be provided." */
const maxTools = 128

/** Open Responses, `FunctionToolParam.name`. */
const nameLimit: StringLimit = {
  min: 1,
  max: 64,
  pattern: /^[a-zA-Z0-9_-]+$/,
  allowed: 'letters, digits, underscores and dashes',
}

const modes = ['none', 'auto', 'required'] as const

export function validateTools(tools: unknown): void {
  if (isAbsent(tools)) return
  checkArray(tools, 'tools', maxTools).forEach((tool, index) => {
    checkTool(tool, `tools[${index}]`)
  })
}

function checkTool(value: unknown, param: string): void {
  const tool = checkObject(value, param)
  checkString(tool.type, `${param}.type`, { min: 1 })
  if (tool.type === 'function') checkFunctionTool(tool, param)
  else if (tool.type === 'custom') checkNamed(tool, param)
  else if (tool.type === 'namespace') checkNamespace(tool, param)
}

function checkNamed(tool: JsonObject, param: string): void {
  if (isAbsent(tool.name) && (isObject(tool.function) || isObject(tool.custom))) {
    refuse(
      `${param}.name`,
      `${param}.name is missing: in this API name, description and parameters stand in the tool itself, not in an object inside it.`,
    )
  }
  checkString(tool.name, `${param}.name`, nameLimit)
  if (!isAbsent(tool.description)) checkString(tool.description, `${param}.description`)
}

function checkFunctionTool(tool: JsonObject, param: string): void {
  checkNamed(tool, param)
  if (!isAbsent(tool.parameters)) checkObject(tool.parameters, `${param}.parameters`)
  if (!isAbsent(tool.strict)) checkBoolean(tool.strict, `${param}.strict`)
}

/** A group of tools under one name, as Codex sends them. */
function checkNamespace(tool: JsonObject, param: string): void {
  checkString(tool.name, `${param}.name`, { min: 1, max: 128 })
  checkArray(tool.tools, `${param}.tools`, maxTools).forEach((inner, index) => {
    checkTool(inner, `${param}.tools[${index}]`)
  })
}

/**
 * `tool_choice` in the contract's flat form; the nested forms of chat completions are accepted.
 * @param complete whether `tools` is all there is; a prompt template may bring others.
 */
export function validateToolChoice(
  choice: unknown,
  tools: readonly Tool[],
  complete: boolean,
): ToolChoice | null | undefined {
  if (isAbsent(choice)) return choice
  if (typeof choice === 'string') {
    checkOneOf(choice, 'tool_choice', modes)
    if (choice === 'required' && complete && tools.length === 0) {
      refuse('tool_choice', 'tool_choice "required" needs tools; none were sent.')
    }
    return choice as ToolChoice
  }
  if (!isObject(choice))
    return refuse('tool_choice', `tool_choice must be one of ${modes.join(', ')}, or an object.`)
  checkString(choice.type, 'tool_choice.type', { min: 1 })
  const known = complete ? toolNames(tools) : null
  if (choice.type === 'allowed_tools') return checkAllowedTools(choice, known)
  return checkChosenTool(choice, 'tool_choice', known) as ToolChoice
}

function checkAllowedTools(choice: JsonObject, known: ReadonlySet<string> | null): ToolChoice {
  const flat = isObject(choice.allowed_tools) ? { ...choice.allowed_tools, type: choice.type } : choice
  if (!isAbsent(flat.mode)) checkOneOf(flat.mode, 'tool_choice.mode', modes)
  const list = checkArray(flat.tools, 'tool_choice.tools', maxTools)
  if (list.length === 0)
    refuse('tool_choice.tools', 'tool_choice.tools must name at least one tool; got none.')
  const tools = list.map((entry, index) => checkChosenTool(entry, `tool_choice.tools[${index}]`, known))
  const same = flat === choice && tools.every((tool, index) => tool === list[index])
  return (same ? choice : { ...flat, tools }) as ToolChoice
}

/** One tool by type and name. Built-in tools are chosen by their type alone. */
function checkChosenTool(value: unknown, param: string, known: ReadonlySet<string> | null): JsonObject {
  const raw = checkObject(value, param)
  checkString(raw.type, `${param}.type`, { min: 1 })
  if (raw.type !== 'function' && raw.type !== 'custom') return raw
  const nested = raw[raw.type]
  const tool = isAbsent(raw.name) && isObject(nested) ? { type: raw.type, name: nested.name } : raw
  const name = checkString(tool.name, `${param}.name`, { min: 1 })
  if (known !== null && !known.has(name)) {
    refuse(`${param}.name`, `${param}.name ${describeWord(name)} is not among the tools of this request.`)
  }
  return tool
}

/** Names that can be chosen; those inside a namespace with and without its name. */
function toolNames(tools: readonly Tool[]): Set<string> {
  const names = new Set<string>()
  for (const tool of tools) {
    if (typeof tool.name === 'string' && tool.type !== 'namespace') names.add(tool.name)
    if (tool.type !== 'namespace' || !Array.isArray(tool.tools)) continue
    for (const inner of tool.tools as Tool[]) {
      if (typeof inner.name !== 'string') continue
      for (const name of [inner.name, `${tool.name}.${inner.name}`, `${tool.name}__${inner.name}`])
        names.add(name)
    }
  }
  return names
}
