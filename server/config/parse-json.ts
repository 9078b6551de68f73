/**
 * JSON with mistakes shown where they are. `JSON.parse` tells a position only for some of them and takes the last
 * of two members with one name in silence; a configuration needs both told.
 */

export interface JsonMistake {
  /** From 1. */
  line: number
  /** From 1, in UTF-16 code units. */
  column: number
  message: string
}

/** The parsed value, or every mistake: one of syntax, or any number of repeated names. */
export function parseJsonText(
  text: string,
): { ok: true; value: unknown } | { ok: false; mistakes: JsonMistake[] } {
  // A byte order mark becomes a blank, so that columns still count from the file's first character.
  const source = text.startsWith('\uFEFF') ? ` ${text.slice(1)}` : text
  const scanner = new JsonScanner(source)
  const mistakes = scanner.run()
  if (mistakes.length > 0) {
    return {
      ok: false,
      mistakes: mistakes.map(({ offset, message }) => ({ ...locate(source, offset), message })),
    }
  }
  return { ok: true, value: JSON.parse(source) as unknown }
}

function locate(text: string, offset: number): { line: number; column: number } {
  const lines = text.slice(0, offset).split('\n')
  return { line: lines.length, column: lines[lines.length - 1]!.length + 1 }
}

interface Mistake {
  offset: number
  message: string
}

/** Thrown inside the scanner only. */
class SyntaxMistake extends Error {
  readonly offset: number

  constructor(offset: number, message: string) {
    super(message)
    this.offset = offset
  }
}

const SPACE = /[ \t\n\r]*/y
const STRING = /"(?:[^"\\\p{Cc}]|[\x7f-\x9f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy
const NUMBER_OR_WORD = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.+-])|(?:true|false|null)(?!\w)/y
const MAX_DEPTH = 200

class JsonScanner {
  readonly #text: string
  readonly #repeated: Mistake[] = []
  #at = 0
  #depth = 0

  constructor(text: string) {
    this.#text = text
  }

  run(): Mistake[] {
    try {
      this.#value()
      this.#space()
      if (this.#at < this.#text.length) this.#fail('expected the end of the file')
      return this.#repeated
    } catch (error) {
      if (error instanceof SyntaxMistake) return [{ offset: error.offset, message: error.message }]
      throw error
    }
  }

  #value(): void {
    this.#space()
    const next = this.#text[this.#at]
    if (next === '{') this.#members('}')
    else if (next === '[') this.#members(']')
    else if (next === '"') this.#string()
    else if (this.#match(NUMBER_OR_WORD) === null) this.#fail('expected a value')
  }

  /** An object or an array. */
  #members(close: '}' | ']'): void {
    if (++this.#depth > MAX_DEPTH) this.#fail(`nested deeper than ${MAX_DEPTH} levels`)
    const names = new Set<string>()
    this.#at++
    this.#space()
    if (!this.#take(close)) {
      do {
        if (close === '}') this.#name(names)
        this.#value()
        this.#space()
      } while (this.#take(','))
      if (!this.#take(close)) this.#fail(`expected "," or "${close}"`)
    }
    this.#depth--
  }

  #name(names: Set<string>): void {
    this.#space()
    const offset = this.#at
    if (this.#text[offset] !== '"') this.#fail('expected a name in double quotes')
    const name = JSON.parse(this.#string()) as string
    if (names.has(name)) {
      this.#repeated.push({
        offset,
        message: `${JSON.stringify(name)} stands twice in one object; remove one`,
      })
    }
    names.add(name)
    this.#space()
    if (!this.#take(':')) this.#fail('expected ":"')
  }

  #string(): string {
    const found = this.#match(STRING)
    if (found !== null) return found
    return this.#fail('this string is not closed on its line, or holds a bad escape')
  }

  #space(): void {
    this.#match(SPACE)
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false
    this.#at++
    return true
  }

  #match(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)
    if (found === null) return null
    this.#at = pattern.lastIndex
    return found[0]
  }

  #fail(expected: string): never {
    const found = this.#text[this.#at]
    if (found === undefined) throw new SyntaxMistake(this.#at, `${expected}, found the end of the file`)
    const before = this.#text.slice(0, this.#at).trimEnd()
    let hint = ''
    if (found === '/') hint = ' (JSON has no comments)'
    else if ((found === '}' || found === ']') && before.endsWith(',')) hint = ' (JSON has no trailing commas)'
    else if (found === "'") hint = ' (strings are in double quotes)'
    // A quote opens a string that may be a secret: only the quote itself is shown.
    throw new SyntaxMistake(this.#at, `${expected}, found ${JSON.stringify(found)}${hint}`)
  }
}
