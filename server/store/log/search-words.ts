/** How text becomes the words that are indexed and looked for: alike on both engines, and alike on both sides. */

const ideograph = /[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]/
const ideographs = new RegExp(ideograph, 'g')

/** Chinese and Japanese write no spaces: each character becomes a word, and a word of several a phrase. */
export function spaceIdeographs(text: string): string {
  return ideograph.test(text) ? text.replace(ideographs, ' $& ') : text
}

/**
 * Lower-case words with single spaces between and without accents: what SQLite's tokenizer (unicode61) makes of a text,
 * for PostgreSQL, whose own would keep addresses and paths in one piece.
 */
export function foldWords(text: string): string {
  return text
    .normalize('NFD')
    .replace(/\p{M}+/gu, '')
    .normalize('NFC')
    .replace(/[^\p{L}\p{N}\p{Co}]+/gu, ' ')
    .toLowerCase()
    .trim()
}
