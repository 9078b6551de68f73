/** Token counts as providers tell them, in the one form of the contract. */
import { isObject, type JsonObject, type Usage } from './canonical.ts'

/** More than any call can use. */
const mostTokens = 1e12

/**
 * Reads a provider's usage object.
 *
 * Totals come out inclusive: tokens read from and written to a cache are part of the input, reasoning tokens part of the
 * output. Where a provider counts them apart (its total says so, or the part is larger than the whole), they are added
 * in. Nothing is ever negative, and an absent total is input plus output.
 *
 * @returns null when nothing was told, when input and output are zero (some providers fill in zeros by default, and a
 * total alone says nothing of the two), or when a count is past all that a model can read: the caller then estimates,
 * so that nonsense never passes for the truth. `cache_write_tokens` only when some were told.
 */
export function readUsage(value: unknown): Usage | null {
  if (!isObject(value)) return null
  const cached = readDetail(value, ['cached_tokens', 'cache_read_input_tokens'])
  const written = readDetail(value, [
    'cache_write_tokens',
    'cache_creation_tokens',
    'cache_creation_input_tokens',
  ])
  const reasoning = readDetail(value, ['reasoning_tokens'])
  const told = readCount(value.total_tokens) ?? 0
  let input = readCount(value.input_tokens) ?? readCount(value.prompt_tokens) ?? 0
  let output = readCount(value.output_tokens) ?? readCount(value.completion_tokens) ?? 0
  if (input + output === 0 || Math.max(input, output, told, cached, written, reasoning) > mostTokens)
    return null
  const missing = told - input - output
  if (reasoning > output || (reasoning > 0 && missing === reasoning)) output += reasoning
  input += countApart({ input, cached, written, missing })
  return {
    input_tokens: input,
    input_tokens_details: {
      cached_tokens: cached,
      ...(written > 0 && { cache_write_tokens: written }),
    },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: reasoning },
    total_tokens: Math.max(told, input + output),
  }
}

/** Usage as the contract has it: without tokens written to a cache, which only the record keeps. */
export function toContractUsage(usage: Usage): Usage {
  const { cache_write_tokens: written, ...details } = usage.input_tokens_details
  return written === undefined ? usage : { ...usage, input_tokens_details: details }
}

interface InputCounts {
  input: number
  cached: number
  written: number
  /** What the total has over input and output. */
  missing: number
}

/** Tokens of the cache that a provider does not count as input. */
function countApart({ input, cached, written, missing }: InputCounts): number {
  const both = cached + written
  const read = cached > input || missing === cached || missing === both ? cached : 0
  return read + (both > input + read || missing === written || missing === both ? written : 0)
}

const detailObjects = [
  'input_tokens_details',
  'output_tokens_details',
  'prompt_tokens_details',
  'completion_tokens_details',
] as const

/** One provider puts both counters into both detail objects: the largest one told counts. */
function readDetail(usage: JsonObject, names: readonly string[]): number {
  let largest = 0
  for (const name of names) {
    largest = Math.max(largest, readCount(usage[name]) ?? 0)
    for (const key of detailObjects) {
      const details = usage[key]
      if (isObject(details)) largest = Math.max(largest, readCount(details[name]) ?? 0)
    }
  }
  return largest
}

function readCount(value: unknown): number | null {
  const count = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  if (typeof count !== 'number' || !Number.isFinite(count)) return null
  return Math.max(0, Math.floor(count))
}
