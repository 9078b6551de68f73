/** The semantic events of a finished response, one by one, as OpenAI streams them. */
import { isObject, type JsonObject } from '../../translators/shared/canonical.ts'
import { splitDeltas } from './answers.ts'

/**
 * Everything from `response.created` to the terminal event; deltas are cut at words. Numbered from 0.
 * @param isQueued it begins as one in the background does.
 */
export function* semanticEvents(response: JsonObject, isQueued = false): Generator<JsonObject> {
  let number = 0
  for (const event of unnumberedEvents(response, isQueued)) {
    const { type, ...rest } = event
    yield { type, sequence_number: number++, ...rest }
  }
}

function* unnumberedEvents(response: JsonObject, isQueued: boolean): Generator<JsonObject> {
  const open: JsonObject = { ...response, status: 'in_progress', output: [], usage: null }
  for (const member of ['completed_at', 'incomplete_details']) if (member in open) open[member] = null
  if ('output_text' in open) open.output_text = ''
  const first = isQueued ? { ...open, status: 'queued' } : open
  yield { type: 'response.created', response: first }
  if (isQueued) yield { type: 'response.queued', response: first }
  yield { type: 'response.in_progress', response: open }
  const output = Array.isArray(response.output) ? response.output.filter(isObject) : []
  for (const [index, item] of output.entries()) yield* itemEvents(item, index)
  yield { type: `response.${response.status}`, response }
}

function* itemEvents(item: JsonObject, output_index: number): Generator<JsonObject> {
  const place = { item_id: item.id, output_index }
  yield { type: 'response.output_item.added', output_index, item: openItem(item) }
  if (item.type === 'message') yield* messageEvents(item, place)
  else if (item.type === 'reasoning') yield* reasoningEvents(item, place)
  else if (item.type === 'function_call')
    yield* textEvents('response.function_call_arguments', place, String(item.arguments), 'arguments', {
      name: item.name,
    })
  else if (item.type === 'custom_tool_call')
    yield* textEvents('response.custom_tool_call_input', place, String(item.input), 'input')
  else {
    yield { type: `response.${item.type}.in_progress`, ...place }
    yield { type: `response.${item.type}.completed`, ...place }
  }
  yield { type: 'response.output_item.done', output_index, item }
}

function openItem(item: JsonObject): JsonObject {
  if (item.type === 'reasoning') return { ...item, summary: [], ...(item.content ? { content: [] } : {}) }
  const open: JsonObject = { ...item, status: 'in_progress' }
  if (item.type === 'message') open.content = []
  if (item.type === 'function_call') open.arguments = ''
  if (item.type === 'custom_tool_call') open.input = ''
  return open
}

interface Place {
  item_id: unknown
  output_index: number
}

function* messageEvents(item: JsonObject, place: Place): Generator<JsonObject> {
  const parts = Array.isArray(item.content) ? item.content.filter(isObject) : []
  for (const [content_index, part] of parts.entries()) {
    const at = { ...place, content_index }
    const refusal = part.type === 'refusal'
    yield {
      type: 'response.content_part.added',
      ...at,
      part: refusal ? { ...part, refusal: '' } : { ...part, text: '' },
    }
    if (refusal) yield* textEvents('response.refusal', at, String(part.refusal), 'refusal')
    else yield* textEvents('response.output_text', at, String(part.text), 'text', { logprobs: [] })
    yield { type: 'response.content_part.done', ...at, part }
  }
}

function* reasoningEvents(item: JsonObject, place: Place): Generator<JsonObject> {
  const summary = Array.isArray(item.summary) ? item.summary.filter(isObject) : []
  for (const [summary_index, part] of summary.entries()) {
    const at = { ...place, summary_index }
    yield { type: 'response.reasoning_summary_part.added', ...at, part: { ...part, text: '' } }
    yield* textEvents('response.reasoning_summary_text', at, String(part.text), 'text')
    yield { type: 'response.reasoning_summary_part.done', ...at, part }
  }
  const content = Array.isArray(item.content) ? item.content.filter(isObject) : []
  for (const [content_index, part] of content.entries())
    yield* textEvents('response.reasoning_text', { ...place, content_index }, String(part.text), 'text')
}

function* textEvents(
  name: string,
  at: JsonObject,
  text: string,
  member: string,
  extra: JsonObject = {},
): Generator<JsonObject> {
  const { name: functionName, ...both } = extra
  for (const delta of cutText(text, member)) yield { type: `${name}.delta`, ...at, delta, ...both }
  yield {
    type: `${name}.done`,
    ...at,
    [member]: text,
    ...(functionName ? { name: functionName } : {}),
    ...both,
  }
}

/** Prose is cut at words, code and JSON every eight characters. */
function cutText(text: string, member: string): string[] {
  return member === 'text' || member === 'refusal' ? splitDeltas(text) : (text.match(/[\s\S]{1,8}/gu) ?? [])
}

/** The events of a failure in mid-stream, in OpenAI's spelling: `error`, then `response.failed`, numbered from `sequence`. */
export function failedEvents(response: JsonObject, sequence: number): JsonObject[] {
  const error = { code: 'server_error', message: 'The model failed in the middle of its answer (as asked).' }
  const failed: JsonObject = { ...response, status: 'failed', output: [], error, usage: null }
  if ('completed_at' in failed) failed.completed_at = null
  return [
    { type: 'error', sequence_number: sequence, ...error, param: null },
    { type: 'response.failed', sequence_number: sequence + 1, response: failed },
  ]
}
