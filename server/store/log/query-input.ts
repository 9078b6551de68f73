/** From what an admin asked, whose shape is checked, to what the reader looks for. Everything refused names its parameter. */

import { GatewayError } from '../../errors.ts'
import type { AdminExportQuery, AdminRequestsQuery, AdminTailQuery } from '../../http/admin/contract.ts'
import { keyAt } from '../engine/keys.ts'
import { parseSearch, type SearchTerm } from './search-query.ts'
import { formatTag } from './tags.ts'

/** Columns that are compared as a whole. */
export type WordColumn =
  | 'project'
  | 'key_name'
  | 'model'
  | 'provider'
  | 'upstream_model'
  | 'error_code'
  | 'error_origin'
  | 'operation'
  | 'user_id'
  | 'conversation_id'

export type NumberColumn =
  | 'total_tokens'
  | 'input_tokens'
  | 'output_tokens'
  | 'cost_nano'
  | 'latency_us'
  | 'ttft_us'

export interface NumberRange {
  column: NumberColumn
  /** Both included. A row without the number never matches. */
  min: number | null
  max: number | null
}

/** Joined by "and". */
export interface RequestFilter {
  /** Keys; `below` is not included. */
  from: number
  below: number
  words: [WordColumn, string][]
  flags: ['stream' | 'background', boolean][]
  /** Any of them; `error` stands for every row with an error. Empty: all. */
  statuses: string[]
  numbers: NumberRange[]
  /** As `request_tags` has them. */
  tags: string[]
  session: string | null
  unpriced: boolean | null
  /** Empty: no search. */
  terms: SearchTerm[]
}

export interface ListInput {
  limit: number
  /** Rows on this side of the key; null for the newest. */
  place: { key: number; side: 'before' | 'after' } | null
  filter: RequestFilter
  /** Milliseconds after which the page is given as far as it is. */
  patience: number
}

const defaultLimit = 50

/** Throws GatewayError `invalid_request`. */
export function checkListQuery(query: AdminRequestsQuery, patience: number): ListInput {
  const { limit = defaultLimit, before, after } = query
  if (before !== undefined && after !== undefined)
    throw refused('after', 'Give "before" for older rows or "after" for newer ones, not both.')
  const side = after === undefined ? ('before' as const) : ('after' as const)
  const cursor = after ?? before
  const place = cursor === undefined ? null : { key: parseCursor(side, cursor), side }
  return { limit, place, filter: checkFilter(query), patience } as const
}

const wordParameters = {
  project: 'project',
  key: 'key_name',
  model: 'model',
  provider: 'provider',
  upstream_model: 'upstream_model',
  error_code: 'error_code',
  error_origin: 'error_origin',
  operation: 'operation',
  user: 'user_id',
  conversation: 'conversation_id',
} as const satisfies Partial<Record<keyof AdminTailQuery, WordColumn>>

/** `named`: the parameter that was given. Throws GatewayError `invalid_request`. */
export function checkOrder({ from, to }: { from: number; to: number }, named: 'from' | 'to'): void {
  if (from >= to) throw refused(named, '"from" must be before "to", and "to" after 1970.')
}

/** Throws GatewayError `invalid_request`. */
export function checkFilter(query: AdminTailQuery & Pick<AdminExportQuery, 'q'>): RequestFilter {
  const { from, to, status = [], metadata = {}, session = null, unpriced = null, q } = query
  const first = from === undefined ? 0 : parseTime('from', from)
  const end = to === undefined ? null : parseTime('to', to)
  if (end !== null) checkOrder({ from: first, to: end }, from === undefined ? 'to' : 'from')
  const words = Object.entries(wordParameters).flatMap(([name, column]): [WordColumn, string][] => {
    const value = query[name as keyof typeof wordParameters]
    return value === undefined ? [] : [[column, value]]
  })
  const flags = (['stream', 'background'] as const).flatMap((name): RequestFilter['flags'] => {
    const value = query[name]
    return value === undefined ? [] : [[name, value]]
  })
  return {
    from: keyAt(first),
    below: end === null ? Number.MAX_SAFE_INTEGER : keyAt(end),
    words,
    flags,
    statuses: [...new Set(status)],
    numbers: checkNumbers(query),
    tags: Object.entries(metadata).map(([name, value]) => formatTag(name, value)),
    session,
    unpriced,
    terms: q === undefined ? [] : parseSearch(q, 'q'),
  }
}

function checkNumbers(query: AdminTailQuery): NumberRange[] {
  const micro = (value: number | undefined) => (value === undefined ? null : Math.round(value * 1000))
  const ranges: [string, NumberRange][] = [
    [
      'total_tokens',
      { column: 'total_tokens', min: query.min_total_tokens ?? null, max: query.max_total_tokens ?? null },
    ],
    [
      'input_tokens',
      { column: 'input_tokens', min: query.min_input_tokens ?? null, max: query.max_input_tokens ?? null },
    ],
    [
      'output_tokens',
      { column: 'output_tokens', min: query.min_output_tokens ?? null, max: query.max_output_tokens ?? null },
    ],
    [
      'cost_usd',
      { column: 'cost_nano', min: parseDollars(query.min_cost_usd), max: parseDollars(query.max_cost_usd) },
    ],
    [
      'latency_ms',
      { column: 'latency_us', min: micro(query.min_latency_ms), max: micro(query.max_latency_ms) },
    ],
    ['ttft_ms', { column: 'ttft_us', min: micro(query.min_ttft_ms), max: micro(query.max_ttft_ms) }],
  ]
  for (const [name, { min, max }] of ranges) {
    if (min !== null && max !== null && min > max)
      throw refused(`min_${name}`, `"min_${name}" must not be above "max_${name}".`)
  }
  return ranges.map(([, range]) => range).filter(({ min, max }) => min !== null || max !== null)
}

/** Nano-dollars. */
function parseDollars(text: string | undefined): number | null {
  if (text === undefined) return null
  const [whole = '', fraction = ''] = text.split('.')
  return Number(`${whole}${fraction.padEnd(9, '0')}`)
}

/** A cursor is the key of the last row seen; opaque to callers. */
export function formatCursor(key: number): string {
  return `k${key.toString(36)}`
}

export function parseCursor(param: string, cursor: string): number {
  const key = /^k[0-9a-z]{1,11}$/.test(cursor) ? Number.parseInt(cursor.slice(1), 36) : Number.NaN
  if (Number.isSafeInteger(key)) return key
  throw refused(param, `"${param}" must be the "next" or "previous" of an earlier page, unchanged.`)
}

const isoTime = /^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/

/** ISO 8601 or Unix seconds, as Unix milliseconds. Throws GatewayError `invalid_request`. */
export function parseTime(param: string, value: string): number {
  const seconds = /^\d+(\.\d+)?$/.test(value)
  const time = seconds ? Number(value) * 1000 : isoTime.test(value) ? Date.parse(value) : Number.NaN
  // The range of dates that ISO 8601 writes with four digits.
  if (time >= 0 && time < 253_402_300_800_000) return Math.floor(time)
  throw refused(
    param,
    `"${param}" must be ISO 8601, like 2026-01-31T12:00:00Z, or Unix seconds, not "${value.slice(0, 64)}".`,
  )
}

function refused(param: string, message: string): GatewayError {
  return new GatewayError('invalid_request', message, { param })
}
