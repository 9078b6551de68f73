/**
 * Checks a request body against a table of a document's rules. It finds problems in neutral words; each provider
 * says them in its own.
 */
import { isObject, type JsonObject } from '../../translators/shared/canonical.ts'

export interface Rule {
  type: 'string' | 'integer' | 'number' | 'boolean' | 'object' | 'array' | 'any'
  required?: boolean
  min?: number
  /** The value must be greater than `min`. */
  exclusiveMin?: boolean
  max?: number
  minLength?: number
  maxLength?: number
  maxItems?: number
  values?: readonly string[]
  /** Anything that a table cannot say: the message of what is wrong, or null. */
  check?: (value: unknown, body: JsonObject) => string | null
}

export type Rules = { readonly [field: string]: Rule }

export interface Problem {
  /** Where, e.g. `text.format` or `tools[3]`. */
  param: string
  kind:
    | 'missing'
    | 'unknown'
    | 'type'
    | 'too_small'
    | 'too_large'
    | 'too_short'
    | 'too_long'
    | 'too_many'
    | 'value'
    | 'rule'
  message: string
  rule: Rule | null
  value: unknown
}

export interface CheckOptions {
  /** Fields outside the table are allowed. Default false. */
  additional?: boolean
}

/** Every problem of a body, in the table's order, unknown fields last. Null counts as absent. */
export function checkBody(
  body: JsonObject,
  rules: Rules,
  { additional = false }: CheckOptions = {},
): Problem[] {
  const problems: Problem[] = []
  for (const [param, rule] of Object.entries(rules)) {
    const value = body[param]
    if (value === undefined || value === null) {
      if (rule.required)
        problems.push({
          param,
          kind: 'missing',
          message: `Missing required parameter: '${param}'.`,
          rule,
          value,
        })
      continue
    }
    const problem = checkValue(param, value, rule, body)
    if (problem) problems.push(problem)
  }
  if (additional) return problems
  for (const [param, value] of Object.entries(body)) {
    if (!Object.hasOwn(rules, param))
      problems.push({ param, kind: 'unknown', message: `Unknown parameter: '${param}'.`, rule: null, value })
  }
  return problems
}

function checkValue(param: string, value: unknown, rule: Rule, body: JsonObject): Problem | null {
  const found = (kind: Problem['kind'], message: string): Problem => ({ param, kind, message, rule, value })
  if (!hasType(value, rule.type))
    return found(
      'type',
      `Invalid type for '${param}': expected ${rule.type}, but got ${nameType(value)} instead.`,
    )
  if (typeof value === 'number') {
    const { min, max } = rule
    if (min !== undefined && (value < min || (rule.exclusiveMin && value === min)))
      return found(
        'too_small',
        `Invalid '${param}': value below minimum. Expected a value ${rule.exclusiveMin ? '>' : '>='} ${min}, but got ${value} instead.`,
      )
    if (max !== undefined && value > max)
      return found(
        'too_large',
        `Invalid '${param}': value above maximum. Expected a value <= ${max}, but got ${value} instead.`,
      )
  }
  if (typeof value === 'string') {
    if (rule.minLength !== undefined && value.length < rule.minLength)
      return found('too_short', `Invalid '${param}': string too short (minimum ${rule.minLength}).`)
    if (rule.maxLength !== undefined && value.length > rule.maxLength)
      return found(
        'too_long',
        `Invalid '${param}': string too long. Expected at most ${rule.maxLength} characters, but got ${value.length} instead.`,
      )
    if (rule.values && !rule.values.includes(value))
      return found(
        'value',
        `Invalid value: '${value}' for '${param}'. Supported values are: ${rule.values.map((one) => `'${one}'`).join(', ')}.`,
      )
  }
  if (Array.isArray(value) && rule.maxItems !== undefined && value.length > rule.maxItems)
    return found(
      'too_many',
      `Invalid '${param}': array too long. Expected at most ${rule.maxItems} elements, but got ${value.length} instead.`,
    )
  const wrong = rule.check?.(value, body)
  return wrong ? found('rule', wrong) : null
}

function hasType(value: unknown, type: Rule['type']): boolean {
  if (type === 'any') return true
  if (type === 'integer') return Number.isInteger(value)
  if (type === 'number') return typeof value === 'number'
  if (type === 'object') return isObject(value)
  if (type === 'array') return Array.isArray(value)
  return typeof value === type
}

function nameType(value: unknown): string {
  if (Array.isArray(value)) return 'array'
  return value === null ? 'null' : typeof value
}

/** A rule for `metadata` of 16 pairs, keys of 64 and string values of 512 characters. */
export const metadataRule: Rule = {
  type: 'object',
  check(value) {
    const entries = Object.entries(value as JsonObject)
    if (entries.length > 16) return `Invalid 'metadata': too many properties (${entries.length}, maximum 16).`
    for (const [key, entry] of entries) {
      if (key.length > 64) return `Invalid 'metadata': key of ${key.length} characters (maximum 64).`
      if (typeof entry !== 'string') return `Invalid 'metadata.${key}': expected a string.`
      if (entry.length > 512) return `Invalid 'metadata.${key}': ${entry.length} characters (maximum 512).`
    }
    return null
  },
}

/** A rule for `include`: strings of a given list. */
export function includeRule(values: readonly string[]): Rule {
  return {
    type: 'array',
    check(value) {
      const wrong = (value as unknown[]).find((one) => typeof one !== 'string' || !values.includes(one))
      return wrong === undefined ? null : `Invalid value in 'include': ${JSON.stringify(wrong)}.`
    },
  }
}

export interface ToolRules {
  /** Tool types that the provider takes. */
  types: readonly string[]
  /** Function fields beyond type, name, description, parameters, strict are refused. Default true. */
  strict?: boolean
  /** Function fields that are taken beside those. */
  members?: readonly string[]
  maxItems?: number
}

/** A rule for `tools`: known types, and functions with a proper name and parameters. */
export function toolsRule({ types, strict = true, members = [], maxItems = 128 }: ToolRules): Rule {
  return {
    type: 'array',
    maxItems,
    check(value) {
      for (const [index, tool] of (value as unknown[]).entries()) {
        const wrong = checkTool(tool, { types, strict, members })
        if (wrong) return `Invalid 'tools[${index}]': ${wrong}`
      }
      return null
    },
  }
}

function checkTool(
  tool: unknown,
  { types, strict, members }: { types: readonly string[]; strict: boolean; members: readonly string[] },
): string | null {
  if (!isObject(tool)) return 'expected an object.'
  if (typeof tool.type !== 'string' || !types.includes(tool.type))
    return `unsupported type ${JSON.stringify(tool.type)}; supported: ${types.join(', ')}.`
  if (tool.type !== 'function' && tool.type !== 'custom') return null
  if (typeof tool.name !== 'string' || !/^[a-zA-Z0-9_-]{1,64}$/.test(tool.name))
    return `'name' must be 1 to 64 letters, digits, _ or -, got ${JSON.stringify(tool.name ?? null)}.`
  if (tool.type === 'custom') return null
  if (tool.parameters != null && !isObject(tool.parameters)) return `'parameters' must be an object.`
  if (tool.description != null && typeof tool.description !== 'string')
    return `'description' must be a string.`
  if (tool.strict != null && typeof tool.strict !== 'boolean') return `'strict' must be a boolean.`
  const known = ['type', 'name', 'description', 'parameters', 'strict', ...members]
  const extra = Object.keys(tool).find((key) => !known.includes(key))
  return strict && extra ? `unknown field '${extra}'.` : null
}
