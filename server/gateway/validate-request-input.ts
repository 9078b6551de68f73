/** Validation of `input`: a string, or items of every kind that the contract and OpenAI's SDKs know. */

import { type Item, isObject, type JsonObject } from '../../translators/shared/canonical.ts'
import {
  checkArray,
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

/** Open Responses, `CreateResponseBody.input`: maxLength of a string; here of all text of the items together as well. */
export const maxInputCharacters = 10_485_760

/** Items of one input. No document has a limit, but each item costs the event loop and the store, however small it is. */
export const maxInputItems = 20_000

const roles = ['user', 'assistant', 'system', 'developer'] as const

/**
 * `input` with what clients leave out filled in: a `type` for easy messages and references, a `summary` for
 * reasoning. The same array when nothing was missing.
 * @param continued whether earlier turns are known elsewhere, so that an output's call need not be in the input.
 */
export function validateInput(input: unknown, continued: boolean): string | Item[] | null | undefined {
  if (isAbsent(input)) return input
  if (typeof input === 'string') {
    if (input.length > maxInputCharacters && countCharacters(input) > maxInputCharacters) {
      refuseLength('input', countCharacters(input))
    }
    return input
  }
  if (!Array.isArray(input)) {
    refuse('input', `input must be a string or an array of items; got ${describeValue(input)}.`)
  }
  if (input.length > maxInputItems) {
    refuse(
      'input',
      `input may hold at most ${maxInputItems} items; got ${input.length}. Send earlier ones once, and go on with previous_response_id.`,
    )
  }
  const items = validateItems(input, 'input')
  if (!continued) checkOutputsHaveCalls(items)
  return items
}

/** Items as `validateInput` has them; errors name them by their place in `param`. The same array when nothing was missing. */
export function validateItems(values: readonly unknown[], param: string): Item[] {
  let items = values as Item[]
  for (let index = 0; index < values.length; index += 1) {
    const item = checkItem(values[index], `${param}[${index}]`)
    if (item === values[index]) continue
    if (items === values) items = [...items]
    items[index] = item
  }
  checkLength(items, param)
  return items
}

function checkItem(value: unknown, param: string): Item {
  const raw = checkObject(value, param)
  const item = isAbsent(raw.type) ? withType(raw, param) : raw
  if (!isAbsent(item.id)) checkString(item.id, `${param}.id`, { max: maxIdCharacters })
  switch (item.type) {
    case 'message':
      checkMessage(item, param)
      break
    case 'function_call':
      checkFunctionCall(item, param)
      break
    case 'function_call_output':
      if (!isUncalledOutput(item)) checkString(item.call_id, `${param}.call_id`, { min: 1 })
      checkContent(item.output, `${param}.output`)
      break
    case 'item_reference':
      checkString(item.id, `${param}.id`, { min: 1, max: maxIdCharacters })
      break
    case 'reasoning':
      return checkReasoning(item as Item, param)
    default:
      // Items of which only the type is known pass whole.
      checkString(item.type, `${param}.type`, { min: 1 })
  }
  return item as Item
}

/** Codex tells what a tool did without having been called (a goal that was set) by name, without a call_id. */
function isUncalledOutput(item: JsonObject): boolean {
  return isAbsent(item.call_id) && typeof item.name === 'string' && item.name !== ''
}

/** Easy messages have a role and no type; a reference may be an id alone (Open Responses, `ItemReferenceParam`). */
function withType(item: JsonObject, param: string): Item {
  if ('role' in item) return { ...item, type: 'message' }
  if (typeof item.id === 'string' && Object.keys(item).every((name) => name === 'id' || name === 'type')) {
    return { ...item, type: 'item_reference' }
  }
  return refuse(
    `${param}.type`,
    `${param} needs a type (such as "message" or "function_call_output") or a role.`,
  )
}

function checkMessage(item: JsonObject, param: string): void {
  if (typeof item.role !== 'string' || !(roles as readonly string[]).includes(item.role)) {
    const hint =
      item.role === 'tool' ? ' Results of tools are sent as items of type function_call_output.' : ''
    refuse(
      `${param}.role`,
      `${param}.role must be one of ${roles.join(', ')}; got ${describeWord(item.role)}.${hint}`,
    )
  }
  checkContent(item.content, `${param}.content`)
}

function checkFunctionCall(item: JsonObject, param: string): void {
  // The contract's 64 characters are not enforced on history: it is what some provider made.
  checkString(item.call_id, `${param}.call_id`, { min: 1 })
  checkString(item.name, `${param}.name`, { min: 1 })
  if (typeof item.arguments !== 'string') {
    refuse(
      `${param}.arguments`,
      `${param}.arguments must be a string of JSON text; got ${describeValue(item.arguments)}.`,
    )
  }
}

function checkReasoning(item: Item, param: string): Item {
  if (!isAbsent(item.content)) checkParts(item.content, `${param}.content`)
  if (!isAbsent(item.encrypted_content)) checkString(item.encrypted_content, `${param}.encrypted_content`)
  if (isAbsent(item.summary)) return { ...item, summary: [] }
  checkParts(item.summary, `${param}.summary`)
  return item
}

function checkContent(content: unknown, param: string): void {
  if (typeof content === 'string') return
  if (!Array.isArray(content)) {
    refuse(param, `${param} must be a string or an array of content parts; got ${describeValue(content)}.`)
  }
  checkParts(content, param)
}

function checkParts(parts: unknown, param: string): void {
  const list = checkArray(parts, param)
  for (let index = 0; index < list.length; index += 1) checkPart(list[index], param, index)
}

const imageDetails = ['auto', 'low', 'high', 'original'] as const

function checkPart(value: unknown, list: string, index: number): void {
  const part = value as JsonObject
  if (typeof part !== 'object' || part === null || Array.isArray(part) || typeof part.type !== 'string') {
    const param = `${list}[${index}]`
    checkObject(value, param)
    checkString(part.type, `${param}.type`, { min: 1 })
  }
  switch (part.type) {
    case 'input_text':
    case 'output_text':
    case 'summary_text':
    case 'reasoning_text':
    case 'text':
      if (typeof part.text !== 'string') checkString(part.text, `${list}[${index}].text`)
      return
    case 'refusal':
      if (typeof part.refusal !== 'string') checkString(part.refusal, `${list}[${index}].refusal`)
      return
    case 'input_image':
      checkImage(part, `${list}[${index}]`)
      return
    case 'input_file':
      checkFile(part, `${list}[${index}]`)
      return
    default:
      if (!isAbsent(part.text) && typeof part.text !== 'string')
        checkString(part.text, `${list}[${index}].text`)
  }
}

/** Open Responses, `InputImageContentParamAutoParam`. */
export function checkImage(part: JsonObject, param: string): void {
  if (!isAbsent(part.image_url))
    checkString(part.image_url, `${param}.image_url`, { min: 1, max: 20_971_520 })
  else if (isAbsent(part.file_id))
    refuse(`${param}.image_url`, `${param} needs an image_url (an address or a data URL) or a file_id.`)
  if (!isAbsent(part.detail)) checkOneOf(part.detail, `${param}.detail`, imageDetails)
}

/** Open Responses, `InputFileContentParam`. */
export function checkFile(part: JsonObject, param: string): void {
  if (!isAbsent(part.file_data)) checkString(part.file_data, `${param}.file_data`, { max: 33_554_432 })
  if (!isAbsent(part.file_url)) checkString(part.file_url, `${param}.file_url`, { min: 1 })
  if (!isAbsent(part.filename)) checkString(part.filename, `${param}.filename`)
  if (isAbsent(part.file_data) && isAbsent(part.file_url) && isAbsent(part.file_id)) {
    refuse(param, `${param} needs file_data, file_url or file_id.`)
  }
}

type Measure = 'units' | 'characters'

function measureText(value: unknown, measure: Measure): number {
  if (typeof value === 'string') {
    return measure === 'units' ? value.length : countCharacters(value)
  }
  if (!Array.isArray(value)) return 0
  let total = 0
  // Of items whose kind is not known here, anything may be a part.
  for (const part of value) if (isObject(part)) total += measureText(part.text, measure)
  return total
}

function measureItems(items: readonly Item[], measure: Measure): number {
  let total = 0
  for (const item of items) total += measureText(item.content, measure) + measureText(item.output, measure)
  return total
}

/** @throws GatewayError `invalid_request` when all text of the input together is longer than one may be. */
export function checkInputLength(input: string | Item[] | null | undefined): void {
  if (Array.isArray(input)) checkLength(input, 'input')
}

function checkLength(items: readonly Item[], param: string): void {
  if (measureItems(items, 'units') <= maxInputCharacters) return
  const total = measureItems(items, 'characters')
  if (total > maxInputCharacters) refuseLength(param, total)
}

function refuseLength(param: string, count: number): never {
  refuse(param, `${param} may hold at most ${maxInputCharacters} characters of text; got ${count}.`)
}

/** A reference or a compaction may stand for the call. */
function mayHideCalls(type: string): boolean {
  return type === 'item_reference' || type.startsWith('compaction')
}

function checkOutputsHaveCalls(items: readonly Item[]): void {
  const calls = new Set<unknown>()
  for (const { type, call_id: callId } of items) {
    if (mayHideCalls(type)) return
    if (!type.endsWith('_output')) calls.add(callId)
  }
  for (let index = 0; index < items.length; index += 1) {
    const item = items[index] as Item
    if (item.type !== 'function_call_output' || calls.has(item.call_id) || isUncalledOutput(item)) continue
    refuse(
      `input[${index}].call_id`,
      `No tool call found for the function_call_output with call_id ${describeWord(item.call_id)}: send its function_call item in the same input, or previous_response_id or conversation.`,
    )
  }
}
