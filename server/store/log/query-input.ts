/** Checks what an admin asked for, before it goes to the reader. Everything refused names its parameter. */

import { GatewayError } from '../../errors.ts'
import type { AdminOverviewQuery, AdminRequestsQuery } from '../../http/admin-contract.ts'

/** Members of the list's filters; all are exact and joined by "and". */
export interface RequestFilter {
  model: string | null
  project: string | null
  provider: string | null
  status: string | null
}

export interface ListInput {
  limit: number
  /** Rows with a smaller key; null for the newest. */
  beforeKey: number | null
  filter: RequestFilter
}

export interface OverviewInput {
  /** Unix milliseconds; `to` is not included. */
  from: number
  to: number
  filter: Omit<RequestFilter, 'status'>
}

const defaultLimit = 50
const maximumLimit = 500
const hour = 3_600_000
/** Ten years: more than any log keeps, and a bound for the number of buckets' arithmetic. */
const maximumRange = 10 * 366 * 24 * hour

export function checkListQuery(query: AdminRequestsQuery): ListInput {
  const limit = query.limit ?? defaultLimit
  if (!Number.isInteger(limit) || limit < 1 || limit > maximumLimit) {
    throw refused('limit', `"limit" must be a whole number from 1 to ${maximumLimit}, not ${String(limit)}.`)
  }
  return {
    limit,
    beforeKey: query.before === undefined || query.before === '' ? null : parseCursor(query.before),
    filter: { ...commonFilter(query), status: query.status?.[0] ?? null },
  }
}

/** `now`: Unix milliseconds. */
export function checkOverviewQuery(query: AdminOverviewQuery, now: number): OverviewInput {
  const to = query.to ? parseTime('to', query.to) : now
  const from = query.from ? parseTime('from', query.from) : to - hour
  if (from >= to) throw refused('from', '"from" must be before "to".')
  if (to - from > maximumRange)
    throw refused('from', 'The time from "from" to "to" must be at most ten years.')
  return { from, to, filter: commonFilter(query) }
}

function commonFilter(query: { model?: string; project?: string; provider?: string }) {
  return { model: query.model || null, project: query.project || null, provider: query.provider || null }
}

/** A cursor is the key of the last row seen; opaque to callers. */
export function formatCursor(key: number): string {
  return `k${key.toString(36)}`
}

export function parseCursor(cursor: string): number {
  const key = /^k[0-9a-z]{1,11}$/.test(cursor) ? Number.parseInt(cursor.slice(1), 36) : Number.NaN
  if (Number.isSafeInteger(key)) return key
  throw refused('before', '"before" must be the "next" of an earlier page, unchanged.')
}

/** ISO 8601 or Unix seconds. */
function parseTime(param: string, value: string): number {
  const time = /^\d+(\.\d+)?$/.test(value) ? Number(value) * 1000 : isoTime(value)
  // The range of dates that ISO 8601 writes with four digits.
  if (Number.isFinite(time) && time >= 0 && time < 253_402_300_800_000) return Math.floor(time)
  throw refused(
    param,
    `"${param}" must be ISO 8601, like 2026-01-31T12:00:00Z, or Unix seconds, not "${value.slice(0, 64)}".`,
  )
}

function isoTime(value: string): number {
  return /^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/.test(value)
    ? Date.parse(value)
    : Number.NaN
}

function refused(param: string, message: string): GatewayError {
  return new GatewayError('invalid_request', message, { param })
}
