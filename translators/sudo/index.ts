/** Sudo: a router to OpenAI's models, OpenAI's request one to one, without a way to ask for a response later. */

import { createResponsesTranslator } from '../responses/dialect.ts'
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
import {
  openaiEfforts,
  openaiPlainModels,
  openaiReasoningModels,
  openaiServiceTiers,
} from '../shared/openai-words.ts'
import { defineOptions } from '../shared/options.ts'

const include = '“A list of items to include in the response output.”'
const input = '“Can be a text string or an array of input items.”'
const functionsOnly = '“Each tool is a function with a name, description, and parameters.”'
const toolChoice = '“Can be "none", "auto", "required", or a specific tool.”'
const text = '“Configuration for text output formatting and behavior.”'
const reasoning = '“Configuration for reasoning/chain-of-thought capabilities.”'
const noRetrieval = '[seen] No GET, DELETE or cancel: what is kept there cannot be reached.'

const fields: ContractFields = {
  model: native('“The model to use for generating the response (e.g., "gpt-4o", "gpt-4o-mini").”'),
  input: native(input, { form: 'without_ids' }),
  'input.image': native(input),
  'input.file': native(input),
  'input.file_id': native('[seen] One-to-one OpenAI parity.'),
  'input.other_parts': refused('[seen] One-to-one OpenAI parity, which has text, images and files.', {
    note: notes.otherParts,
  }),
  'input.developer_role': native('[seen] One-to-one OpenAI parity.'),
  'input.phase': native('[seen] One-to-one OpenAI parity.'),
  'input.item_reference': emulated(noRetrieval),
  'input.reasoning': native(
    `${input} [seen] OpenAI takes no content of reasoning, only summary and encrypted content.`,
    {
      form: 'without_content',
    },
  ),
  'input.encrypted_content': native(include),
  'input.compaction': emulated(notDocumented),
  'input.custom_tool_call': mapped(functionsOnly, { form: 'function_call' }),
  'input.builtin_items': dropped(functionsOnly),
  instructions: native('“Instructions for the model on how to behave and respond.”'),
  previous_response_id: emulated(`“The ID of a previous response to continue from.” ${noRetrieval}`),
  conversation: emulated(`“The ID of an existing conversation to add this response to” ${noRetrieval}`),
  prompt: native('“Reference to a prompt template and its variables”', { note: notes.ownPrompts }),
  'include.reasoning.encrypted_content': native(include),
  'include.message.output_text.logprobs': native(include),
  'include.message.input_image.image_url': native(include),
  'include.code_interpreter_call.outputs': native(include),
  'include.file_search_call.results': native(include),
  'include.web_search_call.action.sources': native(include),
  'include.computer_call_output.output.image_url': native(include),
  'include.other': dropped(notDocumented),
  tools: native('“A list of tools the model may call.”'),
  'tools.function': native(functionsOnly),
  'tools.custom': mapped(functionsOnly, { form: 'function_call', note: notes.asFunction }),
  'tools.namespace': mapped(functionsOnly),
  'tools.builtin': dropped(functionsOnly),
  'tools.mcp': dropped(functionsOnly),
  'tool_choice.none': native(toolChoice),
  'tool_choice.auto': native(toolChoice),
  'tool_choice.required': native(toolChoice),
  'tool_choice.function': native(toolChoice),
  'tool_choice.custom': mapped(toolChoice, { note: notes.asFunction }),
  'tool_choice.builtin': refused(functionsOnly),
  'tool_choice.allowed_tools': emulated(notDocumented),
  parallel_tool_calls: native('“Whether to enable parallel tool calls.”'),
  max_tool_calls: native(
    '“The maximum number of tool calls that can be made in a single response.” “x >= 0” [seen] OpenAI takes 1 and more.',
    {
      limit: { min: 1 },
    },
  ),
  max_output_tokens: native(
    '“The maximum number of tokens to generate in the response output.” “x >= 0” [seen] OpenAI itself takes 16 and more.',
    {
      limit: { min: 16 },
    },
  ),
  metadata: native(
    '“Set of key-value pairs that can be attached to an object for storing additional information.”',
  ),
  'text.format.json_object': native(text),
  'text.format.json_schema': native(`${text} [seen] One-to-one OpenAI parity, strict schemas included.`),
  'text.verbosity': native(text),
  temperature: native('“Sampling temperature between 0 and 2.”', { limit: { min: 0, max: 2 } }),
  top_p: native('“Nucleus sampling parameter. The model considers tokens with top_p probability mass.”', {
    limit: { min: 0, max: 1 },
  }),
  presence_penalty: dropped(notDocumented),
  frequency_penalty: dropped(notDocumented),
  logprobs: dropped(notDocumented),
  top_logprobs: native(
    '“Number of most likely tokens to return at each position” “x >= 0” [seen] OpenAI takes 0 to 20.',
    {
      limit: { min: 0, max: 20 },
    },
  ),
  'reasoning.effort': native(`${reasoning} [seen] One-to-one OpenAI parity.`, {
    limit: { values: openaiEfforts },
  }),
  'reasoning.summary': native(reasoning),
  reasoning_effort: mapped(notDocumented, { form: 'reasoning.effort' }),
  stream: native('“Whether to stream the response back incrementally using Server-Sent Events (SSE).”'),
  stream_options: native('“Options for configuring streaming behavior.”'),
  background: emulated(`“Whether to process the response in the background.” ${noRetrieval}`),
  store: emulated('“Whether to store the conversation and response for later retrieval.”', {
    form: 'always_false',
  }),
  service_tier: native(
    '“The service tier to use for the request (e.g., "auto", "default").” [seen] One-to-one OpenAI parity.',
    { limit: { values: openaiServiceTiers } },
  ),
  truncation: native("“The truncation strategy to use when the input exceeds the model's context window.”", {
    limit: { values: ['auto', 'disabled'] },
  }),
  safety_identifier: native('“An identifier for safety and content moderation purposes.”', {
    limit: { maxLength: 64 },
  }),
  prompt_cache_key: native(
    '“Used by OpenAI to cache responses for similar requests to optimize your cache hit rates.”',
    { limit: { maxLength: 64 } },
  ),
  user: dropped('Not in the document: “Replaces the user field.”'),
}

export const sudo = createResponsesTranslator({
  id: 'sudo',
  title: 'Sudo',
  contract: defineContract({
    document: 'Sudo, Create a response',
    fields,
    additionalProperties: 'drop',
    reasoningModels: openaiReasoningModels,
    plainModels: openaiPlainModels,
  }),
  options: defineOptions({}),
  credentials: [['apiKey']],
})
