/**
 * Full-text search of SQLite in parts: a table of its own for some thousand requests, or a few hours of them. What is too
 * old goes with its table, whole and at once; to delete from one FTS5 table for everything would stall the writer for
 * seconds in its merges, or leave its room taken. And no look into a part takes long, whatever is looked for.
 *
 * Parts share no keys: each has all from its `first_key` up to that of the next.
 */

import type { Driver, Statement } from '../engine/driver.ts'

/** Keys from `from` up to `below`, which is not included. */
export interface KeyRange {
  from: number
  below: number
}

/** What is indexed in one table. */
export interface Slice extends KeyRange {
  table: string
  /** When all of it was seen: up to this key (included), in the order, nothing is left; null when nothing is left at all. */
  reached: number | null
}

/** The only one of PostgreSQL, which deletes from it. */
export const wholeIndex = 'search'

const partPrefix = 'search_part_'

/** `id`: the key that the part was opened with, so that no name comes again. */
export function tableOfPart(id: number): string {
  return `${partPrefix}${id}`
}

export interface SliceOptions {
  driver: Driver
  range: KeyRange
  order: 'ASC' | 'DESC'
}

/** The tables that a search of the range has to look into, in that order. */
export async function listSlices({ driver, range, order }: SliceOptions): Promise<Slice[]> {
  if (driver.dialect !== 'sqlite') return [{ ...range, table: wholeIndex, reached: null }]
  const parts = await driver.all('SELECT id, first_key, kept_from FROM search_parts ORDER BY first_key')
  const slices = parts.map((part, index) => ({
    table: tableOfPart(Number(part.id)),
    from: Math.max(range.from, Number(part.first_key), Number(part.kept_from)),
    below: Math.min(range.below, Number(parts[index + 1]?.first_key ?? range.below)),
  }))
  const inRange = slices.filter(({ from, below }) => from < below)
  if (order === 'DESC') inRange.reverse()
  return inRange.map((slice, index) => {
    const reached = order === 'DESC' ? slice.from : slice.below - 1
    return { ...slice, reached: index === inRange.length - 1 ? null : reached }
  })
}

/** Null when the table of the slice was dropped meanwhile, by the writer's connection: then nothing in it is kept. */
export async function readSlice<T>(
  driver: Driver,
  { table }: Slice,
  read: () => Promise<T>,
): Promise<T | null> {
  try {
    return await read()
  } catch (error) {
    if (!table.startsWith(partPrefix)) throw error
    const id = Number(table.slice(partPrefix.length))
    const found = await driver.all('SELECT 1 FROM search_parts WHERE id = ?', [id])
    if (found.length > 0) throw error
    return null
  }
}

/**
 * Removes what full-text search finds of requests below a key. A part that has also younger ones stays, for at most the
 * hours that it spans: `kept_from` hides the older at once, so that nothing is found whose bodies are gone. One part, or
 * `limit` requests, at a time.
 */
export async function planRemoval(
  driver: Driver,
  key: number,
  limit: number,
): Promise<{ statements: Statement[]; requests: number; more: boolean }> {
  if (driver.dialect !== 'sqlite') return planDeletion(driver, key, limit)
  const hide = {
    sql: 'UPDATE search_parts SET kept_from = ? WHERE first_key < ? AND kept_from < ?',
    params: [key, key, key],
  }
  const [part] = await driver.all(
    'SELECT id, requests FROM search_parts WHERE last_key < ? ORDER BY first_key LIMIT 1',
    [key],
  )
  if (part === undefined) return { statements: [hide], requests: 0, more: false }
  const id = Number(part.id)
  const drop = [
    { sql: `DROP TABLE IF EXISTS ${tableOfPart(id)}`, params: [] },
    { sql: 'DELETE FROM search_parts WHERE id = ?', params: [id] },
  ]
  return { statements: [hide, ...drop], requests: Number(part.requests), more: true }
}

async function planDeletion(driver: Driver, key: number, limit: number) {
  const [oldest] = await driver.all(
    `SELECT max(key) AS last, count(*) AS size FROM
      (SELECT key FROM search WHERE key < ? ORDER BY key LIMIT ?) AS oldest`,
    [key, limit],
  )
  const requests = Number(oldest?.size)
  if (requests === 0) return { statements: [], requests, more: false }
  const remove = { sql: 'DELETE FROM search WHERE key <= ?', params: [Number(oldest?.last)] }
  return { statements: [remove], requests, more: requests === limit }
}
