/**
 * SQLite through better-sqlite3. Every call blocks its thread, so this runs in the store's workers only: one connection
 * that writes, and read-only ones for queries, which WAL lets go on beside it.
 */

import Database from 'better-sqlite3'
import { mergeHistograms } from '../log/rollup-histograms.ts'
import {
  type Driver,
  type SqlRow,
  type SqlValue,
  type Statement,
  StoreError,
  type StoreProblem,
} from './driver.ts'
import { describeAccess, SqlitePlace } from './sqlite-place.ts'

export interface SqliteOptions {
  /** Path of the database file; its directory exists. */
  path: string
  readonly: boolean
  /** Milliseconds to wait for another connection's lock. */
  busyTimeout: number
  /** Pages of 4096 bytes that the file may grow to; null for no limit but the disk's. */
  maxPages?: number | null
  /** Told of damage to the file, each time it is met. */
  onDamage?: (message: string) => void
}

/** Bytes that the write-ahead log is cut back to after a checkpoint. */
const walSizeLimit = 67_108_864

/** Pages in the write-ahead log after which it is copied into the file: pages that many batches touch are copied once. */
const checkpointPages = 4000

/** Opens the file, creating it unless `readonly`. Throws StoreError. */
export function openSqlite({
  path,
  readonly,
  busyTimeout,
  maxPages = null,
  onDamage = () => undefined,
}: SqliteOptions): Driver {
  const database = translateErrors(path, () => {
    const opened = new Database(path, { readonly, timeout: busyTimeout })
    try {
      applyPragmas(opened, readonly, maxPages)
      opened.function('merge_histograms', { deterministic: true }, mergeHistograms)
    } catch (error) {
      opened.close()
      throw error
    }
    return opened
  })
  return new SqliteDriver(database, path, readonly, onDamage)
}

function applyPragmas(database: Database.Database, readonly: boolean, maxPages: number | null): void {
  if (readonly) {
    database.pragma('query_only = ON')
    return
  }
  // Before anything is written: the vacuum mode cannot be changed later without rewriting the file.
  database.pragma('auto_vacuum = INCREMENTAL')
  database.pragma('journal_mode = WAL')
  // In WAL mode NORMAL keeps the file sound through a power cut; at most the last moments are lost.
  database.pragma('synchronous = NORMAL')
  database.pragma(`wal_autocheckpoint = ${checkpointPages}`)
  database.pragma(`journal_size_limit = ${walSizeLimit}`)
  if (maxPages !== null) database.pragma(`max_page_count = ${maxPages}`)
}

/** Prepared statements that are kept: a search has one of its own for each part of the index that it looks into. */
const mostPrepared = 1000

const incrementalVacuum = 'PRAGMA incremental_vacuum'

class SqliteDriver implements Driver {
  readonly dialect = 'sqlite'
  readonly #database: Database.Database
  readonly #path: string
  readonly #place: SqlitePlace | null
  readonly #onDamage: (message: string) => void
  readonly #prepared = new Map<string, Database.Statement<SqlValue[], SqlRow>>()

  constructor(
    database: Database.Database,
    path: string,
    readonly: boolean,
    onDamage: (message: string) => void,
  ) {
    this.#database = database
    this.#path = path
    this.#place = readonly ? null : new SqlitePlace(path)
    this.#onDamage = onDamage
  }

  async all(sql: string, params: readonly SqlValue[] = []): Promise<SqlRow[]> {
    return this.#guard(() => this.#run(sql, params))
  }

  async batch(statements: readonly Statement[]): Promise<SqlRow[][]> {
    return this.#guard(() => {
      this.#place?.check()
      const database = this.#database
      // IMMEDIATE: the lock is taken, and waited for, before the first write and not in the middle.
      database.exec('BEGIN IMMEDIATE')
      try {
        const results = statements.map(({ sql, params }) => this.#run(sql, params))
        database.exec('COMMIT')
        return results
      } catch (error) {
        if (database.inTransaction) database.exec('ROLLBACK')
        throw error
      }
    })
  }

  async close(): Promise<void> {
    this.#database.close()
  }

  #guard<T>(work: () => T): T {
    try {
      return translateErrors(this.#path, work)
    } catch (error) {
      if (error instanceof StoreError && error.problem === 'corrupt') this.#onDamage(error.message)
      throw error
    }
  }

  #run(sql: string, params: readonly SqlValue[]): SqlRow[] {
    if (sql.startsWith(incrementalVacuum)) {
      // It gives a row for each page without saying that it gives rows: a prepared statement would end after the first.
      this.#database.exec(sql)
      return []
    }
    const statement = this.#prepare(sql)
    if (statement.reader) return statement.all(...params)
    statement.run(...params)
    return []
  }

  /** Those that were used last are kept, in this order. */
  #prepare(sql: string): Database.Statement<SqlValue[], SqlRow> {
    const known = this.#prepared.get(sql)
    const statement = known ?? this.#database.prepare<SqlValue[], SqlRow>(sql)
    if (known !== undefined) this.#prepared.delete(sql)
    this.#prepared.set(sql, statement)
    if (this.#prepared.size > mostPrepared) {
      const [oldest = sql] = this.#prepared.keys()
      this.#prepared.delete(oldest)
    }
    return statement
  }
}

/**
 * Takes the right to be the only gateway on a file, held until close or the end of the process, however it ends:
 * an exclusive transaction on an empty database beside it. Two gateways on one file would each take the other's
 * requests for leftovers of a crash.
 */
export function lockSqlite(path: string): { close(): void } {
  const lockPath = `${path}.lock`
  return translateErrors(lockPath, () => {
    const lock = new Database(lockPath, { timeout: 0 })
    try {
      lock.exec('BEGIN EXCLUSIVE')
    } catch (error) {
      lock.close()
      if (problemOf(error) !== 'locked') throw error
      throw new StoreError(
        'locked',
        `The store ${path} is in use by another Dragoman. Stop that one, or give this one its own "store.url".`,
        error,
      )
    }
    return { close: () => lock.close() }
  })
}

/** Every error of the engine as a StoreError that says what to do. */
export function translateErrors<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof StoreError) throw error
    const problem = problemOf(error)
    const reason = error instanceof Error ? error.message : String(error)
    throw new StoreError(problem, `${sentences[problem](path)} (${reason})`, error)
  }
}

type SqliteProblem = Exclude<StoreProblem, 'bad_url' | 'newer_schema' | 'foreign' | 'unreachable'>

function problemOf(error: unknown): SqliteProblem {
  const code = error instanceof Database.SqliteError ? error.code : ''
  // Result codes and their extended forms: https://www.sqlite.org/rescode.html
  if (/^SQLITE_(BUSY|LOCKED|PROTOCOL)/.test(code)) return 'locked'
  if (/^SQLITE_(CORRUPT|NOTADB)/.test(code)) return 'corrupt'
  // A write that finds no room is FULL; one that fails otherwise is IOERR_WRITE.
  if (/^SQLITE_(FULL|IOERR_SHMSIZE)/.test(code)) return 'disk_full'
  if (/^SQLITE_(READONLY|CANTOPEN|PERM|AUTH|IOERR)/.test(code)) return 'unwritable'
  return 'failed'
}

const sentences = {
  locked: (path) => `The store ${path} is locked by another process. Close what holds it open.`,
  corrupt: (path) =>
    `The store ${path} is not a sound SQLite file. Restore a backup, or move it away to start an empty one.`,
  disk_full: (path) => `The store ${path} cannot grow: its disk or its size limit is full. Free some space.`,
  unwritable: (path) =>
    `The store ${path} cannot be opened or written. ${describeAccess(path)}Check that the directory exists, that this user may write there, and that the disk is sound and not read-only.`,
  failed: (path) => `The store ${path} failed.`,
} as const satisfies Record<SqliteProblem, (path: string) => string>
