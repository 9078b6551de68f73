/**
 * The words that a prefix stands for. SQLite reads every place of every word that begins so before it gives the first
 * match, which takes seconds in a large store; the words themselves are found in microseconds, and looked for as words.
 */

import type { Driver } from '../engine/driver.ts'
import type { SearchTerm } from './search-query.ts'
import { foldWords } from './search-words.ts'

/** Words that one prefix may stand for: some milliseconds. */
const mostWords = 200

/** The user has to type more. The message says so. */
export class TooManyWordsError extends Error {
  constructor(prefix: string) {
    super(`More than ${mostWords} words begin with "${prefix}": type more of it.`)
    this.name = 'TooManyWordsError'
  }
}

/** The terms with the phrases that each prefix stands for; the engine's own prefixes where these are fast. Throws TooManyWordsError. */
export async function expandPrefixes(driver: Driver, terms: readonly SearchTerm[]): Promise<SearchTerm[]> {
  const expanded: SearchTerm[] = []
  for (const term of terms) {
    if (!term.prefix || driver.dialect !== 'sqlite') expanded.push(term)
    else expanded.push({ ...term, choices: await listChoices(driver, term.words) })
  }
  return expanded
}

async function listChoices(driver: Driver, words: string): Promise<string[]> {
  const before = words.slice(0, words.lastIndexOf(' ') + 1)
  const prefix = foldWords(words.slice(before.length))
  const choices: string[] = []
  let place = prefix
  for (;;) {
    // "Greater than" would pass over every place of the word before.
    const [row] = await driver.all('SELECT term FROM search_vocabulary WHERE term >= ? LIMIT 1', [place])
    if (typeof row?.term !== 'string' || !row.term.startsWith(prefix)) return choices
    if (choices.length === mostWords) throw new TooManyWordsError(prefix)
    choices.push(before + row.term)
    place = `${row.term}\u0001`
  }
}
