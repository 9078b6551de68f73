/** The list of requests. Runs on the reader's thread. */

import type { AdminRequestList } from '../../http/admin/contract.ts'
import { createDeadline } from '../engine/deadline.ts'
import type { SqlRow } from '../engine/driver.ts'
import { timeOf } from '../engine/keys.ts'
import { toConditions } from './list-conditions.ts'
import { readWindows } from './list-window.ts'
import { formatCursor, type ListInput } from './query-input.ts'
import type { ReadContext } from './reads.ts'
import { listColumns, toRequestRow } from './request-rows.ts'
import { type KeyRange, listSlices, readSlice, type Slice, wholeIndex } from './search-parts.ts'

/**
 * One page, newest first. Where no index holds the answer, rows are looked at in windows; when patience ends, the
 * page is short (perhaps empty), says how far was looked, and its cursor goes on from there.
 */
export async function listRequests(context: ReadContext, input: ListInput): Promise<AdminRequestList> {
  const { limit, place } = input
  const found = await findRows(context, input)
  const isFull = found.rows.length > limit
  const rows = found.rows.slice(0, limit)
  const last = rows.at(-1)
  // Where the next page in the direction of this one begins; null when there is none.
  const onward = isFull && last !== undefined ? Number(last.key) : found.reached
  const searchedTo = isFull || onward === null ? null : new Date(timeOf(onward)).toISOString()
  if (place?.side === 'after') {
    return {
      data: rows.reverse().map(toRequestRow),
      next: formatCursor(Number(rows.at(-1)?.key ?? place.key + 1)),
      previous: onward === null ? null : formatCursor(onward),
      searched_to: searchedTo,
    }
  }
  return {
    data: rows.map(toRequestRow),
    next: onward === null ? null : formatCursor(onward),
    previous: place === null ? null : formatCursor(Number(rows[0]?.key ?? place.key - 1)),
    searched_to: searchedTo,
  }
}

interface Found {
  /** In the direction of the look; one more than asked for when there are more. */
  rows: SqlRow[]
  /** The key to which all was seen; null when nothing is left. */
  reached: number | null
}

async function findRows(
  { driver }: ReadContext,
  { limit, place, filter, patience }: ListInput,
): Promise<Found> {
  const deadline = createDeadline(patience)
  const isAfter = place?.side === 'after'
  const order = isAfter ? 'ASC' : 'DESC'
  const range: KeyRange = {
    from: isAfter ? Math.max(filter.from, place.key + 1) : filter.from,
    below: place?.side === 'before' ? Math.min(filter.below, place.key) : filter.below,
  }
  const rows: SqlRow[] = []
  const read = async ({ table, from, below }: Slice): Promise<number | null> => {
    const conditions = toConditions(driver.dialect, filter, table)
    const windows = await readWindows({
      driver,
      conditions,
      columns: listColumns,
      order,
      from,
      below,
      deadline,
    })
    while (windows.reached() !== null && rows.length <= limit) {
      rows.push(...(await windows.next(limit + 1 - rows.length)))
      if (deadline.passed()) break
    }
    return windows.reached()
  }
  const slices: Slice[] =
    filter.terms.length > 0
      ? await listSlices({ driver, range, order })
      : [{ ...range, table: wholeIndex, reached: null }]
  for (const slice of slices) {
    const reached = await readSlice(driver, slice, () => read(slice))
    if (reached !== null) return { rows, reached }
    if (rows.length > limit || deadline.passed()) return { rows, reached: slice.reached }
  }
  return { rows, reached: null }
}
