/** A deployment of OpenAI's models in Azure's manner: the model is a deployment's name, built-in tools included. */

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
import { openaiPlainModels, openaiReasoningModels } from '../shared/openai-words.ts'
import { choice, defineOptions } from '../shared/options.ts'

const input = '“Can be a simple text string or an array of structured message objects.”'
const tools =
  '“Supports built-in tools (file_search, web_search, code_interpreter, image_generation), MCP Tools, and custom function calls.”'
const toolChoice =
  '“How the model should select which tool (or tools) to use when generating a response.” “none, auto, required”'
const include =
  '“Additional output data to include in the response. Examples: "code_interpreter_call.outputs", "file_search_call.results"”'
const reasoning = '“Configuration for reasoning models only (e.g., o-series models).”'
const format = '“Supports plain text or structured JSON data (Structured Outputs).”'
const words = 'only words are documented; by the option `toolChoice` the object is sent'

const fields: ContractFields = {
  model: native('“Model deployment to use for response creation.”'),
  input: native(input, { form: 'without_ids' }),
  'input.image': native(input),
  'input.file': native(input),
  'input.file_id': native('[seen] OpenAI lineage.'),
  'input.other_parts': refused('[seen] OpenAI lineage, which has text, images and files.', {
    note: notes.otherParts,
  }),
  'input.developer_role': native('“System/developer message inserted into the model context”'),
  'input.phase': native('[seen] OpenAI lineage.'),
  'input.item_reference': emulated(
    '“Stored responses can be accessed via the retrieve endpoint.” [seen] OpenAI lineage.',
  ),
  'input.reasoning': native(
    '[seen] OpenAI lineage: no content of reasoning, only summary and encrypted content.',
    {
      form: 'without_content',
    },
  ),
  'input.encrypted_content': native('[seen] OpenAI lineage.'),
  'input.compaction': emulated(notDocumented),
  'input.custom_tool_call': mapped('“custom function calls”', { form: 'function_call' }),
  'input.builtin_items': native(`${tools} [seen] Their items can be sent back as input.`, {
    limit: {
      values: [
        'web_search_call',
        'file_search_call',
        'code_interpreter_call',
        'image_generation_call',
        'mcp',
      ],
    },
  }),
  instructions: native(
    '“System/developer message inserted into the model context to guide behavior, tone, and goals.”',
  ),
  previous_response_id: emulated(
    '“ID of a previous response to use for multi-turn conversations and context continuation.”',
  ),
  conversation: emulated(notDocumented),
  prompt: native('“Reference to a prompt template with variables.”', { note: notes.ownPrompts }),
  'include.reasoning.encrypted_content': native(`${include} [seen] OpenAI lineage.`),
  'include.message.output_text.logprobs': native(`${include} [seen] OpenAI lineage.`),
  'include.message.input_image.image_url': dropped(include),
  'include.code_interpreter_call.outputs': native(include),
  'include.file_search_call.results': native(include),
  'include.web_search_call.action.sources': dropped(include),
  'include.computer_call_output.output.image_url': dropped(include),
  'include.other': dropped(include),
  tools: native('“List of tools the model may call.”'),
  'tools.function': native(tools),
  'tools.custom': mapped(tools, { form: 'function_call', note: notes.asFunction }),
  'tools.namespace': mapped(notDocumented),
  'tools.builtin': native(tools, {
    limit: { values: ['file_search', 'web_search', 'code_interpreter', 'image_generation'] },
  }),
  'tools.mcp': native(tools),
  'tool_choice.none': native(toolChoice),
  'tool_choice.auto': native(toolChoice),
  'tool_choice.required': native(toolChoice),
  'tool_choice.function': emulated(toolChoice, { form: 'only_tool', note: words }),
  'tool_choice.custom': emulated(toolChoice, { form: 'only_tool', note: words }),
  'tool_choice.builtin': emulated(toolChoice, { form: 'only_tool', note: words }),
  'tool_choice.allowed_tools': emulated(toolChoice),
  parallel_tool_calls: native('“Allow the model to run tool calls in parallel during tool use.”'),
  max_tool_calls: native('“Maximum total number of built-in tool calls allowed in the response.”', {
    limit: { min: 1 },
    note: 'counts built-in tools; the gateway counts all',
  }),
  max_output_tokens: native(
    '“Upper bound for the number of tokens that can be generated (includes reasoning tokens).” “x >= 1” [seen] The models behind it may take 16 and more.',
    {
      limit: { min: 1 },
      note: 'the option `minOutputTokens` raises the minimum',
    },
  ),
  metadata: native('“Set of 16 key-value pairs” “Keys max 64 characters, values max 512 characters.”', {
    limit: sixteenPairs,
  }),
  'text.format.json_object': native(format),
  'text.format.json_schema': native(format),
  'text.verbosity': dropped(format),
  temperature: native('“Sampling temperature between 0 and 2.” “0 <= x <= 2”', { limit: { min: 0, max: 2 } }),
  top_p: native('“Nucleus sampling parameter.” “0 <= x <= 1”', { limit: { min: 0, max: 1 } }),
  presence_penalty: dropped(notDocumented),
  frequency_penalty: dropped(notDocumented),
  logprobs: dropped(notDocumented),
  top_logprobs: native('“Number of most likely tokens to return at each token position (0-20).”', {
    limit: { min: 0, max: 20 },
  }),
  'reasoning.effort': native(`${reasoning} [seen] OpenAI lineage.`, {
    limit: { values: ['none', 'minimal', 'low', 'medium', 'high', 'xhigh'] },
  }),
  'reasoning.summary': native(reasoning),
  reasoning_effort: mapped(notDocumented, { form: 'reasoning.effort' }),
  stream: native('“If true, the response will be streamed back using server-sent events.”'),
  stream_options: dropped(notDocumented),
  background: native(
    '“If true, the response will run in the background. Use GET /v1/responses/{response_id} to poll for completion.”',
  ),
  store: emulated('“Whether to store the response for later retrieval.”', { form: 'always_false' }),
  service_tier: dropped(notDocumented),
  truncation: native('“auto, disabled”', { limit: { values: ['auto', 'disabled'] } }),
  safety_identifier: mapped('Not in the document; “user” is the nearest.', { form: 'user' }),
  prompt_cache_key: dropped(notDocumented),
  user: native('“Unique identifier representing the end-user, for abuse monitoring and detection.”'),
}

export const deployment = createResponsesTranslator({
  id: 'deployment',
  title: 'Deployment (Azure-like)',
  contract: defineContract({
    document: 'Deployment, Create a response',
    fields,
    additionalProperties: 'drop',
    reasoningModels: openaiReasoningModels,
    plainModels: openaiPlainModels,
  }),
  options: defineOptions({
    toolChoice: choice(
      ['words', 'object'],
      'words',
      'Whether a specific tool is demanded by sending only that tool with `required`, as the document names words only, or by an object as in the Responses contract.',
    ),
    minOutputTokens: {
      type: 'integer',
      minimum: 1,
      default: 1,
      description:
        'The smallest `max_output_tokens` that the deployment takes; less is raised to it. Models of OpenAI want 16.',
    },
  }),
  credentials: [['apiKey']],
  pollDelays: [1000, 1000, 2000, 2000, 5000],
  fields: ({ toolChoice: form, minOutputTokens }) => ({
    max_output_tokens: {
      ...fields.max_output_tokens,
      limit: { min: typeof minOutputTokens === 'number' ? minOutputTokens : 1 },
    },
    ...(form === 'object'
      ? {
          'tool_choice.function': native('[open] An object as in the Responses contract.'),
          'tool_choice.builtin': native('[open] An object as in the Responses contract.'),
          'tool_choice.custom': mapped('[open] An object as in the Responses contract.'),
        }
      : {}),
  }),
})
