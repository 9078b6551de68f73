/**
 * Validation of `POST /v1/responses`: the contract (Open Responses 2026-04-24), OpenAI's SDKs and the providers'
 * documents, each field with the widest limit that one of them allows; what one provider cannot take is its
 * contract table's business. Unknown fields always pass.
 */

import {
  type CanonicalRequest,
  isObject,
  type JsonObject,
  reasoningEfforts,
  type Tool,
} from '../../translators/shared/canonical.ts'
import {
  checkArray,
  checkBody,
  checkBoolean,
  checkNumber,
  checkObject,
  checkOneOf,
  checkString,
  countCharacters,
  describeValue,
  describeWord,
  isAbsent,
  maxIdCharacters,
  refuse,
} from './validate-request-checks.ts'
import { checkInputLength, validateInput } from './validate-request-input.ts'
import { validateToolChoice, validateTools } from './validate-request-tools.ts'
import { checkSchema } from './verify-schema-check.ts'

type Check = (value: unknown, param: string) => void

const text =
  (limit: Parameters<typeof checkString>[2] = {}): Check =>
  (value, param) => {
    checkString(value, param, limit)
  }
const number =
  (limit: Parameters<typeof checkNumber>[2]): Check =>
  (value, param) => {
    checkNumber(value, param, limit)
  }
const oneOf =
  (words: readonly string[]): Check =>
  (value, param) => {
    checkOneOf(value, param, words)
  }

/** Fields that stand for themselves; absent and null pass. */
const simpleFields: { readonly [field: string]: Check } = {
  instructions: text(),
  previous_response_id: text({ min: 1, max: maxIdCharacters }),
  conversation: checkConversation,
  prompt: checkPrompt,
  include: checkInclude,
  parallel_tool_calls: checkBoolean,
  // 0 (allowed by Sudo's document) means that no tool may be called.
  max_tool_calls: number({ min: 0, integer: true }),
  // 1 is General Augment's minimum; a higher one is the provider's table's business.
  max_output_tokens: number({ min: 1, integer: true }),
  metadata: checkMetadata,
  text: checkText,
  temperature: number({ min: 0, max: 2 }),
  top_p: number({ min: 0, max: 1 }),
  presence_penalty: number({ min: -2, max: 2 }),
  frequency_penalty: number({ min: -2, max: 2 }),
  top_logprobs: number({ min: 0, max: 20, integer: true }),
  reasoning: checkReasoning,
  reasoning_effort: oneOf(reasoningEfforts),
  stream: checkBoolean,
  stream_options: checkStreamOptions,
  background: checkBoolean,
  store: checkBoolean,
  service_tier: text({ min: 1, max: 64 }),
  truncation: oneOf(['auto', 'disabled']),
  safety_identifier: text({ max: 64 }),
  prompt_cache_key: text({ max: 64 }),
  // The document says 1 to 200; an empty one is left out by `writeOut`.
  user: text({ max: 200 }),
}

/**
 * The request, checked. Parts are copied only where a client's short form is written out: items without `type`,
 * a nested `tool_choice`, `reasoning_effort` (General Augment's document) as `reasoning.effort`.
 * @throws GatewayError `invalid_request` naming `param`.
 */
export function validateRequest(parsed: unknown): CanonicalRequest {
  const body = checkBody(parsed)
  // A prompt template may name the model; `validateComplete` looks again then.
  if (isAbsent(body.prompt) || !isAbsent(body.model)) checkModel(body.model)
  for (const field in simpleFields) {
    const value = body[field]
    if (!isAbsent(value)) checkSimpleField(field, value)
  }
  validateTools(body.tools)
  checkState(body)
  return writeOut(body, {
    input: validateInput(body.input, !isAbsent(body.previous_response_id) || !isAbsent(body.conversation)),
    tool_choice: validateToolChoice(body.tool_choice, (body.tools ?? []) as Tool[], isAbsent(body.prompt)),
  })
}

/**
 * What can be checked only once a prompt template has brought its part.
 * @throws GatewayError `invalid_request` naming `param`.
 */
export function validateComplete(request: CanonicalRequest): CanonicalRequest {
  checkModel(request.model)
  validateTools(request.tools)
  checkState(request)
  checkInputLength(request.input)
  validateToolChoice(request.tool_choice, request.tools ?? [], true)
  return request
}

/** The check of one member that stands for itself. @throws GatewayError `invalid_request` naming `field`. */
export function checkSimpleField(field: string, value: unknown): void {
  simpleFields[field]?.(value, field)
}

/** @throws GatewayError `invalid_request` with the param `model` when there is none. */
export function checkModel(model: unknown): void {
  if (isAbsent(model)) refuse('model', 'model is missing: name the model to use.')
  checkString(model, 'model', { min: 1, max: 512 })
}

function writeOut(
  body: JsonObject,
  { input, tool_choice }: Pick<CanonicalRequest, 'input' | 'tool_choice'>,
): CanonicalRequest {
  let request = body as CanonicalRequest
  if (input !== body.input) request = { ...request, input }
  if (tool_choice !== body.tool_choice) request = { ...request, tool_choice }
  // LlamaIndex sends an empty user with every call: it names nobody.
  if (body.user === '') {
    const { user: _, ...rest } = request
    request = rest as CanonicalRequest
  }
  if ('reasoning_effort' in body) {
    const { reasoning_effort: effort, ...rest } = request
    request = rest as CanonicalRequest
    if (!isAbsent(effort) && isAbsent(request.reasoning?.effort)) {
      request.reasoning = { ...request.reasoning, effort: effort as (typeof reasoningEfforts)[number] }
    }
  }
  return request
}

/** Something must be there to answer to. */
function checkState(body: JsonObject): void {
  if (!isAbsent(body.previous_response_id) && !isAbsent(body.conversation)) {
    refuse(
      'previous_response_id',
      'previous_response_id and conversation cannot be used together: send one of them.',
    )
  }
  const { input } = body
  const empty = isAbsent(input) || input === '' || (Array.isArray(input) && input.length === 0)
  if (!empty) return
  const others = [body.instructions, body.prompt, body.previous_response_id, body.conversation]
  if (others.every((value) => isAbsent(value) || value === '')) {
    refuse(
      'input',
      'input is missing: send a string or items, or one of instructions, prompt, previous_response_id, conversation.',
    )
  }
}

/** An id, or an object with one (or the configuration of a new one, by Sudo's document). */
function checkConversation(value: unknown, param: string): void {
  if (isObject(value)) {
    // Without an id it would be a turn on its own, accepted in silence.
    checkString(value.id, `${param}.id`, { min: 1, max: maxIdCharacters })
  } else if (typeof value === 'string') {
    checkString(value, param, { min: 1, max: maxIdCharacters })
  } else {
    refuse(param, `${param} must be an id or an object with an id; got ${describeValue(value)}.`)
  }
}

function checkPrompt(value: unknown, param: string): void {
  const prompt = checkObject(value, param)
  checkString(prompt.id, `${param}.id`, { min: 1 })
  if (!isAbsent(prompt.version)) checkString(prompt.version, `${param}.version`)
  if (!isAbsent(prompt.variables)) checkObject(prompt.variables, `${param}.variables`)
}

function checkInclude(value: unknown, param: string): void {
  checkArray(value, param).forEach((entry, index) => {
    checkString(entry, `${param}[${index}]`)
  })
}

/** "16 key-value pairs … Keys … maximum length of 64 characters. Values are strings with a maximum length of 512." */
function checkMetadata(value: unknown, param: string): void {
  const metadata = checkObject(value, param)
  const keys = Object.keys(metadata)
  if (keys.length > 16) refuse(param, `${param} may hold at most 16 pairs; got ${keys.length}.`)
  for (const key of keys) {
    if (key.length > 64 && countCharacters(key) > 64) {
      refuse(
        param,
        `${param} keys may have at most 64 characters; ${describeWord(key)} has ${countCharacters(key)}.`,
      )
    }
    const entry = metadata[key]
    if (typeof entry !== 'string') {
      refuse(
        `${param}.${key}`,
        `${param}.${key} must be a string; got ${describeValue(entry)}. Send it as text.`,
      )
    }
    checkString(entry, `${param}.${key}`, { max: 512 })
  }
}

function checkReasoning(value: unknown, param: string): void {
  const { effort, summary, generate_summary: older } = checkObject(value, param)
  if (!isAbsent(effort)) checkOneOf(effort, `${param}.effort`, reasoningEfforts)
  for (const [name, word] of Object.entries({ summary, generate_summary: older })) {
    if (!isAbsent(word)) checkOneOf(word, `${param}.${name}`, ['auto', 'concise', 'detailed'])
  }
}

function checkStreamOptions(value: unknown, param: string): void {
  const options = checkObject(value, param)
  if (!isAbsent(options.include_obfuscation))
    checkBoolean(options.include_obfuscation, `${param}.include_obfuscation`)
}

function checkText(value: unknown, param: string): void {
  const { format, verbosity } = checkObject(value, param)
  if (!isAbsent(verbosity)) checkOneOf(verbosity, `${param}.verbosity`, ['low', 'medium', 'high'])
  if (!isAbsent(format)) checkFormat(checkObject(format, `${param}.format`), `${param}.format`)
}

function checkFormat(format: JsonObject, param: string): void {
  checkOneOf(format.type, `${param}.type`, ['text', 'json_object', 'json_schema'])
  if (format.type !== 'json_schema') return
  if (isAbsent(format.schema) && isObject(format.json_schema)) {
    refuse(
      `${param}.schema`,
      `${param}.schema is missing: in this API name, schema and strict stand in text.format itself.`,
    )
  }
  const allowed = 'letters, digits, underscores and dashes'
  checkString(format.name, `${param}.name`, { min: 1, max: 64, pattern: /^[a-zA-Z0-9_-]+$/, allowed })
  const schema = checkObject(format.schema, `${param}.schema`)
  if (!isAbsent(format.description)) checkString(format.description, `${param}.description`)
  if (isAbsent(format.strict) || !checkBoolean(format.strict, `${param}.strict`)) return
  const problem = checkSchema(schema)
  if (problem !== null) refuse(`${param}.schema`, `${param}.schema cannot be enforced: ${problem}`)
}
