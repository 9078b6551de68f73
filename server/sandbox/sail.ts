/** Sail Research (document 000): the Open Responses request, stateless, with the rules of its early period. */
import { isObject, type JsonObject } from '../../translators/shared/canonical.ts'
import { type Desk, putBounded } from './desk.ts'
import { keptResource, pendingObject, showKept } from './keeping.ts'
import { inputRule, reasoningRule, textRule, toolChoiceRule } from './rules.ts'
import { failedEvents, semanticEvents } from './semantic.ts'
import type { Call, Failure, Reply, Script, SimulatedProvider } from './types.ts'
import { checkBody, includeRule, metadataRule, type Rules, toolsRule } from './validate.ts'
import {
  bearerToken,
  buildItems,
  buildResponse,
  doneFrame,
  eventFrame,
  outputText,
  retryHeaders,
} from './wire.ts'

export const sailKey = 'sandbox-sail-key'

export const sailModels = [
  'deepseek-ai/DeepSeek-V3.2',
  'deepseek-ai/DeepSeek-R1',
  'openai/gpt-oss-120b',
  'openai/gpt-oss-20b',
  'Qwen/Qwen3-235B-A22B',
  'moonshotai/Kimi-K2-Instruct',
  'zai-org/GLM-4.6',
] as const

const rules: Rules = {
  model: { type: 'string', required: true },
  input: {
    ...inputRule({
      roles: ['user', 'assistant', 'system'],
      types: ['reasoning', 'custom_tool_call', 'custom_tool_call_output'],
      nonEmpty: true,
      maxImages: 20,
    }),
    required: true,
  },
  include: includeRule(['reasoning.encrypted_content', 'message.output_text.logprobs']),
  tools: toolsRule({ types: ['function', 'custom'] }),
  tool_choice: toolChoiceRule({ object: 'flat' }),
  metadata: metadataRule,
  text: textRule({ formats: ['text', 'json_schema'], verbosity: false }),
  temperature: { type: 'number', min: 0, max: 2 },
  top_p: { type: 'number', min: 0, max: 1 },
  presence_penalty: { type: 'number', min: -2, max: 2 },
  frequency_penalty: { type: 'number', min: -2, max: 2 },
  parallel_tool_calls: { type: 'boolean' },
  stream: { type: 'boolean' },
  background: { type: 'boolean' },
  max_output_tokens: { type: 'integer', min: 16 },
  max_tool_calls: { type: 'integer', min: 1 },
  reasoning: reasoningRule({
    efforts: ['none', 'low', 'medium', 'high', 'xhigh'],
    members: ['effort', 'generate_summary'],
  }),
  safety_identifier: { type: 'string', maxLength: 64 },
  prompt_cache_key: { type: 'string', maxLength: 64 },
  truncation: { type: 'string', values: ['disabled'] },
  instructions: { type: 'string' },
  store: { type: 'boolean' },
  service_tier: { type: 'string', values: ['auto', 'default', 'flex', 'priority'] },
  top_logprobs: { type: 'integer', min: 0, max: 20 },
}

/** The error's code is a number here. */
function failure({ status, message, param = null, code, retryAfterSeconds }: Failure): Reply {
  const type =
    code ??
    (status === 401 ? 'authentication_error' : status >= 500 ? 'server_error' : 'invalid_request_error')
  const body = { error: { message, type, param, code: status } }
  return { kind: 'json', status, body, headers: retryHeaders(retryAfterSeconds) }
}

/** What the early period refuses, with the sentence it says. */
function refuseEarly(body: JsonObject): Reply | null {
  if (body.stream === true)
    return failure({ status: 400, message: 'stream=true is not supported', param: 'stream' })
  if (body.instructions != null)
    return failure({ status: 400, message: 'instructions is not supported', param: 'instructions' })
  if (body.store === false)
    return failure({ status: 400, message: 'store=false is not supported', param: 'store' })
  if (body.include != null)
    return failure({ status: 400, message: 'include is not supported', param: 'include' })
  return null
}

function refuse(call: Call, desk: Desk): Reply | null {
  const { body } = call
  const [problem] = checkBody(body, rules)
  if (problem) return failure({ status: 400, message: problem.message, param: problem.param })
  const model = String(body.model)
  if (!/^[\w.-]+\/[\w.:-]+$/.test(model))
    return failure({
      status: 400,
      message: `Invalid model '${model}': expected the form 'org/name'.`,
      param: 'model',
    })
  if (!sailModels.some((known) => known === model))
    return failure({ status: 404, code: 'not_found', message: `Model '${model}' not found.`, param: 'model' })
  if (body.stream === true && body.background === true)
    return failure({
      status: 400,
      message: 'stream=true is not supported with background=true',
      param: 'stream',
    })
  return (desk.behaviour.sail.early ? refuseEarly(body) : null) ?? replay(call, desk)
}

/** A known idempotency key: the record's current state, or an error when the body differs. */
function replay(call: Call, desk: Desk): Reply | null {
  const key = call.headers['idempotency-key']
  if (key === undefined) return null
  if (key.length > 255)
    return failure({ status: 400, message: 'Idempotency-Key must be at most 255 characters.' })
  const known = desk.replays.get(key)
  if (!known) return null
  if (known.body !== JSON.stringify(call.body))
    return failure({
      status: 400,
      code: 'idempotency_error',
      message: 'This Idempotency-Key was used with another body.',
    })
  const kept = call.body.background === true ? desk.responses.get(String(known.response)) : undefined
  if (kept === undefined) return { kind: 'json', status: known.status, body: known.response }
  const body = showKept(kept, 'running')
  return { kind: 'json', status: body.status === 'running' ? 202 : 200, body }
}

/** Both counters in both objects, and the names of chat completions beside them. */
function sailUsage({ tokens }: Script): JsonObject {
  const details = { cached_tokens: tokens.cached, reasoning_tokens: tokens.reasoning }
  return {
    input_tokens: tokens.input,
    input_tokens_details: details,
    prompt_tokens: tokens.input,
    output_tokens: tokens.output,
    output_tokens_details: details,
    completion_tokens: tokens.output,
    total_tokens: tokens.input + tokens.output,
  }
}

/** No status `incomplete`: `completed` with incomplete_details means it. Every other answer has its date as a string. */
function respond(call: Call, script: Script, desk: Desk): JsonObject {
  const items = buildItems(script, { reasoning: 'content' })
  const whole = buildResponse(call, script, items)
  const { user: _user, ...response } = whole
  const created = Number(whole.created_at)
  desk.served += 1
  return {
    ...response,
    status: 'completed',
    usage: sailUsage(script),
    reasoning: call.body.reasoning ?? null,
    created_at: desk.served % 2 === 0 ? new Date(created * 1000).toISOString() : created,
    output: shapeOutput(items, desk.behaviour.sail.outputShape),
  }
}

function shapeOutput(items: JsonObject[], shape: Desk['behaviour']['sail']['outputShape']): unknown {
  if (shape === 'string' && items.every((item) => item.type === 'message')) return outputText(items)
  return shape === 'object' && items.length === 1 ? items[0] : items
}

function reply(call: Call, response: JsonObject): Reply {
  const background = call.body.background === true
  const status = background ? 202 : 200
  const body = background ? pendingObject(response, 'pending') : response
  return { kind: 'json', status, body }
}

/** From now on the key shows this call's record: in the background by its id, else as running until it is done. */
function begin(call: Call, response: JsonObject, desk: Desk): void {
  const shown = call.body.background === true ? response.id : pendingObject(response, 'running')
  useKey(call, shown, desk)
}

/** A failure does not consume the key. */
function settle(call: Call, response: JsonObject | null, _context: JsonObject[], desk: Desk): void {
  const key = call.headers['idempotency-key']
  if (response === null) desk.replays.delete(String(key))
  else if (call.body.background !== true) useKey(call, response, desk)
}

function useKey({ headers, body }: Call, response: unknown, desk: Desk): void {
  const key = headers['idempotency-key']
  if (key !== undefined) putBounded(desk.replays, key, { body: JSON.stringify(body), status: 200, response })
}

export const sail: SimulatedProvider = {
  name: 'sail',
  variant: 'sail',
  base: /^\/sail\/v1(?=\/)/,
  models: sailModels,
  honoursParallel: false,
  authenticate: (call) =>
    bearerToken(call) === sailKey ? null : { status: 401, message: 'Invalid or missing API key.' },
  refuse,
  failure,
  respond,
  reply,
  begin,
  settle,
  polls: (desk) => desk.behaviour.sail.polls,
  *frames(_call, _script, response) {
    const output = Array.isArray(response.output) ? response.output : [response.output].filter(isObject)
    for (const event of semanticEvents({ ...response, output })) yield eventFrame(event)
    yield doneFrame
  },
  failedFrames(response, sequence) {
    const [error, failed] = failedEvents(response, sequence) as [JsonObject, JsonObject]
    const { message, param } = error
    const nested = {
      type: 'error',
      sequence_number: sequence,
      error: { type: 'server_error', code: 500, message, param },
    }
    return [eventFrame(nested), eventFrame(failed), doneFrame]
  },
  failedReply: (response) => ({
    kind: 'json',
    status: 200,
    body: {
      ...response,
      status: 'failed',
      output: null,
      usage: null,
      error: { code: 500, message: 'The model failed (as asked).' },
    },
  }),
  resource: (method, path, desk) =>
    keptResource(method, path, desk, {
      pendingStatus: 'running',
      full: false,
      missing: (id) => failure({ status: 404, code: 'not_found', message: `Response '${id}' not found.` }),
    }),
}
