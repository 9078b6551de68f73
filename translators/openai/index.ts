/** OpenAI's own Responses API. */

import { createResponsesTranslator } from '../responses/dialect.ts'
import { bearer } from '../shared/address.ts'
import {
  type ContractFields,
  defineContract,
  dropped,
  mapped,
  native,
  sixteenPairs,
} from '../shared/contract.ts'
import { defineOptions } from '../shared/options.ts'

const reference = "OpenAI's API reference, POST /v1/responses."
const penalties = `${reference} The Responses API has no penalties.`
const has = native(reference)

const fields: ContractFields = {
  model: has,
  input: native(reference, { form: 'without_ids' }),
  'input.image': has,
  'input.file': has,
  'input.developer_role': has,
  'input.phase': has,
  'input.item_reference': has,
  'input.reasoning': has,
  'input.encrypted_content': has,
  'input.compaction': has,
  'input.custom_tool_call': has,
  'input.builtin_items': has,
  instructions: has,
  previous_response_id: has,
  conversation: has,
  prompt: has,
  'include.reasoning.encrypted_content': has,
  'include.message.output_text.logprobs': has,
  'include.message.input_image.image_url': has,
  'include.code_interpreter_call.outputs': has,
  'include.file_search_call.results': has,
  'include.web_search_call.action.sources': has,
  'include.computer_call_output.output.image_url': has,
  'include.other': has,
  tools: native(reference, { limit: { maxItems: 128 } }),
  'tools.function': has,
  'tools.custom': has,
  'tools.namespace': has,
  'tools.builtin': has,
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
  'reasoning.effort': native(reference, { note: 'which values a model takes differs' }),
  'reasoning.summary': has,
  reasoning_effort: mapped(reference, { form: 'reasoning.effort' }),
  stream: has,
  stream_options: has,
  background: has,
  store: has,
  service_tier: has,
  truncation: native(reference, { limit: { values: ['auto', 'disabled'] } }),
  safety_identifier: native(reference, { limit: { maxLength: 64 } }),
  prompt_cache_key: native(reference, { limit: { maxLength: 64 } }),
  user: native(reference, { note: 'superseded by safety_identifier' }),
}

export const openai = createResponsesTranslator({
  id: 'openai',
  title: 'OpenAI',
  // Fields appear there faster than in any table; a wrong one is told by its own clear error.
  contract: defineContract({ document: reference, fields, additionalProperties: 'pass' }),
  options: defineOptions({}),
  credentials: [['apiKey']],
  idempotencyHeaders: ['idempotency-key'],
  pollDelays: [1000, 1000, 2000, 2000, 5000],
  authorize: (target) => ({
    ...bearer(target),
    ...(target.projectId ? { 'openai-project': target.projectId } : {}),
  }),
})
