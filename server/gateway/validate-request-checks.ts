/** Checks of single values. Every failure is a 400 that names the place, the limit, and what was sent instead. */

import { isObject, type JsonObject } from '../../translators/shared/canonical.ts'
import { countCharacters } from '../../translators/shared/characters.ts'
import { GatewayError } from '../errors.ts'

export { countCharacters }

/** @throws GatewayError `invalid_request` with `param`. */
export function refuse(param: string | null, message: string): never {
  throw new GatewayError('invalid_request', message, { param })
}

/** Null stands for absent wherever a member is optional. */
export function isAbsent(value: unknown): value is null | undefined {
  return value === null || value === undefined
}

/** What was sent, in a few words: the kind and size of a value, never the content of a text. */
export function describeValue(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (typeof value === 'string') return `a string of ${countCharacters(value)} characters`
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (typeof value === 'object') return 'an object'
  return `the ${typeof value} ${String(value)}`
}

/** A word out of a closed list may be shown, shortened. */
export function describeWord(value: unknown): string {
  if (typeof value !== 'string') return describeValue(value)
  return value.length <= 40 ? `"${value}"` : `"${value.slice(0, 40)}…"`
}

export interface StringLimit {
  min?: number
  max?: number
  pattern?: RegExp
  /** What the pattern allows, in words. */
  allowed?: string
}

/** Characters of an id that something is kept or looked up by. Databases index no long ones, and nobody makes them. */
export const maxIdCharacters = 512

export function checkString(
  value: unknown,
  param: string,
  { min = 0, max = Infinity, pattern, allowed }: StringLimit = {},
): string {
  if (typeof value !== 'string')
    return refuse(param, `${param} must be a string; got ${describeValue(value)}.`)
  // Code units are at least as many as characters: counting is needed only past the limit.
  if (value.length < min || (value.length > max && countCharacters(value) > max)) {
    const limit = max === Infinity ? `at least ${min}` : min === 0 ? `at most ${max}` : `${min} to ${max}`
    refuse(param, `${param} must have ${limit} characters; got ${countCharacters(value)}.`)
  }
  if (pattern !== undefined && !pattern.test(value)) {
    refuse(param, `${param} may hold only ${allowed}; got ${describeWord(value)}.`)
  }
  return value
}

export function checkBoolean(value: unknown, param: string): boolean {
  if (typeof value !== 'boolean')
    return refuse(param, `${param} must be true or false; got ${describeWord(value)}.`)
  return value
}

export function checkNumber(
  value: unknown,
  param: string,
  { min, max = Infinity, integer = false }: { min: number; max?: number; integer?: boolean },
): number {
  const kind = integer ? 'an integer' : 'a number'
  const range = max === Infinity ? `of at least ${min}` : `from ${min} to ${max}`
  if (typeof value !== 'number' || value < min || value > max || (integer && !Number.isInteger(value))) {
    return refuse(param, `${param} must be ${kind} ${range}; got ${describeValue(value)}.`)
  }
  return value
}

export function checkOneOf(value: unknown, param: string, words: readonly string[]): string {
  if (typeof value !== 'string' || !words.includes(value)) {
    return refuse(param, `${param} must be one of ${words.join(', ')}; got ${describeWord(value)}.`)
  }
  return value
}

export function checkObject(value: unknown, param: string): JsonObject {
  if (!isObject(value)) return refuse(param, `${param} must be an object; got ${describeValue(value)}.`)
  return value
}

export function checkArray(value: unknown, param: string, max = Infinity): unknown[] {
  if (!Array.isArray(value)) return refuse(param, `${param} must be an array; got ${describeValue(value)}.`)
  if (value.length > max) refuse(param, `${param} may hold at most ${max} entries; got ${value.length}.`)
  return value
}

/** JSON can be parsed at any depth but not written again: past some thousand levels the stack ends. */
const maxDepth = 500

/** A request body: an object that can be written again. */
export function checkBody(body: unknown): JsonObject {
  if (!isObject(body))
    return refuse(null, `The request body must be a JSON object; got ${describeValue(body)}.`)
  if (isDeeperThan(body, maxDepth))
    refuse(null, `The request body is nested more than ${maxDepth} levels deep.`)
  return body
}

/** Whether objects and arrays are nested deeper than `levels`. */
export function isDeeperThan(value: object, levels: number): boolean {
  if (levels === 0) return true
  if (Array.isArray(value)) {
    for (const entry of value) {
      if (typeof entry === 'object' && entry !== null && isDeeperThan(entry, levels - 1)) return true
    }
    return false
  }
  for (const key in value) {
    const entry: unknown = (value as JsonObject)[key]
    if (typeof entry === 'object' && entry !== null && isDeeperThan(entry, levels - 1)) return true
  }
  return false
}
