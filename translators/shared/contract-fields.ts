/**
 * Every name that a contract table must have a row for. Finer than the top-level fields where providers differ.
 * A field that is not listed here is "unknown": `Contract.additionalProperties` decides about it.
 */
export const canonicalFields = [
  'model',
  'input',
  'input.image',
  'input.file',
  'input.file_id',
  'input.other_parts',
  'input.developer_role',
  'input.phase',
  'input.item_reference',
  'input.reasoning',
  'input.encrypted_content',
  'input.compaction',
  'input.custom_tool_call',
  'input.builtin_items',
  'instructions',
  'previous_response_id',
  'conversation',
  'prompt',
  'include.reasoning.encrypted_content',
  'include.message.output_text.logprobs',
  'include.message.input_image.image_url',
  'include.code_interpreter_call.outputs',
  'include.file_search_call.results',
  'include.web_search_call.action.sources',
  'include.computer_call_output.output.image_url',
  'include.other',
  'tools',
  'tools.function',
  'tools.custom',
  'tools.namespace',
  'tools.builtin',
  'tools.mcp',
  'tool_choice.none',
  'tool_choice.auto',
  'tool_choice.required',
  'tool_choice.function',
  'tool_choice.custom',
  'tool_choice.builtin',
  'tool_choice.allowed_tools',
  'parallel_tool_calls',
  'max_tool_calls',
  'max_output_tokens',
  'metadata',
  'text.format.json_object',
  'text.format.json_schema',
  'text.verbosity',
  'temperature',
  'top_p',
  'presence_penalty',
  'frequency_penalty',
  'logprobs',
  'top_logprobs',
  'reasoning.effort',
  'reasoning.summary',
  'reasoning_effort',
  'stream',
  'stream_options',
  'background',
  'store',
  'service_tier',
  'truncation',
  'safety_identifier',
  'prompt_cache_key',
  'user',
] as const

/** Where a row says `emulated`, the gateway names it itself when it does it: a request that comes to a table is resolved. */
export const stateFields: ReadonlySet<string> = new Set([
  'input.item_reference',
  'input.compaction',
  'previous_response_id',
  'conversation',
  'prompt',
  'background',
  'store',
  'truncation',
])

export type CanonicalField = (typeof canonicalFields)[number]

/** The top-level members of a request that the tables speak about. */
export const knownMembers: ReadonlySet<string> = new Set([
  ...canonicalFields.map((field) => field.split('.', 1)[0] ?? field),
  'text',
  'reasoning',
  'include',
])

/** The row for one value of `include`. */
export function includeField(value: string): CanonicalField {
  const field = `include.${value}`
  return (canonicalFields as readonly string[]).includes(field) ? (field as CanonicalField) : 'include.other'
}
