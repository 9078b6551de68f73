/** Fills a store with rows at the speed of the disk: indexes are taken off and made again at the end. */
import Database from 'better-sqlite3'
import { requestColumns } from '../../../server/store/log/records.ts'
import type { MadeRow } from './rows.ts'

const rowsPerTransaction = 50_000

/** The store at `path` has its schema and no requests. */
export function fillSqlite(path: string, rows: Iterable<MadeRow>, say: (text: string) => void): void {
  const database = new Database(path)
  try {
    database.pragma('synchronous = OFF')
    database.pragma('cache_size = -1000000')
    database.pragma('wal_autocheckpoint = 20000')
    const indexes = takeOffIndexes(database)
    insertRows(database, rows, say)
    for (const sql of indexes) {
      say(sql.slice(0, 80))
      database.exec(sql)
    }
    // What the planner knows of a store that has grown by itself.
    database.exec('ANALYZE')
    database.pragma('wal_checkpoint(TRUNCATE)')
  } finally {
    database.close()
  }
}

function takeOffIndexes(database: Database.Database): string[] {
  const indexes = database
    .prepare<[], { name: string; sql: string }>(
      "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name IN ('requests', 'request_tags') AND sql IS NOT NULL",
    )
    .all()
  for (const { name } of indexes) database.exec(`DROP INDEX ${name}`)
  return indexes.map(({ sql }) => sql)
}

function insertRows(database: Database.Database, rows: Iterable<MadeRow>, say: (text: string) => void): void {
  const columns = ['key', ...requestColumns] as const
  const insert = database.prepare(
    `INSERT INTO requests (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
  )
  const tag = database.prepare('INSERT INTO request_tags (tag, key) VALUES (?, ?)')
  let count = 0
  database.exec('BEGIN')
  for (const row of rows) {
    insert.run(columns.map((column) => toValue(row[column])))
    for (const text of tagsOf(row)) tag.run(text, row.key)
    count += 1
    if (count % rowsPerTransaction > 0) continue
    database.exec('COMMIT')
    database.exec('BEGIN')
    if (count % 1_000_000 === 0) say(`${count} rows`)
  }
  database.exec('COMMIT')
}

export function toValue(value: string | number | boolean | null): string | number | null {
  return typeof value === 'boolean' ? Number(value) : value
}

/** The row's metadata as request_tags has it. */
export function tagsOf({ metadata }: MadeRow): string[] {
  if (metadata === null) return []
  return Object.entries(JSON.parse(metadata) as Record<string, string>).map(
    ([name, value]) => `${name}=${value}`,
  )
}
