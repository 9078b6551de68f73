/** OpenAI's own Responses API. */

import { createResponsesTranslator } from '../responses/dialect.ts'
import { bearer } from '../shared/address.ts'
import {
  type ContractFields,
  defineContract,
  dropped,
  emulated,
  mapped,
  native,
  notes,
  refused,
  sixteenPairs,
} from '../shared/contract.ts'
import {
  openaiEfforts,
  openaiPlainModels,
  openaiReasoningModels,
  openaiServiceTiers,
} from '../shared/openai-words.ts'
import { defineOptions } from '../shared/options.ts'

const reference = "OpenAI's API reference, POST /v1/responses."
const penalties = `${reference} The Responses API has no penalties.`
const has = native(reference)

/** A word also stands for its dated and preview forms, and an item for its output. */
const builtInTools = [
  'web_search',
  'file_search',
  'code_interpreter',
  'image_generation',
  'computer',
  'local_shell',
  'shell',
  'apply_patch',
  'tool_search',
  'programmatic_tool_calling',
]

const builtInItems = [
  'web_search_call',
  'file_search_call',
  'code_interpreter_call',
  'image_generation_call',
  'computer_call',
  'local_shell_call',
  'shell_call',
  'apply_patch_call',
  'mcp',
  'tool_search',
  'compaction_trigger',
  'additional_tools',
  'configuration_update',
  'program',
]

/** What its SDK has beyond the canonical members, and `client_metadata`, which Codex sends. */
const extraMembers = {
  request: [
    'access_programs',
    'client_metadata',
    'context_management',
    'image',
    'moderation',
    'prompt_cache_options',
    'prompt_cache_retention',
  ],
  reasoning: ['context', 'mode'],
  function: ['allowed_callers', 'async', 'defer_loading', 'output_schema'],
}

const fields: ContractFields = {
  model: has,
  input: native(reference, { form: 'without_ids' }),
  'input.image': has,
  'input.file': has,
  'input.file_id': has,
  'input.other_parts': refused(`${reference} Text, images and files.`, { note: notes.otherParts }),
  'input.developer_role': has,
  'input.phase': has,
  'input.item_reference': emulated(reference),
  'input.reasoning': native(`${reference} Its content must be empty.`, { form: 'without_content' }),
  'input.encrypted_content': has,
  'input.compaction': emulated(reference, { form: 'own_items', note: notes.ownCompaction }),
  'input.custom_tool_call': has,
  'input.builtin_items': native(reference, { limit: { values: builtInItems } }),
  instructions: has,
  previous_response_id: emulated(reference),
  conversation: emulated(reference),
  prompt: native(reference, { note: notes.ownPrompts }),
  'include.reasoning.encrypted_content': has,
  'include.message.output_text.logprobs': has,
  'include.message.input_image.image_url': has,
  'include.code_interpreter_call.outputs': has,
  'include.file_search_call.results': has,
  'include.web_search_call.action.sources': has,
  'include.computer_call_output.output.image_url': has,
  'include.other': native(reference, { limit: { values: ['web_search_call.results'] } }),
  tools: native(reference, { limit: { maxItems: 128 } }),
  'tools.function': has,
  'tools.custom': has,
  'tools.namespace': has,
  'tools.builtin': native(reference, { limit: { values: builtInTools } }),
  'tools.mcp': has,
  'tool_choice.none': has,
  'tool_choice.auto': has,
  'tool_choice.required': has,
  'tool_choice.function': has,
  'tool_choice.custom': has,
  'tool_choice.builtin': has,
  'tool_choice.allowed_tools': has,
  parallel_tool_calls: has,
  max_tool_calls: native(`${reference} It counts built-in tools.`, {
    limit: { min: 1 },
    note: 'counts built-in tools; the gateway counts all',
  }),
  max_output_tokens: native(`${reference} At least 16.`, { limit: { min: 16 } }),
  metadata: native(reference, { limit: sixteenPairs }),
  'text.format.json_object': has,
  'text.format.json_schema': has,
  'text.verbosity': has,
  temperature: native(reference, { limit: { min: 0, max: 2 } }),
  top_p: native(reference, { limit: { min: 0, max: 1 } }),
  presence_penalty: dropped(penalties),
  frequency_penalty: dropped(penalties),
  logprobs: dropped(`${reference} Asked for through include.`),
  top_logprobs: native(reference, { limit: { min: 0, max: 20 } }),
  'reasoning.effort': native(reference, {
    limit: { values: openaiEfforts },
    note: 'which values a model takes differs',
  }),
  'reasoning.summary': has,
  reasoning_effort: mapped(reference, { form: 'reasoning.effort' }),
  stream: has,
  stream_options: has,
  background: has,
  store: emulated(reference, { form: 'always_false' }),
  service_tier: native(reference, { limit: { values: openaiServiceTiers } }),
  truncation: native(reference, { limit: { values: ['auto', 'disabled'] } }),
  safety_identifier: native(reference, { limit: { maxLength: 64 } }),
  prompt_cache_key: native(reference, { limit: { maxLength: 64 } }),
  user: native(reference, { note: 'superseded by safety_identifier' }),
}

export const openai = createResponsesTranslator({
  id: 'openai',
  title: 'OpenAI',
  contract: defineContract({
    document: reference,
    fields,
    // It answers a member that it does not know with a 400 `unknown_parameter`.
    additionalProperties: 'drop',
    extraMembers,
    reasoningModels: openaiReasoningModels,
    plainModels: openaiPlainModels,
  }),
  options: defineOptions({}),
  credentials: [['apiKey']],
  idempotencyHeaders: ['idempotency-key'],
  pollDelays: [1000, 1000, 2000, 2000, 5000],
  hasCancel: true,
  // POST /v1/responses/compact and POST /v1/responses/input_tokens, with the members that each is documented with.
  compactMembers: [
    'model',
    'input',
    'instructions',
    'prompt_cache_key',
    'prompt_cache_options',
    'prompt_cache_retention',
    'image',
    'service_tier',
  ],
  countMembers: [
    'model',
    'input',
    'instructions',
    'parallel_tool_calls',
    'reasoning',
    'text',
    'tool_choice',
    'tools',
    'truncation',
  ],
  authorize: (target) => ({
    ...bearer(target),
    ...(target.projectId ? { 'openai-project': target.projectId } : {}),
  }),
})
