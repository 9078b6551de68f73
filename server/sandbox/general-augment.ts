/** General Augment (document 003): an agent behind a Responses shape, written with FastAPI. */
import type { JsonObject } from '../../translators/shared/canonical.ts'
import { type Desk, putBounded } from './desk.ts'
import { previousItems } from './keeping.ts'
import type { Call, Failure, Frame, Reply, Script, SimulatedProvider } from './types.ts'
import { checkBody, type Problem, type Rule, type Rules } from './validate.ts'
import {
  bearerToken,
  buildItems,
  buildResponse,
  eventFrame,
  outputText,
  pickMembers,
  retryHeaders,
} from './wire.ts'

export const augmentAdminKey = 'sandbox-augment-admin-key'
export const augmentProjectKey = 'sandbox-augment-project-key'
const tiers = ['balanced', 'fast', 'quality'] as const

const effort: Rule = { type: 'string', values: ['none', 'minimal', 'low', 'medium', 'high', 'xhigh'] }
const rules: Rules = {
  background: { type: 'boolean' },
  conversation: { type: 'string' },
  include: {
    type: 'array',
    check: (value) =>
      (value as unknown[]).every((one) => typeof one === 'string') ? null : 'Input should be a valid string',
  },
  input: { type: 'any' },
  instructions: { type: 'string' },
  max_output_tokens: { type: 'integer', min: 1, max: 8000 },
  metadata: { type: 'object' },
  model: { type: 'string', required: true },
  parallel_tool_calls: { type: 'boolean' },
  previous_response_id: { type: 'string' },
  reasoning: {
    type: 'object',
    check: (value) => checkBody(value as JsonObject, { effort }, { additional: true })[0]?.message ?? null,
  },
  reasoning_effort: effort,
  service_tier: { type: 'string', minLength: 1, maxLength: 64 },
  store: { type: 'boolean' },
  stream: { type: 'boolean' },
  temperature: { type: 'number', max: 2 },
  text: { type: 'object' },
  tool_choice: { type: 'any' },
  tools: {
    type: 'array',
    check: (value) =>
      (value as unknown[]).every((one) => typeof one === 'object' && one !== null)
        ? null
        : 'Input should be a valid dictionary',
  },
  top_p: { type: 'number', max: 1 },
  truncation: { type: 'string', values: ['disabled', 'auto'] },
  user: { type: 'string', minLength: 1, maxLength: 200 },
}

/** Members that the document types plainly: an explicit null is an error, as pydantic sees it. */
const notNullable = ['background', 'metadata', 'model', 'parallel_tool_calls', 'store', 'stream']

interface Detail {
  type: string
  loc: (string | number)[]
  msg: string
  input: unknown
  ctx?: JsonObject
}

/** A problem as FastAPI words it. */
function toDetail({ param, kind, message, rule, value }: Problem): Detail {
  const detail = (type: string, msg: string, ctx?: JsonObject): Detail => ({
    type,
    loc: ['body', param],
    msg,
    input: value ?? null,
    ...(ctx ? { ctx } : {}),
  })
  switch (kind) {
    case 'missing':
      return detail('missing', 'Field required')
    case 'too_small':
      return detail('greater_than_equal', `Input should be greater than or equal to ${rule?.min}`, {
        ge: rule?.min,
      })
    case 'too_large':
      return detail('less_than_equal', `Input should be less than or equal to ${rule?.max}`, {
        le: rule?.max,
      })
    case 'too_short':
      return detail('string_too_short', `String should have at least ${rule?.minLength} character`, {
        min_length: rule?.minLength,
      })
    case 'too_long':
      return detail('string_too_long', `String should have at most ${rule?.maxLength} characters`, {
        max_length: rule?.maxLength,
      })
    case 'value': {
      const expected = rule?.values?.map((one) => `'${one}'`).join(' or ')
      return detail('literal_error', `Input should be ${expected}`, { expected })
    }
    case 'type':
      return detail(`${rule?.type}_type`, `Input should be a valid ${rule?.type}`)
    default:
      return detail('value_error', message)
  }
}

function refuse(call: Call, desk: Desk): Reply | null {
  const { body } = call
  const nulls: Problem[] = notNullable
    .filter((param) => body[param] === null)
    .map((param) => ({ param, kind: 'type', message: '', rule: rules[param] ?? null, value: null }))
  const problems = [...checkBody(body, rules, { additional: true }), ...nulls]
  if (problems.length > 0) return { kind: 'json', status: 422, body: { detail: problems.map(toDetail) } }
  if (!tiers.some((tier) => tier === body.model))
    return failure({ status: 404, code: 'model_not_found', message: `Unknown model '${body.model}'.` })
  const previous = body.previous_response_id
  if (typeof previous === 'string' && !desk.responses.has(previous))
    return failure({
      status: 404,
      code: 'response_not_found',
      message: `Response '${previous}' was not found.`,
    })
  return replay(call, desk)
}

/** The header of its SDKs, or the one of its guide. */
function idempotencyKey({ headers }: Call): string | undefined {
  return headers['x-idempotency-key'] ?? headers['idempotency-key']
}

/** A new key is taken at once: until the answer is there it counts as in progress. */
function replay(call: Call, desk: Desk): Reply | null {
  const key = idempotencyKey(call)
  if (key === undefined) return null
  const known = desk.replays.get(key)
  if (!known) {
    putBounded(desk.replays, key, { body: JSON.stringify(call.body), status: 0, response: null })
    return null
  }
  const same = known.body === JSON.stringify(call.body)
  if (same && known.status !== 0) return { kind: 'json', status: known.status, body: known.response }
  const code = same ? 'idempotency_key_in_progress' : 'idempotency_key_conflict'
  const message = same
    ? 'The first request with this key is in progress.'
    : 'This key was used with another body.'
  const detail = { code, message, ...(same ? { retry_after_seconds: 1 } : {}) }
  return { kind: 'json', status: 409, body: { detail } }
}

/** Its error bodies come in several shapes, by status. */
function failure({ status, message, code, retryAfterSeconds }: Failure): Reply {
  const headers = retryHeaders(retryAfterSeconds)
  if (status === 429)
    Object.assign(headers, {
      'x-ratelimit-limit': '60',
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': '1',
    })
  const named = code ?? (status === 402 ? 'project_budget_exceeded' : undefined)
  if (named) return { kind: 'json', status, body: { detail: { code: named, message } }, headers }
  if (status === 429)
    return {
      kind: 'json',
      status,
      body: { error: 'rate_limited', message, retry_after_seconds: retryAfterSeconds },
      headers,
    }
  if (status >= 500)
    return { kind: 'json', status, body: { error: { code: 'upstream_error', message } }, headers }
  return { kind: 'json', status, body: { detail: message }, headers }
}

function authenticate(call: Call): Failure | null {
  const admin = call.headers['x-admin-key']
  if (admin !== undefined)
    return admin === augmentAdminKey
      ? null
      : { status: 403, code: 'invalid_admin_key', message: 'The admin key is not valid.' }
  const token = bearerToken(call)
  if (token === null) return { status: 401, message: 'Not authenticated' }
  return token === augmentProjectKey ? null : { status: 401, message: 'Invalid project API key' }
}

const members = [
  'id',
  'object',
  'status',
  'error',
  'incomplete_details',
  'instructions',
  'output',
  'previous_response_id',
  'reasoning',
  'temperature',
  'tools',
  'top_p',
  'usage',
]

/** Another model's name than the one asked for, metadata of its own, the date as ISO text. */
function respond(call: Call, script: Script, desk: Desk): JsonObject {
  const output = buildItems(script, { reasoning: 'summary' })
  const whole = buildResponse(call, script, output)
  desk.served += 1
  const metadata = {
    ...(whole.metadata as JsonObject),
    general_augment_run_id: String(whole.id).slice(5, 17),
    general_augment_tier: call.body.model,
    general_augment_steps: script.items.length,
    general_augment_cost_usd: 0.0001,
  }
  const created_at = new Date(Number(whole.created_at) * 1000).toISOString()
  return { ...pickMembers(whole, members), created_at, model: 'general-augment/agent-2', metadata }
}

function reply(call: Call, response: JsonObject): Reply {
  const body = call.body.background === true ? { ...response, status: 'queued', output: [] } : response
  return { kind: 'json', status: 200, body }
}

function settle(call: Call, response: JsonObject | null, context: JsonObject[], desk: Desk): void {
  const key = idempotencyKey(call)
  if (key !== undefined) {
    if (response) putBounded(desk.replays, key, { body: JSON.stringify(call.body), status: 200, response })
    else desk.replays.delete(key)
  }
  const { conversation } = call.body
  if (response && typeof conversation === 'string')
    putBounded(desk.conversations, conversation, [...context, ...(response.output as JsonObject[])])
}

/** Usage is required, with zeros by default. */
const noUsage = {
  input_tokens: 0,
  input_tokens_details: { cached_tokens: 0 },
  output_tokens: 0,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: 0,
}

/** Items come finished in output_item.added; then one delta with the whole text. No part events, no `[DONE]`. */
function* frames(response: JsonObject): Generator<Frame> {
  const open = { ...response, status: 'in_progress', output: [], usage: noUsage }
  let number = 0
  const frame = (event: JsonObject) => eventFrame({ ...event, sequence_number: number++ })
  yield frame({ type: 'response.created', response: open })
  yield frame({ type: 'response.in_progress', response: open })
  for (const [output_index, item] of (response.output as JsonObject[]).entries()) {
    yield frame({ type: 'response.output_item.added', output_index, item })
    if (item.type !== 'message') continue
    const at = { item_id: item.id, output_index, content_index: 0 }
    const text = outputText([item])
    if (text === '') continue
    yield frame({ type: 'response.output_text.delta', ...at, delta: text })
    yield frame({ type: 'response.output_text.done', ...at, text })
  }
  yield frame({ type: `response.${response.status}`, response })
}

function failed(response: JsonObject): JsonObject {
  return {
    ...response,
    status: 'failed',
    output: [],
    error: { code: 'agent_failed', message: 'The agent failed (as asked).' },
  }
}

export const generalAugment: SimulatedProvider = {
  name: 'augment',
  variant: 'general-augment',
  base: /^\/augment\/v1(?=\/)/,
  models: tiers,
  honoursParallel: true,
  authenticate,
  refuse,
  failure,
  respond,
  reply,
  settle,
  frames: (_call, _script, response) => frames(response),
  failedFrames: (response, sequence) => [
    eventFrame({ type: 'response.failed', response: failed(response), sequence_number: sequence }),
  ],
  failedReply: (response) => ({ kind: 'json', status: 200, body: failed(response) }),
  history(call, desk) {
    const conversation = call.body.conversation
    const spoken = typeof conversation === 'string' ? (desk.conversations.get(conversation) ?? []) : []
    return [...previousItems(call, desk), ...spoken]
  },
}
