/**
 * PostgreSQL. Runs in the store's workers, where calls may overlap: each uses one of a few connections, and waits for
 * one in turn.
 */

import { createHash } from 'node:crypto'
import { type Deadline, DeadlineError } from './deadline.ts'
import {
  type BatchOptions,
  type Driver,
  type SqlRow,
  type SqlValue,
  type Statement,
  StoreError,
} from './driver.ts'
import { type Doubt, findMarks, type Mark, sendMark, settle, toDoubt } from './postgres-commits.ts'
import { type ConnectionSettings, PostgresConnection, type Send } from './postgres-connection.ts'
import { codeOf, LostConnectionError, translateError } from './postgres-errors.ts'

export interface PostgresOptions extends ConnectionSettings {
  /** How many of them at most. */
  connections: number
}

export function openPostgres(options: PostgresOptions): Driver {
  return new PostgresDriver(options)
}

class PostgresDriver implements Driver {
  readonly dialect = 'postgres'
  readonly #options: PostgresOptions
  readonly #idle: PostgresConnection[]
  readonly #waiting: ((connection: PostgresConnection) => void)[] = []
  /** Connections whose last query had a limit of its own, which the next one does not share. */
  readonly #limited = new WeakSet<PostgresConnection>()
  /** By what is the same over the tries of a batch. */
  readonly #doubts = new WeakMap<object, Doubt>()
  #closed = false

  constructor(options: PostgresOptions) {
    this.#options = options
    this.#idle = Array.from({ length: options.connections }, () => new PostgresConnection(options))
  }

  all(sql: string, params: readonly SqlValue[] = [], deadline?: Deadline): Promise<SqlRow[]> {
    return this.#with(async (connection) => {
      const limit = this.#limitFor(connection, deadline)
      const read = () => connection.use((send) => readOnce(send, sql, params, limit))
      const stood = connection.open
      try {
        return await read()
      } catch (error) {
        // What cannot write may be asked again: the server may have closed the connection long ago.
        if (!(error instanceof LostConnectionError) || !stood || !this.#options.readonly) throw error
        return await read()
      }
    }, deadline)
  }

  batch(statements: readonly Statement[], locking: BatchOptions = {}): Promise<SqlRow[][]> {
    return this.#with(async (connection) => {
      const once = locking.once ?? statements
      const doubt = this.#doubts.get(once)
      if (doubt !== undefined) {
        const committed = await settle(connection, doubt)
        this.#doubts.delete(once)
        if (committed) return doubt.results
      }
      try {
        return await this.#commit(connection, statements, locking)
      } catch (error) {
        if (!isStale(error)) throw error
        // Another gateway has changed the schema under a prepared statement. A new connection has none.
        connection.discard()
        return this.#commit(connection, statements, locking)
      }
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    for (let count = 0; count < this.#options.connections; count += 1) {
      const connection = await this.#take()
      await connection.close()
    }
  }

  /**
   * Null when the server knows it. A query that somebody gave a time may have much to read, and how it is done best depends
   * on what it asks for: the plan for any parameters, which a server keeps from the sixth time on, takes a range of keys for
   * a two-hundredth of them, and each value for as common as the next.
   */
  #limitFor(connection: PostgresConnection, deadline: Deadline | undefined): Limit | null {
    deadline?.check()
    if (deadline !== undefined) this.#limited.add(connection)
    else if (!this.#limited.delete(connection)) return null
    return deadline === undefined
      ? { timeout: this.#options.statementTimeout, plan: 'auto' }
      : { timeout: Math.max(1, Math.ceil(deadline.remaining())), plan: 'force_custom_plan' }
  }

  async #commit(
    connection: PostgresConnection,
    statements: readonly Statement[],
    locking: BatchOptions,
  ): Promise<SqlRow[][]> {
    let doubt: Doubt | null = null
    try {
      return await connection.use(async (send, mark) => {
        await findMarks(send, mark)
        const sent = await sendAll(send, statements, { ...locking, mark, schema: this.#options.place.schema })
        doubt = sent.doubt
        await send('COMMIT')
        return sent.results
      })
    } catch (error) {
      const pending = doubt as Doubt | null
      if (!(error instanceof LostConnectionError) || pending === null) throw error
      const once = locking.once ?? statements
      this.#doubts.set(once, pending)
      const committed = await settle(connection, pending)
      this.#doubts.delete(once)
      if (committed) return pending.results
      throw error
    }
  }

  async #with<T>(work: (connection: PostgresConnection) => Promise<T>, deadline?: Deadline): Promise<T> {
    if (this.#closed) throw new StoreError('failed', 'The store is closed.')
    const connection = await this.#take()
    try {
      return await work(connection)
    } catch (error) {
      if (deadline !== undefined && codeOf(error) === '57014') throw new DeadlineError()
      const { location, password } = this.#options.place
      throw translateError(error, { name: location, password })
    } finally {
      this.#give(connection)
    }
  }

  #take(): Promise<PostgresConnection> {
    const connection = this.#idle.pop()
    if (connection !== undefined) return Promise.resolve(connection)
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  #give(connection: PostgresConnection): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#idle.push(connection)
    else next(connection)
  }
}

/** What the server is told before a query. */
interface Limit {
  /** Milliseconds. */
  timeout: number
  plan: 'auto' | 'force_custom_plan'
}

const limitSql =
  "SELECT set_config('statement_timeout', ?, false), set_config('plan_cache_mode', CAST(? AS TEXT), false)"

async function readOnce(
  send: Send,
  sql: string,
  params: readonly SqlValue[],
  limit: Limit | null,
): Promise<SqlRow[]> {
  if (limit === null) return send(sql, params)
  // One message behind the other: the limit costs no way of its own.
  const limited = send(limitSql, [String(limit.timeout), limit.plan])
  const [, rows] = await Promise.all([limited, send(sql, params)])
  return rows
}

interface SendOptions extends BatchOptions {
  mark: Mark
  schema: string | null
}

/** Everything up to the commit, without waiting in between; takes it back when a statement fails. */
async function sendAll(
  send: Send,
  statements: readonly Statement[],
  { locks = [], shared = [], mark, schema }: SendOptions,
): Promise<{ results: SqlRow[][]; doubt: Doubt | null }> {
  const begun = send('BEGIN ISOLATION LEVEL READ COMMITTED')
  // Shared ones last: who takes such a name whole takes no other, so nobody waits in a circle.
  const locked = [
    ...(locks.length === 0 ? [] : [send(lockSql, [hashLocks(schema, locks)])]),
    ...(shared.length === 0 ? [] : [send(shareSql, [hashLocks(schema, shared)])]),
  ]
  const marked = sendMark(send, mark)
  const sent = statements.map(({ sql, params }) => send(sql, params))
  try {
    // The first that fails says why, those behind it only that it failed: no promise may take a longer way than another.
    const [[[row] = []], results] = await Promise.all([
      Promise.all(marked),
      Promise.all(sent),
      begun,
      ...locked,
    ])
    return { results, doubt: toDoubt(mark, row, results) }
  } catch (error) {
    if (!(error instanceof LostConnectionError)) await send('ROLLBACK')
    throw error
  }
}

const lockSql = 'SELECT count(pg_advisory_xact_lock(name)) FROM unnest(CAST(? AS BIGINT[])) AS name'

const shareSql = lockSql.replace('pg_advisory_xact_lock', 'pg_advisory_xact_lock_shared')

/** In the same order everywhere, so that two that want the same locks cannot wait for each other. As an array's text. */
function hashLocks(schema: string | null, locks: readonly string[]): string {
  const hashes = [...new Set(locks)].map((name) =>
    createHash('sha256')
      .update(`dragoman ${schema ?? ''} ${name}`)
      .digest()
      .readBigInt64BE(),
  )
  return `{${hashes.sort((one, other) => (one < other ? -1 : 1)).join(',')}}`
}

/** Prepared statements that do not fit the schema any more, or that a pooler between has lost. */
function isStale(error: unknown): boolean {
  const code = codeOf(error)
  return code === '26000' || (code === '0A000' && error instanceof Error && /cached plan/.test(error.message))
}
