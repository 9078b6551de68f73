/** Whether a JSON Schema sent by a client is one that its output can be checked against. */

import { isObject, type JsonObject } from '../../translators/shared/canonical.ts'

/** A schema with more subschemas, or deeper nested ones, is refused. OpenAI's own limits are 5000 properties and 10 levels. */
const maxSchemas = 20_000
const maxDepth = 100

const types = ['null', 'boolean', 'object', 'array', 'number', 'string', 'integer']

/** Keywords whose value is a schema, a list of them, or named ones. */
const single = [
  'additionalProperties',
  'propertyNames',
  'contains',
  'not',
  'if',
  'then',
  'else',
  'additionalItems',
] as const
const lists = ['allOf', 'anyOf', 'oneOf', 'prefixItems', 'items'] as const
const named = ['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas'] as const
const counts = [
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'minProperties',
  'maxProperties',
  'minContains',
  'maxContains',
] as const
const numbers = ['minimum', 'maximum', 'multipleOf'] as const

/** @returns what is wrong, naming the place inside the schema; null when it can be enforced. */
export function checkSchema(schema: JsonObject): string | null {
  const walk = { root: schema, left: maxSchemas }
  return checkNode(schema, '#', 0, walk)
}

interface Walk {
  root: JsonObject
  left: number
}

function checkNode(node: unknown, path: string, depth: number, walk: Walk): string | null {
  walk.left -= 1
  if (walk.left < 0) return `it has more than ${maxSchemas} parts.`
  if (depth > maxDepth) return `it is nested more than ${maxDepth} levels deep.`
  if (typeof node === 'boolean') return null
  if (!isObject(node)) return `${path} must be an object or a boolean.`
  return checkValues(node, path, walk) ?? checkChildren(node, path, depth, walk)
}

function checkValues(node: JsonObject, path: string, { root }: Walk): string | null {
  if (node.type !== undefined) {
    const words = Array.isArray(node.type) ? node.type : [node.type]
    if (!words.every((word) => types.includes(word)))
      return `${path}/type must be one or more of ${types.join(', ')}.`
  }
  if (node.enum !== undefined && !Array.isArray(node.enum)) return `${path}/enum must be an array.`
  if (node.required !== undefined && !isStrings(node.required))
    return `${path}/required must be an array of strings.`
  if (node.pattern !== undefined && typeof node.pattern !== 'string')
    return `${path}/pattern must be a string.`
  for (const name of counts) {
    const value = node[name]
    if (value !== undefined && !(Number.isInteger(value) && (value as number) >= 0)) {
      return `${path}/${name} must be an integer of at least 0.`
    }
  }
  for (const name of numbers) {
    if (node[name] !== undefined && typeof node[name] !== 'number') return `${path}/${name} must be a number.`
  }
  if (node.$ref === undefined) return null
  if (typeof node.$ref !== 'string') return `${path}/$ref must be a string.`
  if (!node.$ref.startsWith('#')) return `${path}/$ref must point into the schema itself ("#/$defs/…").`
  return resolveReference(root, node.$ref) === undefined ? `${path}/$ref points to nothing.` : null
}

function checkChildren(node: JsonObject, path: string, depth: number, walk: Walk): string | null {
  const children: [string, unknown][] = []
  for (const name of single) if (node[name] !== undefined) children.push([name, node[name]])
  if (node.items !== undefined && !Array.isArray(node.items)) children.push(['items', node.items])
  for (const name of lists) {
    const list = node[name]
    if (list === undefined || (name === 'items' && !Array.isArray(list))) continue
    const needed = name === 'allOf' || name === 'anyOf' || name === 'oneOf'
    if (!Array.isArray(list) || (needed && list.length === 0))
      return `${path}/${name} must be an array of schemas.`
    for (const [index, child] of list.entries()) children.push([`${name}/${index}`, child])
  }
  for (const name of named) {
    const members = node[name]
    if (members === undefined) continue
    if (!isObject(members)) return `${path}/${name} must be an object of schemas.`
    for (const key of Object.keys(members)) children.push([`${name}/${key.slice(0, 64)}`, members[key]])
  }
  for (const [place, child] of children) {
    const problem = checkNode(child, `${path}/${place}`, depth + 1, walk)
    if (problem !== null) return problem
  }
  return null
}

function isStrings(value: unknown): boolean {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string')
}

/** The schema that `#`, a JSON pointer or an `$anchor` of the definitions names; undefined when there is none. */
export function resolveReference(root: JsonObject, reference: string): JsonObject | boolean | undefined {
  if (reference === '#' || reference === '#/') return root
  if (!reference.startsWith('#/')) return findAnchor(root, reference.slice(1))
  let node: unknown = root
  for (const step of decode(reference.slice(2)).split('/')) {
    const key = step.replaceAll('~1', '/').replaceAll('~0', '~')
    if (typeof node !== 'object' || node === null || !Object.hasOwn(node, key)) return undefined
    node = (node as JsonObject)[key]
  }
  return typeof node === 'boolean' || isObject(node) ? node : undefined
}

const anchors = new WeakMap<JsonObject, Map<unknown, JsonObject>>()

function findAnchor(root: JsonObject, anchor: string): JsonObject | undefined {
  let found = anchors.get(root)
  if (found === undefined) {
    found = new Map()
    for (const definitions of [root.$defs, root.definitions]) {
      const schemas = isObject(definitions) ? Object.values(definitions) : []
      for (const schema of schemas)
        if (isObject(schema) && '$anchor' in schema) found.set(schema.$anchor, schema)
    }
    anchors.set(root, found)
  }
  return found.get(anchor)
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
