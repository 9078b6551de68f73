/** The shape of a contract table: what each canonical field meets at one provider, as data with its sources. */

/**
 * How a canonical field meets a provider.
 * `native`: sent as it is. `mapped`: sent in another form that means the same. `emulated`: the gateway does it.
 * `dropped`: left out, named in the adaptations. `refused`: cannot be served here, the next target is tried.
 */
export type Support = 'native' | 'mapped' | 'emulated' | 'dropped' | 'refused'

/** What a document allows for a field's value. Lengths count characters, counts count elements. */
export interface Limit {
  min?: number
  /** The value must be greater than `min`, not equal. */
  exclusiveMin?: boolean
  max?: number
  maxLength?: number
  minLength?: number
  maxItems?: number
  /** Of kinds (tools, items): a word also stands for those that begin with it and an underscore. */
  values?: readonly string[]
}

/**
 * The wire form of a `mapped` field, or the way an `emulated` one is done:
 * `system_message` first in the input, `system` as the role, `user`/`safety_identifier`/`generate_summary`/`logprobs`/`reasoning.effort`
 * as the member that takes the value, `nested` `{type, function: {name}}`, `only_tool` (just that tool is sent, as `required`),
 * `without_tools` (the tools are left out), `function_call` instead of the custom kind, `json_schema` that allows any object,
 * `plain_text` messages where all parts are text, `without_ids` for items, `without_content` for reasoning.
 *
 * Of what the gateway does itself: `always_false` (`store: false` is sent, whatever the client asked, since the gateway keeps the
 * response), `never_kept` (the provider keeps nothing and need not be told), `own_items` (items of the provider's own making are
 * sent back to it as they are).
 */
export type WireForm =
  | 'system_message'
  | 'system'
  | 'user'
  | 'safety_identifier'
  | 'generate_summary'
  | 'logprobs'
  | 'reasoning.effort'
  | 'nested'
  | 'only_tool'
  | 'without_tools'
  | 'function_call'
  | 'json_schema'
  | 'plain_text'
  | 'without_ids'
  | 'without_content'
  | 'always_false'
  | 'never_kept'
  | 'own_items'

export interface FieldContract {
  support: Support
  limit?: Limit
  form?: WireForm
  /** The sentence of the provider's document (or of its other public material, marked `[seen]`) that this row rests on. */
  source: string
  /** One line for the support matrix when the support word does not say enough. */
  note?: string
}

/** What each canonical field meets at one provider: data, complete, with sources. */
export interface Contract {
  /** The document's title and address or file, for error messages and the matrix. */
  document: string
  /** Keyed by every name in `canonicalFields` (see contract-fields.ts). */
  fields: { readonly [field: string]: FieldContract }
  /** When the document limits the models: upstream names that can be served, and the sentence that says so. */
  models?: { only: readonly string[]; source: string }
  /** Whether the provider documents that it takes fields it does not know. */
  additionalProperties: 'pass' | 'drop'
  /**
   * Upstream model names that reason, as the source of a regular expression: `reasoning.encrypted_content` is included
   * for them unasked, since a chain that the provider does not keep loses their thoughts otherwise, and for others of which
   * a client asks reasoning. Absent: only what the client asks for is included.
   */
  reasoningModels?: string
  /** Names of models known not to reason, as the source of a regular expression: they answer 400 to that `include`. */
  plainModels?: string
  /** A response in the background is not streamed by the provider: it is asked for without `stream`, and polled. */
  backgroundWithoutStream?: true
  /** Members beyond the canonical ones that the provider is known to take: passed as they are. */
  extraMembers?: { readonly [place in MemberPlace]?: readonly string[] }
}

/** Where a member stands that the canonical contract does not know. */
export type MemberPlace = 'request' | 'text' | 'reasoning' | 'function' | 'stream_options'
