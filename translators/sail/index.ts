/** Sail Research: the Open Responses request, stateless, with HF-style model names. */

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
  sixteenPairs,
} from '../shared/contract.ts'
import { choice, defineOptions } from '../shared/options.ts'

const include = '“reasoning.encrypted_content, message.output_text.logprobs”'
const tools = '“A list of tools that the model may call while generating the response.”'
const toolChoice = '“Controls which tool the model should use, if any.”'
const stored = '“Whether to store the response so it can be retrieved later.”'
const noBuiltIn = '[seen] Tools are function or custom only.'

const fields: ContractFields = {
  model: native("“We follow the HuggingFace name style, e.g. 'deepseek-ai/DeepSeek-V3.2'.”"),
  input: native(
    '“May either be a string or an array of input items.” “10485760” [seen] Empty input is rejected.',
    {
      limit: { minLength: 1, maxLength: 10_485_760 },
      form: 'without_ids',
    },
  ),
  'input.image': native('[seen] At most 20 images of 20 MB.', {
    // 20 MB as base64, and the head of the data URL.
    limit: { maxItems: 20, maxLength: 27_962_100 },
  }),
  'input.file': native('“May either be a string or an array of input items.”'),
  'input.file_id': refused('[seen] Stateless: there are no files.', { note: 'no files of its own' }),
  'input.other_parts': refused(
    '“May either be a string or an array of input items.” No kind of part is named.',
    {
      note: notes.otherParts,
    },
  ),
  'input.developer_role': mapped('[seen] There is no developer role.', { form: 'system' }),
  'input.phase': dropped(notDocumented),
  'input.item_reference': emulated('[seen] Stateless: there is nothing to refer to.'),
  'input.reasoning': native(
    '“An item representing a message, tool call, tool output, reasoning, or other response element.”',
  ),
  'input.encrypted_content': native(include),
  'input.compaction': emulated('Not in the document: only the service that made one can read it.'),
  'input.custom_tool_call': native('[seen] Tools are function or custom only.'),
  'input.builtin_items': dropped(noBuiltIn),
  instructions: native('“Additional instructions to guide the model for this request.”', {
    note: 'a system message unless the option `instructions` says native',
  }),
  previous_response_id: emulated('Not in the document. [seen] Stateless.'),
  conversation: emulated('Not in the document. [seen] Stateless.'),
  prompt: emulated('Not in the document. [seen] No prompt templates.'),
  'include.reasoning.encrypted_content': native(include),
  'include.message.output_text.logprobs': native(include),
  'include.message.input_image.image_url': dropped(notDocumented),
  'include.code_interpreter_call.outputs': dropped(notDocumented),
  'include.file_search_call.results': dropped(notDocumented),
  'include.web_search_call.action.sources': dropped(notDocumented),
  'include.computer_call_output.output.image_url': dropped(notDocumented),
  'include.other': dropped(notDocumented),
  tools: native(tools),
  'tools.function': native(tools),
  'tools.custom': native('[seen] Tools are function or custom only.'),
  'tools.namespace': mapped(notDocumented),
  'tools.builtin': dropped(noBuiltIn),
  'tools.mcp': dropped(noBuiltIn),
  'tool_choice.none': native(toolChoice),
  'tool_choice.auto': native(toolChoice),
  'tool_choice.required': native(toolChoice),
  'tool_choice.function': native(toolChoice),
  'tool_choice.custom': native(toolChoice),
  'tool_choice.builtin': refused(noBuiltIn),
  'tool_choice.allowed_tools': emulated('Not in the document by name.'),
  parallel_tool_calls: emulated(
    '“Whether the model may call multiple tools in parallel.” [seen] Without effect.',
  ),
  max_tool_calls: native(
    '“The maximum number of tool calls the model may make while generating the response.” “x >= 1”',
    {
      limit: { min: 1 },
    },
  ),
  max_output_tokens: native(
    '“The maximum number of tokens the model may generate for this response.” “x >= 16”',
    {
      limit: { min: 16 },
    },
  ),
  metadata: native(
    '“Set of 16 key-value pairs that can be attached to an object.” [seen] Three keys change price and latency or cause outbound calls.',
    {
      limit: sixteenPairs,
      note: 'without the keys that steer the service',
    },
  ),
  'text.format.json_object': mapped(
    '“Configuration options for text output.” [seen] Only text and json_schema.',
    {
      form: 'json_schema',
    },
  ),
  'text.format.json_schema': emulated(
    '“Configuration options for text output.” The document promises no enforcement.',
  ),
  'text.verbosity': dropped('[seen] No verbosity.'),
  temperature: native('“Sampling temperature to use, between 0 and 2.”', { limit: { min: 0, max: 2 } }),
  top_p: native('“Nucleus sampling parameter, between 0 and 1.”', { limit: { min: 0, max: 1 } }),
  presence_penalty: native('“Penalizes new tokens based on whether they appear in the text so far.”'),
  frequency_penalty: native('“Penalizes new tokens based on their frequency in the text so far.”'),
  logprobs: dropped(notDocumented),
  top_logprobs: native('“The number of most likely tokens to return at each position” “0 <= x <= 20”', {
    limit: { min: 0, max: 20 },
  }),
  'reasoning.effort': native('“Configuration options for reasoning behavior.”', {
    limit: { values: ['none', 'low', 'medium', 'high', 'xhigh'] },
  }),
  'reasoning.summary': mapped('[seen] Takes `generate_summary`, not `summary`.', {
    form: 'generate_summary',
  }),
  reasoning_effort: mapped(notDocumented, { form: 'reasoning.effort' }),
  stream: native('“Whether to stream response events as server-sent events.”', {
    note: 'made by the gateway unless the option `stream` says native',
  }),
  stream_options: dropped(
    '“Options that control streamed response behavior.” [seen] Unknown to the service.',
  ),
  background: native(
    '“Whether to run the request in the background and return immediately.” [seen] Answers 202; poll with GET.',
  ),
  store: emulated(stored, { note: 'the service is told `false` only by the option `storeFalse`' }),
  service_tier: native('“auto, default, flex, priority”', {
    limit: { values: ['auto', 'default', 'flex', 'priority'] },
  }),
  truncation: emulated('“auto, disabled” [seen] Only disabled.', { note: notes.autoTruncation }),
  safety_identifier: native('“A stable identifier used for safety monitoring and abuse detection.” “64”', {
    limit: { maxLength: 64 },
  }),
  prompt_cache_key: native('“A key to use when reading from or writing to the prompt cache.” “64”', {
    limit: { maxLength: 64 },
  }),
  user: mapped(notDocumented, { form: 'safety_identifier', limit: { maxLength: 64 } }),
}

/** Keys of metadata that change price and latency or make the service call out. */
const steeringKeys = ['completion_window', 'completion_webhook', 'webhook_token']

const early = '[seen] The service refused it in an early period.'

export const sail = createResponsesTranslator({
  id: 'sail',
  title: 'Sail Research',
  contract: defineContract({
    document: 'Sail Research, Create a response',
    fields,
    additionalProperties: 'drop',
    // Streaming is only for the foreground: together they are a 400.
    backgroundWithoutStream: true,
  }),
  options: defineOptions({
    stream: choice(
      ['synthesize', 'native'],
      'synthesize',
      'Whether streams are made by the gateway from a finished answer, or asked of the provider. An early period of the service refuses `stream: true`.',
    ),
    instructions: choice(
      ['input', 'native'],
      'input',
      'Whether instructions go as a system message first in the input, or in their own field. An early period of the service has no such field.',
    ),
    storeFalse: choice(
      ['omit', 'send'],
      'omit',
      'Whether the service is told with `store: false` that it need not keep responses, which the gateway keeps itself. An early period of the service refuses it; left out, a client that asks for it is told in the adaptations.',
    ),
    include: choice(
      ['omit', 'send'],
      'omit',
      'Whether `include` is left out (named in the adaptations) or sent. An early period of the service refuses it.',
    ),
    allowSteeringMetadata: {
      type: 'boolean',
      default: false,
      description:
        'Whether clients may send the metadata keys completion_window, completion_webhook and webhook_token, which change price and latency or make the service call out.',
    },
  }),
  credentials: [['apiKey']],
  idempotencyHeaders: ['idempotency-key'],
  pollDelays: [2000, 2000, 2000, 5000, 5000, 5000, ...Array<number>(15).fill(10_000), 30_000],
  fields: ({ stream, instructions, storeFalse, include: included }) => ({
    ...(stream === 'native' ? {} : { stream: emulated(early) }),
    ...(instructions === 'native' ? {} : { instructions: mapped(early, { form: 'system_message' }) }),
    ...(storeFalse === 'send' ? { store: emulated(stored, { form: 'always_false' as const }) } : {}),
    ...(included === 'send'
      ? {}
      : {
          'include.reasoning.encrypted_content': dropped(early),
          'include.message.output_text.logprobs': dropped(early),
        }),
  }),
  reservedMetadata: ({ allowSteeringMetadata }) => (allowSteeringMetadata === true ? [] : steeringKeys),
})
