/**
 * Prompt templates: members of a request whose texts hold `{{name}}`, and the variables that stand there.
 * Checked when they are saved or configured, with the same checks as a request's members.
 */
import { type ContentPart, type Item, isObject, type JsonObject } from '../../translators/shared/canonical.ts'
import { fillItems, findPlaceholders, variableName } from './prompt-placeholders.ts'
import { checkSimpleField } from './validate-request.ts'
import {
  checkBoolean,
  checkObject,
  checkOneOf,
  checkString,
  describeValue,
  describeWord,
  isAbsent,
  isDeeperThan,
  refuse,
} from './validate-request-checks.ts'
import { checkFile, checkImage, validateInput } from './validate-request-input.ts'
import { validateToolChoice, validateTools } from './validate-request-tools.ts'

export type VariableType = 'text' | 'image' | 'file'

/** What may stand for a variable: a string, or an `input_text`, `input_image` or `input_file`. */
export type VariableValue = string | ContentPart

export interface PromptVariable {
  type: VariableType
  /** Default true. Without it and without a default a text is empty, and an image or a file is left out. */
  required?: boolean
  /** Taken when the client sends none; makes the variable optional. */
  default?: VariableValue
}

/** Beside these, any of `settingNames`, as in a request. */
export interface PromptTemplate extends JsonObject {
  /** For people; never sent. */
  description?: string
  instructions?: string
  /** Stands before the client's input. A string is one user message. */
  input?: string | Item[]
  /** The default of requests that name none. */
  model?: string
  variables?: { [name: string]: PromptVariable }
}

/** The members of a request that a template may set, beside `instructions`, `input`, `model`, `tools` and `tool_choice`. */
const settingNames = [
  'parallel_tool_calls',
  'max_tool_calls',
  'max_output_tokens',
  'text',
  'reasoning',
  'temperature',
  'top_p',
  'presence_penalty',
  'frequency_penalty',
  'top_logprobs',
  'include',
  'service_tier',
  'truncation',
] as const

const memberNames: readonly string[] = [
  'description',
  'instructions',
  'input',
  'model',
  'tools',
  'tool_choice',
  ...settingNames,
  'variables',
]

/** Other items belong to one conversation: their ids and secrets cannot be used again. */
const itemTypes = ['message', 'function_call', 'function_call_output']

const deepest = 100

/**
 * The template, with easy items written out.
 * @throws GatewayError `invalid_request` with `param` relative to the template, e.g. `variables.photo.type`.
 */
export function checkTemplate(value: unknown): PromptTemplate {
  if (!isObject(value)) refuse(null, `A template must be an object; got ${describeValue(value)}.`)
  if (isDeeperThan(value, deepest)) refuse(null, `A template may be nested ${deepest} levels deep at most.`)
  const unknown = Object.keys(value).find((name) => !memberNames.includes(name))
  if (unknown !== undefined) {
    const name = describeWord(unknown)
    refuse(
      unknown.slice(0, 64),
      `A template has no member ${name}; it may have ${memberNames.join(', ')}. Other members are for the request itself.`,
    )
  }
  // Null is absent, as in a request.
  const given = Object.fromEntries(Object.entries(value).filter(([, member]) => !isAbsent(member)))
  if ('description' in given) checkString(given.description, 'description', { max: 1024 })
  if ('model' in given) checkString(given.model, 'model', { min: 1, max: 512 })
  for (const name of ['instructions', ...settingNames]) {
    if (name in given) checkSimpleField(name, given[name])
  }
  validateTools(given.tools)
  const template = {
    ...given,
    ...('tool_choice' in given && { tool_choice: validateToolChoice(given.tool_choice, [], false) }),
    ...('input' in given && { input: checkInput(given.input) }),
  } as PromptTemplate
  checkVariables(template)
  return template
}

function checkInput(input: unknown): string | Item[] {
  const items = validateInput(input, false) as string | Item[]
  if (typeof items === 'string') return items
  for (const [index, { type, id }] of items.entries()) {
    if (!itemTypes.includes(type)) {
      refuse(
        `input[${index}].type`,
        `input[${index}].type must be one of ${itemTypes.join(', ')} in a template; got ${describeWord(type)}.`,
      )
    }
    if (!isAbsent(id)) {
      refuse(`input[${index}].id`, `input[${index}].id must be left out: every request gives items new ids.`)
    }
  }
  return items
}

function checkVariables(template: PromptTemplate): void {
  const declared = new Map<string, PromptVariable>()
  for (const [name, raw] of Object.entries(checkObject(template.variables ?? {}, 'variables'))) {
    declared.set(name, checkVariable(name, raw))
  }
  const used = new Set<string>()
  for (const [place, name, mayBePart] of findUses(template)) {
    const variable = declared.get(name)
    if (variable === undefined) {
      refuse(
        place,
        `${place} holds {{${name}}}, which is not among the variables: declare variables.${name}, or take it out.`,
      )
    }
    if (variable.type !== 'text' && !mayBePart) {
      refuse(
        place,
        `{{${name}}} in ${place} is of type ${variable.type}: it must be all that an input_text part of the input (or a message's content) holds.`,
      )
    }
    used.add(name)
  }
  const unused = [...declared.keys()].find((name) => !used.has(name))
  if (unused !== undefined) {
    refuse(
      `variables.${unused}`,
      `variables.${unused} stands nowhere: put {{${unused}}} into instructions or input, or take it out.`,
    )
  }
}

function checkVariable(name: string, raw: unknown): PromptVariable {
  const param = `variables.${name.slice(0, 64)}`
  if (!variableName.test(name)) {
    refuse(
      param,
      `${describeWord(name)} cannot name a variable: use 1 to 64 letters, digits, "_", "-" and ".".`,
    )
  }
  const variable = checkObject(raw, param)
  const unknown = Object.keys(variable).find((member) => !['type', 'required', 'default'].includes(member))
  if (unknown !== undefined) {
    refuse(
      `${param}.${unknown.slice(0, 64)}`,
      `${param} has no member ${describeWord(unknown)}; it may have type, required, default.`,
    )
  }
  const type = checkOneOf(variable.type, `${param}.type`, ['text', 'image', 'file']) as VariableType
  if (!isAbsent(variable.required)) checkBoolean(variable.required, `${param}.required`)
  if (!isAbsent(variable.default)) checkVariableValue(type, variable.default, `${param}.default`)
  return variable as unknown as PromptVariable
}

/**
 * A value of a variable, from a client or as a default.
 * @throws GatewayError `invalid_request` with `param`, or a member of it
 */
export function checkVariableValue(type: VariableType, value: unknown, param: string): VariableValue {
  if (type === 'text' && typeof value === 'string') return value
  const partType = `input_${type}`
  if (!isObject(value) || value.type !== partType) {
    const wanted = type === 'text' ? 'a string or an object' : 'an object'
    const got =
      isObject(value) && typeof value.type === 'string'
        ? `one of type ${describeWord(value.type)}`
        : describeValue(value)
    refuse(param, `${param} must be ${wanted} of type "${partType}"; got ${got}.`)
  }
  if (type === 'text') checkString(value.text, `${param}.text`)
  else if (type === 'image') checkImage(value, param)
  else checkFile(value, param)
  return value as ContentPart
}

/** Each use of a variable: where, its name, and whether a whole part may stand there. */
function findUses({
  instructions,
  input,
}: PromptTemplate): [place: string, name: string, mayBePart: boolean][] {
  const uses: [string, string, boolean][] = []
  for (const name of findPlaceholders(instructions ?? '')) uses.push(['instructions', name, false])
  const items = typeof input === 'string' ? [toUserMessage(input)] : (input ?? [])
  for (const [index, item] of items.entries()) {
    const place = typeof input === 'string' ? 'input' : `input[${index}]`
    fillItems([item], {
      fillText(text) {
        for (const name of findPlaceholders(text)) uses.push([place, name, false])
        return text
      },
      fillWhole(name) {
        uses.push([place, name, true])
        return []
      },
    })
  }
  return uses
}

/** The easy form of input, written out. */
export function toUserMessage(text: string): Item {
  return { type: 'message', role: 'user', content: [{ type: 'input_text', text }] }
}
