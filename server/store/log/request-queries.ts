/** The list of requests and one request. Runs on the reader's thread. */

import type { AdminAttempt, AdminMessage, AdminRequest, AdminRequestList } from '../../http/admin-contract.ts'
import type { Driver, SqlRow, SqlValue } from '../engine/driver.ts'
import { decodeDocument, type StoredDocument } from './document-codec.ts'
import { formatCursor, type ListInput, type RequestFilter } from './query-input.ts'
import type { ReadContext } from './reads.ts'
import type { AttemptRecord, BodyKind } from './records.ts'
import { listColumns, toMilliseconds, toRequestRow } from './request-rows.ts'

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
  { driver, deadline }: ReadContext,
  input: ListInput,
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
export async function getRequest({ driver }: ReadContext, id: string): Promise<AdminRequest | null> {
  const columns = [...listColumns, 'block', 'block_offset'].join(', ')
  const find = async (column: string) => {
    const sql = `SELECT ${columns} FROM requests WHERE ${column} = ? ORDER BY key DESC LIMIT 1`
    return (await driver.all(sql, [id]))[0]
  }
  let row: SqlRow | undefined
  for (const column of ['id', 'response_id', 'client_request_id']) row ??= await find(column)
  if (row === undefined) return null
  const document = await readDocument(driver, row)
  const attempts = document?.attempts ?? []
  const answered = attempts.findLast((attempt) => attempt.error === null) ?? attempts.at(-1)
  const message = (kind: BodyKind, attempt: number) => findMessage(document, kind, attempt)
  return {
    ...toRequestRow(row),
    user_agent: document?.user_agent ?? null,
    client_address: document?.client_address ?? null,
    client_request: message('client_request', 0),
    upstream_request: message('upstream_request', answered?.attempt ?? 0),
    upstream_response: message('upstream_response', answered?.attempt ?? 0),
    client_response: message('client_response', 0),
    attempt_list: attempts.map((attempt) => ({
      ...toAttempt(attempt),
      request: message('upstream_request', attempt.attempt) ?? emptyMessage,
      response: message('upstream_response', attempt.attempt) ?? emptyMessage,
    })),
  }
}

const emptyMessage: AdminMessage = { headers: {}, body: { text: null, bytes: 0, truncated: false } }

async function readDocument(driver: Driver, row: SqlRow): Promise<StoredDocument | null> {
  if (typeof row.block !== 'number') return null
  const [block] = await driver.all('SELECT encoding, content FROM blocks WHERE id = ?', [row.block])
  if (!(block?.content instanceof Uint8Array)) return null
  return decodeDocument(String(block.encoding), block.content, Number(row.block_offset))
}

function findMessage(document: StoredDocument | null, kind: BodyKind, attempt: number): AdminMessage | null {
  const found = document?.messages.find((message) => message.kind === kind && message.attempt === attempt)
  if (found === undefined) return null
  const { headers, text, bytes, truncated } = found
  return { headers: { ...headers }, body: { text, bytes, truncated } }
}

function toAttempt(attempt: AttemptRecord): Omit<AdminAttempt, 'request' | 'response'> {
  return {
    index: attempt.attempt,
    provider: attempt.provider,
    variant: attempt.variant,
    upstream_model: attempt.upstream_model,
    url: attempt.url,
    http_status: attempt.http_status,
    started_ms: attempt.started_us / 1000,
    ttfb_ms: toMilliseconds(attempt.ttfb_us),
    ttft_ms: toMilliseconds(attempt.ttft_us),
    duration_ms: toMilliseconds(attempt.duration_us),
    upstream_response_id: attempt.upstream_response_id,
    upstream_reported_model: attempt.upstream_reported_model,
    error: attempt.error,
    adaptations: attempt.adaptations,
  }
}
