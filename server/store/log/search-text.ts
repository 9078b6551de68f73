/** The text of a request that full-text search finds it by, out of its bodies as they are kept: secrets and media are out. */

import { repairJson } from './repair-json.ts'

/** Characters of a request that are indexed: what it was answered, then its input from the newest item back. */
export const longestText = 32_768

/** Of the instructions: most repeat them in every request, and they would be most of the index. */
const longestInstructions = 2048

/** Members of items that hold words of people, models and tools. */
const wordMembers: ReadonlySet<string> = new Set([
  'text',
  'refusal',
  'content',
  'output',
  'arguments',
  'name',
  'input',
  'summary',
  'code',
  'logs',
  'query',
  'queries',
  'action',
  'command',
  'error',
  'message',
  'title',
  'filename',
])

const mostDepth = 12

export interface SearchedBodies {
  /** UTF-8; null when not kept. Either may be cut. */
  request: Buffer | null
  response: Buffer | null
  error: string | null
}

/** Empty when there are no words. Never throws, whatever the bodies are. */
export function collectText({ request, response, error }: SearchedBodies): string {
  const collector = new Collector(longestText)
  collector.add(error)
  if (response !== null) addResponse(collector, response)
  if (request !== null) addRequest(collector, request)
  return collector.text()
}

/** Texts up to a length in all. */
class Collector {
  readonly #texts: string[] = []
  #room: number

  constructor(room: number) {
    this.#room = room
  }

  get full(): boolean {
    return this.#room <= 0
  }

  add(value: unknown, longest = Number.POSITIVE_INFINITY): void {
    if (typeof value !== 'string' || value === '' || this.full) return
    const text = cleanText(value.slice(0, Math.min(this.#room, longest)))
    this.#texts.push(text)
    this.#room -= text.length + 1
  }

  /** Every text in an item, in its order. */
  walk(value: unknown, depth = 0): void {
    if (this.full || depth > mostDepth) return
    if (typeof value === 'string') this.add(value)
    else if (Array.isArray(value)) for (const entry of value) this.walk(entry, depth + 1)
    else if (typeof value === 'object' && value !== null) {
      for (const [name, member] of Object.entries(value)) {
        if (wordMembers.has(name)) this.walk(member, depth + 1)
      }
    }
  }

  text(): string {
    return this.#texts.join('\n')
  }
}

const reference = /dragoman-media:sha256:[^\s"'\\]+/g
/** Escapes of JSON inside a text, such as a tool's arguments: they would stick to the words after them. */
const escapes = /\\(?:[bfnrt"\\/]|u[0-9a-fA-F]{4})/g
/** Base64 that was too short to be taken out of the body, or sealed text: no word is as long. */
const longestWord = 160
const noWord = /[A-Za-z0-9+/=_-]{160,}/g

/** Most texts have nothing of it, which is found out sooner than what there is. */
function cleanText(text: string): string {
  if (text.includes('dragoman-media:')) text = text.replace(reference, ' ')
  if (text.includes('\\')) text = text.replace(escapes, ' ')
  return hasLongWord(text) ? text.replace(noWord, ' ') : text
}

function hasLongWord(text: string): boolean {
  let position = longestWord - 1
  while (position < text.length) {
    let start = position
    while (start > position - longestWord && text.charCodeAt(start) > 0x20) start -= 1
    if (start === position - longestWord) return true
    position = start + longestWord
  }
  return false
}

function addRequest(collector: Collector, body: Buffer): void {
  const request = parseObject(body)
  if (request === null) return
  const { input, instructions, prompt } = request
  if (Array.isArray(input)) for (const item of input.toReversed()) collector.walk(item)
  else collector.add(input)
  collector.add(instructions, longestInstructions)
  if (isObject(prompt) && isObject(prompt.variables))
    for (const variable of Object.values(prompt.variables)) collector.walk(variable)
}

const terminalTypes: ReadonlySet<unknown> = new Set([
  'response.completed',
  'response.incomplete',
  'response.failed',
])
const deltaTypes: ReadonlySet<unknown> = new Set([
  'response.output_text.delta',
  'response.refusal.delta',
  'response.reasoning_summary_text.delta',
  'response.function_call_arguments.delta',
  'response.custom_tool_call_input.delta',
])

function addResponse(collector: Collector, body: Buffer): void {
  if (body[0] === 0x7b) {
    collector.walk(parseObject(body)?.output)
    return
  }
  const final = findTerminal(body)
  if (final === null) collector.add(joinDeltas(body))
  else collector.walk(final.output)
}

const dataLine = '\ndata: {'

/** The response that a stream ended with; null when it was cut before. */
function findTerminal(body: Buffer): Record<string, unknown> | null {
  // It is the last event, but for the marker after it.
  let end = body.length
  for (let tries = 0; tries < 2; tries += 1) {
    const start = body.lastIndexOf(dataLine, end)
    if (start === -1) return null
    const lineEnd = body.indexOf('\n', start + 1)
    const event = parseLine(body.toString('utf8', start + 7, lineEnd === -1 ? body.length : lineEnd))
    if (event !== null && terminalTypes.has(event.type) && isObject(event.response)) return event.response
    end = start - 1
    if (end < 0) return null
  }
  return null
}

function joinDeltas(body: Buffer): string {
  let text = ''
  let last: unknown = null
  for (const line of body.toString('utf8').split('\n')) {
    if (text.length >= longestText) break
    if (!line.startsWith('data: {') || !line.includes('.delta"')) continue
    const event = parseLine(line.slice(6))
    if (event === null || !deltaTypes.has(event.type) || typeof event.delta !== 'string') continue
    // A word may be cut between two deltas of one part, not between two parts.
    text += event.item_id === last ? event.delta : ` ${event.delta}`
    last = event.item_id
  }
  return text
}

function parseLine(line: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line)
    return isObject(value) ? value : null
  } catch {
    return null
  }
}

function parseObject(body: Buffer): Record<string, unknown> | null {
  const text = body.toString('utf8')
  return parseLine(text) ?? parseLine(repairJson(text))
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
