/**
 * A guess at usage for providers that tell none. It needs no tokenizer: about four characters are a token in the
 * languages of the alphabet, about one in those written without (Chinese, Japanese, Korean). Its caller flags the
 * result as `estimated`; it is never passed off as what a provider counted.
 */

import {
  type CanonicalRequest,
  type Item,
  isObject,
  type JsonObject,
  type Usage,
} from '../../translators/shared/canonical.ts'

const charactersPerToken = 4
/** About what OpenAI's tiles and Anthropic's pixels come to for an ordinary picture. */
const tokensPerImage = 765
/** A file is guessed by its size where it came along, but not past this. */
const maxTokensPerFile = 20_000
/** Role and brackets of one message or item. */
const tokensPerItem = 4

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
 * @param output the final output items. Reasoning that is not shown cannot be counted.
 */
export function estimateUsage(request: CanonicalRequest, output: readonly Item[]): Usage {
  const input = estimateInput(request)
  let visible = 0
  let reasoning = 0
  for (const item of output) {
    const tokens = estimateItem(item)
    if (item.type === 'reasoning') reasoning += tokens
    else visible += tokens
  }
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: visible + reasoning,
    output_tokens_details: { reasoning_tokens: reasoning },
    total_tokens: input + visible + reasoning,
  }
}

/** Tokens of everything that a model is given to read. */
export function estimateInput(request: CanonicalRequest): number {
  const { input } = request
  let total = estimateFrame(request)
  if (typeof input === 'string') total += estimateTokens(input) + tokensPerItem
  else for (const item of input ?? []) total += estimateInputItem(item)
  return total
}

/** The same without pictures and files, whose tokens can be far fewer than guessed. */
export function estimateTextInput(request: CanonicalRequest): number {
  const { input } = request
  if (!Array.isArray(input)) return estimateInput(request)
  return input.reduce((total, item) => total + estimateInputItem(withoutMedia(item)), estimateFrame(request))
}

function withoutMedia(item: Item): Item {
  const member = Array.isArray(item.output) ? 'output' : 'content'
  const parts = item[member]
  if (!Array.isArray(parts) || !parts.some(isMedia)) return item
  return { ...item, [member]: parts.filter((part) => !isMedia(part)) }
}

function isMedia(part: unknown): boolean {
  return isObject(part) && typeof part.text !== 'string' && typeof part.refusal !== 'string'
}

/** Tokens of what is read beside the input: instructions, tools, the schema of the answer. */
export function estimateFrame({ instructions, tools, text }: CanonicalRequest): number {
  let total = instructions ? estimateTokens(instructions) + tokensPerItem : 0
  if (tools && tools.length > 0) total += estimateTokens(JSON.stringify(tools))
  if (text?.format?.type === 'json_schema') total += estimateTokens(JSON.stringify(text.format.schema))
  return total
}

/** Tokens of one item of the input, its brackets included. */
export function estimateInputItem(item: Item): number {
  return estimateItem(item) + tokensPerItem
}

function estimateItem(item: Item): number {
  switch (item.type) {
    case 'message':
      return estimateContent(item.content)
    case 'reasoning':
      return estimateContent(isFilled(item.content) ? item.content : item.summary)
    case 'function_call':
    case 'custom_tool_call':
      return estimateMembers(item, ['name', 'arguments', 'input'])
    default:
      return estimateContent(item.output) + estimateMembers(item, ['arguments', 'code', 'error'])
  }
}

function isFilled(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0
}

function estimateMembers(item: JsonObject, names: readonly string[]): number {
  let total = 0
  for (const name of names) {
    const value = item[name]
    if (typeof value === 'string') total += estimateTokens(value)
  }
  return total
}

function estimateContent(content: unknown): number {
  if (typeof content === 'string') return estimateTokens(content)
  if (!Array.isArray(content)) return 0
  let total = 0
  for (const part of content) if (isObject(part)) total += estimatePart(part)
  return total
}

function estimatePart(part: JsonObject): number {
  if (part.type === 'input_image' || part.type === 'computer_screenshot') return tokensPerImage
  if (part.type === 'input_file') {
    const bytes = typeof part.file_data === 'string' ? part.file_data.length * 0.75 : 0
    return Math.min(maxTokensPerFile, Math.ceil(bytes / charactersPerToken))
  }
  return estimateMembers(part, ['text', 'refusal'])
}
