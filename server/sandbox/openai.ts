/** OpenAI's own Responses API: the complete semantic stream, stored responses, strict parameters. */
import type { JsonObject } from '../../translators/shared/canonical.ts'
import type { Desk } from './desk.ts'
import { keptResource, pendingObject, previousItems } from './keeping.ts'
import { answerSideRoute, compactOnTrigger } from './openai-routes.ts'
import {
  openaiCode,
  openaiErrorType,
  openaiInvalid,
  openaiModels,
  openaiRefusal,
  openaiRules,
} from './openai-rules.ts'
import { checkCallPairs } from './rules.ts'
import { failedEvents, semanticEvents } from './semantic.ts'
import { refuseBackground, refuseThoughts } from './thoughts.ts'
import type { Call, Failure, Reply, Script, SimulatedProvider } from './types.ts'
import { checkBody } from './validate.ts'
import { bearerToken, buildItems, buildResponse, eventFrame, openaiFailure, openaiItemStyle } from './wire.ts'

export const openaiKey = 'sandbox-openai-key'
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
  return refuseBackground(call) ?? refuseThoughts(call, 'openai') ?? refuseItems(call, desk)
}

function refuseItems(call: Call, desk: Desk): Reply | null {
  const items = Array.isArray(call.body.input) ? call.body.input : []
  const lost = items.find((item) => item.type === 'item_reference' && !desk.findItem(String(item.id)))
  if (lost) return openaiInvalid(`Item with id '${lost.id}' not found.`, 'input', null, 404)
  const forgotten = items.find((item) => isForgotten(item, desk))
  if (forgotten)
    return openaiInvalid(
      `Item with id '${forgotten.id}' not found. Items are not persisted when \`store\` is set to false. Try again with \`store\` set to true, or remove this item from your input.`,
      'input',
      null,
      404,
    )
  const references = items.map((item) => desk.findItem(String(item.id))).filter((item) => item !== undefined)
  const wrong = checkCallPairs(call.body.input, [...previousItems(call, desk), ...references])
  return wrong ? openaiInvalid(wrong, 'input') : null
}

/** Thoughts that are only named: they are looked up. */
function isForgotten({ type, id, encrypted_content: encrypted }: JsonObject, desk: Desk): boolean {
  return type === 'reasoning' && typeof id === 'string' && encrypted == null && !desk.findItem(id)
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
    buildResponse(
      call,
      script,
      compactOnTrigger(call) ?? buildItems(script, openaiItemStyle(call, 'openai')),
    ),
  reply: (call, response) => ({
    kind: 'json',
    status: 200,
    body: call.body.background === true ? pendingObject(response, 'queued') : response,
    headers: { 'x-request-id': `req_${String(response.id).slice(5, 37)}`, 'openai-version': '2020-10-01' },
  }),
  *frames(call, _script, response) {
    const options = call.body.stream_options as JsonObject | null | undefined
    const plain = options?.include_obfuscation === false
    for (const event of semanticEvents(response, call.body.background === true))
      yield eventFrame(plain ? event : obfuscate(event))
  },
  failedFrames: (response, sequence) => failedEvents(response, sequence).map(eventFrame),
  failedReply: (response) => ({ kind: 'json', status: 200, body: failedEvents(response, 0)[1]?.response }),
  resource: (method, path, desk) =>
    keptResource(method, path, desk, {
      pendingStatus: 'in_progress',
      full: true,
      refuseCancel: (kept) =>
        kept.response.background === true
          ? null
          : openaiInvalid('Cannot cancel a synchronous response.', null),
      missing: (id) => openaiInvalid(`Response with id '${id}' not found.`, null, null, 404),
    }),
  answer: (path, call, desk) => answerSideRoute(openai, path, call, desk),
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
