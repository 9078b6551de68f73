/** A summary in the place of a context: what is sealed of it, and how any model reads it. */
import {
  type Item,
  isObject,
  isToolCallItem,
  type JsonObject,
} from '../../../translators/shared/canonical.ts'
import type { Sealed, Sealer } from './seal.ts'

type Summary = Extract<Sealed, { kind: 'summary' }>

/** The item at the end of an input that asks for what stands before it to be compacted. */
export const compactionTrigger = 'compaction_trigger'

const heading = 'Summary of the conversation so far:\n\n'

/** Characters of the user's messages that a summary carries beside its text, the latest first; about 20 000 tokens. */
const saidLimit = 80_000

/**
 * A summary with the user's latest messages as they were given: clients may drop all that stood before a compaction.
 * @param context what it stands for, as any model reads it.
 */
export function sealableSummary(text: string, context: readonly Item[]): Summary {
  const said: string[] = []
  let length = 0
  for (const item of [...context].reverse()) {
    const words = textOfUser(item)
    if (words === null || words.startsWith(heading)) continue
    length += words.length
    if (length > saidLimit) break
    said.unshift(words)
  }
  return { kind: 'summary', text, said, ...carryWaiting(context) }
}

/** What a compaction carries of the calls in its context that have no output yet, and are whole. */
export function carryWaiting(context: readonly Item[]): { waiting?: Item[] } {
  const answered = listCallIds(context, isOutput)
  const waiting = context.filter(
    ({ type, call_id: id, status }) =>
      isToolCallItem(type) && typeof id === 'string' && status !== 'incomplete' && !answered.has(id),
  )
  return waiting.length === 0 ? {} : { waiting }
}

/**
 * The calls that a compaction carries and that are answered after it: no provider takes an output without its call.
 * @param input where it stands; null: to be kept, with whatever may be answered later.
 */
export function tellWaiting(waiting: readonly Item[] = [], input: readonly Item[] | null): Item[] {
  if (input === null) return [...waiting]
  const answered = listCallIds(input, isOutput)
  const known = listCallIds(input, isToolCallItem)
  return waiting.filter(({ call_id: id }) => answered.has(id) && !known.has(id))
}

/** What a compaction was made from without calls that nobody has answered: no provider takes those either. */
export function leaveOutWaiting(source: readonly Item[], input: readonly Item[]): readonly Item[] {
  const { waiting } = carryWaiting(source)
  const told = tellWaiting(waiting, input)
  return source.filter((item) => !waiting?.includes(item) || told.includes(item))
}

function listCallIds(items: readonly Item[], isWanted: (type: string) => boolean): Set<unknown> {
  return new Set(items.filter(({ type }) => isWanted(type)).map(({ call_id: id }) => id))
}

function isOutput(type: string): boolean {
  return type.endsWith('_call_output')
}

/** @param input where it stands: what the user is heard to say there is not told again. */
export function tellSummary({ text, said = [] }: Summary, input: readonly Item[]): Item[] {
  const told = new Set(input.map(wordsOfUser))
  const messages = said.map(messageOfUser).filter((message) => !told.has(wordsOfUser(message)))
  return [...messages, messageOfUser(`${heading}${text}`)]
}

/** What tells one message of a user from another, in whichever form it stands; null for all other items. */
export function wordsOfUser({ type, role, content }: Item): string | null {
  if (type !== 'message' || role !== 'user') return null
  if (!Array.isArray(content)) return JSON.stringify([String(content)])
  return JSON.stringify(content.map((part) => (isObject(part) ? nameOfPart(part) : '')))
}

function nameOfPart({ text, image_url, file_id, file_url, file_data }: JsonObject): unknown {
  return text ?? image_url ?? file_id ?? file_url ?? file_data ?? ''
}

/** The whole of a user's message that is one text; null for all other items. */
function textOfUser({ type, role, content }: Item): string | null {
  if (type !== 'message' || role !== 'user') return null
  if (typeof content === 'string') return content
  if (!Array.isArray(content) || content.length !== 1) return null
  const [part] = content
  return isObject(part) && typeof part.text === 'string' ? part.text : null
}

function messageOfUser(text: string): Item {
  return { type: 'message', role: 'user', content: [{ type: 'input_text', text }] }
}

/** An input without the triggers of earlier turns, and without what the last of them had summed up. */
export function dropCompacted(
  input: readonly Item[],
  { sealer, project }: { sealer: Sealer; project: string },
): readonly Item[] {
  const isPast = ({ type }: Item, index: number) => type === compactionTrigger && index < input.length - 1
  const last = input.findLastIndex(isPast)
  if (last < 0) return input
  const rest = input.slice(last + 1)
  const encrypted = rest[0]?.type === 'compaction' ? rest[0].encrypted_content : null
  const sealed = typeof encrypted === 'string' ? sealer.open(project, encrypted) : 'foreign'
  const isSummary = typeof sealed === 'object' && sealed.kind === 'summary'
  return isSummary && haveCalls(rest) ? rest : input.filter((item, index) => !isPast(item, index))
}

/** Whether each output of a tool comes with its call. */
function haveCalls(items: readonly Item[]): boolean {
  const calls = listCallIds(items, isToolCallItem)
  return items.every(({ type, call_id: id }) => !isOutput(type) || calls.has(id))
}
