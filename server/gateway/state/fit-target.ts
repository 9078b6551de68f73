/** A turn's input as one provider may read it: what only its maker understands goes back to its maker alone. */
import type { CanonicalRequest, Item } from '../../../translators/shared/canonical.ts'
import type { Adaptation, Refusal } from '../../../translators/shared/translator.ts'
import { GatewayError } from '../../errors.ts'
import type { Candidate } from '../candidates.ts'
import { isBoundToMaker } from './history.ts'
import type { Sealer } from './seal.ts'
import { dropCompacted, leaveOutWaiting, tellSummary, tellWaiting, wordsOfUser } from './summary.ts'

export interface OpenOptions {
  /** With the whole input. */
  request: CanonicalRequest
  /** See `History.makers`. */
  makers: ReadonlyMap<Item, string>
  /** What a provider's own compaction stands for, by the id of its source; see `readSources`. */
  sources: ReadonlyMap<string, Item[]>
  sealer: Sealer
  project: string
}

export interface FitOptions extends OpenOptions {
  candidate: Candidate
}

export type Fitted = { ok: true; request: CanonicalRequest; adaptations: Adaptation[] } | Refusal

/** Whether anything in the input may differ from provider to provider. */
export function needsFitting(input: CanonicalRequest['input']): boolean {
  return Array.isArray(input) && input.some(isBoundToMaker)
}

/** @throws GatewayError `invalid_encrypted_content` for an envelope that cannot be opened. */
export function fitToTarget(options: FitOptions): Fitted {
  const { request, candidate } = options
  if (!Array.isArray(request.input)) return { ok: true, request, adaptations: [] }
  const { provider, target } = candidate
  const { items, left, told } = openItems(options, {
    id: provider.id,
    takesCompactions: provider.translator.contract.fields['input.compaction']?.form === 'own_items',
  })
  if (left.size > 0 && target.unsupported === 'reject') {
    const [field = 'input'] = left
    return {
      ok: false,
      field,
      message: `"${field}" holds what another provider made, which provider "${provider.id}" cannot read. Leave it out, stay with the provider that made it, or allow the gateway to adapt the request with the header "x-dragoman-unsupported: adapt".`,
    }
  }
  const adaptations = [...left].map(
    (field): Adaptation => ({ field, action: 'dropped', detail: 'made by another provider' }),
  )
  if (told) adaptations.push({ field: 'input.compaction', action: 'emulated', detail: '' })
  return { ok: true, request: { ...request, input: items }, adaptations }
}

/**
 * The input as any provider can read it: compactions as what they stand for, without thoughts. For keeping it.
 * @throws GatewayError `invalid_encrypted_content` for an envelope that cannot be opened.
 */
export function openForAll(options: OpenOptions): Item[] {
  return openItems(options, null).items.filter((item) => !isBoundToMaker(item))
}

/** A provider that is asked; null: none in particular. */
type Reader = { id: string; takesCompactions: boolean } | null

interface Opened {
  items: Item[]
  /** Compactions that are told already: a small item may stand for a large context, and be sent a thousand times. */
  seen: Set<unknown>
  /** Fields of which something had to be left out. */
  left: Set<string>
  /** A compaction has become what it stands for. */
  told: boolean
}

function openItems(options: OpenOptions, reader: Reader): Opened {
  const opened: Opened = { items: [], seen: new Set(), left: new Set(), told: false }
  const input = dropCompacted(Array.isArray(options.request.input) ? options.request.input : [], options)
  for (const [index, item] of input.entries()) {
    if (isBoundToMaker(item)) openItem(options, reader, { item, index, input, opened })
    else opened.items.push(item)
  }
  return opened
}

function openItem(
  { makers, sealer, project, sources }: OpenOptions,
  reader: Reader,
  { item, index, input, opened }: { item: Item; index: number; input: readonly Item[]; opened: Opened },
): void {
  const { items } = opened
  const maker = makers.get(item)
  const { encrypted_content: encrypted } = item
  const sealed = typeof encrypted === 'string' ? sealer.open(project, encrypted) : ('foreign' as const)
  if (sealed === 'unreadable')
    throw new GatewayError(
      'invalid_encrypted_content',
      'The encrypted content could not be read: it is damaged, or was not made for this project. Leave the item out.',
      { param: `input[${index}].encrypted_content` },
    )
  const isCompaction = item.type === 'compaction'
  if (sealed === 'foreign') {
    const isReadable = maker === undefined || maker === reader?.id
    if (isReadable && (!isCompaction || reader?.takesCompactions !== false)) items.push(item)
    else leaveOut(item, opened)
    return
  }
  if (sealed.kind !== 'content' && opened.seen.has(encrypted)) return
  opened.seen.add(encrypted)
  const waiting = sealed.kind === 'content' ? [] : tellWaiting(sealed.waiting, reader === null ? null : input)
  if (sealed.kind !== 'summary' && sealed.provider === reader?.id) {
    items.push({ ...item, encrypted_content: sealed.content }, ...waiting)
    return
  }
  const source = sealed.kind === 'compaction' ? sources.get(sealed.source) : undefined
  opened.told ||= sealed.kind === 'summary' || source !== undefined
  if (source !== undefined) {
    opened.items = tellSource(items, reader === null ? source : leaveOutWaiting(source, input))
    return
  }
  if (sealed.kind === 'summary') items.push(...tellSummary(sealed, input))
  else leaveOut(item, opened)
  items.push(...waiting)
}

/** What is not thought or compaction says something without its encrypted part, and may have an output that needs it. */
function leaveOut(item: Item, { items, left }: Opened): void {
  if (item.type === 'reasoning') left.add('input.reasoning')
  else if (item.type.startsWith('compaction')) left.add('input.compaction')
  else {
    const { encrypted_content: _encrypted, ...rest } = item
    left.add('input.encrypted_content')
    items.push(rest as Item)
  }
}

/**
 * What a compaction was made from, in its place. The messages of the user that it came with stand in it again, each
 * where it was said.
 */
function tellSource(before: readonly Item[], source: readonly Item[]): Item[] {
  const told = new Set(source.map(wordsOfUser))
  const rest = before.filter((item) => {
    const words = wordsOfUser(item)
    return words === null || !told.has(words)
  })
  return [...rest, ...source.filter((item) => !isBoundToMaker(item))]
}

/** Ids of the kept responses that a provider's own compactions in the input stand for. */
export function listSources(
  input: CanonicalRequest['input'],
  { sealer, project }: Pick<FitOptions, 'sealer' | 'project'>,
): string[] {
  if (!Array.isArray(input)) return []
  return input.flatMap(({ encrypted_content: encrypted }) => {
    const sealed = typeof encrypted === 'string' ? sealer.open(project, encrypted) : 'foreign'
    return typeof sealed === 'object' && sealed.kind === 'compaction' ? [sealed.source] : []
  })
}
