/** Rules for the structured fields of a request: input items, tool_choice, text, reasoning. */
import { isObject, type JsonObject } from '../../translators/shared/canonical.ts'
import { inputItems } from './desk.ts'
import type { Rule } from './validate.ts'

export interface InputRules {
  roles: readonly string[]
  /** Item types besides `message`, `function_call` and `function_call_output`; `*` takes any. */
  types: readonly string[] | '*'
  /** Empty input is refused. Default false. */
  nonEmpty?: boolean
  maxImages?: number
}

const inputMaxLength = 10_485_760
const inParts = ['input_text', 'input_image', 'input_file']
const outParts = ['output_text', 'refusal']
const coreTypes = ['message', 'function_call', 'function_call_output']

/** A rule for `input`: a string of at most 10 485 760 characters, or well-formed items. */
export function inputRule({ roles, types, nonEmpty = false, maxImages = 500 }: InputRules): Rule {
  return {
    type: 'any',
    check(value) {
      if (typeof value === 'string') {
        if (nonEmpty && value === '') return `Invalid 'input': empty input is not allowed.`
        if (value.length <= inputMaxLength) return null
        return `Invalid 'input': string too long. Expected at most ${inputMaxLength} characters, but got ${value.length} instead.`
      }
      if (!Array.isArray(value)) return `Invalid type for 'input': expected a string or an array of items.`
      if (nonEmpty && value.length === 0) return `Invalid 'input': empty input is not allowed.`
      for (const [index, item] of value.entries()) {
        const wrong = checkItem(item, roles, types)
        if (wrong) return `Invalid 'input[${index}]': ${wrong}`
      }
      const images = countImages(value)
      return images > maxImages ? `Invalid 'input': ${images} images (maximum ${maxImages}).` : null
    },
  }
}

function checkItem(item: unknown, roles: readonly string[], types: readonly string[] | '*'): string | null {
  if (!isObject(item)) return 'expected an object.'
  const type = item.type ?? (item.role === undefined ? undefined : 'message')
  if (typeof type !== 'string') return `missing required parameter 'type'.`
  if (!coreTypes.includes(type) && types !== '*' && !types.includes(type))
    return `unknown item type '${type}'.`
  if (type === 'message') return checkMessage(item, roles)
  if (type === 'function_call') {
    for (const key of ['call_id', 'name', 'arguments'])
      if (typeof item[key] !== 'string') return `'${key}' must be a string in a function_call.`
    return null
  }
  if (type === 'function_call_output') {
    if (typeof item.call_id !== 'string') return `'call_id' must be a string in a function_call_output.`
    if (typeof item.output === 'string') return null
    return Array.isArray(item.output)
      ? checkParts(item.output, inParts)
      : `'output' must be a string or parts.`
  }
  if (type === 'reasoning')
    return Array.isArray(item.summary) ? null : `'summary' must be an array in a reasoning item.`
  return null
}

function checkMessage(item: JsonObject, roles: readonly string[]): string | null {
  if (typeof item.role !== 'string' || !roles.includes(item.role))
    return `unsupported role ${JSON.stringify(item.role ?? null)}; supported: ${roles.join(', ')}.`
  if (typeof item.content === 'string') return null
  if (!Array.isArray(item.content)) return `'content' must be a string or an array of parts.`
  return checkParts(item.content, item.role === 'assistant' ? outParts : inParts)
}

function checkParts(parts: unknown[], allowed: readonly string[]): string | null {
  for (const part of parts) {
    if (!isObject(part) || typeof part.type !== 'string' || !allowed.includes(part.type))
      return `unsupported content part ${JSON.stringify(isObject(part) ? part.type : part)}; supported: ${allowed.join(', ')}.`
    if (part.type.endsWith('_text') && typeof part.text !== 'string') return `'text' must be a string.`
    if (part.type === 'input_image' && part.image_url != null && typeof part.image_url !== 'string')
      return `'image_url' must be a string.`
  }
  return null
}

function countImages(items: unknown[]): number {
  let images = 0
  for (const item of items) {
    if (!isObject(item) || !Array.isArray(item.content)) continue
    images += item.content.filter((part) => isObject(part) && part.type === 'input_image').length
  }
  return images
}

/**
 * The message of what does not fit together among calls and outputs, or null: an output needs its call, a call
 * its output, as OpenAI checks them.
 */
export function checkCallPairs(input: unknown, history: readonly JsonObject[]): string | null {
  const items = [...history, ...inputItems(input)]
  const ids = (type: string) => items.filter((item) => item.type === type).map((item) => item.call_id)
  const calls = new Set(ids('function_call'))
  const outputs = new Set(ids('function_call_output'))
  for (const id of outputs)
    if (!calls.has(id)) return `No tool call found for function call output with call_id ${id}.`
  for (const id of calls) if (!outputs.has(id)) return `No tool output found for function call ${id}.`
  return null
}

export interface ToolChoiceRules {
  /** How a tool is named: `{type,name}`, `{type,function:{name}}`, or not at all. */
  object: 'flat' | 'nested' | 'none'
  /** Whether `{type:"allowed_tools"}` is understood. Default false. */
  allowedTools?: boolean
  /** Any tool_choice but `none` without tools is refused, `auto` included. Default false: only `required` is. */
  needsTools?: boolean
}

/** A rule for `tool_choice`. */
export function toolChoiceRule({ object, allowedTools = false, needsTools = false }: ToolChoiceRules): Rule {
  return {
    type: 'any',
    check(value, body) {
      const tools = Array.isArray(body.tools) ? body.tools.filter(isObject) : []
      if (value === 'none') return null
      if (value === 'auto' || value === 'required') {
        const refused = tools.length === 0 && (needsTools || value === 'required')
        return refused ? `Tool choice '${value}' must be specified with 'tools' parameter.` : null
      }
      if (!isObject(value)) return `Invalid value for 'tool_choice': ${JSON.stringify(value)}.`
      return checkToolChoiceObject(value, tools, { object, allowedTools })
    },
  }
}

function checkToolChoiceObject(
  value: JsonObject,
  tools: JsonObject[],
  { object, allowedTools }: Required<Pick<ToolChoiceRules, 'object' | 'allowedTools'>>,
): string | null {
  if (object === 'none') return `Invalid value for 'tool_choice': expected one of none, auto, required.`
  if (value.type === 'allowed_tools') {
    if (!allowedTools) return `Invalid value for 'tool_choice.type': 'allowed_tools'.`
    return Array.isArray(value.tools) ? null : `Missing required parameter: 'tool_choice.tools'.`
  }
  let name = value.name
  if (object === 'nested') {
    if (value.type !== 'function' || !isObject(value.function))
      return `Invalid 'tool_choice': object format must be {"type": "function", "function": {"name": ...}}.`
    name = value.function.name
  } else if (value.function !== undefined) return `Unknown parameter: 'tool_choice.function'.`
  if (value.type !== 'function' && value.type !== 'custom') {
    const found = tools.some((tool) => tool.type === value.type)
    return found ? null : `Tool choice '${value.type}' not found in 'tools' parameter.`
  }
  if (typeof name !== 'string') return `Missing required parameter: 'tool_choice.name'.`
  const found = tools
    .flatMap((tool) => (Array.isArray(tool.tools) ? tool.tools.filter(isObject) : [tool]))
    .some((tool) => tool.type === value.type && tool.name === name)
  return found ? null : `Tool choice '${name}' not found in 'tools' parameter.`
}

export interface TextRules {
  formats: readonly string[]
  verbosity: boolean
}

/** A rule for `text`. */
export function textRule({ formats, verbosity }: TextRules): Rule {
  return {
    type: 'object',
    check(value) {
      const text = value as JsonObject
      if (text.verbosity != null && !verbosity) return `Unknown parameter: 'text.verbosity'.`
      if (text.verbosity != null && !['low', 'medium', 'high'].includes(String(text.verbosity)))
        return `Invalid value for 'text.verbosity': ${JSON.stringify(text.verbosity)}.`
      const extra = Object.keys(text).find((key) => key !== 'format' && key !== 'verbosity')
      if (extra) return `Unknown parameter: 'text.${extra}'.`
      if (text.format == null) return null
      if (!isObject(text.format) || !formats.includes(String(text.format.type)))
        return `Invalid value for 'text.format.type': supported: ${formats.join(', ')}.`
      if (text.format.type !== 'json_schema') return null
      if (typeof text.format.name !== 'string' || !/^[a-zA-Z0-9_-]{1,64}$/.test(text.format.name))
        return `Invalid 'text.format.name': 1 to 64 letters, digits, _ or -.`
      return isObject(text.format.schema) ? null : `Missing required parameter: 'text.format.schema'.`
    },
  }
}

export interface ReasoningRules {
  efforts: readonly string[]
  /** Members of `reasoning` that are known. */
  members: readonly string[]
}

/** A rule for `reasoning`. */
export function reasoningRule({ efforts, members }: ReasoningRules): Rule {
  return {
    type: 'object',
    check(value) {
      const reasoning = value as JsonObject
      const extra = Object.keys(reasoning).find((key) => !members.includes(key))
      if (extra) return `Unknown parameter: 'reasoning.${extra}'.`
      if (reasoning.effort != null && !efforts.includes(String(reasoning.effort)))
        return `Invalid value for 'reasoning.effort': ${JSON.stringify(reasoning.effort)}; supported: ${efforts.join(', ')}.`
      for (const key of ['summary', 'generate_summary']) {
        const word = reasoning[key]
        if (word != null && !['auto', 'concise', 'detailed'].includes(String(word)))
          return `Invalid value for 'reasoning.${key}': ${JSON.stringify(word)}.`
      }
      return null
    },
  }
}
