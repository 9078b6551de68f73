/** A variant's own options: their JSON Schema, and their values with the defaults filled in. */
import type { JsonObject } from './canonical.ts'

export interface OptionSchema extends JsonObject {
  /** What it changes, and when to change it. */
  description: string
  default: unknown
}

/** Part of the configuration's schema, as `providers.<id>.options`. */
export interface OptionsSchema {
  type: 'object'
  additionalProperties: false
  properties: { readonly [name: string]: OptionSchema }
}

export function defineOptions(properties: OptionsSchema['properties']): OptionsSchema {
  return { type: 'object', additionalProperties: false, properties }
}

/** One of a few words. */
export function choice<const Value extends string>(
  values: readonly Value[],
  fallback: NoInfer<Value>,
  description: string,
): OptionSchema {
  return { type: 'string', enum: values, default: fallback, description }
}

export function readOptions({ properties }: OptionsSchema, given: JsonObject): JsonObject {
  const options: JsonObject = {}
  for (const [name, schema] of Object.entries(properties)) options[name] = given[name] ?? schema.default
  return options
}
