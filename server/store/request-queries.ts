/** The list of requests and one request. Runs on the reader's thread. */

import type { AdminAttempt, AdminMessage, AdminRequest, AdminRequestList } from '../http/admin-contract.ts'
import { decodeMessages } from './body-codec.ts'
import type { Deadline } from './deadline.ts'
import type { Driver, SqlRow, SqlValue } from './driver.ts'
import { formatCursor, type ListInput, type RequestFilter } from './query-input.ts'
import type { BodyKind } from './records.ts'
import {
  listColumns,
  toAdaptations,
  toError,
  toMilliseconds,
  toNumber,
  toRequestRow,
  toText,
} from './request-rows.ts'

/** Rows looked at in one statement when several filters meet: some 10 ms. */
const windowRows = 5000

interface Condition {
  /** Over the columns of `requests`. */
  sql: string
  params: SqlValue[]
}

/**
 * One page, newest first. With two or more filters no index holds the answer, so rows are looked at in windows; when
 * the deadline passes, the page is short (perhaps empty) and `next` goes on from where the look ended.
 */
export async function listRequests(
  driver: Driver,
  input: ListInput,
  deadline: Deadline,
): Promise<AdminRequestList> {
  const conditions = toConditions(input.filter)
  const found: SqlRow[] = []
  let before = input.beforeKey ?? Number.MAX_SAFE_INTEGER
  while (found.length <= input.limit) {
    const missing = input.limit + 1 - found.length
    const window = await readWindow(driver, conditions, before, missing)
    found.push(...window.rows)
    if (found.length > input.limit) break
    if (window.lowestKey === null) return { data: found.map(toRequestRow), next: null }
    before = window.lowestKey
    if (deadline.passed()) return { data: found.map(toRequestRow), next: formatCursor(before) }
  }
  const page = found.slice(0, input.limit)
  return { data: page.map(toRequestRow), next: formatCursor(Number(page.at(-1)?.key)) }
}

function toConditions(filter: RequestFilter): Condition[] {
  const conditions: Condition[] = []
  for (const column of ['model', 'project', 'provider'] as const) {
    const value = filter[column]
    if (value !== null) conditions.push({ sql: `${column} = ?`, params: [value] })
  }
  if (filter.status === 'error') conditions.push({ sql: 'error_code IS NOT NULL', params: [] })
  else if (filter.status !== null) conditions.push({ sql: 'status = ?', params: [filter.status] })
  return conditions
}

interface Window {
  rows: SqlRow[]
  /** Every matching row above it has been seen; null when nothing is left below. */
  lowestKey: number | null
}

async function readWindow(
  driver: Driver,
  conditions: Condition[],
  before: number,
  limit: number,
): Promise<Window> {
  if (conditions.length < 2) {
    const where = ['key < ?', ...conditions.map(({ sql }) => sql)].join(' AND ')
    const rows = await driver.all(
      `SELECT ${listColumns.join(', ')} FROM requests WHERE ${where} ORDER BY key DESC LIMIT ?`,
      [before, ...conditions.flatMap(({ params }) => params), limit],
    )
    return { rows, lowestKey: rows.length < limit ? null : Number(rows.at(-1)?.key) }
  }
  const { driving, lowestKey } = await chooseDriving(driver, conditions, before)
  const others = conditions.filter((condition) => condition !== driving)
  // CROSS JOIN holds SQLite to this order: the window first, by its index alone, then its rows.
  const rows = await driver.all(
    `SELECT ${listColumns.map((column) => `requests.${column}`).join(', ')}
      FROM (SELECT key AS candidate FROM requests WHERE ${driving.sql} AND key < ? ORDER BY key DESC LIMIT ?)
      CROSS JOIN requests WHERE requests.key = candidate AND ${others.map(({ sql }) => sql).join(' AND ')}
      ORDER BY candidate DESC LIMIT ?`,
    [...driving.params, before, windowRows, ...others.flatMap(({ params }) => params), limit],
  )
  return { rows, lowestKey }
}

/** The filter whose next window reaches furthest back, which makes it the rarest here. */
async function chooseDriving(driver: Driver, conditions: Condition[], before: number) {
  let best: { driving: Condition; lowestKey: number | null } | null = null
  for (const condition of conditions) {
    const [row] = await driver.all(
      `SELECT count(*) AS size, min(key) AS lowest FROM
        (SELECT key FROM requests WHERE ${condition.sql} AND key < ? ORDER BY key DESC LIMIT ?) AS candidates`,
      [...condition.params, before, windowRows],
    )
    if (Number(row?.size) < windowRows) return { driving: condition, lowestKey: null }
    const lowestKey = Number(row?.lowest)
    if (best === null || lowestKey < (best.lowestKey ?? 0)) best = { driving: condition, lowestKey }
  }
  if (best === null) throw new Error('There is no filter to drive the list.')
  return best
}

/**
 * One request, whole, by its own id, its response's, or the client's own request id; the newest when the client used that
 * more than once. Null when there is none.
 */
export async function getRequest(driver: Driver, id: string): Promise<AdminRequest | null> {
  const columns = [...listColumns, 'user_agent', 'client_address'].join(', ')
  const find = async (column: string) => {
    const sql = `SELECT ${columns} FROM requests WHERE ${column} = ? ORDER BY key DESC LIMIT 1`
    return (await driver.all(sql, [id]))[0]
  }
  let row: SqlRow | undefined
  for (const column of ['id', 'response_id', 'client_request_id']) row ??= await find(column)
  if (row === undefined) return null
  const key = row.key ?? null
  const messages = await readMessages(driver, key)
  const attempts = await driver.all('SELECT * FROM attempts WHERE request_key = ? ORDER BY attempt', [key])
  const answered = attempts.findLast((attempt) => attempt.error_code === null) ?? attempts.at(-1)
  const answeredIndex = toNumber(answered?.attempt) ?? 0
  return {
    ...toRequestRow(row),
    user_agent: toText(row.user_agent),
    client_address: toText(row.client_address),
    client_request: messages.get('client_request', 0),
    upstream_request: messages.get('upstream_request', answeredIndex),
    upstream_response: messages.get('upstream_response', answeredIndex),
    client_response: messages.get('client_response', 0),
    attempt_list: attempts.map((attempt) => toAttempt(attempt, messages)),
  }
}

interface Messages {
  get(kind: BodyKind, attempt: number): AdminMessage | null
}

const emptyMessage: AdminMessage = { headers: {}, body: { text: null, bytes: 0, truncated: false } }

async function readMessages(driver: Driver, key: SqlValue): Promise<Messages> {
  const [row] = await driver.all('SELECT encoding, content FROM bodies WHERE request_key = ?', [key])
  const stored = row?.content instanceof Uint8Array ? decodeMessages(String(row.encoding), row.content) : []
  return {
    get(kind, attempt) {
      const found = stored.find((message) => message.kind === kind && message.attempt === attempt)
      if (found === undefined) return null
      const { headers, text, bytes, truncated } = found
      return { headers, body: { text, bytes, truncated } }
    },
  }
}

function toAttempt(row: SqlRow, messages: Messages): AdminAttempt {
  const index = toNumber(row.attempt) ?? 0
  return {
    index,
    provider: String(row.provider),
    variant: String(row.variant),
    upstream_model: String(row.upstream_model),
    url: String(row.url),
    http_status: toNumber(row.http_status),
    started_ms: toMilliseconds(row.started_us) ?? 0,
    ttfb_ms: toMilliseconds(row.ttfb_us),
    ttft_ms: toMilliseconds(row.ttft_us),
    duration_ms: toMilliseconds(row.duration_us),
    upstream_response_id: toText(row.upstream_response_id),
    upstream_reported_model: toText(row.upstream_reported_model),
    error: toError(row),
    adaptations: toAdaptations(row.adaptations),
    request: messages.get('upstream_request', index) ?? emptyMessage,
    response: messages.get('upstream_response', index) ?? emptyMessage,
  }
}
