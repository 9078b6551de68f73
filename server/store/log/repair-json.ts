/**
 * JSON that was cut somewhere, closed so that it can be parsed: an unfinished string as a value ends there, any other
 * unfinished value is left out. What is no JSON before the cut stays none.
 */
export function repairJson(text: string): string {
  /** Closing brackets that are missing, the innermost last. */
  const open: string[] = []
  /** Everything before it is whole once the open brackets are closed. */
  let safe = 0
  let isKey = false
  let index = 0
  while (index < text.length) {
    const character = text[index]
    if (character === '"') {
      const end = endOfString(text, index)
      if (end === -1) return isKey ? close(text.slice(0, safe), open) : close(cutString(text), open)
      index = end
      if (!isKey) safe = end + 1
    } else if (character === '{' || character === '[') {
      open.push(character === '{' ? '}' : ']')
      isKey = character === '{'
      safe = index + 1
    } else if (character === '}' || character === ']') {
      open.pop()
      isKey = false
      safe = index + 1
    } else if (character === ',') {
      isKey = open.at(-1) === '}'
      safe = index
    } else if (character === ':') {
      isKey = false
    }
    index += 1
  }
  return close(text.slice(0, safe), open)
}

function close(text: string, open: readonly string[]): string {
  return text + open.toReversed().join('')
}

/** The index of the closing quote; -1 without one. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1)
  while (end !== -1) {
    let backslashes = 0
    while (text[end - 1 - backslashes] === '\\') backslashes += 1
    if (backslashes % 2 === 0) return end
    end = text.indexOf('"', end + 1)
  }
  return -1
}

/** The text, which ends within a string, with that closed: an escape that was cut goes. */
function cutString(text: string): string {
  const tail = /(\\*)(?:u[0-9a-fA-F]{0,3})?$/.exec(text)
  const backslashes = tail?.[1]?.length ?? 0
  const whole = backslashes % 2 === 0 ? text : text.slice(0, (tail?.index ?? 0) + backslashes - 1)
  return `${whole}"`
}
