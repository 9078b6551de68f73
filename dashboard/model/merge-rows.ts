/** How a live list takes in a fresh first page. */

import type { AdminRequestList, AdminRequestRow } from '../../server/http/admin/contract.ts'

/** What of a page is looked at. */
export type RowPage = Pick<AdminRequestList, 'data' | 'next'>

export interface RowList {
  rows: AdminRequestRow[]
  /** Cursor of the page after the last row; null at the end. */
  next: string | null
}

/** More rows than this are not kept: the list starts again from the newest page. */
const maxRows = 2000

/**
 * The list with `fresh`, the newest page, put in front. Rows that `fresh` covers and does not hold have left the
 * filter and go; older ones, which the reader has paged to, stay. When `fresh` does not reach down to the old rows
 * there is a gap of unknown size, and the list starts again from `fresh`.
 */
export function mergeRows(current: RowList, fresh: RowPage): RowList {
  const last = fresh.data[fresh.data.length - 1]
  if (!last || fresh.next === null) return { rows: fresh.data, next: null }
  const position = current.rows.findIndex((row) => row.id === last.id)
  if (position === -1 || current.rows.length > maxRows) return { rows: fresh.data, next: fresh.next }
  const older = current.rows.slice(position + 1)
  if (older.length === 0) return { rows: fresh.data, next: fresh.next }
  return { rows: [...fresh.data, ...older], next: current.next }
}

/** Only what changed in the rows already shown (a request that has ended); nothing moves. */
export function refreshRows(current: RowList, fresh: RowPage): RowList {
  const byId = new Map(fresh.data.map((row) => [row.id, row]))
  return { rows: current.rows.map((row) => byId.get(row.id) ?? row), next: current.next }
}

/** Rows of the newest page that stand above the first row shown. */
export function countNewRows(current: RowList, fresh: RowPage): number {
  const known = new Set(current.rows.map((row) => row.id))
  const firstKnown = fresh.data.findIndex((row) => known.has(row.id))
  return firstKnown === -1 ? fresh.data.length : firstKnown
}

/** Older rows below; a row that a shifting page repeats is kept once. */
export function appendRows(current: RowList, older: RowPage): RowList {
  const known = new Set(current.rows.map((row) => row.id))
  return { rows: [...current.rows, ...older.data.filter((row) => !known.has(row.id))], next: older.next }
}
