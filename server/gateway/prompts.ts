/** From a request that names a prompt template to one that any provider understands. */
import type {
  CanonicalRequest,
  ContentPart,
  Item,
  JsonObject,
  PromptReference,
} from '../../translators/shared/canonical.ts'
import { GatewayError } from '../errors.ts'
import { fillItems, fillPlaceholders } from './prompt-placeholders.ts'
import {
  checkVariableValue,
  type PromptTemplate,
  type PromptVariable,
  toUserMessage,
  type VariableValue,
} from './prompt-template.ts'
import { validateComplete } from './validate-request.ts'
import { describeWord, isAbsent, refuse } from './validate-request-checks.ts'

/** The template of a prompt's version; null names the default version. Null when there is none. */
export type FindTemplate = (id: string, version: string | null) => PromptTemplate | null

/** What knows the templates; see prompt-library.ts. */
export interface TemplateSource {
  readonly find: FindTemplate
}

/** Characters that variables may fill in together: a value that stands in many places grows past what was sent. */
const maxFilled = 67_108_864

/**
 * The request without `prompt`: the template's input, filled, before the client's; every other member that the client
 * does not set as the template has it. The same object when there is no prompt. Pure: nothing that was given changes.
 * @throws GatewayError `prompt_not_found` (`prompt.id`, `prompt.version`); `invalid_request` naming a variable
 * (`prompt.variables.<name>`), or what is still missing with the template (`model`, `input`).
 */
export function resolvePrompt(request: CanonicalRequest, find: FindTemplate): CanonicalRequest {
  const { prompt, ...own } = request
  if (isAbsent(prompt)) return request
  const template = requireTemplate(prompt, find)
  const { fillText, fillWhole } = createFiller(readValues(template, prompt))
  const { description: _, variables: __, instructions, input, ...settings } = template
  const merged: JsonObject = { ...own }
  for (const [name, value] of Object.entries(settings)) merged[name] = mergeSetting(name, own[name], value)
  if (isAbsent(own.instructions) && instructions !== undefined) merged.instructions = fillText(instructions)
  if (input !== undefined) {
    const items = typeof input === 'string' ? [toUserMessage(input)] : input
    merged.input = [...fillItems(items, { fillText, fillWhole }), ...toItems(own.input)]
  }
  return validateComplete(merged as CanonicalRequest)
}

function requireTemplate({ id, version }: PromptReference, find: FindTemplate): PromptTemplate {
  const wanted = version ?? null
  const template = find(id, wanted)
  if (template !== null) return template
  if (wanted === null || find(id, null) === null) {
    throw promptNotFound(id)
  }
  throw new GatewayError(
    'prompt_not_found',
    `The prompt ${describeWord(id)} has no version ${describeWord(wanted)}. Leave prompt.version out for its default version.`,
    { param: 'prompt.version' },
  )
}

/** @returns what a call is answered whose prompt nobody has. */
export function promptNotFound(id: string): GatewayError {
  return new GatewayError(
    'prompt_not_found',
    `There is no prompt with the id ${describeWord(id)}. GET /admin/prompts lists what there is.`,
    { param: 'prompt.id' },
  )
}

/** LangChain sends `text: {}` with every call: of these two, each member counts by itself. */
const mergedByMember: readonly string[] = ['text', 'reasoning']

function mergeSetting(name: string, own: unknown, template: unknown): unknown {
  if (isAbsent(own)) return template
  if (!mergedByMember.includes(name)) return own
  const given = Object.entries(own as JsonObject).filter(([, value]) => !isAbsent(value))
  return { ...(template as JsonObject), ...Object.fromEntries(given) }
}

function toItems(input: CanonicalRequest['input']): readonly Item[] {
  if (typeof input === 'string') return input === '' ? [] : [toUserMessage(input)]
  return input ?? []
}

/** By name; null for an optional variable without a value. */
type Values = ReadonlyMap<string, VariableValue | null>

function readValues(template: PromptTemplate, prompt: PromptReference): Values {
  const declared = new Map(Object.entries(template.variables ?? {}))
  const given = new Map(Object.entries(prompt.variables ?? {}))
  for (const name of given.keys()) {
    if (declared.has(name)) continue
    const param = `prompt.variables.${name.slice(0, 64)}`
    const known = declared.size === 0 ? 'it has none' : `it has ${[...declared.keys()].join(', ')}`
    refuse(param, `The prompt has no variable ${describeWord(name)}: ${known}.`)
  }
  const missing = [...declared].filter(([name, variable]) => isAbsent(given.get(name)) && isNeeded(variable))
  const first = missing[0]
  if (first !== undefined) {
    const names = missing.map(([name]) => name).join(', ')
    refuse(
      `prompt.variables.${first[0]}`,
      `The prompt needs ${missing.length === 1 ? 'the variable' : 'the variables'} ${names}: send each in prompt.variables.`,
    )
  }
  return new Map(
    [...declared].map(([name, variable]) => {
      const value = given.get(name) ?? variable.default
      if (isAbsent(value)) return [name, null]
      return [name, checkVariableValue(variable.type, value, `prompt.variables.${name}`)]
    }),
  )
}

function isNeeded(variable: PromptVariable): boolean {
  return variable.required !== false && isAbsent(variable.default)
}

function createFiller(values: Values) {
  let filled = 0

  function count(name: string, length: number): void {
    filled += length
    if (filled <= maxFilled) return
    refuse(
      `prompt.variables.${name}`,
      `The variables fill more than ${maxFilled} characters into the prompt; send shorter ones.`,
    )
  }

  /** @returns null for the empty value of an optional image or file. */
  function readValue(name: string): VariableValue | null {
    const value = values.get(name) ?? null
    if (value !== null) count(name, measureValue(value))
    return value
  }

  return {
    fillText(text: string): string {
      return fillPlaceholders(text, (name) => {
        const value = readValue(name)
        return typeof value === 'string' ? value : (value?.text ?? '')
      })
    },
    fillWhole(name: string): ContentPart[] | null {
      const value = values.get(name)
      // A declared text that is empty or a string is filled as text.
      if (typeof value === 'string') return null
      const part = readValue(name)
      return part === null ? [] : [part as ContentPart]
    },
  }
}

function measureValue(value: VariableValue): number {
  if (typeof value === 'string') return value.length
  let length = 0
  for (const member of Object.values(value)) if (typeof member === 'string') length += member.length
  return length
}
