/** How text becomes the words that are indexed and looked for: alike on both engines, and alike on both sides. */

const ideograph = /[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]/
const ideographs = new RegExp(ideograph, 'g')

/** Chinese and Japanese write no spaces: each character becomes a word, and a word of several a phrase. */
export function spaceIdeographs(text: string): string {
  return ideograph.test(text) ? text.replace(ideographs, ' $& ') : text
}

/** Begins the word that only one request has. From Unicode's private use, so that no text of anybody holds it. */
export const keyMark = '\uE000'
/** Begins the word that the requests of one Unix hour have. */
export const hourMark = '\uE001'

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
