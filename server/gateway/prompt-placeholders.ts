/** `{{name}}` in the texts of a template: where it may stand, and how it is filled. */
import type { ContentPart, Item } from '../../translators/shared/canonical.ts'

const placeholder = /\{\{[ \t]*([A-Za-z0-9_][A-Za-z0-9_.-]{0,63})[ \t]*\}\}/g
const onlyPlaceholder = /^\s*\{\{[ \t]*([A-Za-z0-9_][A-Za-z0-9_.-]{0,63})[ \t]*\}\}\s*$/

/** What may stand between the braces; anything else there is plain text. */
export const variableName = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/

/** Names in the order of their places, with repetitions. */
export function findPlaceholders(text: string): string[] {
  return [...text.matchAll(placeholder)].map(([, name]) => name as string)
}

/** The text with each placeholder replaced. What `read` gives is not looked at again. */
export function fillPlaceholders(text: string, read: (name: string) => string): string {
  // A function, for a value may hold `$&`, which a replacement string would expand.
  return text.replaceAll(placeholder, (_, name: string) => read(name))
}

export interface Filler {
  fillText(text: string): string
  /** For a placeholder that stands alone where any part may: the parts instead of it; null to fill it as text. */
  fillWhole(name: string): ContentPart[] | null
}

/** The items with the texts of messages and of tool outputs filled. A message of which nothing is left goes. */
export function fillItems(items: readonly Item[], filler: Filler): Item[] {
  return items.flatMap((item) => {
    const member = item.type === 'message' ? 'content' : 'output'
    const content = item[member] as string | ContentPart[] | undefined
    if (content === undefined) return [item]
    // Assistants say only text.
    const filled = fillContent(content, item.role !== 'assistant', filler)
    return member === 'content' && filled.length === 0 && content.length > 0
      ? []
      : [{ ...item, [member]: filled }]
  })
}

function fillContent(
  content: string | readonly ContentPart[],
  takesParts: boolean,
  filler: Filler,
): string | ContentPart[] {
  if (typeof content === 'string') {
    return (takesParts ? fillAlone(content, filler) : null) ?? filler.fillText(content)
  }
  return content.flatMap((part) => {
    if (typeof part.text !== 'string') return [part]
    const whole = takesParts && part.type === 'input_text' ? fillAlone(part.text, filler) : null
    return whole ?? [{ ...part, text: filler.fillText(part.text) }]
  })
}

function fillAlone(text: string, filler: Filler): ContentPart[] | null {
  const name = onlyPlaceholder.exec(text)?.[1]
  return name === undefined ? null : filler.fillWhole(name)
}
