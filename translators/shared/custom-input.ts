/**
 * Custom tools at providers that have functions only: the tool becomes a function of one string, `input`, and a call
 * of it becomes a custom call again, while its arguments still grow.
 */
import { isObject, type JsonObject } from './canonical.ts'

/** The parameters of a function that stands for a custom tool. */
export const customParameters: JsonObject = {
  type: 'object',
  properties: { input: { type: 'string' } },
  required: ['input'],
  additionalProperties: false,
}

/** The arguments of a call of such a function. */
export function wrapCustomInput(input: unknown): string {
  return JSON.stringify({ input: input ?? '' })
}

const opening = /^\s*\{\s*"input"\s*:\s*"/
const incompleteEscape = /\\(?:u[\da-fA-F]{0,3})?$/

/** Reads the text out of `{"input": "…"}`, however it is cut into pieces. */
export class CustomInputReader {
  /** All that has been read. */
  text = ''
  /** What has come and has not been read: everything, until the string begins. */
  private rest = ''
  private state: 'before' | 'inside' | 'after' = 'before'

  /** Takes the next piece of the arguments and gives what it adds to the text. */
  push(delta: string): string {
    if (this.state === 'after') return ''
    this.rest += delta
    if (this.state === 'before') {
      const match = opening.exec(this.rest)
      if (match === null) return ''
      this.rest = this.rest.slice(match[0].length)
      this.state = 'inside'
    }
    return this.read()
  }

  /** The arguments are over: what could not be read as they should have been is given as it is. */
  end(): string {
    const text = this.state === 'before' ? readWhole(this.rest) : ''
    this.state = 'after'
    this.rest = ''
    this.text += text
    return text
  }

  private read(): string {
    const end = findClosingQuote(this.rest)
    const open = end < 0 ? (incompleteEscape.exec(this.rest)?.index ?? this.rest.length) : end
    // What looks like an escape's beginning may follow a backslash that is itself escaped.
    const cut = end < 0 && isEscaped(this.rest, open) ? this.rest.length : open
    const text = unescapeText(this.rest.slice(0, cut))
    this.rest = this.rest.slice(cut)
    if (end >= 0) this.state = 'after'
    this.text += text
    return text
  }
}

/** Whether the character at this place is itself escaped by an odd number of backslashes before it. */
function isEscaped(text: string, at: number): boolean {
  let backslashes = 0
  while (text[at - 1 - backslashes] === '\\') backslashes++
  return backslashes % 2 === 1
}

function findClosingQuote(text: string): number {
  let at = text.indexOf('"')
  while (at >= 0 && isEscaped(text, at)) at = text.indexOf('"', at + 1)
  return at
}

/** Models forget to escape line ends; what is no valid escape stays as it was written. */
function unescapeText(text: string): string {
  const escaped = text.replace(/\p{Cc}/gu, (character) => JSON.stringify(character).slice(1, -1))
  return parse(`"${escaped}"`, text) as string
}

function parse(text: string, fallback: unknown): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return fallback
  }
}

/** Arguments of another form: one string under another name, or no JSON at all. */
function readWhole(text: string): string {
  const value = parse(text, text)
  if (!isObject(value)) return typeof value === 'string' ? value : text
  const members = Object.values(value)
  const input = 'input' in value ? value.input : members.length === 1 ? members[0] : value
  return typeof input === 'string' ? input : JSON.stringify(input)
}
