/** Scaleway Generative APIs (document 002): gpt-oss-120b alone, project in the path, snapshots for a stream. */
import { randomUUID } from 'node:crypto'
import { isObject, type JsonObject } from '../../translators/shared/canonical.ts'
import { splitDeltas } from './answers.ts'
import type { Desk } from './desk.ts'
import { inputRule, reasoningRule, textRule, toolChoiceRule } from './rules.ts'
import { semanticEvents } from './semantic.ts'
import type { Call, Failure, Frame, Reply, Script, SimulatedProvider } from './types.ts'
import { checkBody, type Rules, toolsRule } from './validate.ts'
import {
  bearerToken,
  buildItems,
  buildStatus,
  buildUsage,
  dataFrame,
  doneFrame,
  retryHeaders,
  unixNow,
} from './wire.ts'

export const scalewayKey = 'sandbox-scaleway-key'
/** Known for gpt-oss-120b; more is a 416. */
const maxOutputTokens = 8192

const rules: Rules = {
  model: { type: 'string', required: true },
  input: {
    ...inputRule({ roles: ['user', 'assistant', 'system', 'developer'], types: ['reasoning'] }),
    required: true,
  },
  max_output_tokens: { type: 'integer', min: 1 },
  parallel_tool_calls: { type: 'boolean' },
  instructions: { type: 'string' },
  reasoning: reasoningRule({ efforts: ['low', 'medium', 'high'], members: ['effort', 'summary'] }),
  store: { type: 'boolean' },
  stream: { type: 'boolean' },
  temperature: { type: 'number', min: 0, max: 2 },
  text: textRule({ formats: ['text', 'json_object', 'json_schema'], verbosity: false }),
  tools: toolsRule({ types: ['function'] }),
  tool_choice: toolChoiceRule({ object: 'nested', needsTools: true }),
  logprobs: { type: 'boolean' },
  top_logprobs: {
    type: 'integer',
    min: 0,
    max: 20,
    check: (value, body) =>
      Number(value) > 0 && body.logprobs !== true
        ? `'logprobs' must be set to true to use 'top_logprobs'.`
        : null,
  },
  top_p: { type: 'number', min: 0, exclusiveMin: true, max: 1 },
  truncation: { type: 'string', values: ['disabled'] },
}

/** Two shapes: nested as a rule, the older flat one for what the model server says. */
function failure({ status, message, retryAfterSeconds }: Failure): Reply {
  const error = { message, type: nameType(status), param: null, code: status }
  const body = status === 500 || status === 504 ? { object: 'error', ...error } : { error }
  return { kind: 'json', status, body, headers: retryHeaders(retryAfterSeconds) }
}

function nameType(status: number): string {
  if (status === 401 || status === 403) return 'permissions_denied'
  if (status === 404 || status === 422) return 'NotFoundError'
  return status >= 500 ? 'InternalServerError' : 'BadRequestError'
}

function authenticate(call: Call): Failure | null {
  const token = bearerToken(call)
  if (token === null)
    return { status: 401, message: 'authentication is denied: missing Authorization header' }
  return token === scalewayKey
    ? null
    : { status: 403, message: 'insufficient permissions to access the resource' }
}

function refuse({ body }: Call): Reply | null {
  if (typeof body.model !== 'string') return failure({ status: 422, message: 'model: Field required' })
  if (body.model !== 'gpt-oss-120b')
    return failure({
      status: 422,
      message: `The model '${body.model}' does not exist or does not support the Responses API.`,
    })
  const [problem] = checkBody(body, rules)
  if (problem) return failure({ status: 400, message: problem.message })
  if (Number(body.max_output_tokens ?? 0) > maxOutputTokens)
    return failure({ status: 416, message: `max_output_tokens must be at most ${maxOutputTokens}` })
  return null
}

/** The documented members only: no usage, an object of chat completions, calls without an id. */
function respond(call: Call, script: Script, desk: Desk): JsonObject {
  const items = buildItems(script, { reasoning: 'content' })
  const output = items.map((item) => (item.type === 'function_call' ? { ...item, id: null } : item))
  return {
    id: randomUUID(),
    object: 'chat.completion',
    created_at: unixNow(),
    ...buildStatus(script),
    model: call.body.model,
    output,
    text: call.body.text ?? null,
    ...(desk.behaviour.scaleway.usage ? { usage: buildUsage(script) } : {}),
  }
}

/** Snapshots at most: longer answers grow in bigger steps. */
const maxSnapshots = 200

/** The output piece by piece: each step names the item it grew and by what. */
function* growOutput(
  output: JsonObject[],
  withCalls: boolean,
): Generator<{ whole: JsonObject[]; piece: JsonObject }> {
  const total = output.reduce((sum, item) => sum + splitDeltas(readText(item)).length, 0)
  const size = Math.max(1, Math.ceil(total / maxSnapshots))
  const done: JsonObject[] = []
  for (const item of output) {
    const pieces = splitDeltas(readText(item))
    if (pieces.length > 0 && item.type !== 'function_call') {
      for (let index = 0; index < pieces.length; index += size) {
        const open = (text: string) => ({ ...withText(item, text), status: 'in_progress' })
        const piece = open(pieces.slice(index, index + size).join(''))
        yield { whole: [...done, open(pieces.slice(0, index + size).join(''))], piece }
      }
    } else if (withCalls) yield { whole: [...done, item], piece: item }
    else continue
    done.push(item)
  }
}

function readText(item: JsonObject): string {
  const [part] = Array.isArray(item.content) ? item.content.filter(isObject) : []
  return part ? String(part.text ?? part.refusal ?? '') : ''
}

function withText(item: JsonObject, text: string): JsonObject {
  const [part] = Array.isArray(item.content) ? item.content.filter(isObject) : []
  return { ...item, content: [part?.type === 'refusal' ? { ...part, refusal: text } : { ...part, text }] }
}

/** Chunks in the shape of the whole answer; the last one before `[DONE]` is the finished response. */
function* snapshotFrames(response: JsonObject, desk: Desk): Generator<Frame> {
  const { stream, callsInDeltas } = desk.behaviour.scaleway
  const { usage: _usage, ...rest } = response
  const open = { ...rest, status: 'in_progress', incomplete_details: null }
  const output = (response.output as JsonObject[]) ?? []
  for (const { whole, piece } of growOutput(output, callsInDeltas))
    yield dataFrame({ ...open, output: stream === 'incremental' ? [piece] : whole }, true)
  const unsent = output.filter((item) => item.type === 'function_call' && !callsInDeltas)
  yield dataFrame({ ...response, output: stream === 'incremental' ? unsent : output })
}

function frames(response: JsonObject, desk: Desk): Iterable<Frame> {
  return desk.behaviour.scaleway.stream === 'semantic'
    ? semanticFrames(response)
    : snapshotFrames(response, desk)
}

/** The events that its own guides read, without event names. */
function* semanticFrames(response: JsonObject): Generator<Frame> {
  for (const event of semanticEvents({ ...response, object: 'response' }))
    yield dataFrame(event, String(event.type).endsWith('.delta'))
}

export const scaleway: SimulatedProvider = {
  name: 'scaleway',
  variant: 'scaleway',
  base: /^\/scaleway(?:\/(?<project>(?!v1\/)[^/]+))?\/v1(?=\/)/,
  models: ['gpt-oss-120b'],
  honoursParallel: false,
  alwaysReasons: true,
  authenticate,
  refuse,
  failure,
  respond,
  *frames(_call, _script, response, desk) {
    yield* frames(response, desk)
    yield doneFrame
  },
  failedFrames: () => [
    dataFrame({
      error: {
        message: 'Internal server error (as asked)',
        type: 'InternalServerError',
        param: null,
        code: 500,
      },
    }),
    doneFrame,
  ],
  failedReply: () => failure({ status: 500, message: 'Internal server error (as asked)' }),
}
