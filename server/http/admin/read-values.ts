/** The one place where parameters and bodies are checked against their schemas. Every refusal names the member and the fix. */
import type { TObject, TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import * as Format from 'typebox/format'
import { GatewayError } from '../../errors.ts'
import { formats } from './kinds.ts'

for (const [name, { check }] of Object.entries(formats)) Format.Set(name, check)

/** What this file reads of a schema. */
interface Node {
  type?: string
  format?: string
  pattern?: string
  description?: string
  enum?: readonly unknown[]
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  items?: Node
  anyOf?: readonly Node[]
  patternProperties?: Readonly<Record<string, Node>>
  properties?: Readonly<Record<string, TSchema>>
}

type Values = Record<string, unknown>

/** Takes the members of a query as they stand in the URL. Empty values are as if not given; of several the last counts, but in a list. */
export function readQuery(schema: TObject | null, query: string): Values {
  const properties = schema?.properties ?? {}
  const found: Record<string, string[]> = {}
  const pairs: Record<string, Record<string, string>> = {}
  for (const [written, value] of new URLSearchParams(query)) {
    const [, outer, inner] = /^([^[\]]+)\[(.*)\]$/s.exec(written) ?? []
    if (outer !== undefined && inner !== undefined && isRecord(properties[outer])) {
      pairs[outer] = { ...pairs[outer], [inner]: value }
      continue
    }
    if (!Object.hasOwn(properties, written)) throw unknownMember('parameter', written, properties)
    if (isRecord(properties[written])) {
      throw refused(written, `${written} must be written as ${written}[name]=value.`)
    }
    if (value === '') continue
    found[written] = [...(found[written] ?? []), value]
  }
  const values: Values = { ...pairs }
  for (const [name, texts] of Object.entries(found)) values[name] = convert(properties[name] as Node, texts)
  return checkMembers(schema, values, 'parameter')
}

/** The members of a path. */
export function readParams(schema: TObject | null, params: Readonly<Record<string, unknown>>): Values {
  return checkMembers(schema, { ...params }, 'parameter')
}

/** A JSON body. */
export function readMembers(schema: TObject, body: unknown): Values {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw refused(null, `The body must be a JSON object; got ${describeValue(body)}.`)
  }
  return checkMembers(schema, body as Values, 'member')
}

function checkMembers(schema: TObject | null, values: Values, kind: 'parameter' | 'member'): Values {
  const properties: Readonly<Record<string, TSchema>> = schema?.properties ?? {}
  for (const [name, value] of Object.entries(values)) {
    const property = Object.hasOwn(properties, name) ? properties[name] : undefined
    if (property === undefined) throw unknownMember(kind, name, properties)
    if (!validatorOf(property).Check(value)) throw wrongValue(property, name, value)
  }
  const missing = ((schema?.required ?? []) as string[]).find((name) => values[name] === undefined)
  if (missing !== undefined) {
    throw refused(missing, `${missing} is missing. It must be ${expected(properties[missing] as Node)}.`)
  }
  return values
}

type Validator = ReturnType<typeof Compile>
const validators = new WeakMap<TSchema, Validator>()

function validatorOf(schema: TSchema): Validator {
  let validator = validators.get(schema)
  if (validator === undefined) {
    validator = Compile(schema)
    validators.set(schema, validator)
  }
  return validator
}

function convert(schema: Node, texts: readonly string[]): unknown {
  if (schema.type === 'array') {
    return texts.flatMap((value) => value.split(',')).map((value) => value.trim())
  }
  const value = texts.at(-1) ?? ''
  if (schema.type === 'boolean') return value === 'true' || (value === 'false' ? false : value)
  const isNumber = schema.type === 'integer' || schema.type === 'number'
  return isNumber && /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value
}

/** Names the member inside, where it is a member's member that is wrong. */
function wrongValue(schema: TSchema, name: string, value: unknown): GatewayError {
  let param = name
  let node = schema as Node
  let wrong = value
  for (const step of (validatorOf(schema).Errors(value)[0]?.instancePath ?? '').split('/').slice(1)) {
    const key = step.replaceAll('~1', '/').replaceAll('~0', '~')
    const inside = node.items ?? (node.properties?.[key] as Node | undefined)
    if (inside === undefined || typeof wrong !== 'object' || wrong === null) break
    if (node.items === undefined) param += `.${key}`
    node = inside
    wrong = (wrong as Values)[key]
  }
  return refused(param, `${param} must be ${expected(node)}, not ${describeValue(wrong)}.`)
}

/** Completes "must be". */
function expected(schema: Node): string {
  if (schema.anyOf !== undefined) {
    return schema.anyOf.map((choice) => (choice.type === 'null' ? 'null' : expected(choice))).join(' or ')
  }
  if (schema.enum !== undefined) return `one of ${schema.enum.join(', ')}`
  const format = schema.format === undefined ? undefined : formats[schema.format]
  if (format !== undefined) return format.expected
  const { type, minimum, maximum } = schema
  if (type === 'boolean') return 'true or false'
  if (type === 'array') return `one or more, each ${expected(schema.items ?? {})}`
  if (type === 'integer' || type === 'number') {
    const kind = type === 'integer' ? 'a whole number' : 'a number'
    if (minimum !== undefined && maximum !== undefined) return `${kind} from ${minimum} to ${maximum}`
    return minimum === undefined ? kind : `${kind}, at least ${minimum}`
  }
  if (type === 'object') return 'an object'
  if (schema.pattern?.startsWith('^k')) return 'the "next" or "previous" of an earlier page, unchanged'
  if (schema.pattern !== undefined) return `text that matches ${schema.pattern}`
  return schema.maxLength === undefined
    ? 'text'
    : `text of ${schema.minLength ?? 0} to ${schema.maxLength} characters`
}

function isRecord(schema: unknown): boolean {
  return (schema as Node | undefined)?.patternProperties !== undefined
}

/** A member that is not known is an error: ignored, it would show more than was asked for, or look as if it had been kept. */
function unknownMember(
  kind: string,
  name: string,
  properties: Readonly<Record<string, unknown>>,
): GatewayError {
  const known = Object.keys(properties)
  const fix = known.length === 0 ? 'There are none.' : `Known: ${known.join(', ')}.`
  return refused(name.slice(0, 64), `There is no ${kind} '${name.slice(0, 64)}' here. ${fix}`)
}

function describeValue(value: unknown): string {
  if (typeof value === 'string') return `'${value.slice(0, 40)}'`
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return String(value)
  return Array.isArray(value) ? 'an array' : typeof value === 'object' ? 'an object' : 'nothing'
}

function refused(param: string | null, message: string): GatewayError {
  return new GatewayError('invalid_request', message, { param })
}
