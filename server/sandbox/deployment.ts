/** The deployment API of document 004: OpenAI's lineage, deployment names for models, Azure's way of failing. */
import type { JsonObject } from '../../translators/shared/canonical.ts'
import type { Desk } from './desk.ts'
import { keptResource, pendingObject, previousItems } from './keeping.ts'
import { openaiIncludes, openaiItemTypes, openaiRefusal, openaiRules } from './openai-rules.ts'
import { checkCallPairs, inputRule, reasoningRule, toolChoiceRule } from './rules.ts'
import { failedEvents, semanticEvents } from './semantic.ts'
import { refuseBackground, refuseThoughts } from './thoughts.ts'
import type { Call, Failure, Reply, SimulatedProvider } from './types.ts'
import { checkBody, includeRule, metadataRule, type Rules, toolsRule } from './validate.ts'
import {
  bearerToken,
  buildItems,
  buildResponse,
  eventFrame,
  openaiFailure,
  openaiItemStyle,
  outputText,
  pickMembers,
} from './wire.ts'

export const azureKey = 'sandbox-azure-key'
const deployments = ['gpt-5.2', 'gpt-5-mini', 'o4-mini'] as const

const rules: Rules = {
  model: { type: 'string', required: true },
  input: inputRule({ roles: ['user', 'assistant', 'system', 'developer'], types: openaiItemTypes }),
  instructions: { type: 'string' },
  previous_response_id: { type: 'string' },
  prompt: { type: 'object' },
  max_output_tokens: { type: 'integer', min: 1 },
  max_tool_calls: { type: 'integer', min: 1 },
  temperature: { type: 'number', min: 0, max: 2 },
  top_p: { type: 'number', min: 0, max: 1 },
  top_logprobs: { type: 'integer', min: 0, max: 20 },
  parallel_tool_calls: { type: 'boolean' },
  stream: { type: 'boolean' },
  background: { type: 'boolean' },
  store: { type: 'boolean' },
  text: openaiRules.text,
  tools: toolsRule({
    types: [
      'function',
      'file_search',
      'web_search',
      'web_search_preview',
      'code_interpreter',
      'image_generation',
      'mcp',
    ],
  }),
  tool_choice: { type: 'any' },
  reasoning: reasoningRule({
    efforts: ['none', 'minimal', 'low', 'medium', 'high', 'xhigh'],
    members: ['effort', 'summary', 'generate_summary'],
  }),
  truncation: { type: 'string', values: ['auto', 'disabled'] },
  metadata: metadataRule,
  user: { type: 'string' },
  // The document's two values are examples; its relatives take OpenAI's list.
  include: includeRule(openaiIncludes),
}

const members = [
  'id',
  'object',
  'created_at',
  'model',
  'status',
  'incomplete_details',
  'output',
  'output_text',
  'usage',
  'error',
  'instructions',
  'metadata',
  'parallel_tool_calls',
  'previous_response_id',
  'reasoning',
  'store',
  'temperature',
  'text',
  'tool_choice',
  'tools',
  'top_p',
  'truncation',
  'user',
]

function invalid(message: string, param: string | null, code: string, status = 400): Reply {
  return openaiFailure({ status, message, param }, 'invalid_request_error', code)
}

function refuse(call: Call, desk: Desk): Reply | null {
  const { body } = call
  const object = desk.behaviour.azure.toolChoiceObject ? 'flat' : 'none'
  const tool_choice = toolChoiceRule({ object, allowedTools: object === 'flat' })
  const [problem] = checkBody(body, { ...rules, tool_choice })
  if (problem) return openaiRefusal(problem)
  if (!deployments.some((name) => name === body.model))
    return failure({
      status: 404,
      code: 'DeploymentNotFound',
      message:
        'The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, please wait a moment and try again.',
    })
  if (body.input == null && body.prompt == null && body.previous_response_id == null)
    return invalid(`Missing required parameter: 'input'.`, 'input', 'missing_required_parameter')
  if (typeof body.previous_response_id === 'string' && !desk.responses.has(body.previous_response_id))
    return invalid(
      `Previous response with id '${body.previous_response_id}' not found.`,
      'previous_response_id',
      'previous_response_not_found',
    )
  if (body.prompt != null) return invalid('Prompt not found.', 'prompt', 'prompt_not_found', 404)
  const thoughts = refuseBackground(call) ?? refuseThoughts(call, 'azure')
  if (thoughts) return thoughts
  const wrong = checkCallPairs(body.input, previousItems(call, desk))
  return wrong ? invalid(wrong, 'input', 'invalid_value') : null
}

/** Azure's gateway errors have a code and a message only. */
function failure({ status, code = String(status), message, retryAfterSeconds }: Failure): Reply {
  const headers: Record<string, string> =
    retryAfterSeconds === undefined ? {} : { 'retry-after-ms': String(retryAfterSeconds * 1000) }
  return { kind: 'json', status, body: { error: { code, message } }, headers }
}

function authenticate(call: Call): Failure | null {
  if (bearerToken(call) === azureKey) return null
  return {
    status: 401,
    code: '401',
    message:
      'Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an active subscription.',
  }
}

/** The members of the document; `created_at` is a float as its relatives send it. */
const respond: SimulatedProvider['respond'] = (call, script) => {
  const output = buildItems(script, openaiItemStyle(call, 'azure'))
  const whole: JsonObject = { ...buildResponse(call, script, output), output_text: outputText(output) }
  const temperature = call.body.temperature ?? 0.7
  return { ...pickMembers(whole, members), created_at: Number(whole.created_at) + 0.25, temperature }
}

export const deployment: SimulatedProvider = {
  name: 'azure',
  variant: 'deployment',
  base: /^\/azure\/openai\/v1(?=\/)/,
  models: deployments,
  honoursParallel: true,
  authenticate,
  refuse,
  failure,
  respond,
  reply: (call, response) => ({
    kind: 'json',
    status: 200,
    body: call.body.background === true ? pendingObject(response, 'in_progress') : response,
    headers: { 'apim-request-id': String(response.id) },
  }),
  *frames(call, _script, response) {
    for (const event of semanticEvents(response, call.body.background === true)) yield eventFrame(event)
  },
  failedFrames: (response, sequence) => failedEvents(response, sequence).map(eventFrame),
  failedReply: (response) => ({ kind: 'json', status: 200, body: failedEvents(response, 0)[1]?.response }),
  resource: (method, path, desk) =>
    keptResource(method, path, desk, {
      pendingStatus: 'in_progress',
      full: false,
      missing: (id) => invalid(`Response with id '${id}' not found.`, null, 'not_found', 404),
    }),
  polls: (desk) => desk.behaviour.azure.polls,
  history: previousItems,
}
