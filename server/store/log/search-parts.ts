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

/** Where a search of the range has to look, in that order. */
export async function listSlices({ driver, range, order }: SliceOptions): Promise<Slice[]> {
  const found =
    driver.dialect === 'sqlite' ? await readParts(driver, range) : await cutWhole(driver, range, order)
  const inRange = found.filter(({ from, below }) => from < below)
  inRange.sort((one, other) => (order === 'DESC' ? other.from - one.from : one.from - other.from))
  return inRange.map((slice, index) => {
    const reached = order === 'DESC' ? slice.from : slice.below - 1
    return { ...slice, reached: index === inRange.length - 1 ? null : reached }
  })
}

type Cut = Omit<Slice, 'reached'>

async function readParts(driver: Driver, range: KeyRange): Promise<Cut[]> {
  const parts = await driver.all('SELECT id, first_key, kept_from FROM search_parts ORDER BY first_key')
  return parts.map((part, index) => ({
    table: tableOfPart(Number(part.id)),
    from: Math.max(range.from, Number(part.first_key), Number(part.kept_from)),
    below: Math.min(range.below, Number(parts[index + 1]?.first_key ?? range.below)),
  }))
}

/** Requests, more or less, that a search of one table looks at first, and how many times more each time after that. */
const firstCut = 2000
const cutGrowth = 4

/**
 * One index of words for everything does not have them in the order of the list, so all that match are found before the
 * newest of them are known. What most requests have is found in the first few; what few have costs no more in larger ones.
 */
async function cutWhole(driver: Driver, range: KeyRange, order: 'ASC' | 'DESC'): Promise<Cut[]> {
  const [whole] = await driver.all(
    `SELECT min(key) AS first, max(key) AS last, (SELECT CAST(greatest(reltuples, pg_stat_get_live_tuples(oid)) AS BIGINT)
      FROM pg_class WHERE oid = CAST('${wholeIndex}' AS regclass)) AS requests FROM ${wholeIndex}`,
  )
  const [first, last] = [Number(whole?.first), Number(whole?.last)]
  const keysOf = (requests: number) =>
    Math.ceil(((last - first + 1) * requests) / Math.max(1, Number(whole?.requests)))
  const [from, below] = [Math.max(range.from, first), Math.min(range.below, last + 1)]
  const ends: number[] = []
  for (let size = firstCut, reach = size; keysOf(reach) < below - from; size *= cutGrowth, reach += size)
    ends.push(order === 'DESC' ? below - keysOf(reach) : from + keysOf(reach))
  const bounds = [range.from, ...ends.sort((one, other) => one - other), range.below]
  return bounds
    .slice(1)
    .map((bound, index) => ({ table: wholeIndex, from: bounds[index] as number, below: bound }))
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
