/**
 * Whether an output is what `text.format` promised, for providers that do not enforce it: wrong JSON is told as an
 * error rather than passed as right.
 */

import { type Item, isObject, type JsonObject, type TextFormat } from '../../translators/shared/canonical.ts'
import { evaluateSchema, TooComplexError } from './verify-schema-evaluate.ts'

/** About a fifth of a second of work, for an output of 100 000 characters and more. */
const maxMoreSteps = 2_000_000

export interface SchemaProblem {
  code: 'invalid_structured_output'
  /** Names the place in the output and what was wanted there, never the output itself. */
  message: string
}

export type SchemaVerifier = (output: Item[]) => SchemaProblem | null

/**
 * Every message's text is checked, as OpenAI's SDKs parse every one. Not checked: a refusal, a message that was cut
 * (`incomplete`), commentary, and a turn that ends in calls for the client to answer, which is not the final output.
 * @returns null when the format promises nothing.
 */
export function createSchemaVerifier(format: TextFormat | null | undefined): SchemaVerifier | null {
  if (!format || format.type === 'text') return null
  const schema = format.type === 'json_schema' ? format.schema : { type: 'object' }
  return (output) => {
    if (!isFinal(output)) return null
    const texts = output.filter(isChecked).map(textOf)
    if (texts.length === 0) return problem('it holds no text.')
    for (const text of texts) {
      const found = verifyText(text, schema)
      if (found !== null) return found
    }
    return null
  }
}

function problem(detail: string): SchemaProblem {
  const message = `The provider's output does not keep to text.format: ${detail}`
  return { code: 'invalid_structured_output', message }
}

function isFinal(output: Item[]): boolean {
  return !output.some(
    (item) =>
      item.type === 'function_call' ||
      item.type === 'custom_tool_call' ||
      item.status === 'incomplete' ||
      partsOf(item).some((part) => part.type === 'refusal'),
  )
}

function isChecked(item: Item): boolean {
  return item.type === 'message' && item.phase !== 'commentary'
}

function partsOf(item: Item): JsonObject[] {
  return item.type === 'message' && Array.isArray(item.content) ? item.content.filter(isObject) : []
}

function textOf(item: Item): string {
  if (typeof item.content === 'string') return item.content
  return partsOf(item)
    .filter((part) => part.type === 'output_text' && typeof part.text === 'string')
    .map((part) => part.text)
    .join('')
}

function verifyText(text: string, schema: JsonObject): SchemaProblem | null {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return problem('it is not valid JSON.')
  }
  try {
    const mismatch = evaluateSchema(schema, value, Math.min(20 * text.length, maxMoreSteps))
    if (mismatch === null) return null
    return problem(`${mismatch.path === '' ? 'the value' : mismatch.path} ${mismatch.wanted}.`)
  } catch (error) {
    if (!(error instanceof TooComplexError)) throw error
    return problem('the schema is too complex to check it against.')
  }
}
