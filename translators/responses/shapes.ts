/** The many shapes in which providers write `output`, items and parts, in the one form of the contract. */
import { type ContentPart, type Item, isObject, type JsonObject } from '../shared/canonical.ts'
import { cleanHarmonyName } from '../shared/harmony.ts'
import { streamedMember } from '../shared/item-kinds.ts'

/** A provider's `output` (a string, an array, an object or null) as items; `output_text` counts only when it is empty. */
export function readOutput(body: JsonObject, cleanHarmony: boolean): Item[] {
  const items = readItems(body.output, cleanHarmony)
  if (items.length === 0 && typeof body.output_text === 'string' && body.output_text !== '') {
    return [textMessage(body.output_text)]
  }
  return items
}

function readItems(output: unknown, cleanHarmony: boolean): Item[] {
  const values = Array.isArray(output) ? output : [output]
  const items: Item[] = []
  let loose: ContentPart[] = []
  const flushLoose = () => {
    if (loose.length > 0) items.push({ type: 'message', role: 'assistant', content: loose })
    loose = []
  }
  for (const value of values) {
    const part = readLoosePart(value)
    if (part !== null) {
      loose.push(part)
      continue
    }
    const item = readItem(value, cleanHarmony)
    if (item === null) continue
    flushLoose()
    items.push(item)
  }
  flushLoose()
  return items
}

/** A part that stands where an item should. */
function readLoosePart(value: unknown): ContentPart | null {
  if (typeof value === 'string') return value === '' ? null : readPart(value, 'output_text')
  if (!isObject(value)) return null
  const loose =
    value.type === 'output_text' ||
    value.type === 'text' ||
    value.type === 'refusal' ||
    (value.type === undefined && typeof value.text === 'string')
  return loose ? readPart(value, 'output_text') : null
}

/** One item, with its type, its parts and its arguments in their usual form; null for what is none. */
export function readItem(value: unknown, cleanHarmony: boolean): Item | null {
  if (!isObject(value)) return null
  const type = readItemType(value)
  if (type === null) return null
  const item: Item = { ...value, type }
  if (type === 'message') item.content = readParts(value.content, 'output_text')
  if (type === 'reasoning') {
    item.summary = readParts(value.summary, 'summary_text')
    item.content = readParts(value.content, 'reasoning_text')
  }
  if (type === 'function_call') readFunction(item)
  if (cleanHarmony && typeof item.name === 'string') item.name = cleanHarmonyName(item.name)
  return item
}

function readItemType(value: JsonObject): string | null {
  if (typeof value.type === 'string' && value.type !== '') return value.type
  if (value.content !== undefined && value.content !== null) return 'message'
  if (typeof value.name === 'string' || isObject(value.function)) return 'function_call'
  return null
}

function readFunction(item: Item): void {
  const nested = isObject(item.function) ? item.function : null
  if (nested !== null) {
    item.name ??= nested.name
    item.arguments ??= nested.arguments
    delete item.function
  }
}

/** What the streamed member of an item holds, as text (some providers send arguments as an object). */
export function readStreamedText(item: Item): string {
  const streamed = streamedMember(item.type)
  if (streamed === null) return ''
  const value = item[streamed.member]
  if (typeof value === 'string') return value
  return isObject(value) || Array.isArray(value) ? JSON.stringify(value) : ''
}

function readParts(content: unknown, type: string): ContentPart[] {
  if (content === null || content === undefined) return []
  const values = Array.isArray(content) ? content : [content]
  const parts: ContentPart[] = []
  for (const value of values) {
    const part = readPart(value, type)
    if (part !== null) parts.push(part)
  }
  return parts
}

/** @param type what plain text counts as here. */
export function readPart(value: unknown, type: string): ContentPart | null {
  if (typeof value === 'string') return makePart(type, value, {})
  if (!isObject(value)) return null
  const told = typeof value.type === 'string' && value.type !== 'text' ? value.type : type
  if (told === 'refusal') return { type: told, refusal: readText(value.refusal ?? value.text) }
  if (told === type || told === 'output_text') return makePart(told, readText(value.text), value)
  return { ...value, type: told }
}

function makePart(type: string, text: string, source: JsonObject): ContentPart {
  if (type !== 'output_text') return { type, text }
  return {
    type,
    text,
    annotations: readObjects(source.annotations),
    logprobs: readObjects(source.logprobs),
  }
}

function readText(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** The objects of a list; anything else counts as none. */
export function readObjects(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : []
}

/** What a part says, whichever member holds it. */
export function textOfPart(part: ContentPart): string {
  return readText(part.type === 'refusal' ? part.refusal : part.text)
}

/** What all parts of a list say. */
export function textOfParts(parts: unknown): string {
  let text = ''
  for (const part of partsOf(parts)) text += textOfPart(part)
  return text
}

/** The parts of a list that has been through `readItem`. */
export function partsOf(value: unknown): ContentPart[] {
  if (!Array.isArray(value)) return []
  return value.filter((part): part is ContentPart => isObject(part) && typeof part.type === 'string')
}

function textMessage(text: string): Item {
  return { type: 'message', role: 'assistant', content: readParts(text, 'output_text') }
}
