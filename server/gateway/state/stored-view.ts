/** What clients are shown of what is kept for them. */
import { type CanonicalResponse, type Item, isObject } from '../../../translators/shared/canonical.ts'
import { concatenateOutputText } from '../../../translators/shared/response-object.ts'
import { GatewayError } from '../../errors.ts'
import type { StoredResponse } from '../../store/state/state.ts'

const encryptedReasoning = 'reasoning.encrypted_content'

/**
 * The response object as its client first got it. Encrypted reasoning stands in it when it was asked for then, or is
 * now by `include`; values of `include` that nobody knows change nothing.
 */
export function viewResponse(stored: StoredResponse, include: readonly string[]): CanonicalResponse {
  const body = JSON.parse(stored.body) as CanonicalResponse
  const output = viewOutput(stored.output, showsEncrypted([...stored.include, ...include]))
  if (isRunning(stored) || stored.kind === 'compaction') return { ...body, output }
  return { ...body, output, output_text: concatenateOutputText(output) }
}

/** Whether the response has not ended yet. */
export function isRunning({ status }: Pick<StoredResponse, 'status'>): boolean {
  return status === 'queued' || status === 'in_progress'
}

/** Whether these values of `include` ask for encrypted reasoning. */
export function showsEncrypted(include: readonly string[]): boolean {
  return include.includes(encryptedReasoning)
}

function viewOutput(output: readonly Item[], encrypted: boolean): Item[] {
  return output.map((item) => (encrypted ? item : hideEncrypted(item)))
}

/** Only reasoning: what else is encrypted (a compaction) the client has to send back itself. */
function hideEncrypted(item: Item): Item {
  if (item.type !== 'reasoning' || item.encrypted_content === undefined) return item
  const { encrypted_content: _encrypted, ...shown } = item
  return shown as Item
}

/**
 * An item of an input or a conversation in the full form that clients' types have: messages with parts, an id and a
 * status, and no member null that may only be absent.
 */
export function viewItem(item: Item, encrypted: boolean): Item {
  const shown = dropNulls(encrypted ? item : hideEncrypted(item))
  if (item.type === 'message') return { ...shown, content: viewContent(item) }
  if (!Array.isArray(item.output) || !item.type.endsWith('_output')) return shown
  return { ...shown, output: item.output.map(viewPart) }
}

const neverNull = ['phase', 'encrypted_content', 'content', 'summary', 'status'] as const

function dropNulls(item: Item): Item {
  if (neverNull.every((name) => item[name] !== null)) return item
  return Object.fromEntries(
    Object.entries(item).filter(([name, value]) => value !== null || !isNeverNull(name)),
  ) as Item
}

function isNeverNull(name: string): boolean {
  return (neverNull as readonly string[]).includes(name)
}

function viewContent({ role, content }: Item): unknown[] {
  if (Array.isArray(content)) return content.map(viewPart)
  const type = role === 'assistant' ? 'output_text' : 'input_text'
  return [viewPart({ type, text: typeof content === 'string' ? content : '' })]
}

function viewPart(part: unknown): unknown {
  if (!isObject(part)) return part
  if (part.type === 'output_text')
    return { ...part, annotations: part.annotations ?? [], logprobs: part.logprobs ?? [] }
  if (part.type === 'input_image')
    return { ...part, image_url: part.image_url ?? null, detail: part.detail ?? 'auto' }
  return part
}

/** The 404 of every path of a response, the same for one that never was and for one of another project. */
export function responseNotFound(id: string): GatewayError {
  return new GatewayError(
    'not_found',
    `There is no response with the id '${id.slice(0, 80)}'. It may have expired or been deleted, or was not stored.`,
  )
}
