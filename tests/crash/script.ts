/**
 * What the provider of the crash suite answers, as a function of what it is asked: so whoever knows the context of a
 * turn knows the text that its answer must have, and an answer proves which context the provider was given.
 */
import { createHash } from 'node:crypto'
import { type Item, isObject } from '../../translators/shared/canonical.ts'

/** What a user message asks for: `tag=t7 chunks=4 delay=10`, with `tool` at its end for a tool call. */
export interface Ask {
  /** Unique in a run. */
  tag: string
  /** Pieces of the answer after its first. */
  chunks: number
  /** Milliseconds before each piece. */
  delay: number
  tool: boolean
}

export function renderAsk({ tag, chunks, delay, tool }: Ask): string {
  return `tag=${tag} chunks=${chunks} delay=${delay}${tool ? ' tool' : ''}`
}

export function parseAsk(text: string): Ask | null {
  const [, tag, chunks, delay, tool] = /^tag=(\S+) chunks=(\d+) delay=(\d+)( tool)?$/.exec(text) ?? []
  if (tag === undefined) return null
  return { tag, chunks: Number(chunks), delay: Number(delay), tool: tool !== undefined }
}

/** What the output of a tool call asks for. */
export function outputAsk(ask: Ask): Ask {
  return { ...ask, tag: `${ask.tag}.output`, tool: false }
}

/** An item as far as the script looks at it: one line. */
export function describeItem(item: Item): string {
  if (item.type === 'function_call') return `call ${item.call_id} ${item.name} ${item.arguments}`
  if (item.type === 'function_call_output') return `output ${item.call_id} ${item.output}`
  return `${item.role}: ${textOf(item)}`
}

export function textOf({ content }: Item): string {
  if (typeof content === 'string') return content
  const parts = Array.isArray(content) ? content : []
  return parts.map((part) => (isObject(part) && typeof part.text === 'string' ? part.text : '')).join('')
}

/** A whole context in a few letters. */
export function digestContext(lines: readonly string[]): string {
  return createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, 16)
}

/** The pieces of the answer's text. */
export function answerPieces({ tag, chunks }: Ask, context: readonly string[]): string[] {
  const first = `answer=${tag} context=${digestContext(context)}`
  return [first, ...Array.from({ length: chunks }, (_, index) => ` word${index}`)]
}

/** What one answer adds to a context, as lines. */
export function answerLines(ask: Ask, context: readonly string[]): string[] {
  if (ask.tool) return [`call call_${ask.tag} look {"context":"${digestContext(context)}"}`]
  return [`assistant: ${answerPieces(ask, context).join('')}`]
}
