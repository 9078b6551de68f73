/** A small valid instance of a JSON Schema: what the scripted model answers where JSON was asked for. */
import { isObject, type JsonObject } from '../../translators/shared/canonical.ts'

const maxDepth = 6

const formats: { readonly [format: string]: string } = {
  'date-time': '2026-01-02T03:04:05Z',
  date: '2026-01-02',
  time: '03:04:05Z',
  duration: 'PT1M',
  email: 'sandbox@example.com',
  hostname: 'example.com',
  ipv4: '192.0.2.1',
  ipv6: '2001:db8::1',
  uri: 'https://example.com/',
  uuid: '00000000-0000-4000-8000-000000000000',
}

/** Deterministic. Patterns are met only in simple cases; everything else that strict schemas may hold is met. */
export function makeInstance(schema: unknown): unknown {
  return instanceOf(schema, { root: schema, name: 'value', depth: 0 })
}

interface Place {
  root: unknown
  /** The property's name: the text of its strings. */
  name: string
  depth: number
}

function instanceOf(schema: unknown, place: Place): unknown {
  if (!isObject(schema)) return place.name
  if (typeof schema.$ref === 'string')
    return instanceOf(resolveReference(schema.$ref, place.root), { ...place, depth: place.depth + 1 })
  if ('const' in schema) return schema.const
  if (Array.isArray(schema.enum)) return schema.enum[0]
  const branches = schema.anyOf ?? schema.oneOf
  if (Array.isArray(branches))
    return instanceOf({ ...schema, anyOf: undefined, oneOf: undefined, ...pick(branches, place) }, place)
  if (Array.isArray(schema.allOf)) return instanceOf(mergeAll(schema, place), place)
  return instanceOfType(schema, nameType(schema, place), place)
}

function instanceOfType(schema: JsonObject, type: string, place: Place): unknown {
  switch (type) {
    case 'object':
      return makeObject(schema, place)
    case 'array':
      return makeArray(schema, place)
    case 'integer':
      return makeNumber(schema, 1)
    case 'number':
      return makeNumber(schema, 1.5)
    case 'boolean':
      return true
    case 'null':
      return null
    default:
      return makeString(schema, place.name)
  }
}

function nameType(schema: JsonObject, place: Place): string {
  if (Array.isArray(schema.type)) {
    const nullable = schema.type.includes('null')
    if (nullable && place.depth > maxDepth) return 'null'
    return String(schema.type.find((type) => type !== 'null') ?? 'null')
  }
  if (typeof schema.type === 'string') return schema.type
  if (schema.properties || schema.required) return 'object'
  return schema.items ? 'array' : 'string'
}

/** The first branch, or deep down one that ends a recursion. */
function pick(branches: unknown[], place: Place): JsonObject {
  const objects = branches.filter(isObject)
  const leaf =
    objects.find((branch) => branch.type === 'null') ?? objects.find((branch) => branch.$ref === undefined)
  return (place.depth > maxDepth ? leaf : undefined) ?? objects[0] ?? {}
}

function mergeAll(schema: JsonObject, place: Place): JsonObject {
  const merged: JsonObject = { ...schema, allOf: undefined }
  for (const part of schema.allOf as unknown[]) {
    const found =
      isObject(part) && typeof part.$ref === 'string' ? resolveReference(part.$ref, place.root) : part
    if (!isObject(found)) continue
    const properties = { ...asObject(merged.properties), ...asObject(found.properties) }
    const required = [...asArray(merged.required), ...asArray(found.required)]
    Object.assign(merged, found, { properties, required })
  }
  return merged
}

/** All properties near the top, deeper only the required ones. */
function makeObject(schema: JsonObject, place: Place): JsonObject {
  const required = asArray(schema.required)
  const result: JsonObject = {}
  for (const [name, property] of Object.entries(asObject(schema.properties))) {
    if (place.depth >= 3 && !required.includes(name)) continue
    result[name] = instanceOf(property, { ...place, name, depth: place.depth + 1 })
  }
  for (const name of required)
    if (typeof name === 'string' && !(name in result))
      result[name] = instanceOf(schema.additionalProperties, { ...place, name })
  return result
}

function makeArray(schema: JsonObject, place: Place): unknown[] {
  const deep = { ...place, depth: place.depth + 1 }
  if (Array.isArray(schema.prefixItems)) return schema.prefixItems.map((item) => instanceOf(item, deep))
  const wanted = place.depth > maxDepth ? 0 : 1
  const most = typeof schema.maxItems === 'number' ? schema.maxItems : Number.POSITIVE_INFINITY
  const count = Math.min(most, Math.max(wanted, Number(schema.minItems ?? 0)))
  return Array.from({ length: count }, (_, index) => {
    const value = instanceOf(schema.items ?? {}, deep)
    return schema.uniqueItems && typeof value === 'string' && index > 0
      ? `${value.slice(0, -1)}${index}`
      : value
  })
}

function makeNumber(schema: JsonObject, base: number): number {
  const bound = (value: unknown) => (typeof value === 'number' ? value : undefined)
  const step = bound(schema.multipleOf) ?? (Number.isInteger(base) ? 1 : undefined)
  const exclusiveLow = bound(schema.exclusiveMinimum)
  const exclusiveHigh = bound(schema.exclusiveMaximum)
  let low = bound(schema.minimum) ?? Number.NEGATIVE_INFINITY
  let high = bound(schema.maximum) ?? Number.POSITIVE_INFINITY
  if (exclusiveLow !== undefined) low = Math.max(low, exclusiveLow + (step ?? 0.001))
  if (exclusiveHigh !== undefined) high = Math.min(high, exclusiveHigh - (step ?? 0.001))
  const value = Math.min(high, Math.max(low, base))
  if (step === undefined) return value
  const up = Math.ceil(value / step) * step
  return up <= high ? up : Math.floor(value / step) * step
}

function makeString(schema: JsonObject, name: string): string {
  const known = typeof schema.format === 'string' ? formats[schema.format] : undefined
  if (known !== undefined) return known
  if (typeof schema.pattern === 'string') return matchPattern(schema.pattern, name)
  let text = name
  const least = Number(schema.minLength ?? 0)
  while (text.length < least) text += `${text.length % 8 === 7 ? ' ' : 'x'}`
  return typeof schema.maxLength === 'number' ? text.slice(0, schema.maxLength) : text
}

/** Tries a few candidates; a pattern that none of them meets gets the property's name. */
function matchPattern(pattern: string, name: string): string {
  const candidates = [
    name,
    'a',
    'A',
    '1',
    'abc',
    'ABC',
    '12',
    '123',
    '1234',
    '12345',
    '2026-01-02',
    'a1',
    'A1',
    'AB',
    'ab-1',
    '+15550100',
    '#aabbcc',
    '1.0.0',
    '12:34',
  ]
  try {
    const expression = new RegExp(pattern, 'u')
    return candidates.find((candidate) => expression.test(candidate)) ?? name
  } catch {
    return name
  }
}

function resolveReference(reference: string, root: unknown): unknown {
  let found = root
  for (const part of reference.split('/').slice(1)) {
    const key = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')
    found = typeof found === 'object' && found !== null ? Reflect.get(found, key) : undefined
  }
  return found
}

function asObject(value: unknown): JsonObject {
  return isObject(value) ? value : {}
}

function asArray(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}
