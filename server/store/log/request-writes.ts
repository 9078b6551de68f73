/** The statements that write requests. Runs on the writer's thread, where text is redacted and documents are compressed. */

import type { Dialect, SqlValue, Statement } from '../engine/driver.ts'
import {
  BlockBuilder,
  blockEncoding,
  type CleanDocument,
  cleanDocument,
  encodeDocument,
} from './document-codec.ts'
import { insertMany } from './many-rows.ts'
import { MediaStore } from './media-store.ts'
import type { PackedRecord } from './record-batch.ts'
import { type BatchValue, type HandedOver, type RecordFilter, requestColumns } from './records.ts'
import { endLeftovers, leftoverStatements } from './rollup-leftovers.ts'
import { shortestAbsence } from './rollup-returned.ts'
import { type CountedRow, hasEnded } from './rollup-row.ts'
import { rollupStatements, toCountedRow } from './rollup-writes.ts'
import { collectText } from './search-text.ts'
import { type Findings, indexRequests, type SearchText } from './search-writes.ts'

const columns = ['key', ...requestColumns, 'block', 'block_offset'] as const

/** The end of a request that has a row already replaces all of it. */
const replaced = `ON CONFLICT (key) DO UPDATE SET ${columns
  .slice(1)
  .map((column) => `${column} = excluded.${column}`)
  .join(', ')}`
const upsertRequest = `INSERT INTO requests (${columns.join(', ')}) VALUES (?${', ?'.repeat(columns.length - 1)}) ${replaced}`

/** One that has ended here stays. */
const removeRequest = "DELETE FROM requests WHERE key = ? AND status IN ('in_progress', 'queued')"
const handedOver: HandedOver = 'handed_over'
const statusAt = requestColumns.indexOf('status')

const insertBlock = 'INSERT INTO blocks (id, written_at, encoding, content) VALUES (?, ?, ?, ?)'

/** Columns with text that callers or providers wrote. The others hold words and ids of our own. */
const freeText: ReadonlySet<string> = new Set([
  'client_request_id',
  'model',
  'upstream_model',
  'user_id',
  'metadata',
  'session_id',
  'conversation_id',
  'previous_response_id',
  'service_tier',
  'cost_detail',
  'error_code',
  'error_message',
  'error_param',
  'adaptations',
])
const freeTextAt = requestColumns.map((column) => freeText.has(column))

/** These are as long as they are. The others are names and ids, which are found by an index. */
const unbounded: ReadonlySet<string> = new Set(['error_message', 'metadata', 'cost_detail', 'adaptations'])
/** Characters of the others: PostgreSQL refuses a row whose name takes more than 2704 bytes in an index. */
const longestName = 512
const boundedAt = requestColumns.map((column) => !unbounded.has(column))

/** Clean texts that come again and again, such as the models' names. */
const rememberedTexts = 1000
const longestRemembered = 128

export interface PrepareOptions {
  records: Iterable<PackedRecord>
  filter: RecordFilter
  dialect: Dialect
  /** The id of the first block. */
  blockId: number
  /** Unix milliseconds. */
  now: number
}

export interface Prepared {
  statements: Statement[]
  /** What full-text search finds the requests by: their statements ask the store first (search-writes.ts). */
  texts: SearchText[]
  /** Keys of requests that are over and may have been taken for lost (rollup-returned.ts). */
  late: number[]
  /** Of the next block. */
  blockId: number
  /** Records that could not be prepared, and why. */
  lost: { key: number; error: unknown }[]
  /** To be called once the statements are committed. */
  committed(): void
}

/** There is one writer, and it prepares one batch at a time. */
const block = new BlockBuilder()
const media = new MediaStore()

/** Everything that a batch says, as statements; text has gone through the filter. */
export function prepareBatch({ records, filter, dialect, blockId, now }: PrepareOptions): Prepared {
  const statements: Statement[] = []
  const texts: SearchText[] = []
  const late: number[] = []
  const lost: Prepared['lost'] = []
  const rows: SqlValue[][] = []
  const removals: Statement[] = []
  const findings: Findings[] = []
  const counted: CountedRow[] = []
  const redact = createColumnFilter(filter)
  block.size = 0
  media.begin(now)
  const closeBlock = () => {
    if (block.size === 0) return
    statements.push({ sql: insertBlock, params: [blockId, now, blockEncoding, block.compress()] })
    blockId += 1
  }
  for (const record of records) {
    try {
      const { key, document, secrets } = record
      if (record.columns[statusAt] === handedOver) {
        removals.push({ sql: removeRequest, params: [key] })
        late.push(key)
        continue
      }
      const params = [key, ...toSqlRow(record, redact), null, null]
      let found: Findings | null = null
      let text = ''
      if (document !== null) {
        const clean = cleanDocument(document, { secrets, filter, media })
        found = findIds({ record, params, redact })
        text = findText({ record, params, clean })
        const offset = block.add(encodeDocument(clean))
        params[params.length - 2] = blockId
        params[params.length - 1] = offset
      }
      const row = toCountedRow(params)
      rows.push(params)
      if (found !== null) findings.push(found)
      counted.push(row)
      if (hasEnded(row) && Number(row.created_at) + shortestAbsence <= now) late.push(key)
      texts.push({ key, text })
    } catch (error) {
      // One record that cannot be prepared must not take the rest of the batch along.
      lost.push({ key: record.key, error })
    }
    if (block.full) closeBlock()
  }
  closeBlock()
  statements.push(...writeRows(rows, dialect), ...removals, ...indexRequests(findings, dialect))
  statements.push(...rollupStatements(counted, dialect))
  return {
    statements: [...media.statements(), ...statements],
    texts,
    late,
    blockId,
    lost,
    committed: () => media.committed(),
  }
}

interface FindOptions {
  record: PackedRecord
  /** The row, clean. */
  params: readonly SqlValue[]
}

const metadataAt = columns.indexOf('metadata')
const errorMessageAt = columns.indexOf('error_message')

/** In their order: a request may stand in a batch when it starts and when it is over. */
function writeRows(rows: readonly SqlValue[][], dialect: Dialect): Statement[] {
  if (dialect === 'sqlite') return rows.map((params) => ({ sql: upsertRequest, params }))
  const last = new Map(rows.map((params) => [params[0], params]))
  return insertMany({ table: 'requests', columns, rows: [...last.values()], conflict: replaced })
}

/** The ids and the metadata that a finished request is found by. */
function findIds({ record, params, redact }: FindOptions & { redact: ColumnFilter }): Findings {
  const { key, document, secrets } = record
  const ids = [...new Set(document?.ids)].filter((id) => redact(id, secrets) === id)
  return { key, ids, metadata: params[metadataAt] ?? null }
}

function findText({ record, params, clean }: FindOptions & { clean: CleanDocument }): string {
  if (!record.document?.keeping.search) return ''
  const error = params[errorMessageAt]
  // The client's are the first and the last.
  return collectText({
    request: clean.texts[0] ?? null,
    response: clean.texts.at(-1) ?? null,
    error: typeof error === 'string' ? error : null,
  })
}

type ColumnFilter = (text: string, secrets: readonly string[]) => string

function createColumnFilter(filter: RecordFilter): ColumnFilter {
  const known = new Set<string>()
  let of: readonly string[] = []
  return (text, secrets) => {
    if (secrets.length !== of.length || secrets.some((secret, index) => secret !== of[index])) {
      known.clear()
      of = secrets
    }
    if (known.has(text)) return text
    const clean = filter.text(text, { secrets })
    if (clean === text && text.length <= longestRemembered && known.size < rememberedTexts) known.add(text)
    return clean
  }
}

function toSqlRow({ columns, secrets }: PackedRecord, redact: ColumnFilter): SqlValue[] {
  return columns.map((value, index) => {
    if (typeof value !== 'string') return toSql(value)
    const text = freeTextAt[index] ? redact(value, secrets) : value
    return boundedAt[index] && text.length > longestName ? text.slice(0, longestName).toWellFormed() : text
  })
}

function toSql(value: BatchValue): SqlValue {
  if (typeof value === 'boolean') return value ? 1 : 0
  // Token counts come from providers: what is no whole number is not known.
  if (typeof value !== 'number') return value
  const whole = Math.round(value)
  return Number.isSafeInteger(whole) ? whole : null
}

const isLeftover = "status IN ('in_progress', 'queued')"

/** Counts what `failLeftovers` is about to end, in the same transaction. */
export const countLeftovers: readonly Statement[] = leftoverStatements(isLeftover)

/** Ends the rows that a stopped process left open. */
export const failLeftovers: Statement = { sql: `${endLeftovers(isLeftover)} RETURNING key`, params: [] }
