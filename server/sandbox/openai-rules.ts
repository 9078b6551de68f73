/** OpenAI's models, parameters, limits, and the words of its refusals. */
import { inputRule, reasoningRule, textRule, toolChoiceRule } from './rules.ts'
import type { Reply } from './types.ts'
import { includeRule, metadataRule, type Problem, type Rules, toolsRule } from './validate.ts'
import { openaiFailure } from './wire.ts'

export const openaiModels = [
  'gpt-4o',
  'gpt-4o-mini',
  'gpt-4.1',
  'gpt-5',
  'gpt-5-mini',
  'gpt-5.2',
  'gpt-5.2-chat-latest',
  'o4-mini',
] as const

export const openaiItemTypes = [
  'reasoning',
  'item_reference',
  'custom_tool_call',
  'custom_tool_call_output',
  'web_search_call',
  'file_search_call',
  'code_interpreter_call',
  'image_generation_call',
  'computer_call',
  'computer_call_output',
  'local_shell_call',
  'local_shell_call_output',
  'shell_call',
  'shell_call_output',
  'apply_patch_call',
  'apply_patch_call_output',
  'mcp_list_tools',
  'mcp_approval_request',
  'mcp_approval_response',
  'mcp_call',
  'compaction',
  'compaction_trigger',
  'tool_search_call',
  'tool_search_output',
  'additional_tools',
  'configuration_update',
  'program',
  'program_output',
] as const

export const openaiToolTypes = [
  'function',
  'custom',
  'web_search',
  'web_search_preview',
  'file_search',
  'code_interpreter',
  'image_generation',
  'computer_use_preview',
  'local_shell',
  'shell',
  'apply_patch',
  'mcp',
  'computer',
  'namespace',
  'tool_search',
  'programmatic_tool_calling',
] as const

export const openaiIncludes = [
  'file_search_call.results',
  'web_search_call.results',
  'web_search_call.action.sources',
  'message.input_image.image_url',
  'computer_call_output.output.image_url',
  'code_interpreter_call.outputs',
  'reasoning.encrypted_content',
  'message.output_text.logprobs',
] as const

/** OpenAI's parameters and their limits; Sudo's upstream has them too. */
export const openaiRules = {
  model: { type: 'string', required: true },
  input: {
    ...inputRule({ roles: ['user', 'assistant', 'system', 'developer'], types: openaiItemTypes }),
  },
  instructions: { type: 'any' },
  previous_response_id: { type: 'string' },
  conversation: { type: 'any' },
  prompt: { type: 'object' },
  include: includeRule(openaiIncludes),
  tools: toolsRule({
    types: openaiToolTypes,
    members: ['allowed_callers', 'async', 'defer_loading', 'output_schema'],
  }),
  tool_choice: toolChoiceRule({ object: 'flat', allowedTools: true }),
  parallel_tool_calls: { type: 'boolean' },
  max_tool_calls: { type: 'integer', min: 1 },
  max_output_tokens: { type: 'integer', min: 16 },
  metadata: metadataRule,
  text: textRule({ formats: ['text', 'json_object', 'json_schema'], verbosity: true }),
  temperature: { type: 'number', min: 0, max: 2 },
  top_p: { type: 'number', min: 0, max: 1 },
  presence_penalty: { type: 'number', min: -2, max: 2 },
  frequency_penalty: { type: 'number', min: -2, max: 2 },
  top_logprobs: { type: 'integer', min: 0, max: 20 },
  reasoning: reasoningRule({
    efforts: ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'],
    members: ['effort', 'summary', 'generate_summary', 'context', 'mode'],
  }),
  stream: { type: 'boolean' },
  stream_options: { type: 'object' },
  background: { type: 'boolean' },
  store: { type: 'boolean' },
  service_tier: {
    type: 'string',
    values: ['auto', 'default', 'flex', 'scale', 'priority', 'fast', 'ultrafast'],
  },
  truncation: { type: 'string', values: ['auto', 'disabled'] },
  safety_identifier: { type: 'string', maxLength: 64 },
  prompt_cache_key: { type: 'string', maxLength: 64 },
  prompt_cache_retention: { type: 'string' },
  prompt_cache_options: { type: 'object' },
  client_metadata: { type: 'object' },
  access_programs: { type: 'any' },
  context_management: { type: 'array' },
  image: { type: 'object' },
  moderation: { type: 'object' },
  user: { type: 'string' },
} satisfies Rules

const codes: { readonly [kind in Problem['kind']]: string } = {
  missing: 'missing_required_parameter',
  unknown: 'unknown_parameter',
  type: 'invalid_type',
  too_small: 'integer_below_min_value',
  too_large: 'integer_above_max_value',
  too_short: 'string_below_min_length',
  too_long: 'string_above_max_length',
  too_many: 'array_above_max_length',
  value: 'invalid_value',
  rule: 'invalid_value',
}

/** A problem as OpenAI says it. */
export function openaiRefusal({ param, kind, message }: Problem): Reply {
  return openaiFailure({ status: 400, message, param }, 'invalid_request_error', codes[kind])
}

export function openaiInvalid(
  message: string,
  param: string | null,
  code: string | null = null,
  status = 400,
): Reply {
  return openaiFailure({ status, message, param }, 'invalid_request_error', code)
}

/** The error types of OpenAI by status. */
export function openaiErrorType(status: number): string {
  if (status === 429) return 'rate_limit_exceeded'
  return status >= 500 ? 'server_error' : 'invalid_request_error'
}

/** The code that OpenAI gives with a status. */
export function openaiCode(status: number): string | null {
  if (status === 401) return 'invalid_api_key'
  if (status === 429) return 'rate_limit_exceeded'
  return status >= 500 ? 'server_error' : null
}
