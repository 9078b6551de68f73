/** Exports that break, that nobody reads, and cells that spreadsheets would run. */
import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { GatewayError } from '../../../server/errors.ts'
import type { AdminRequestList, AdminRequestRow } from '../../../server/http/admin/contract.ts'
import { formatRecord } from '../../../server/http/admin/csv.ts'
import { startExport } from '../../../server/http/admin/export-rows.ts'

function makeRow(id: string): AdminRequestRow {
  return {
    id,
    created_at: '2026-01-01T00:00:00.000Z',
    metadata: {},
    adaptations: [],
    error: null,
  } as unknown as AdminRequestRow
}

/** Pages of two rows, endless unless `read` throws. */
function createQueries(read: (page: number) => AdminRequestList | undefined) {
  let pages = 0
  const listRequests = async (): Promise<AdminRequestList> => {
    pages += 1
    const next = `k${pages}`
    const given = read(pages)
    return (
      given ?? { data: [makeRow(`${pages}a`), makeRow(`${pages}b`)], next, previous: null, searched_to: null }
    )
  }
  return { listRequests, pages: () => pages }
}

const broken = (page: number) => {
  if (page === 3) throw new GatewayError('store_unavailable', 'The store cannot be used.')
  return undefined
}

test('an export that breaks says so in its last record', async () => {
  const csv = await text(Readable.from(await startExport(createQueries(broken), { format: 'csv' })))
  const lines = csv.split('\r\n')
  assert.equal(lines.length, 7)
  assert.match(lines.at(-2) ?? '', /^# incomplete after 4 rows: The store cannot be used\.,+$/)
  const jsonl = await text(Readable.from(await startExport(createQueries(broken), { format: 'jsonl' })))
  const records = jsonl
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.deepEqual(records.at(-1), {
    export: { rows: 4, complete: false, error: 'The store cannot be used.' },
  })
  assert.deepEqual(
    records.slice(0, -1).map(({ id }) => id),
    ['1a', '1b', '2a', '2b'],
  )
})

test('what is wrong with the question is refused before anything is sent', async () => {
  const queries = createQueries(() => {
    throw new GatewayError('invalid_request', 'No.', { param: 'from' })
  })
  await assert.rejects(startExport(queries, { format: 'csv' }), { code: 'invalid_request' })
})

test('it waits while too many queries wait, and then goes on', async () => {
  let refusals = 0
  const queries = createQueries((page) => {
    if (page === 1) return undefined
    refusals += 1
    if (refusals < 3)
      throw new GatewayError('internal_error', 'Too many.', { status: 503, code: 'query_overload' })
    return { data: [], next: null, previous: null, searched_to: null }
  })
  const jsonl = await text(Readable.from(await startExport(queries, { format: 'jsonl' })))
  assert.deepEqual(JSON.parse(jsonl.trim().split('\n').at(-1) ?? ''), { export: { rows: 2, complete: true } })
})

test('nothing more is read from the store than is taken', async () => {
  const queries = createQueries(() => undefined)
  const stream = Readable.from(await startExport(queries, { format: 'csv' }), {
    objectMode: false,
    highWaterMark: 1,
  })
  await new Promise((resolve) => stream.once('readable', resolve))
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  assert.ok(queries.pages() <= 2, `${queries.pages()} pages`)
  stream.destroy()
})

test('fields are quoted as RFC 4180 has it, and no text is a formula', () => {
  assert.equal(
    formatRecord([
      'a,b',
      'say "hi"',
      'two\nlines',
      '=1+1',
      '+1 2',
      '-x',
      '@sum',
      '\tx',
      -1.5,
      '-0.000000001',
      null,
      true,
    ]),
    '"a,b","say ""hi""","two\nlines",\'=1+1,\'+1 2,\'-x,\'@sum,\'\tx,-1.5,-0.000000001,,true\r\n',
  )
})
