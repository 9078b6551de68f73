/** Fills a PostgreSQL store with rows through COPY: indexes are taken off and made again at the end. */
import { once } from 'node:events'
import postgres from 'postgres'
import { requestColumns } from '../../../server/store/log/records.ts'
import { tagsOf, toValue } from './fill-sqlite.ts'
import type { MadeRow } from './rows.ts'

const columns = ['key', ...requestColumns] as const

/** Rows of which the tags are sent together. */
const tagRun = 100_000

/** The database at `url` has its schema and no requests. */
export async function fillPostgres(
  url: string,
  rows: Iterable<MadeRow>,
  say: (text: string) => void,
): Promise<void> {
  const sql = postgres(url, { max: 2, onnotice: () => undefined })
  try {
    const indexes = await takeOffIndexes(sql)
    await copyRows(sql, rows, say)
    await sql.unsafe("SET maintenance_work_mem = '512MB'")
    for (const text of indexes) {
      say(text.slice(0, 80))
      await sql.unsafe(text)
    }
  } finally {
    await sql.end()
  }
}

/** As the server's own upkeep leaves a store that has grown by itself. */
export async function vacuum(url: string): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined })
  try {
    await sql.unsafe('VACUUM ANALYZE')
  } finally {
    await sql.end()
  }
}

async function takeOffIndexes(sql: postgres.Sql): Promise<string[]> {
  const indexes = await sql<{ indexname: string; indexdef: string }[]>`
    SELECT indexname, indexdef FROM pg_indexes
    WHERE tablename IN ('requests', 'request_tags') AND indexname NOT LIKE '%_pkey'`
  for (const { indexname } of indexes) await sql.unsafe(`DROP INDEX ${indexname}`)
  return indexes.map(({ indexdef }) => indexdef)
}

async function copyRows(
  sql: postgres.Sql,
  rows: Iterable<MadeRow>,
  say: (text: string) => void,
): Promise<void> {
  const target = await sql`COPY requests (${sql([...columns])}) FROM STDIN`.writable()
  let tags: string[] = []
  let lines = ''
  let count = 0
  for (const row of rows) {
    lines += `${columns.map((column) => encode(toValue(row[column]))).join('\t')}\n`
    for (const tag of tagsOf(row)) tags.push(`${encode(tag)}\t${row.key}\n`)
    count += 1
    if (count % 500 === 0) {
      if (!target.write(lines)) await once(target, 'drain')
      lines = ''
    }
    if (count % tagRun === 0) tags = await copyTags(sql, tags)
    if (count % 1_000_000 === 0) say(`${count} rows`)
  }
  target.end(lines)
  await once(target, 'finish')
  await copyTags(sql, tags)
}

async function copyTags(sql: postgres.Sql, tags: readonly string[]): Promise<string[]> {
  const target = await sql`COPY request_tags (tag, key) FROM STDIN`.writable()
  target.end(tags.join(''))
  await once(target, 'finish')
  return []
}

/** COPY's text format. */
function encode(value: string | number | null): string {
  if (value === null) return '\\N'
  return String(value).replace(
    /[\\\t\n\r]/g,
    (found) => `\\${{ '\\': '\\', '\t': 't', '\n': 'n', '\r': 'r' }[found]}`,
  )
}
