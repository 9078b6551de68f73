/** General Augment: an agent behind a Responses shape; admin key with a project, or a project key. */

import { createResponsesTranslator } from '../responses/dialect.ts'
import { bearer } from '../shared/address.ts'
import {
  type ContractFields,
  defineContract,
  dropped,
  emulated,
  mapped,
  native,
  notDocumented,
  notes,
  refused,
} from '../shared/contract.ts'
import { defineOptions } from '../shared/options.ts'
import type { Target } from '../shared/translator.ts'

const input = '“Input” “""”'
const include = '“include Any of: Array<string>”'
const tools = '“tools Any of: Array<object> object key additional properties any”'
const toolChoice = '“tool_choice”: any'
const text = '“text Any of: object key additional properties any”'
const anyProperty =
  'Not in the document by name, which allows additional properties (“key additional properties any”).'

const fields: ContractFields = {
  model: native('“model required Model string”'),
  input: native(input, { form: 'without_ids' }),
  'input.image': native(input),
  'input.file': native(input),
  'input.file_id': native(input),
  'input.other_parts': native(`${input}: any`),
  'input.developer_role': native(input),
  'input.phase': dropped(notDocumented),
  'input.item_reference': emulated(input),
  'input.reasoning': native(input),
  'input.encrypted_content': native(input),
  'input.compaction': emulated(notDocumented),
  'input.custom_tool_call': mapped(input, { form: 'function_call' }),
  'input.builtin_items': native(input),
  instructions: native('“instructions Any of: string”'),
  previous_response_id: emulated('“previous_response_id Any of: string”'),
  conversation: emulated('“conversation Any of: string”'),
  prompt: emulated(notDocumented),
  'include.reasoning.encrypted_content': native(include),
  'include.message.output_text.logprobs': native(include),
  'include.message.input_image.image_url': native(include),
  'include.code_interpreter_call.outputs': native(include),
  'include.file_search_call.results': native(include),
  'include.web_search_call.action.sources': native(include),
  'include.computer_call_output.output.image_url': native(include),
  'include.other': native(include),
  tools: native(tools),
  'tools.function': native(tools),
  'tools.custom': mapped('No kind of tool is named in the document.', {
    form: 'function_call',
    note: notes.asFunction,
  }),
  'tools.namespace': mapped(notDocumented),
  'tools.builtin': dropped('No kind of tool is named in the document.'),
  'tools.mcp': dropped('No kind of tool is named in the document.'),
  'tool_choice.none': native(toolChoice),
  'tool_choice.auto': native(toolChoice),
  'tool_choice.required': native(toolChoice),
  'tool_choice.function': native(toolChoice),
  'tool_choice.custom': mapped(toolChoice, { note: notes.asFunction }),
  'tool_choice.builtin': refused('No kind of tool is named in the document.'),
  'tool_choice.allowed_tools': emulated('Not in the document by name.'),
  parallel_tool_calls: native('“parallel_tool_calls Parallel Tool Calls boolean default: true”'),
  max_tool_calls: emulated(notDocumented),
  max_output_tokens: native('“max_output_tokens Any of: integer >= 1 <= 8000”', {
    limit: { min: 1, max: 8000 },
  }),
  metadata: native('“metadata Metadata object key additional properties any”'),
  'text.format.json_object': native(text),
  'text.format.json_schema': emulated(`${text}. The document promises no enforcement.`),
  'text.verbosity': native(text),
  temperature: native('“temperature Any of: number <= 2”', { limit: { max: 2 } }),
  top_p: native('“top_p Any of: number <= 1”', { limit: { max: 1 } }),
  presence_penalty: dropped(anyProperty),
  frequency_penalty: dropped(anyProperty),
  logprobs: dropped(anyProperty),
  top_logprobs: dropped(anyProperty),
  'reasoning.effort': native('“effort Any of: string Allowed values: none minimal low medium high xhigh”', {
    limit: { values: ['none', 'minimal', 'low', 'medium', 'high', 'xhigh'] },
  }),
  'reasoning.summary': native('“summary”: any'),
  reasoning_effort: mapped(
    '“reasoning_effort Any of: string Allowed values: none minimal low medium high xhigh”',
    {
      form: 'reasoning.effort',
    },
  ),
  stream: native(
    '“When request stream=true, the same object is emitted as semantic text/event-stream events.”',
  ),
  stream_options: dropped(anyProperty),
  background: emulated('“background Background boolean” [seen] No route to poll is documented.'),
  store: emulated('“store Store boolean default: true”', { form: 'always_false' }),
  service_tier: native('“service_tier Any of: string >= 1 characters <= 64 characters”', {
    limit: { minLength: 1, maxLength: 64 },
  }),
  truncation: native('“truncation Any of: string Allowed values: disabled auto”', {
    limit: { values: ['disabled', 'auto'] },
  }),
  safety_identifier: mapped('Not in the document; “user” is the nearest.', {
    form: 'user',
    limit: { minLength: 1, maxLength: 200 },
  }),
  prompt_cache_key: dropped(anyProperty),
  user: native('“user Any of: string >= 1 characters <= 200 characters”', {
    limit: { minLength: 1, maxLength: 200 },
  }),
}

/** Management keys pick the project by a header; project keys are Bearer tokens and know theirs. */
function authorize(target: Target): Record<string, string> {
  const { credentials, projectId } = target
  if (!credentials.adminKey) return bearer(target)
  return { 'x-admin-key': credentials.adminKey, ...(projectId ? { 'x-project-id': projectId } : {}) }
}

export const generalAugment = createResponsesTranslator({
  id: 'general-augment',
  title: 'General Augment',
  contract: defineContract({
    document: 'General Augment, Create Response',
    fields,
    additionalProperties: 'pass',
  }),
  options: defineOptions({}),
  credentials: [['adminKey'], ['apiKey']],
  // Its SDKs send the second, a guide of its own the first.
  idempotencyHeaders: ['idempotency-key', 'x-idempotency-key'],
  authorize,
})
