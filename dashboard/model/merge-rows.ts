/** How a live list takes in fresh rows. */

import type { AdminRequestRow } from '../../server/http/admin/contract.ts'

export interface RowList {
  /** Newest first. */
  rows: AdminRequestRow[]
  /** Cursor of the page after the last row; null at the end. */
  next: string | null
  /** Cursor of the page before the first row; null where the list begins with the newest. */
  previous: string | null
  /** How far back was looked when the last page was cut short; else null. */
  searchedTo: string | null
}

/** More rows than this are not kept: the list starts again from the newest page. */
export const maxRows = 500

/**
 * The list with `fresh`, the newest page, put in front. Rows that `fresh` covers and does not hold have left the
 * filter and go; older ones, which the reader has paged to, stay. When `fresh` does not reach down to the old rows
 * there is a gap of unknown size, and the list starts again from `fresh`.
 */
export function mergeRows(current: RowList, fresh: RowList): RowList {
  const last = fresh.rows[fresh.rows.length - 1]
  if (!last || fresh.next === null) return fresh
  const position = current.rows.findIndex((row) => row.id === last.id)
  if (position === -1 || current.rows.length > maxRows + fresh.rows.length) return fresh
  const older = current.rows.slice(position + 1)
  if (older.length === 0) return fresh
  return { ...current, rows: [...fresh.rows, ...older], previous: fresh.previous }
}

/** Only what changed in the rows already shown (a request that has ended); nothing moves. */
export function refreshRows(current: RowList, fresh: RowList): RowList {
  const byId = new Map(fresh.rows.map((row) => [row.id, row]))
  return { ...current, rows: current.rows.map((row) => byId.get(row.id) ?? row) }
}

/** Rows of the newest page that stand above the first row shown. */
export function countNewRows(current: RowList, fresh: RowList): number {
  const known = new Set(current.rows.map((row) => row.id))
  const firstKnown = fresh.rows.findIndex((row) => known.has(row.id))
  return firstKnown === -1 ? fresh.rows.length : firstKnown
}

/** The list with one row that has come or changed, in its place by time. */
export function putRow(current: RowList, row: AdminRequestRow): RowList {
  const position = current.rows.findIndex(({ id }) => id === row.id)
  if (position !== -1) return { ...current, rows: current.rows.with(position, row) }
  const later = current.rows.findIndex(({ created_at }) => created_at <= row.created_at)
  // Older than all that is shown: it is on a later page.
  if (later === -1 && current.next !== null) return current
  return { ...current, rows: current.rows.toSpliced(later === -1 ? current.rows.length : later, 0, row) }
}

/** Older rows below; a row that a shifting page repeats is kept once. */
export function appendRows(current: RowList, older: RowList): RowList {
  const rows = [...current.rows, ...leaveOut(older.rows, current.rows)]
  return { ...current, rows, next: older.next, searchedTo: older.searchedTo }
}

/** Newer rows above. */
export function prependRows(current: RowList, newer: RowList): RowList {
  const rows = [...leaveOut(newer.rows, current.rows), ...current.rows]
  return { ...current, rows, previous: newer.previous }
}

function leaveOut(rows: AdminRequestRow[], known: AdminRequestRow[]): AdminRequestRow[] {
  const ids = new Set(known.map((row) => row.id))
  return rows.filter((row) => !ids.has(row.id))
}
