/**
 * What the store asks of a database engine, and no more. Drivers run inside the store's worker threads; SQL text is
 * written once, with `?` for parameters, in the common subset of the engines.
 */

import type { Deadline } from './deadline.ts'

export type SqlValue = string | number | null | Uint8Array

export type SqlRow = Record<string, SqlValue>

export interface Statement {
  sql: string
  params: readonly SqlValue[]
}

/** Which engine it is, for the few texts that differ. */
export type Dialect = 'sqlite' | 'postgres'

export interface BatchOptions {
  /**
   * Names of what the batch decides about, such as `response:resp_1`: batches that share one run one after the other,
   * over all gateways on the database. SQLite, which runs every batch so, does not look at them.
   */
  locks?: readonly string[]
  /** Names that batches may hold together: only a batch that has one of them among its `locks` waits, and is waited for. */
  shared?: readonly string[]
  /** The same for all tries of one write, when their statements are not in the same array. */
  once?: object
}

export interface Driver {
  readonly dialect: Dialect
  /**
   * Runs one query. `deadline`: where the engine can cut a statement short, it is by then, with DeadlineError.
   * Throws StoreError.
   */
  all(sql: string, params?: readonly SqlValue[], deadline?: Deadline): Promise<SqlRow[]>
  /**
   * Runs the statements in one transaction: all or none. There are no reads between them: what depends on the stored
   * state is decided in SQL (`ON CONFLICT … WHERE … RETURNING`). Gives the returned rows of each statement.
   *
   * Throws StoreError. When the connection is lost in the middle of the commit, that is `unreachable` as well; who tries
   * again with the same array, or the same `once`, gets what the first try committed, if it did: nothing is written twice.
   */
  batch(statements: readonly Statement[], options?: BatchOptions): Promise<SqlRow[][]>
  close(): Promise<void>
}

/** A driver whose every query has to end by then. */
export function withDeadline(driver: Driver, deadline: Deadline): Driver {
  return {
    dialect: driver.dialect,
    all: (sql, params) => driver.all(sql, params, deadline),
    batch: (statements, options) => driver.batch(statements, options),
    close: () => driver.close(),
  }
}

/** Why a store cannot be used. */
export type StoreProblem =
  | 'bad_url'
  | 'unwritable'
  | 'corrupt'
  | 'locked'
  | 'unreachable'
  | 'foreign'
  | 'newer_schema'
  | 'disk_full'
  | 'failed'

/** Those that pass by themselves, or once somebody has looked after the disk or the database. */
const transientProblems: ReadonlySet<StoreProblem> = new Set([
  'locked',
  'unreachable',
  'disk_full',
  'unwritable',
])

/** Thrown when the store cannot be opened or used. The message is for the operator and says what to do. */
export class StoreError extends Error {
  readonly problem: StoreProblem

  constructor(problem: StoreProblem, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'StoreError'
    this.problem = problem
  }

  /** Whether the same write may succeed later without anyone touching the gateway. */
  get transient(): boolean {
    return transientProblems.has(this.problem)
  }
}
