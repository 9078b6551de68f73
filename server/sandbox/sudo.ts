/** Sudo (document 001): a router to OpenAI. Its own checks first, then those of the upstream behind it. */
import type { JsonObject } from '../../translators/shared/canonical.ts'
import { checkBearer, obfuscate } from './openai.ts'
import { openaiInvalid, openaiModels, openaiRefusal, openaiRules } from './openai-rules.ts'
import { checkCallPairs } from './rules.ts'
import { failedEvents, semanticEvents } from './semantic.ts'
import { refuseBackground, refuseThoughts } from './thoughts.ts'
import type { Call, Failure, Reply, SimulatedProvider } from './types.ts'
import { checkBody, type Rules } from './validate.ts'
import {
  buildItems,
  buildResponse,
  doneFrame,
  eventFrame,
  openaiFailure,
  openaiItemStyle,
  pickMembers,
  retryHeaders,
} from './wire.ts'

export const sudoKey = 'sandbox-sudo-key'

const documented = [
  'background',
  'conversation',
  'include',
  'input',
  'instructions',
  'max_output_tokens',
  'max_tool_calls',
  'metadata',
  'model',
  'parallel_tool_calls',
  'previous_response_id',
  'prompt',
  'prompt_cache_key',
  'reasoning',
  'safety_identifier',
  'service_tier',
  'store',
  'stream',
  'stream_options',
  'temperature',
  'text',
  'tool_choice',
  'tools',
  'top_logprobs',
  'top_p',
  'truncation',
] as const

/** The document's own limits are wider than those of the upstream, which come second. */
const rules: Rules = {
  ...Object.fromEntries(documented.map((name) => [name, openaiRules[name]])),
  max_output_tokens: { type: 'integer', min: 0 },
  max_tool_calls: { type: 'integer', min: 0 },
  top_logprobs: { type: 'integer', min: 0 },
}

const members = [
  'id',
  'object',
  'created_at',
  'status',
  'background',
  'error',
  'incomplete_details',
  'instructions',
  'max_output_tokens',
  'max_tool_calls',
  'metadata',
  'model',
  'output',
  'parallel_tool_calls',
  'previous_response_id',
  'prompt_cache_key',
  'reasoning',
  'safety_identifier',
  'service_tier',
  'temperature',
  'text',
  'tool_choice',
  'tools',
  'top_logprobs',
  'top_p',
  'truncation',
  'usage',
]

function refuse(call: Call): Reply | null {
  const { body } = call
  const [problem] = checkBody(body, rules)
  if (problem) return openaiRefusal(problem)
  if (!openaiModels.some((model) => model === body.model))
    return openaiInvalid(`The requested model '${body.model}' does not exist.`, 'model', 'model_not_found')
  const { max_output_tokens, top_logprobs } = openaiRules
  const [upstream] = checkBody(body, { max_output_tokens, top_logprobs }, { additional: true })
  if (upstream) return openaiRefusal(upstream)
  if (body.input == null && body.prompt == null)
    return openaiInvalid(`Missing required parameter: 'input'.`, 'input', 'missing_required_parameter')
  if (body.previous_response_id != null)
    return openaiInvalid(
      `Previous response with id '${body.previous_response_id}' not found.`,
      'previous_response_id',
      'previous_response_not_found',
    )
  if (body.conversation != null) return openaiInvalid('Conversation not found.', 'conversation', null, 404)
  if (body.prompt != null) return openaiInvalid('Prompt not found.', 'prompt', 'prompt_not_found', 404)
  const thoughts = refuseBackground(call) ?? refuseThoughts(call, 'sudo')
  if (thoughts) return thoughts
  const wrong = checkCallPairs(body.input, [])
  return wrong ? openaiInvalid(wrong, 'input') : null
}

/** JSON for the four statuses of the document; anything else is what a proxy in front says. */
function failure(failure: Failure): Reply {
  const { status, message, code = null, retryAfterSeconds } = failure
  const type = status >= 500 ? 'api_error' : status === 401 ? 'authentication_error' : 'invalid_request_error'
  if ([400, 401, 500, 502].includes(status)) return openaiFailure(failure, type, code)
  const headers = { 'content-type': 'text/html; charset=utf-8', ...retryHeaders(retryAfterSeconds) }
  const body = `<html><head><title>${status}</title></head><body><h1>${status}</h1><p>${message}</p></body></html>`
  return { kind: 'text', status, body, headers }
}

function respond(response: JsonObject): JsonObject {
  return { ...pickMembers(response, members), conversation: null, prompt: null }
}

export const sudo: SimulatedProvider = {
  name: 'sudo',
  variant: 'sudo',
  base: /^\/sudo\/api\/v1(?=\/)/,
  models: openaiModels,
  honoursParallel: true,
  authenticate: (call) => checkBearer(call, sudoKey),
  refuse,
  failure,
  respond: (call, script) =>
    respond(buildResponse(call, script, buildItems(script, openaiItemStyle(call, 'sudo')))),
  reply: (call, response) => ({
    kind: 'json',
    status: 200,
    body: call.body.background === true ? { ...response, status: 'queued', output: [] } : response,
  }),
  *frames(_call, _script, response, desk) {
    yield { text: ': sudo processing\n\n', delta: false }
    let count = 0
    for (const event of semanticEvents(response)) {
      yield eventFrame(obfuscate(event))
      if (++count % 10 === 0) yield { text: ': keep-alive\n\n', delta: false }
    }
    if (desk.behaviour.sudo.done) yield doneFrame
  },
  failedFrames: (response, sequence) => failedEvents(response, sequence).map(eventFrame),
  failedReply: (response) => ({ kind: 'json', status: 200, body: failedEvents(response, 0)[1]?.response }),
}
