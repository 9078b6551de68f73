/** OpenAI's own Responses API: the complete semantic stream, stored responses, strict parameters. */
import type { JsonObject } from '../../translators/shared/canonical.ts'
import type { Desk } from './desk.ts'
import { keptResource, pendingObject, previousItems } from './keeping.ts'
import { checkCallPairs, inputRule, reasoningRule, textRule, toolChoiceRule } from './rules.ts'
import { failedEvents, semanticEvents } from './semantic.ts'
import type { Call, Failure, Reply, Script, SimulatedProvider } from './types.ts'
import { checkBody, includeRule, metadataRule, type Problem, type Rules, toolsRule } from './validate.ts'
import { bearerToken, buildItems, buildResponse, eventFrame, openaiFailure, openaiItemStyle } from './wire.ts'

export const openaiKey = 'sandbox-openai-key'
export const openaiModels = [
  'gpt-4o',
  'gpt-4o-mini',
  'gpt-4.1',
  'gpt-5',
  'gpt-5-mini',
  'gpt-5.2',
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

function refuse(call: Call, desk: Desk): Reply | null {
  const { body } = call
  const [problem] = checkBody(body, openaiRules)
  if (problem) return openaiRefusal(problem)
  if (!openaiModels.some((model) => model === body.model))
    return openaiInvalid(`The requested model '${body.model}' does not exist.`, 'model', 'model_not_found')
  if (
    body.input == null &&
    body.prompt == null &&
    body.previous_response_id == null &&
    body.conversation == null
  )
    return openaiInvalid(
      `Missing required parameter: one of 'input' or 'previous_response_id' or 'prompt' or 'conversation_id' must be provided.`,
      'input',
      'missing_required_parameter',
    )
  if (typeof body.previous_response_id === 'string' && !desk.responses.has(body.previous_response_id))
    return openaiInvalid(
      `Previous response with id '${body.previous_response_id}' not found.`,
      'previous_response_id',
      'previous_response_not_found',
    )
  if (body.conversation != null)
    return openaiInvalid(
      `Conversation ${JSON.stringify(body.conversation)} not found.`,
      'conversation',
      null,
      404,
    )
  if (body.prompt != null) return openaiInvalid('Prompt not found.', 'prompt', 'prompt_not_found', 404)
  if (body.stream_options != null && body.stream !== true)
    return openaiInvalid(
      `The 'stream_options' parameter is only allowed when 'stream' is enabled.`,
      'stream_options',
    )
  return refuseItems(call, desk)
}

function refuseItems(call: Call, desk: Desk): Reply | null {
  const items = Array.isArray(call.body.input) ? call.body.input : []
  const lost = items.find((item) => item.type === 'item_reference' && !desk.findItem(String(item.id)))
  if (lost) return openaiInvalid(`Item with id '${lost.id}' not found.`, 'input', null, 404)
  const references = items.map((item) => desk.findItem(String(item.id))).filter((item) => item !== undefined)
  const wrong = checkCallPairs(call.body.input, [...previousItems(call, desk), ...references])
  return wrong ? openaiInvalid(wrong, 'input') : null
}

/** Deltas padded to a length that tells nothing, as OpenAI does unless told not to. */
export function obfuscate(event: JsonObject): JsonObject {
  if (typeof event.delta !== 'string') return event
  return { ...event, obfuscation: 'k8Jz3Qw5Tn7Rb2Vx'.slice(0, 16 - (event.delta.length % 16)) }
}

export const openai: SimulatedProvider = {
  name: 'openai',
  variant: 'openai',
  base: /^\/openai\/v1(?=\/)/,
  models: openaiModels,
  honoursParallel: true,
  authenticate: (call) => checkBearer(call, openaiKey),
  refuse,
  failure: (failure: Failure) =>
    openaiFailure(failure, openaiErrorType(failure.status), failure.code ?? openaiCode(failure.status)),
  respond: (call: Call, script: Script) =>
    buildResponse(call, script, buildItems(script, openaiItemStyle(call))),
  reply: (call, response) => ({
    kind: 'json',
    status: 200,
    body: call.body.background === true ? pendingObject(response, 'queued') : response,
    headers: { 'x-request-id': `req_${String(response.id).slice(5, 37)}`, 'openai-version': '2020-10-01' },
  }),
  *frames(call, _script, response) {
    const options = call.body.stream_options as JsonObject | null | undefined
    const plain = options?.include_obfuscation === false
    for (const event of semanticEvents(response)) yield eventFrame(plain ? event : obfuscate(event))
  },
  failedFrames: (response, sequence) => failedEvents(response, sequence).map(eventFrame),
  failedReply: (response) => ({ kind: 'json', status: 200, body: failedEvents(response, 0)[1]?.response }),
  resource: (method, path, desk) =>
    keptResource(method, path, desk, {
      pendingStatus: 'in_progress',
      full: true,
      missing: (id) => openaiInvalid(`Response with id '${id}' not found.`, null, null, 404),
    }),
  polls: () => 1,
  history: previousItems,
}

/** OpenAI's check of a Bearer key: missing and wrong are both a 401. */
export function checkBearer(call: Call, key: string): Failure | null {
  const token = bearerToken(call)
  if (token === key) return null
  if (token === null)
    return {
      status: 401,
      message: `You didn't provide an API key in an Authorization header using Bearer auth.`,
    }
  return {
    status: 401,
    code: 'invalid_api_key',
    message: `Incorrect API key provided: ${token.slice(0, 3)}***.`,
  }
}

/** The code that OpenAI gives with a status. */
export function openaiCode(status: number): string | null {
  if (status === 401) return 'invalid_api_key'
  if (status === 429) return 'rate_limit_exceeded'
  return status >= 500 ? 'server_error' : null
}
