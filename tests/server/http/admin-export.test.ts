/** Exports that break, that nobody reads, that are many, and cells that spreadsheets would run. */
import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { formatRecord } from '../../../server/csv.ts'
import { GatewayError } from '../../../server/errors.ts'
import type { AdminExportQuery } from '../../../server/http/admin/contract.ts'
import { Exports, whileRead } from '../../../server/http/admin/export-rows.ts'
import type { ExportPage } from '../../../server/store/log/export-page.ts'

/** Pages of two rows, endless unless `read` gives or throws something else. */
function createQueries(read: (page: number) => ExportPage | undefined = () => undefined) {
  let pages = 0
  let reading = 0
  let mostReading = 0
  const exportPage = async ({ format }: AdminExportQuery): Promise<ExportPage> => {
    pages += 1
    const number = pages
    reading += 1
    mostReading = Math.max(mostReading, reading)
    await null
    reading -= 1
    const given = read(number)
    if (given !== undefined) return given
    const ids = [`${number}a`, `${number}b`]
    const records = ids.map((id) => (format === 'csv' ? `${id},\r\n` : `{"id":"${id}"}\n`))
    return { text: records.join(''), rows: 2, width: 2, next: `k${number}` }
  }
  return { exportPage, pages: () => pages, mostReading: () => mostReading }
}

const broken = (page: number) => {
  if (page === 3) throw new GatewayError('store_unavailable', 'The store cannot be used.')
  return undefined
}

const lastPage: ExportPage = { text: '', rows: 0, width: 2, next: null }

async function readAll(
  queries: Pick<ReturnType<typeof createQueries>, 'exportPage'>,
  query: AdminExportQuery,
) {
  return text(Readable.from((await new Exports(queries).start(query)).text))
}

test('an export that breaks says so in its last record', async () => {
  const csv = await readAll(createQueries(broken), { format: 'csv' })
  assert.equal(csv, '1a,\r\n1b,\r\n2a,\r\n2b,\r\n# incomplete after 4 rows: The store cannot be used.,\r\n')
  const jsonl = await readAll(createQueries(broken), { format: 'jsonl' })
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

test('what is wrong with the question is refused before anything is sent, and takes no place', async () => {
  const exports = new Exports(
    createQueries(() => {
      throw new GatewayError('invalid_request', 'No.', { param: 'from' })
    }),
  )
  for (let count = 0; count < 30; count += 1)
    await assert.rejects(exports.start({ format: 'csv' }), { code: 'invalid_request' })
})

test('it waits while too many queries wait, and then goes on', async () => {
  let refusals = 0
  const queries = createQueries((page) => {
    if (page === 1) return undefined
    refusals += 1
    if (refusals < 3)
      throw new GatewayError('internal_error', 'Too many.', { status: 503, code: 'query_overload' })
    return lastPage
  })
  const jsonl = await readAll(queries, { format: 'jsonl' })
  assert.deepEqual(JSON.parse(jsonl.trim().split('\n').at(-1) ?? ''), { export: { rows: 2, complete: true } })
})

test('nothing more is read from the store than is taken', async () => {
  const queries = createQueries()
  const { text } = await new Exports(queries).start({ format: 'csv' })
  const stream = Readable.from(text, { objectMode: false, highWaterMark: 1 })
  await new Promise((resolve) => stream.once('readable', resolve))
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  assert.ok(queries.pages() <= 2, `${queries.pages()} pages`)
  stream.destroy()
})

test('of many exports one page is read at a time, and the event loop turns between two pages', async () => {
  const queries = createQueries((page) => (page > 60 ? lastPage : undefined))
  const exports = new Exports(queries)
  let pagesInTurn = 0
  let before = 0
  let isOver = false
  const look = () => {
    pagesInTurn = Math.max(pagesInTurn, queries.pages() - before)
    before = queries.pages()
    if (!isOver) setImmediate(look)
  }
  look()
  await Promise.all(
    Array.from({ length: 8 }, async () => text(Readable.from((await exports.start({ format: 'csv' })).text))),
  )
  isOver = true
  assert.ok(queries.pages() > 60)
  assert.equal(queries.mostReading(), 1)
  assert.ok(pagesInTurn <= 1, `${pagesInTurn} pages in one turn`)
})

test('twenty are written at a time, and whoever closes one makes room', async () => {
  const exports = new Exports(createQueries())
  const open = []
  for (let count = 0; count < 20; count += 1) open.push(await exports.start({ format: 'csv' }))
  await assert.rejects(exports.start({ format: 'csv' }), { status: 503, code: 'export_overload' })
  open[0]?.close()
  open[0]?.close()
  await exports.start({ format: 'csv' })
  await assert.rejects(exports.start({ format: 'csv' }), { code: 'export_overload' })
})

test('a long page goes out in pieces that leave characters whole', async () => {
  const long = `x${'\u{1f34f}'.repeat(60_000)}`
  const queries = createQueries(() => ({ ...lastPage, text: long }))
  const { text } = await new Exports(queries).start({ format: 'csv' })
  const pieces: string[] = []
  for await (const piece of text) pieces.push(piece)
  assert.ok(pieces.length > 3)
  assert.equal(
    pieces.map((piece) => Buffer.from(piece).toString()).join(''),
    `${long}# complete: 0 rows,\r\n`,
  )
})

test('a reader that takes nothing is given up, one that reads is not', async () => {
  const { text } = await new Exports(createQueries()).start({ format: 'csv' })
  const idle = Promise.withResolvers<void>()
  const hanging = whileRead(text, { onIdle: idle.resolve, idle: 20 })
  await hanging.next()
  await idle.promise
  await hanging.return(undefined)
  const reading = whileRead(text, { onIdle: () => assert.fail('It reads.'), idle: 100_000 })
  await reading.next()
  await reading.return(undefined)
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
