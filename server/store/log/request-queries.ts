/** One request, by any id that names it. Runs on the reader's thread. */

import type { AdminAttempt, AdminBody, AdminMessage, AdminRequest } from '../../http/admin/contract.ts'
import type { Driver, SqlRow } from '../engine/driver.ts'
import { decodeDocument, type StoredDocument } from './document-codec.ts'
import type { ReadContext } from './reads.ts'
import type { AttemptRecord, BodyKind } from './records.ts'
import { listColumns, toCost, toMilliseconds, toRequestRow, toText } from './request-rows.ts'

/** Requests that one id may name in an answer. */
const mostMatches = 100

type MatchedBy = AdminRequest['matched_by']

/** The ids that are columns, in the order in which they are tried. */
const ownIds: [column: string, MatchedBy][] = [
  ['id', 'request'],
  ['response_id', 'response'],
  ['client_request_id', 'client_request'],
]

/**
 * By the request's own id, its response's, the client's own request id, an id that a provider gave its response, an output
 * item's, a trace's, or that of an item that is kept for the client. Null when there is none. When an id stands in several
 * requests, the newest, with all of them as `matches`.
 */
export async function getRequest({ driver }: ReadContext, id: string): Promise<AdminRequest | null> {
  const found = await findRows(driver, id)
  const row = found?.rows[0]
  if (found === null || row === undefined) return null
  const document = await readDocument(driver, row)
  return {
    ...toRequestRow(row),
    client_request_id: toText(row.client_request_id),
    ...describeDocument(row, document),
    cost: toCost(row),
    matched_by: found.by,
    matches: found.rows.length < 2 ? [] : found.rows.map(toRequestRow),
  }
}

async function findRows(driver: Driver, id: string): Promise<{ rows: SqlRow[]; by: MatchedBy } | null> {
  for (const [column, by] of ownIds) {
    const rows = await selectRows(driver, `requests.${column} = ?`, id)
    if (rows.length > 0) return { rows, by }
  }
  const known = await selectRows(driver, 'requests.key IN (SELECT key FROM request_ids WHERE id = ?)', id)
  if (known.length > 0) return { rows: known, by: 'upstream_response_or_item' }
  const traced = await selectRows(driver, 'requests.trace_id = ?', id)
  if (traced.length > 0) return { rows: traced, by: 'trace' }
  const holder = await findHolder(driver, id)
  const holding = holder === null ? [] : await selectRows(driver, 'requests.response_id = ?', holder)
  return holding.length === 0 ? null : { rows: holding, by: 'stored_item' }
}

function selectRows(driver: Driver, where: string, id: string): Promise<SqlRow[]> {
  const columns = [...listColumns, 'client_request_id', 'cost_detail', 'block', 'block_offset']
  return driver.all(
    `SELECT ${columns.join(', ')} FROM requests WHERE ${where} ORDER BY key DESC LIMIT ${mostMatches}`,
    [id],
  )
}

/** The response that holds a kept item. Items stand under their projects, so each project is asked. */
async function findHolder(driver: Driver, id: string): Promise<string | null> {
  let project = ''
  for (;;) {
    const [next] = await driver.all('SELECT min(project) AS project FROM items WHERE project > ?', [project])
    if (typeof next?.project !== 'string') return null
    project = next.project
    const [item] = await driver.all('SELECT holder FROM items WHERE project = ? AND id = ?', [project, id])
    if (typeof item?.holder === 'string') return item.holder
  }
}

type Described = Omit<
  AdminRequest,
  keyof ReturnType<typeof toRequestRow> | 'client_request_id' | 'cost' | 'matched_by' | 'matches'
>

function describeDocument(row: SqlRow, document: StoredDocument | null): Described {
  const attempts = document?.attempts ?? []
  const answered = attempts.findLast((attempt) => attempt.error === null) ?? attempts.at(-1)
  const message = (kind: BodyKind, attempt: number) => findMessage(document, kind, attempt)
  return {
    bodies_absent: whyAbsent(row, document),
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

/** Null while the request runs, and when there are bodies. */
function whyAbsent(row: SqlRow, document: StoredDocument | null): AdminBody['absent'] {
  if (typeof row.block !== 'number') return null
  if (document === null) return 'expired'
  if (document.messages.some(({ text }) => text !== null)) return null
  return document.dropped === true ? 'dropped' : 'not_kept'
}

const emptyMessage: AdminMessage = {
  headers: {},
  body: { text: null, bytes: 0, truncated: false, absent: 'not_kept' },
}

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
  const absent = text !== null ? null : document?.dropped === true ? 'dropped' : 'not_kept'
  return { headers: { ...headers }, body: { text, bytes, truncated, absent } }
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
