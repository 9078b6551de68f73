/** A plain server of the Open Responses specification: vLLM, Ollama, LM Studio, another gateway. */

import { createResponsesTranslator } from '../responses/dialect.ts'
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
import { choice, defineOptions } from '../shared/options.ts'

const specification = 'Open Responses 2026-04-24, CreateResponseBody.'
const absent = 'Not in Open Responses 2026-04-24.'
const has = native(specification)
const specificationEfforts = ['none', 'low', 'medium', 'high', 'xhigh']

const fields: ContractFields = {
  model: has,
  input: native(`${specification} “maxLength 10485760”`, { limit: { maxLength: 10_485_760 } }),
  'input.image': has,
  'input.file': has,
  'input.file_id': refused(absent, { note: 'no files of its own' }),
  'input.other_parts': refused(`${specification} Text, images and files.`, { note: notes.otherParts }),
  'input.developer_role': native(specification, { note: 'the system role by the option `developerRole`' }),
  'input.phase': native(specification),
  'input.item_reference': emulated(`${specification} Servers without state fail on it.`),
  'input.reasoning': has,
  'input.encrypted_content': has,
  'input.compaction': emulated(specification, { form: 'own_items', note: notes.ownCompaction }),
  'input.custom_tool_call': mapped(absent, { form: 'function_call' }),
  'input.builtin_items': dropped(absent),
  instructions: has,
  previous_response_id: emulated(`${specification} Servers without state fail on it.`),
  conversation: emulated(absent),
  prompt: emulated(absent),
  'include.reasoning.encrypted_content': has,
  'include.message.output_text.logprobs': has,
  'include.message.input_image.image_url': dropped(absent),
  'include.code_interpreter_call.outputs': dropped(absent),
  'include.file_search_call.results': dropped(absent),
  'include.web_search_call.action.sources': dropped(absent),
  'include.computer_call_output.output.image_url': dropped(absent),
  'include.other': dropped(absent),
  tools: has,
  'tools.function': has,
  'tools.custom': mapped(absent, { form: 'function_call', note: notes.asFunction }),
  'tools.namespace': mapped(absent),
  'tools.builtin': dropped(absent),
  'tools.mcp': dropped(absent),
  'tool_choice.none': has,
  'tool_choice.auto': has,
  'tool_choice.required': has,
  'tool_choice.function': has,
  'tool_choice.custom': mapped(absent, { note: notes.asFunction }),
  'tool_choice.builtin': refused(absent),
  'tool_choice.allowed_tools': emulated(`${specification} Servers ignore it.`, {
    note: 'sent as it is by the option `allowedTools`',
  }),
  parallel_tool_calls: emulated(`${specification} Servers ignore it.`),
  max_tool_calls: native(`${specification} At least 1.`, { limit: { min: 1 } }),
  max_output_tokens: native(`${specification} At least 16.`, {
    limit: { min: 16 },
    note: 'the option `minOutputTokens` says otherwise',
  }),
  metadata: native(specification, { limit: sixteenPairs }),
  'text.format.json_object': has,
  'text.format.json_schema': emulated(`${specification} Servers do not all enforce it.`),
  'text.verbosity': has,
  temperature: native(specification, { limit: { min: 0, max: 2 } }),
  top_p: native(specification, { limit: { min: 0, max: 1 } }),
  presence_penalty: has,
  frequency_penalty: has,
  logprobs: dropped(absent),
  top_logprobs: native(specification, { limit: { min: 0, max: 20 } }),
  'reasoning.effort': native(`${specification} “none, low, medium, high, xhigh”`, {
    limit: { values: specificationEfforts },
    note: 'the option `efforts` says otherwise',
  }),
  'reasoning.summary': has,
  reasoning_effort: mapped(absent, { form: 'reasoning.effort' }),
  stream: has,
  stream_options: has,
  background: emulated(`${specification} It has no route to poll.`),
  store: emulated(specification, { form: 'always_false' }),
  service_tier: native(specification, { limit: { values: ['auto', 'default', 'flex', 'priority'] } }),
  truncation: native(specification, { limit: { values: ['auto', 'disabled'] } }),
  safety_identifier: native(specification, { limit: { maxLength: 64 } }),
  prompt_cache_key: native(specification, { limit: { maxLength: 64 } }),
  user: mapped(absent, { form: 'safety_identifier', limit: { maxLength: 64 } }),
}

export const openResponses = createResponsesTranslator({
  id: 'open-responses',
  title: 'Open Responses server',
  contract: defineContract({ document: 'Open Responses 2026-04-24', fields, additionalProperties: 'drop' }),
  options: defineOptions({
    developerRole: choice(
      ['developer', 'system'],
      'developer',
      'The role under which developer messages are sent.',
    ),
    history: choice(
      ['items', 'without-ids', 'plain'],
      'items',
      'Whether input items are sent as they came, without their `id` and `status`, or, where all parts are text, as plain `{role, content}`.',
    ),
    allowedTools: choice(
      ['filter', 'native'],
      'filter',
      'Whether `allowed_tools` is done by sending only those tools, or sent as it is.',
    ),
    minOutputTokens: {
      type: 'integer',
      minimum: 1,
      default: 16,
      description: 'The smallest `max_output_tokens` that the server takes; less is raised to it.',
    },
    efforts: {
      type: 'array',
      items: { type: 'string' },
      default: specificationEfforts,
      description:
        'The reasoning efforts that the server takes; others become the nearest. Empty: all are sent as they are.',
    },
    snapshots: choice(
      ['auto', 'cumulative', 'incremental'],
      'auto',
      'For servers whose chunks have no `type`: whether one repeats what came before it.',
    ),
    cleanHarmony: {
      type: 'boolean',
      default: true,
      description: 'Whether control tokens of gpt-oss are taken out of texts and tool names.',
    },
  }),
  credentials: [[], ['apiKey']],
  fields: ({ developerRole, history, allowedTools, minOutputTokens, efforts }) => ({
    max_output_tokens: {
      ...fields.max_output_tokens,
      limit: { min: typeof minOutputTokens === 'number' ? minOutputTokens : 16 },
    },
    'reasoning.effort': {
      ...fields['reasoning.effort'],
      limit: Array.isArray(efforts) && efforts.length > 0 ? { values: efforts.map(String) } : {},
    },
    ...(developerRole === 'system'
      ? { 'input.developer_role': mapped(specification, { form: 'system' as const }) }
      : {}),
    ...(allowedTools === 'native' ? { 'tool_choice.allowed_tools': has } : {}),
    ...(history === 'plain' ? { input: { ...fields.input, form: 'plain_text' as const } } : {}),
    ...(history === 'without-ids' ? { input: { ...fields.input, form: 'without_ids' as const } } : {}),
  }),
  answers: ({ snapshots, cleanHarmony }) => ({
    cleanHarmony: cleanHarmony === true,
    snapshots: snapshots === 'cumulative' || snapshots === 'incremental' ? snapshots : 'auto',
  }),
})
