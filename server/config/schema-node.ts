/**
 * The part of JSON Schema (draft-07) that the configuration is written in, and the TypeScript types that follow
 * from it, so that options, their documentation and their types have one source.
 */
import type { JsonObject } from '../../translators/shared/canonical.ts'

/** A schema in which every node says what it is for. */
export interface SchemaNode {
  type:
    | 'string'
    | 'integer'
    | 'number'
    | 'boolean'
    | 'object'
    | 'array'
    | readonly ['string', 'object']
    | readonly ['number', 'string']
  description: string
  default?: unknown
  enum?: readonly string[]
  pattern?: string
  minLength?: number
  maxLength?: number
  minimum?: number
  maximum?: number
  minItems?: number
  minProperties?: number
  items?: SchemaNode
  properties?: { readonly [name: string]: SchemaNode }
  required?: readonly string[]
  additionalProperties?: boolean | SchemaNode
  propertyNames?: { readonly pattern: string; readonly description: string }
}

/**
 * `given`: what may be written, where a member with a default may be absent.
 * `draft`: after validation, with defaults filled in and every wrong value taken out; so whatever has no default may be absent.
 */
export type SchemaMode = 'given' | 'draft'

/** The type of the values that a schema describes. */
export type FromSchema<S, M extends SchemaMode = 'given'> = S extends { enum: readonly (infer E)[] }
  ? E
  : S extends { type: readonly ['string', 'object'] }
    ? string | ObjectFromSchema<S, M>
    : S extends { type: readonly ['number', 'string'] }
      ? number | string
      : S extends { type: 'string' }
        ? string
        : S extends { type: 'integer' | 'number' }
          ? number
          : S extends { type: 'boolean' }
            ? boolean
            : S extends { type: 'array'; items: infer I }
              ? (FromSchema<I, M> | Absent<M>)[]
              : ObjectFromSchema<S, M>

type Absent<M extends SchemaMode> = M extends 'draft' ? undefined : never

type ObjectFromSchema<S, M extends SchemaMode> = S extends { properties: infer P }
  ? { [K in keyof P as IsPresent<S, P[K], K, M> extends true ? K : never]: FromSchema<P[K], M> } & {
      [K in keyof P as IsPresent<S, P[K], K, M> extends true ? never : K]?: FromSchema<P[K], M>
    }
  : S extends { additionalProperties: infer A extends SchemaNode }
    ? { [name: string]: FromSchema<A, M> | Absent<M> }
    : JsonObject

type IsPresent<S, P, K, M extends SchemaMode> = M extends 'draft'
  ? P extends { default: unknown }
    ? true
    : false
  : S extends { required: readonly (infer R)[] }
    ? K extends R
      ? true
      : false
    : false
