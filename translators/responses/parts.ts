/** The parts of messages and of tool outputs: their kinds made right for where they stand, their media checked. */
import { admit, type Draft, fieldContract, refuse, safeName } from '../shared/apply-contract.ts'
import { isObject, type JsonObject } from '../shared/canonical.ts'
import { countCharacters, isLongerThan } from '../shared/characters.ts'

const textKinds = new Set(['input_text', 'output_text', 'text'])

/** How many images the whole input has held so far. */
export interface ImageCount {
  count: number
}

/** Input is never shortened: what is too long is refused. */
export function fitLength(draft: Draft, text: string): string {
  const max = fieldContract(draft, 'input').limit?.maxLength
  if (max !== undefined && isLongerThan(text, max))
    refuse(
      draft,
      'input',
      `"input" must have at most ${max} characters at provider "${draft.target.provider}" (has ${countCharacters(text)}). Shorten it.`,
    )
  return text
}

/** Rewrites the parts in a member of an item; those that cannot be taken are left out and named. */
export function rewriteContent(
  draft: Draft,
  item: JsonObject,
  { member, images }: { member: 'content' | 'output'; images: ImageCount },
): JsonObject {
  const content = item[member]
  if (typeof content === 'string') return { ...item, [member]: fitLength(draft, content) }
  if (!Array.isArray(content)) return item
  const textKind = item.role === 'assistant' ? 'output_text' : 'input_text'
  const kept = content.flatMap((part) =>
    isObject(part) ? (rewritePart(draft, { part, textKind, images }) ?? []) : [],
  )
  return { ...item, [member]: kept }
}

interface PartScope {
  part: JsonObject
  /** The kind of text that belongs here: clients mix them up, and strict providers refuse the wrong one. */
  textKind: string
  images: ImageCount
}

function rewritePart(draft: Draft, { part, textKind, images }: PartScope): JsonObject | null {
  const type = String(part.type)
  if (textKinds.has(type)) {
    if (typeof part.text === 'string') fitLength(draft, part.text)
    return type === textKind ? part : { ...part, type: textKind }
  }
  if (type === 'refusal') return part
  if (type === 'input_image') return admitImage(draft, part, images)
  if (type === 'input_file') return admitMedia(draft, part, 'input.file')
  return admit(draft, 'input.other_parts', safeName(type)) === 'send' ? part : null
}

function admitImage(draft: Draft, part: JsonObject, images: ImageCount): JsonObject | null {
  images.count += 1
  const image = admitMedia(draft, part, 'input.image')
  return image && imageFits(draft, image, images.count) ? image : null
}

const sources = ['image_url', 'file_url', 'file_data']

/** Nulls mean absent, and strict schemas do not know them all. */
function admitMedia(draft: Draft, part: JsonObject, field: 'input.image' | 'input.file'): JsonObject | null {
  if (admit(draft, field) !== 'send') return null
  const media = Object.fromEntries(Object.entries(part).filter(([, value]) => value !== null))
  if (media.file_id === undefined) return media
  if (sources.every((source) => media[source] === undefined))
    return admit(draft, 'input.file_id') === 'send' ? media : null
  if (fieldContract(draft, 'input.file_id').support === 'native') return media
  const { file_id: _id, ...withSource } = media
  return withSource
}

/** An image too many or too large cannot be adapted: without it the question is another one. */
function imageFits(draft: Draft, { image_url: url }: JsonObject, count: number): boolean {
  const { maxItems, maxLength } = fieldContract(draft, 'input.image').limit ?? {}
  const at = `at provider "${draft.target.provider}"`
  if (maxItems !== undefined && count > maxItems)
    refuse(draft, 'input.image', `"input" must have at most ${maxItems} images ${at}. Send fewer.`)
  if (maxLength !== undefined && typeof url === 'string' && url.length > maxLength)
    refuse(
      draft,
      'input.image',
      `An image in "input" must have at most ${maxLength} characters of data ${at} (has ${url.length}). Send a smaller one.`,
    )
  return true
}

/** What a text, or parts that are all text, say together; null when a part is something else. */
export function joinText(content: unknown, separator: string): string | null {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return null
  const texts = content.map(plainText)
  return texts.every((text) => text !== null) ? texts.join(separator) : null
}

function plainText(part: unknown): string | null {
  if (!isObject(part)) return null
  if (textKinds.has(String(part.type)) && typeof part.text === 'string') return part.text
  return part.type === 'refusal' && typeof part.refusal === 'string' ? part.refusal : null
}
