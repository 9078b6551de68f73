/**
 * JSON Schema (2020-12, and 07 where they differ) evaluated over a JSON value, in bounded steps. Schemas come from
 * clients, so nothing is compiled from them: no generated code, no cache of it, and a schema made to run for ever
 * (references that double at every level) ends at the bound. `format`, `unevaluated*`, `content*` and `$dynamicRef`
 * are not looked at; a `pattern` is where its cost can be told (see verify-schema-pattern.ts).
 */

import { isObject, type JsonObject } from '../../translators/shared/canonical.ts'
import { countCharacters } from './validate-request-checks.ts'
import { resolveReference } from './verify-schema-check.ts'
import { matchPattern } from './verify-schema-pattern.ts'

/** Steps of one evaluation at least; a long output gets more (see `evaluateSchema`). About 10 million are a second. */
const baseSteps = 200_000
const maxDepth = 500

export interface Mismatch {
  /** Where in the output, e.g. `items[2].name`; empty for the whole. Names only what the schema names. */
  path: string
  /** What was wanted there, e.g. `must be a string`. */
  wanted: string
}

/** The bound was reached before the answer was known. */
export class TooComplexError extends Error {}

interface Run {
  root: JsonObject
  references: Map<string, unknown>
  steps: number
  depth: number
}

type Evaluate = (schema: unknown, value: unknown, path: string) => Mismatch | null

/**
 * @param moreSteps beyond the base, for large values: an honest schema takes a few per value.
 * @throws TooComplexError
 */
export function evaluateSchema(root: JsonObject, value: unknown, moreSteps = 0): Mismatch | null {
  return evaluate(root, value, '', { root, references: new Map(), steps: baseSteps + moreSteps, depth: 0 })
}

function spend(run: Run, steps: number): void {
  run.steps -= steps
  if (run.steps < 0) throw new TooComplexError()
}

function evaluate(schema: unknown, value: unknown, path: string, run: Run): Mismatch | null {
  spend(run, 1)
  if (schema === false) return { path, wanted: 'must not be there' }
  if (!isObject(schema)) return null
  if (run.depth >= maxDepth) throw new TooComplexError()
  run.depth += 1
  const next: Evaluate = (subschema, child, place) => evaluate(subschema, child, place, run)
  const mismatch =
    checkReference(schema, value, path, run) ??
    checkAny(schema, value, path, run) ??
    (typeof value === 'string' ? checkText(schema, value, path) : null) ??
    (typeof value === 'number' ? checkNumber(schema, value, path) : null) ??
    (Array.isArray(value) ? checkArray(schema, value, path, run, next) : null) ??
    (isObject(value) ? checkObject(schema, value, path, next) : null) ??
    checkCombined(schema, value, path, next)
  run.depth -= 1
  return mismatch
}

function checkReference(schema: JsonObject, value: unknown, path: string, run: Run): Mismatch | null {
  if (typeof schema.$ref !== 'string') return null
  let target = run.references.get(schema.$ref)
  if (target === undefined) {
    target = resolveReference(run.root, schema.$ref)
    run.references.set(schema.$ref, target)
  }
  return evaluate(target, value, path, run)
}

function typeOf(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : typeof value
}

function checkAny(schema: JsonObject, value: unknown, path: string, run: Run): Mismatch | null {
  const { type } = schema
  if (type !== undefined) {
    const words = Array.isArray(type) ? type : [type]
    const fits = words.includes(typeOf(value)) || (words.includes('integer') && Number.isInteger(value))
    if (!fits) return { path, wanted: `must be of type ${words.join(' or ')}` }
  }
  if ('const' in schema && !isEqual(schema.const, value, run)) {
    return { path, wanted: 'must be the constant of the schema' }
  }
  if (Array.isArray(schema.enum) && !isAmong(schema.enum, value, run)) {
    return { path, wanted: "must be one of the schema's values" }
  }
  return null
}

function isAmong(values: unknown[], value: unknown, run: Run): boolean {
  if (typeof value === 'object' && value !== null) return values.some((entry) => isEqual(entry, value, run))
  // Lists of a thousand words are usual: the engine's own search is a fraction of a step per word.
  spend(run, values.length >> 5)
  return values.includes(value)
}

function isEqual(a: unknown, b: unknown, run: Run): boolean {
  spend(run, 1)
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const keys = Object.keys(a)
  if (keys.length !== Object.keys(b).length) return false
  return keys.every(
    (key) => Object.hasOwn(b, key) && isEqual((a as JsonObject)[key], (b as JsonObject)[key], run),
  )
}

function checkText(schema: JsonObject, value: string, path: string): Mismatch | null {
  if (schema.minLength !== undefined || schema.maxLength !== undefined) {
    const mismatch = checkCount(schema, 'Length', countCharacters(value), 'characters', path)
    if (mismatch !== null) return mismatch
  }
  if (typeof schema.pattern === 'string' && matchPattern(schema.pattern, value) === false) {
    return { path, wanted: "must match the schema's pattern" }
  }
  return null
}

function checkCount(
  schema: JsonObject,
  suffix: string,
  count: number,
  unit: string,
  path: string,
): Mismatch | null {
  const min = schema[`min${suffix}`]
  const max = schema[`max${suffix}`]
  if (typeof min === 'number' && count < min) return { path, wanted: `must have at least ${min} ${unit}` }
  if (typeof max === 'number' && count > max) return { path, wanted: `must have at most ${max} ${unit}` }
  return null
}

function checkNumber(schema: JsonObject, value: number, path: string): Mismatch | null {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema
  if (typeof minimum === 'number' && value < minimum) return { path, wanted: `must be at least ${minimum}` }
  if (typeof maximum === 'number' && value > maximum) return { path, wanted: `must be at most ${maximum}` }
  if (typeof exclusiveMinimum === 'number' && value <= exclusiveMinimum) {
    return { path, wanted: `must be more than ${exclusiveMinimum}` }
  }
  if (typeof exclusiveMaximum === 'number' && value >= exclusiveMaximum) {
    return { path, wanted: `must be less than ${exclusiveMaximum}` }
  }
  if (typeof multipleOf === 'number' && multipleOf > 0) {
    const quotient = value / multipleOf
    // 0.3 / 0.1 is 2.9999999999999996.
    if (Math.abs(quotient - Math.round(quotient)) > 1e-9 * Math.max(1, Math.abs(quotient))) {
      return { path, wanted: `must be a multiple of ${multipleOf}` }
    }
  }
  return null
}

function checkArray(
  schema: JsonObject,
  value: unknown[],
  path: string,
  run: Run,
  next: Evaluate,
): Mismatch | null {
  const counted = checkCount(schema, 'Items', value.length, 'entries', path)
  if (counted !== null) return counted
  const older = Array.isArray(schema.items)
  const prefix = (older ? schema.items : schema.prefixItems) ?? []
  const rest = older ? schema.additionalItems : schema.items
  for (let index = 0; index < value.length; index += 1) {
    const subschema = index < (prefix as unknown[]).length ? (prefix as unknown[])[index] : rest
    const mismatch = subschema === undefined ? null : next(subschema, value[index], `${path}[${index}]`)
    if (mismatch !== null) return mismatch
  }
  if (schema.uniqueItems === true && hasDuplicates(value, run))
    return { path, wanted: 'must not hold anything twice' }
  if (schema.contains === undefined) return null
  const found = value.filter((entry) => next(schema.contains, entry, path) === null).length
  const limits = { minContains: 1, ...schema }
  return checkCount(limits, 'Contains', found, 'entries of the kind that the schema asks for', path)
}

function hasDuplicates(values: unknown[], run: Run): boolean {
  const seen = new Set(values.map((value) => sortedText(value, run)))
  return seen.size < values.length
}

/** JSON text that is the same for equal values, whatever the order of their keys. */
function sortedText(value: unknown, run: Run): string {
  spend(run, 1)
  if (Array.isArray(value)) return `[${value.map((entry) => sortedText(entry, run)).join()}]`
  if (!isObject(value)) return JSON.stringify(value)
  const keys = Object.keys(value).sort()
  return `{${keys.map((key) => `${JSON.stringify(key)}:${sortedText(value[key], run)}`).join()}}`
}

function checkObject(schema: JsonObject, value: JsonObject, path: string, next: Evaluate): Mismatch | null {
  const keys = Object.keys(value)
  const counted = checkCount(schema, 'Properties', keys.length, 'properties', path)
  if (counted !== null) return counted
  for (const name of (schema.required ?? []) as string[]) {
    if (!Object.hasOwn(value, name)) return { path: join(path, name), wanted: 'is required' }
  }
  for (const key of keys) {
    const mismatch = checkProperty(schema, key, value[key], path, next)
    if (mismatch !== null) return mismatch
    if (schema.propertyNames !== undefined && next(schema.propertyNames, key, path) !== null) {
      return { path, wanted: 'has a property whose name the schema does not allow' }
    }
  }
  return checkDependents(schema, value, path, next)
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`
}

function checkProperty(
  schema: JsonObject,
  key: string,
  value: unknown,
  path: string,
  next: Evaluate,
): Mismatch | null {
  let known = false
  if (isObject(schema.properties) && Object.hasOwn(schema.properties, key)) {
    known = true
    const mismatch = next(schema.properties[key], value, join(path, key))
    if (mismatch !== null) return mismatch
  }
  for (const [pattern, subschema] of Object.entries(schema.patternProperties ?? {})) {
    const matches = matchPattern(pattern, key)
    // What cannot be told may match: then the key is not an additional one.
    if (matches !== false) known = true
    const mismatch = matches === true ? next(subschema, value, join(path, '*')) : null
    if (mismatch !== null) return mismatch
  }
  if (known || schema.additionalProperties === undefined) return null
  if (schema.additionalProperties === false)
    return { path, wanted: 'has a property that the schema does not allow' }
  return next(schema.additionalProperties, value, join(path, '*'))
}

function checkDependents(
  schema: JsonObject,
  value: JsonObject,
  path: string,
  next: Evaluate,
): Mismatch | null {
  for (const keyword of ['dependentRequired', 'dependentSchemas', 'dependencies']) {
    for (const [key, dependent] of Object.entries((schema[keyword] ?? {}) as JsonObject)) {
      if (!Object.hasOwn(value, key)) continue
      const mismatch = next(Array.isArray(dependent) ? { required: dependent } : dependent, value, path)
      if (mismatch !== null) return mismatch
    }
  }
  return null
}

function checkCombined(schema: JsonObject, value: unknown, path: string, next: Evaluate): Mismatch | null {
  const fits = (subschema: unknown) => next(subschema, value, path) === null
  for (const subschema of (schema.allOf ?? []) as unknown[]) {
    const mismatch = next(subschema, value, path)
    if (mismatch !== null) return mismatch
  }
  if (Array.isArray(schema.anyOf) && !schema.anyOf.some(fits)) {
    return { path, wanted: "must fit one of the schema's alternatives (anyOf)" }
  }
  if (Array.isArray(schema.oneOf) && schema.oneOf.filter(fits).length !== 1) {
    return { path, wanted: "must fit exactly one of the schema's alternatives (oneOf)" }
  }
  if (schema.not !== undefined && fits(schema.not))
    return { path, wanted: 'must not fit what the schema excludes (not)' }
  if (schema.if === undefined) return null
  const branch = fits(schema.if) ? schema.then : schema.else
  return branch === undefined ? null : next(branch, value, path)
}
