/** Scaleway Generative APIs: gpt-oss-120b behind a vLLM, stateless, the project in the path. */

import { createResponsesTranslator } from '../responses/dialect.ts'
import { insertProject } from '../shared/address.ts'
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
import { choice, defineOptions } from '../shared/options.ts'

const input =
  '“String or list of inputs to provide to the model to generate a response. Use an array of inputs to provide multiple strings and/or other content types.”'
const stateless =
  '“Currently, this API does not store inputs and store is set to false even if not provided.”'
const tools = '“List of tools the model can call, such as functions.”'
const format = '“Configuration of the response format, either plain text or JSON structured data.”'
const oneModel = '“For now, the Responses API only supports gpt-oss-120b.”'

const fields: ContractFields = {
  model: native(oneModel),
  input: native(`${input} [seen] History may be accepted only as plain {role, content}.`, {
    form: 'plain_text',
  }),
  'input.image': native(input, { note: 'gpt-oss-120b itself reads text only' }),
  'input.file': native(input, { note: 'gpt-oss-120b itself reads text only' }),
  'input.file_id': refused(stateless, { note: 'no files of its own' }),
  'input.other_parts': refused(`${input} gpt-oss-120b reads text only.`, { note: notes.otherParts }),
  'input.developer_role': native('[seen] gpt-oss knows the developer role.'),
  'input.phase': dropped(notDocumented),
  'input.item_reference': emulated(stateless),
  'input.reasoning': native(input),
  'input.encrypted_content': dropped(notDocumented),
  'input.compaction': emulated(notDocumented),
  'input.custom_tool_call': mapped(notDocumented, { form: 'function_call' }),
  'input.builtin_items': dropped(notDocumented),
  instructions: native("“System message added to the model's context.”"),
  previous_response_id: emulated(stateless),
  conversation: emulated(stateless),
  prompt: emulated(notDocumented),
  'include.reasoning.encrypted_content': dropped(notDocumented),
  'include.message.output_text.logprobs': mapped('“logprobs must be set to true to use this parameter.”', {
    form: 'logprobs',
  }),
  'include.message.input_image.image_url': dropped(notDocumented),
  'include.code_interpreter_call.outputs': dropped(notDocumented),
  'include.file_search_call.results': dropped(notDocumented),
  'include.web_search_call.action.sources': dropped(notDocumented),
  'include.computer_call_output.output.image_url': dropped(notDocumented),
  'include.other': dropped(notDocumented),
  tools: native(`${tools} “A maximum of 128 tools can be provided.”`, { limit: { maxItems: 128 } }),
  'tools.function': native(tools),
  'tools.custom': mapped(tools, { form: 'function_call', note: notes.asFunction }),
  'tools.namespace': mapped(notDocumented),
  'tools.builtin': dropped(notDocumented),
  'tools.mcp': dropped(notDocumented),
  'tool_choice.none': emulated(
    '“none: model will not call any tools, and only generate a message.” [seen] It may be ignored, so the tools are left out.',
    {
      form: 'without_tools',
    },
  ),
  'tool_choice.auto': native(
    '“auto: model can choose either to generate a message, or to call one or multiple tools.”',
  ),
  'tool_choice.required': native('“required: model must call one or multiple tools.”'),
  'tool_choice.function': mapped(
    '“Object format must be: {"type": "function", "function": {"name": "function_name_as_provided_in_tools"}}”',
    {
      form: 'nested',
      note: 'nested, or flat by the option `toolChoice`',
    },
  ),
  'tool_choice.custom': mapped(
    '“Object format must be: {"type": "function", "function": {"name": "function_name_as_provided_in_tools"}}”',
    {
      form: 'nested',
      note: notes.asFunction,
    },
  ),
  'tool_choice.builtin': refused(notDocumented),
  'tool_choice.allowed_tools': emulated(notDocumented),
  parallel_tool_calls: emulated(
    '“Currently, even if set false this parameter will be ignored and act as if set to true.”',
  ),
  max_tool_calls: emulated(notDocumented),
  max_output_tokens: native(
    '“Different default maximum values” “are enforced for each model” [seen] 8192 for gpt-oss-120b; beyond it 416.',
    {
      limit: { min: 1, max: 8192 },
      note: 'the option `maxOutputTokens` says otherwise',
    },
  ),
  metadata: emulated(notDocumented),
  'text.format.json_object': native(format),
  'text.format.json_schema': emulated(`${format} [seen] It is not enforced.`),
  'text.verbosity': dropped(notDocumented),
  temperature: native('“Value between 0 and 2 which increases randomness in token generation”', {
    limit: { min: 0, max: 2 },
  }),
  top_p: native(
    '“Value between 0 and 1 which increases the proportion of token vocabulary considered during generation (0 cannot be used).”',
    {
      limit: { min: 0, exclusiveMin: true, max: 1 },
    },
  ),
  presence_penalty: dropped(notDocumented),
  frequency_penalty: dropped(notDocumented),
  logprobs: native('“logprobs must be set to true to use this parameter.”'),
  top_logprobs: native(
    '“Value must be between 0 and 20. logprobs must be set to true to use this parameter.”',
    {
      limit: { min: 0, max: 20 },
    },
  ),
  'reasoning.effort': native(
    '“Configuration parameters for reasoning models.” [seen] low, medium, high; it cannot be switched off.',
    {
      limit: { values: ['low', 'medium', 'high'] },
    },
  ),
  'reasoning.summary': dropped('[seen] Only the effort has an effect; gpt-oss shows its raw reasoning.'),
  reasoning_effort: mapped(notDocumented, { form: 'reasoning.effort' }),
  stream: native(
    "“Defines whether the model's response can be streamed to the client using server-sent events.”",
  ),
  stream_options: dropped(notDocumented),
  background: emulated(notDocumented),
  store: emulated('“store is currently not supported and always set to false.”', { form: 'never_kept' }),
  service_tier: dropped(notDocumented),
  truncation: emulated('“Only disabled is currently supported.”', { note: notes.autoTruncation }),
  safety_identifier: dropped(notDocumented),
  prompt_cache_key: dropped(notDocumented),
  user: dropped(notDocumented),
}

export const scaleway = createResponsesTranslator({
  id: 'scaleway',
  title: 'Scaleway',
  contract: defineContract({
    document: 'Scaleway Generative APIs, Create a response',
    fields,
    models: { only: ['gpt-oss-120b'], source: oneModel },
    additionalProperties: 'drop',
  }),
  options: defineOptions({
    models: {
      type: 'array',
      items: { type: 'string' },
      default: [],
      description: 'Models that may be used beside gpt-oss-120b, the only one that the document names.',
    },
    maxOutputTokens: {
      type: 'integer',
      minimum: 0,
      default: 8192,
      description:
        'The largest `max_output_tokens` that the model takes; more is clamped to it. 0: no limit.',
    },
    toolChoice: choice(
      ['nested', 'flat'],
      'nested',
      'How a specific function is named in `tool_choice`: as the document has it, or as the Responses contract has it.',
    ),
    history: choice(
      ['plain', 'items'],
      'plain',
      'Whether messages of text alone are sent as plain `{role, content}`, or as items with parts.',
    ),
    snapshots: choice(
      ['auto', 'cumulative', 'incremental'],
      'auto',
      'Whether a chunk of the stream repeats what came before it. `auto` finds out by comparing.',
    ),
  }),
  credentials: [['apiKey']],
  base: ({ baseUrl, projectId }) => insertProject(baseUrl, projectId),
  fields: ({ maxOutputTokens, toolChoice, history }) => ({
    max_output_tokens: {
      ...fields.max_output_tokens,
      limit: {
        min: 1,
        ...(typeof maxOutputTokens === 'number' && maxOutputTokens > 0 ? { max: maxOutputTokens } : {}),
      },
    },
    ...(toolChoice === 'flat'
      ? {
          'tool_choice.function': native('[open] Flat instead of nested.'),
          'tool_choice.custom': mapped('[open] Flat instead of nested.'),
        }
      : {}),
    ...(history === 'items' ? { input: native(input, { form: 'without_ids' }) } : {}),
  }),
  answers: ({ snapshots }) => ({
    cleanHarmony: true,
    snapshots: snapshots === 'cumulative' || snapshots === 'incremental' ? snapshots : 'auto',
  }),
})
