/** A violation of the schema in words: what is wrong, and what would be right. Never shows a secret's value. */
import type { ErrorObject } from 'ajv'
import { type PathSegment, suggestName } from './problems.ts'
import { ID_PATTERN, MODEL_PATTERN, SECRET_PATTERN } from './schema-names.ts'
import { AMOUNT_PATTERN, DATE_PATTERN } from './schema-prices.ts'
import { STORE_PATTERN } from './schema-process.ts'

const patternWords: Readonly<Record<string, string>> = {
  [ID_PATTERN]: 'may hold only letters, digits, ".", "_" and "-" (1 to 128 of them), and no ".."',
  [MODEL_PATTERN]: 'may hold only printable ASCII characters (1 to 256), with no space at either end',
  [SECRET_PATTERN]:
    'may hold only printable ASCII characters without spaces; look for a line break at its end',
  [AMOUNT_PATTERN]:
    'must be US dollars as a number or a decimal with at most nine decimals, e.g. "0.075", without a sign or currency',
  [DATE_PATTERN]:
    'must be a day, e.g. "2026-07-01", which begins at 00:00 UTC, or a moment, e.g. "2026-07-01T12:00:00Z"',
  [STORE_PATTERN]:
    'must be "sqlite:" and a file, e.g. "sqlite:data/dragoman.db", or "postgres://user:password@host/database"',
}

interface Violation {
  /** What to add to the error's own path. */
  below: PathSegment[]
  message: string
}

interface Schema {
  type?: string | string[]
  description?: string
  default?: unknown
  properties?: Record<string, Schema>
  minimum?: number
  maximum?: number
}

/** Null for an error that only repeats another one. */
export function describeViolation(error: ErrorObject): Violation | null {
  const schema = error.parentSchema as Schema
  const params = error.params as Record<string, unknown>
  const at = (message: string): Violation => ({ below: [], message })
  switch (error.keyword) {
    case 'if':
    case 'propertyNames':
      return null
    case 'additionalProperties': {
      const name = String(params.additionalProperty)
      const known = Object.keys(schema.properties ?? {})
      return { below: [name], message: `is not an option${suggestName(name, known)}` }
    }
    case 'required': {
      const name = String(params.missingProperty)
      const what = schema.properties?.[name]?.description
      return { below: [name], message: `is missing${what === undefined ? '' : `; ${lowerFirst(what)}`}` }
    }
    case 'type':
      return at(`must be ${nameTypes(schema)}, is ${nameType(error.data)}`)
    case 'enum':
      return at(describeEnum(error.data, params.allowedValues as unknown[]))
    case 'pattern':
      return describePattern(error)
    case 'minimum':
    case 'maximum':
      return at(`must be ${nameRange(schema)}, is ${String(error.data)}`)
    case 'minLength':
      return at(`must have at least ${String(params.limit)} characters${nameEmptiness(error.data)}`)
    case 'minItems':
    case 'minProperties':
      return at(`must have at least ${params.limit === 1 ? 'one entry' : `${String(params.limit)} entries`}`)
    default:
      return at(
        `${error.message ?? 'is wrong'}${schema.description === undefined ? '' : `; ${schema.description}`}`,
      )
  }
}

function describePattern(error: ErrorObject): Violation {
  const pattern = String((error.params as { pattern: string }).pattern)
  const message = patternWords[pattern] ?? `must match ${pattern}`
  if (error.propertyName === undefined)
    return { below: [], message: error.data === '' ? 'is empty' : message }
  return { below: [error.propertyName], message: `this name ${message}` }
}

function describeEnum(value: unknown, allowed: unknown[]): string {
  const names = allowed.map(String)
  if (typeof value !== 'string')
    return `must be one of ${names.map((name) => JSON.stringify(name)).join(', ')}`
  return `${JSON.stringify(value.slice(0, 64))} is not one of its values${suggestName(value, names)}`
}

function nameTypes(schema: Schema): string {
  const types = Array.isArray(schema.type) ? schema.type : [schema.type ?? 'something else']
  const range = schema.minimum === undefined ? '' : ` (${nameRange(schema)})`
  return `${types.map(withArticle).join(' or ')}${range}`
}

function nameType(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'number' && !Number.isInteger(value)) return 'a fraction'
  return withArticle(typeof value)
}

function withArticle(type: string): string {
  return /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`
}

function nameRange({ minimum, maximum }: Schema): string {
  if (minimum === undefined) return `at most ${maximum}`
  return maximum === undefined ? `at least ${minimum}` : `${minimum} to ${maximum}`
}

function nameEmptiness(value: unknown): string {
  return value === '' ? ', is empty' : ''
}

function lowerFirst(text: string): string {
  return /^[A-Z][a-z]/.test(text) ? text[0]!.toLowerCase() + text.slice(1) : text
}
