/** Unicode code points, as the documents' and JSON Schema's "characters". */
export function countCharacters(text: string): number {
  let count = text.length
  for (let index = 0; index < text.length; index += 1) {
    if ((text.charCodeAt(index) & 0xfc00) === 0xd800 && (text.charCodeAt(index + 1) & 0xfc00) === 0xdc00)
      count -= 1
  }
  return count
}

/** Whether the text has more characters than this. Code units are at least as many: counting is rarely needed. */
export function isLongerThan(text: string, max: number): boolean {
  return text.length > max && countCharacters(text) > max
}
