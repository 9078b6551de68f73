/** Token counts as providers tell them, in the one form of the contract. */
import { isObject, type JsonObject, type Usage } from './canonical.ts'

/**
 * Reads a provider's usage object.
 *
 * Totals come out inclusive: cached tokens are part of the input, reasoning tokens part of the output. Where a
 * provider counts them apart (its total says so, or the part is larger than the whole), they are added in. Nothing
 * is ever negative, and an absent total is input plus output.
 *
 * @returns null when nothing was told, or when every counter is zero (some providers fill in zeros by default):
 * the caller then estimates, so that a zero never passes for the truth.
 */
export function readUsage(value: unknown): Usage | null {
  if (!isObject(value)) return null
  const cached = readDetail(value, 'cached_tokens')
  const reasoning = readDetail(value, 'reasoning_tokens')
  const told = readCount(value.total_tokens) ?? 0
  let input = readCount(value.input_tokens) ?? readCount(value.prompt_tokens) ?? 0
  let output = readCount(value.output_tokens) ?? readCount(value.completion_tokens) ?? 0
  if (input + output + told === 0) return null
  const missing = told - input - output
  if (reasoning > output || (reasoning > 0 && missing === reasoning)) output += reasoning
  if (cached > input || (cached > 0 && missing === cached)) input += cached
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: cached },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: reasoning },
    total_tokens: Math.max(told, input + output),
  }
}

const detailObjects = [
  'input_tokens_details',
  'output_tokens_details',
  'prompt_tokens_details',
  'completion_tokens_details',
] as const

/** One provider puts both counters into both detail objects: the largest one told counts. */
function readDetail(usage: JsonObject, name: string): number {
  let largest = readCount(usage[name]) ?? 0
  for (const key of detailObjects) {
    const details = usage[key]
    if (isObject(details)) largest = Math.max(largest, readCount(details[name]) ?? 0)
  }
  return largest
}

function readCount(value: unknown): number | null {
  const count = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  if (typeof count !== 'number' || !Number.isFinite(count)) return null
  return Math.max(0, Math.floor(count))
}
