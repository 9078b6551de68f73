/**
 * Usage by our own count, for providers that tell none. How texts are counted is the caller's: at once by their length
 * (about four characters are a token in the languages of the alphabet, about one in those written without: Chinese,
 * Japanese, Korean), or by a tokenizer (token-counter.ts). Whoever uses the result flags it as `estimated`; it is never
 * passed off as what a provider counted.
 */

import {
  type CanonicalRequest,
  type Item,
  isObject,
  type JsonObject,
  type Usage,
} from '../../translators/shared/canonical.ts'

const charactersPerToken = 4
/** A picture of 1024 × 1024 in OpenAI's tiles: 85 and 4 × 170. Providers differ, and we do not look into pictures. */
const tokensPerImage = 765
/** OpenAI's price of a picture with `detail: "low"`, whatever its size. */
const tokensPerSmallImage = 85
/** A file is guessed by its size where it came along, but not past this. */
const maxTokensPerFile = 20_000
/** Role and brackets of one message or item. */
const tokensPerItem = 4

/** How an estimate counts. */
interface Meter {
  text(text: string): number
  /** Told of each picture or file with the tokens that it counts as. */
  media(tokens: number): number
}

/** By length, at once. */
const byLength: Meter = { text: estimateTokens, media: (tokens) => tokens }

/** Text without alphabet: CJK, kana, Hangul. */
const dense = /[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]/

/** Tokens of a text, in one pass over it. */
export function estimateTokens(text: string): number {
  if (text.length === 0) return 0
  let denseCount = 0
  if (dense.test(text)) {
    for (let index = 0; index < text.length; index += 1) {
      const code = text.charCodeAt(index)
      if (
        (code >= 0x3040 && code <= 0x30ff) ||
        (code >= 0x3400 && code <= 0x9fff) ||
        (code >= 0xac00 && code <= 0xd7af)
      ) {
        denseCount += 1
      }
    }
  }
  return Math.ceil(denseCount + (text.length - denseCount) / charactersPerToken)
}

/**
 * By length.
 * @param output the final output items. Reasoning that is not shown cannot be counted.
 */
export function estimateUsage(request: CanonicalRequest, output: readonly Item[]): Usage {
  const { visible, reasoning } = splitOutput(output)
  return makeUsage({
    input: estimateInput(request),
    visible: sum(visible, (item) => measureItem(item, byLength)),
    reasoning: sum(reasoning, (item) => measureItem(item, byLength)),
  })
}

export interface CountedParts {
  input: number
  visible: number
  reasoning: number
}

export function makeUsage({ input, visible, reasoning }: CountedParts): Usage {
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: visible + reasoning,
    output_tokens_details: { reasoning_tokens: reasoning },
    total_tokens: input + visible + reasoning,
  }
}

/** What is left to count, and what counts without: brackets, pictures, files. */
export interface Countable {
  texts: string[]
  /** Tokens. */
  fixed: number
  /** Whether pictures or files were counted by rule. */
  hasMedia: boolean
}

/** The texts of what a model is given to read. */
export function collectInput(request: CanonicalRequest): Countable {
  return collect((meter) => measureInput(request, meter))
}

/** The texts of what it wrote. */
export function collectOutput(output: readonly Item[]): { visible: Countable; reasoning: Countable } {
  const { visible, reasoning } = splitOutput(output)
  return {
    visible: collect((meter) => sum(visible, (item) => measureItem(item, meter))),
    reasoning: collect((meter) => sum(reasoning, (item) => measureItem(item, meter))),
  }
}

function collect(measure: (meter: Meter) => number): Countable {
  const texts: string[] = []
  let hasMedia = false
  const fixed = measure({
    text(text) {
      if (text !== '') texts.push(text)
      return 0
    },
    media(tokens) {
      hasMedia = true
      return tokens
    },
  })
  return { texts, fixed, hasMedia }
}

function splitOutput(output: readonly Item[]): { visible: Item[]; reasoning: Item[] } {
  return {
    visible: output.filter(({ type }) => type !== 'reasoning'),
    reasoning: output.filter(({ type }) => type === 'reasoning'),
  }
}

/** Tokens of everything that a model is given to read, by length. */
export function estimateInput(request: CanonicalRequest): number {
  return measureInput(request, byLength)
}

function measureInput(request: CanonicalRequest, meter: Meter): number {
  const { input } = request
  const frame = measureFrame(request, meter)
  if (typeof input === 'string') return frame + meter.text(input) + tokensPerItem
  return frame + sum(input ?? [], (item) => measureItem(item, meter) + tokensPerItem)
}

/** The same without pictures and files, whose tokens can be far fewer than guessed. */
export function estimateTextInput(request: CanonicalRequest): number {
  return measureInput(request, { ...byLength, media: () => 0 })
}

/** Tokens of what is read beside the input: instructions, tools, the schema of the answer. By length. */
export function estimateFrame(request: CanonicalRequest): number {
  return measureFrame(request, byLength)
}

function measureFrame({ instructions, tools, text }: CanonicalRequest, meter: Meter): number {
  let total = instructions ? meter.text(instructions) + tokensPerItem : 0
  if (tools && tools.length > 0) total += meter.text(JSON.stringify(tools))
  if (text?.format?.type === 'json_schema') total += meter.text(JSON.stringify(text.format.schema))
  return total
}

/** Tokens of one item of the input, its brackets included. By length. */
export function estimateInputItem(item: Item): number {
  return measureItem(item, byLength) + tokensPerItem
}

function measureItem(item: Item, meter: Meter): number {
  switch (item.type) {
    case 'message':
      return measureContent(item.content, meter)
    case 'reasoning':
      return measureContent(isFilled(item.content) ? item.content : item.summary, meter)
    case 'function_call':
    case 'custom_tool_call':
      return measureMembers(item, ['name', 'arguments', 'input'], meter)
    default:
      return measureContent(item.output, meter) + measureMembers(item, ['arguments', 'code', 'error'], meter)
  }
}

function isFilled(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0
}

function measureMembers(item: JsonObject, names: readonly string[], meter: Meter): number {
  return sum(names, (name) => {
    const value = item[name]
    return typeof value === 'string' ? meter.text(value) : 0
  })
}

function measureContent(content: unknown, meter: Meter): number {
  if (typeof content === 'string') return meter.text(content)
  if (!Array.isArray(content)) return 0
  return sum(content, (part: unknown) => (isObject(part) ? measurePart(part, meter) : 0))
}

function measurePart(part: JsonObject, meter: Meter): number {
  if (part.type === 'input_image' || part.type === 'computer_screenshot')
    return meter.media(part.detail === 'low' ? tokensPerSmallImage : tokensPerImage)
  if (part.type === 'input_file') {
    const bytes = typeof part.file_data === 'string' ? part.file_data.length * 0.75 : 0
    return meter.media(Math.min(maxTokensPerFile, Math.ceil(bytes / charactersPerToken)))
  }
  return measureMembers(part, ['text', 'refusal'], meter)
}

function sum<T>(values: readonly T[], measure: (value: T) => number): number {
  let total = 0
  for (const value of values) total += measure(value)
  return total
}
