/** A turn's input as one provider may read it: what only its maker understands goes back to its maker alone. */
import type { CanonicalRequest, Item } from '../../../translators/shared/canonical.ts'
import type { Adaptation, Refusal } from '../../../translators/shared/translator.ts'
import { GatewayError } from '../../errors.ts'
import type { Candidate } from '../candidates.ts'
import { isBoundToMaker } from './history.ts'
import type { Sealer } from './seal.ts'

export interface FitOptions {
  /** With the whole input. */
  request: CanonicalRequest
  /** See `History.makers`. */
  makers: ReadonlyMap<Item, string>
  /** What a provider's own compaction stands for, by the id of its source; see `readSources`. */
  sources: ReadonlyMap<string, Item[]>
  sealer: Sealer
  project: string
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
  const left = new Set<string>()
  const input: Item[] = []
  for (const [index, item] of request.input.entries())
    for (const fitted of isBoundToMaker(item) ? fitItem(options, item, index, left) : [item])
      input.push(fitted)
  if (left.size > 0 && candidate.target.unsupported === 'reject') {
    const [field = 'input'] = left
    return {
      ok: false,
      field,
      message: `"${field}" holds what another provider made, which provider "${candidate.provider.id}" cannot read. Leave it out, stay with the provider that made it, or allow the gateway to adapt the request with the header "x-dragoman-unsupported: adapt".`,
    }
  }
  const adaptations = [...left].map(
    (field): Adaptation => ({ field, action: 'dropped', detail: 'made by another provider' }),
  )
  return { ok: true, request: { ...request, input }, adaptations }
}

function fitItem(options: FitOptions, item: Item, index: number, left: Set<string>): Item[] {
  const here = options.candidate.provider.id
  const maker = options.makers.get(item)
  const { encrypted_content: encrypted } = item
  const sealed =
    typeof encrypted === 'string' ? options.sealer.open(options.project, encrypted) : ('foreign' as const)
  if (sealed === 'unreadable')
    throw new GatewayError(
      'invalid_encrypted_content',
      'The encrypted content could not be read: it is damaged, or was not made for this project. Leave the item out.',
      { param: `input[${index}].encrypted_content` },
    )
  if (sealed === 'foreign') {
    if (maker === undefined || maker === here) return [item]
    left.add('input.reasoning')
    return []
  }
  if (sealed.kind === 'summary') return [summaryMessage(sealed.text)]
  if (sealed.provider === here) return [{ ...item, encrypted_content: sealed.content }]
  if (sealed.kind === 'compaction') {
    const source = options.sources.get(sealed.source)
    if (source !== undefined) return source.flatMap((one) => (isBoundToMaker(one) ? [] : [one]))
  }
  left.add(item.type === 'reasoning' ? 'input.reasoning' : 'input.compaction')
  return []
}

/** A summary as any model reads it. */
function summaryMessage(text: string): Item {
  return {
    type: 'message',
    role: 'user',
    content: [{ type: 'input_text', text: `Summary of the conversation so far:\n\n${text}` }],
  }
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
