/**
 * One connection to PostgreSQL through postgres.js, for one transaction or query at a time. It is opened when it is
 * needed, thrown away whenever anything about it is in doubt, and opened again by the next use.
 */

import { once } from 'node:events'
import type { Socket } from 'node:net'
import postgres, { type ReservedSql, type Sql } from 'postgres'
import type { SqlRow, SqlValue } from './driver.ts'
import { createMark, type Mark } from './postgres-commits.ts'
import { codeOf, LostConnectionError } from './postgres-errors.ts'
import type { PostgresPlace } from './postgres-place.ts'
import { connectSocket, tlsOptions } from './postgres-socket.ts'
import { toPostgres, toPostgresText } from './postgres-text.ts'

export interface ConnectionSettings {
  place: PostgresPlace
  readonly: boolean
  /** Milliseconds that the server lets a statement run, or wait for a lock; 0 for no limit. */
  statementTimeout: number
  lockTimeout: number
  /** Milliseconds after which a connection that does not answer is given up. */
  patience: number
}

/** A query that is sent behind others without waiting for their answers. */
export type Send = (sql: string, params?: readonly SqlValue[]) => Promise<SqlRow[]>

interface Client {
  sql: Sql
  mark: Mark
  reserved: ReservedSql
  /** Set at once when the connection is lost: the library would write to a socket that is gone. */
  life: { over: boolean }
  /** Rejects when the connection is lost. */
  lost: Promise<never>
  /** Ends it at once. */
  end: () => void
  /** `performance.now()` after which it is not used again, so that a moved server is found and its memory is freed. */
  until: number
}

/** Milliseconds. */
const lifetime = 1_800_000

/** The library's errors of a connection that stood, and the operating system's. */
const lossCodes = /^(CONNECTION_(CLOSED|DESTROYED|ENDED|LOST)|E[A-Z]{3,})$/

export class PostgresConnection {
  readonly #settings: ConnectionSettings
  #client: Client | null = null
  #host = 0

  constructor(settings: ConnectionSettings) {
    this.#settings = settings
  }

  /** Whether a connection stands, which may have gone without a word. */
  get open(): boolean {
    return this.#client !== null
  }

  /** Has `work` send its queries. A connection that is lost or silent rejects with LostConnectionError. */
  async use<T>(work: (send: Send, mark: Mark) => Promise<T>): Promise<T> {
    const watch = startWatch(this.#settings.patience)
    let client: Client | null = null
    try {
      client = await Promise.race([this.#opened(watch.signal), watch.expired])
      const { reserved, life, lost, mark } = client
      const send: Send = (sql, params = []) =>
        life.over ? Promise.reject(new LostConnectionError(closedSentence)) : run(reserved, sql, params)
      return await Promise.race([work(send, mark), lost, watch.expired])
    } catch (error) {
      if (client === null || !lossCodes.test(codeOf(error) ?? '')) throw error
      this.discard()
      if (error instanceof LostConnectionError) throw error
      throw new LostConnectionError(error instanceof Error ? error.message : String(error), error)
    } finally {
      watch.stop()
    }
  }

  /** Gives the connection up. */
  discard(): void {
    const client = this.#client
    this.#client = null
    if (client !== null) client.end()
  }

  /** Ends it once it is idle. */
  async close(): Promise<void> {
    const client = this.#client
    this.#client = null
    if (client === null) return
    client.reserved.release()
    await client.sql.end({ timeout: 1 })
  }

  async #opened(signal: AbortSignal): Promise<Client> {
    if (this.#client !== null && performance.now() > this.#client.until) await this.close()
    this.#client ??= await this.#connect(signal)
    return this.#client
  }

  #hostName(): string {
    const host = this.#settings.place.hosts[this.#host]
    return host !== undefined && 'host' in host ? host.host : 'localhost'
  }

  async #connect(signal: AbortSignal): Promise<Client> {
    const { promise: lost, reject } = Promise.withResolvers<never>()
    lost.catch(() => undefined)
    const life = { over: false }
    let socket: Socket | null = null
    const openSocket = async () => {
      const connected = await connectSocket(this.#settings.place, this.#host, signal)
      this.#host = connected.index
      socket = connected.socket
      return socket
    }
    const onclose = () => {
      life.over = true
      if (this.#client?.life === life) this.discard()
      reject(new LostConnectionError(closedSentence))
    }
    const sql = postgres({
      ...toOptions(this.#settings, () => this.#hostName()),
      socket: openSocket,
      onclose,
    } as unknown as LibraryOptions)
    const end = () => {
      life.over = true
      void sql.end({ timeout: 0 })
      // A server that has gone silent would never let it go.
      socket?.destroy()
    }
    try {
      const reserved = await Promise.race([reserve(sql), givenUp(signal)])
      return { sql, mark: createMark(), reserved, life, lost, end, until: performance.now() + lifetime }
    } catch (error) {
      end()
      throw error
    }
  }
}

/** The library gives a connection out as one's own only after a first query. */
async function reserve(sql: Sql): Promise<ReservedSql> {
  await sql.unsafe('SELECT 1')
  return sql.reserve()
}

async function givenUp(signal: AbortSignal): Promise<never> {
  await once(signal, 'abort')
  throw new LostConnectionError(closedSentence)
}

type LibraryOptions = postgres.Options<Record<string, never>>

function toOptions(
  { place, readonly, statementTimeout, lockTimeout }: ConnectionSettings,
  hostName: () => string,
) {
  const { user, password, database, schema, applicationName } = place
  return {
    ...(user === null ? {} : { user }),
    ...(password === null ? {} : { password }),
    ...(database === null ? {} : { database }),
    ssl: tlsOptions(place.tls, hostName),
    max: 1,
    max_pipeline: Number.MAX_SAFE_INTEGER,
    // Lifetimes and waiting are looked after here.
    max_lifetime: null,
    connect_timeout: null,
    fetch_types: false,
    types: readTypes,
    onnotice: () => undefined,
    connection: {
      application_name: applicationName,
      ...(schema === null ? {} : { search_path: schema }),
      ...(readonly ? { default_transaction_read_only: 'on' } : {}),
      statement_timeout: String(statementTimeout),
      lock_timeout: String(lockTimeout),
      // To compile a query takes longer than any of ours.
      jit: 'off',
    },
  }
}

const closedSentence = 'The connection was closed.'

function run(reserved: ReservedSql, sql: string, params: readonly SqlValue[]): Promise<SqlRow[]> {
  const values = params.map((value) => (typeof value === 'string' ? toPostgresText(value) : value))
  const query = reserved.unsafe(toPostgres(sql), values, options(sql))
  // Not when somebody waits for it: it goes out now, behind those before it.
  query.execute()
  // Rows alone, without what the library adds to the array.
  return query.then((rows) => [...rows] as SqlRow[])
}

/** Statements about the schema come once, and the server would keep what it prepared of them. */
const schemaWord = /^\s*(?:CREATE|ALTER|DROP|BEGIN|COMMIT|ROLLBACK)\b/i

function options(sql: string): { prepare: boolean } {
  const prepare = !schemaWord.test(sql)
  return { prepare, simple: !prepare } as { prepare: boolean }
}

/** Columns by the number of their type, as SQLite has their values: numbers, and 0 or 1 for booleans. */
const readTypes = {
  bigint: { to: 20, from: [20], serialize: String, parse: Number },
  boolean: { to: 16, from: [16], serialize: String, parse: (text: string) => (text === 't' ? 1 : 0) },
  // What sums and averages are. Too large a whole number stays text.
  numeric: { to: 1700, from: [1700], serialize: String, parse: toNumber },
}

function toNumber(text: string): number | string {
  const number = Number(text)
  return Number.isInteger(number) && !Number.isSafeInteger(number) ? text : number
}

function startWatch(patience: number): { signal: AbortSignal; expired: Promise<never>; stop: () => void } {
  const controller = new AbortController()
  const { promise, reject } = Promise.withResolvers<never>()
  promise.catch(() => undefined)
  const timer = setTimeout(() => {
    controller.abort()
    reject(new LostConnectionError(`The server did not answer for ${patience / 1000} s.`))
  }, patience)
  return { signal: controller.signal, expired: promise, stop: () => clearTimeout(timer) }
}
