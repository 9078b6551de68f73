/** A plain Open Responses server: gpt-oss behind vLLM, with what leaks there. */
import { isObject, type JsonObject } from '../../translators/shared/canonical.ts'
import { makeId } from './desk.ts'
import { inputRule, textRule, toolChoiceRule } from './rules.ts'
import { semanticEvents } from './semantic.ts'
import type { Call, Failure, Reply, Script, SimulatedProvider } from './types.ts'
import { checkBody, metadataRule, type Rules, toolsRule } from './validate.ts'
import { bearerToken, buildItems, buildResponse, dataFrame, eventFrame, retryHeaders } from './wire.ts'

export const localKey = 'sandbox-local-key'
const models = ['openai/gpt-oss-20b', 'openai/gpt-oss-120b'] as const

const rules: Rules = {
  model: { type: 'string', required: true },
  input: {
    ...inputRule({ roles: ['user', 'assistant', 'system', 'developer'], types: ['reasoning', 'compaction'] }),
    required: true,
  },
  instructions: { type: 'string' },
  include: { type: 'array' },
  tools: toolsRule({ types: ['function', 'web_search_preview', 'code_interpreter', 'mcp'], strict: false }),
  tool_choice: toolChoiceRule({ object: 'flat', needsTools: true }),
  parallel_tool_calls: { type: 'boolean' },
  max_tool_calls: { type: 'integer', min: 1 },
  max_output_tokens: { type: 'integer', min: 1 },
  metadata: metadataRule,
  text: textRule({ formats: ['text', 'json_object', 'json_schema'], verbosity: true }),
  temperature: { type: 'number', min: 0, max: 2 },
  top_p: { type: 'number', min: 0, max: 1 },
  presence_penalty: { type: 'number', min: -2, max: 2 },
  frequency_penalty: { type: 'number', min: -2, max: 2 },
  top_logprobs: { type: 'integer', min: 0, max: 20 },
  reasoning: { type: 'object' },
  stream: { type: 'boolean' },
  background: { type: 'boolean' },
  store: { type: 'boolean' },
  service_tier: { type: 'string', values: ['auto', 'default', 'flex', 'scale', 'priority'] },
  truncation: { type: 'string', values: ['auto', 'disabled'] },
}

function failure({ status, message, param = null, retryAfterSeconds }: Failure): Reply {
  const type = status === 404 ? 'NotFoundError' : status >= 500 ? 'InternalServerError' : 'BadRequestError'
  return {
    kind: 'json',
    status,
    body: { error: { message, type, param, code: status } },
    headers: retryHeaders(retryAfterSeconds),
  }
}

function refuse({ body }: Call): Reply | null {
  const [problem] = checkBody(body, rules, { additional: true })
  if (problem) return failure({ status: 400, message: problem.message, param: problem.param })
  if (!models.some((model) => model === body.model))
    return failure({ status: 404, message: `The model \`${body.model}\` does not exist.`, param: 'model' })
  if (body.background === true && body.store === false)
    return failure({
      status: 400,
      message: 'background can only be used when `store` is true',
      param: 'background',
    })
  if (body.previous_response_id != null)
    return failure({
      status: 404,
      message: `Response with id '${body.previous_response_id}' not found.`,
      param: 'response_id',
    })
  return null
}

/** What vLLM leaves out, and what it leaves null. */
function respond(call: Call, script: Script): JsonObject {
  const items = buildItems(script, { reasoning: 'content' })
  const whole = buildResponse(call, script, items)
  const {
    completed_at: _1,
    error: _2,
    store: _3,
    safety_identifier: _4,
    prompt_cache_key: _5,
    ...rest
  } = whole
  const output = items.map((item) =>
    item.type === 'message' ? { ...item, phase: null } : { ...item, status: null },
  )
  const nulls = {
    text: call.body.text ?? null,
    metadata: call.body.metadata ?? null,
    top_logprobs: null,
    reasoning: call.body.reasoning ?? null,
  }
  return { ...rest, ...nulls, output, prompt: null, kv_transfer_params: null }
}

/** Ids that differ from the final object's, reasoning that starts as a message, part events nobody specified. */
function* leak(response: JsonObject): Generator<JsonObject> {
  const ids = new Map<unknown, string>()
  const swap = (id: unknown) => {
    if (!ids.has(id)) ids.set(id, makeId('msg', 8))
    return ids.get(id)
  }
  let parts = 0
  for (const event of semanticEvents(response)) {
    const { type } = event
    if (isObject(event.response)) {
      yield event
      continue
    }
    const copy = { ...event }
    if ('item_id' in copy) copy.item_id = swap(copy.item_id)
    if (isObject(copy.item)) copy.item = { ...copy.item, id: swap(copy.item.id) }
    if (type === 'response.content_part.added') parts += 1
    if ('content_index' in copy) copy.content_index = String(type).includes('reasoning') ? 0 : parts
    yield copy
    if (type === 'response.reasoning_text.done') {
      const { text, item_id, output_index, sequence_number } = copy
      const part = { type: 'reasoning_text', text }
      yield {
        type: 'response.reasoning_part.done',
        sequence_number,
        item_id,
        output_index,
        content_index: 0,
        part,
      }
    }
  }
}

export const openResponses: SimulatedProvider = {
  name: 'local',
  variant: 'open-responses',
  base: /^\/open-responses\/v1(?=\/)/,
  models,
  honoursParallel: false,
  alwaysReasons: true,
  authenticate: (call) => (bearerToken(call) === localKey ? null : { status: 401, message: 'Unauthorized' }),
  refuse,
  failure,
  respond,
  *frames(_call, _script, response, desk) {
    for (const event of desk.behaviour.local.leaks ? leak(response) : semanticEvents(response))
      yield eventFrame(event)
  },
  failedFrames: () => [
    dataFrame({
      error: {
        message: 'EngineCore encountered an issue (as asked).',
        type: 'InternalServerError',
        param: null,
        code: 500,
      },
    }),
  ],
  failedReply: () => ({
    kind: 'json',
    status: 200,
    body: {
      error: {
        message: 'EngineCore encountered an issue (as asked).',
        type: 'InternalServerError',
        param: null,
        code: 500,
      },
    },
  }),
}
