/** What PostgreSQL, or the way to it, says went wrong, as the store's own errors. */

import { DeadlineError } from './deadline.ts'
import { StoreError, type StoreProblem } from './driver.ts'

type PostgresProblem = Exclude<StoreProblem, 'bad_url' | 'newer_schema' | 'foreign'>

/** SQLSTATE codes and classes: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const problems: readonly (readonly [RegExp, PostgresProblem])[] = [
  // Serialization failure, deadlock, lock not available.
  [/^(40001|40P01|55P03)$/, 'locked'],
  // Cancelled by a timeout of ours, or by an administrator.
  [/^57014$/, 'locked'],
  [/^53100$/, 'disk_full'],
  // Read-only transaction, missing privilege.
  [/^(25006|42501)$/, 'unwritable'],
  [/^XX00[12]$/, 'corrupt'],
  // Connections, resources, shutdown and start, authorization, a database that is not there.
  [/^(08\w{3}|53\w{3}|57P\w{2}|28\w{3}|3D000)$/, 'unreachable'],
  // The library's own, and the operating system's.
  [/^(CONNECTION_\w+|CONNECT_TIMEOUT|SASL_\w+|E[A-Z]{3,}(_\w+)?)$/, 'unreachable'],
  // TLS.
  [/CERT|SELF_SIGNED|UNABLE_TO_|^ERR_(TLS|SSL)/, 'unreachable'],
]

const sentences = {
  locked: (name) => `The store ${name} is held up by another transaction.`,
  corrupt: (name) => `The store ${name} has damaged data. Restore a backup.`,
  disk_full: (name) => `The store ${name} cannot grow: the disk of its server is full. Free some space.`,
  unwritable: (name) =>
    `The store ${name} cannot be written. Check that its server takes writes and that the user may create and change tables in the schema.`,
  unreachable: (name) =>
    `The store ${name} cannot be reached. Check that its server runs and accepts the user, the password and the database of "store.url".`,
  failed: (name) => `The store ${name} failed.`,
} as const satisfies Record<PostgresProblem, (name: string) => string>

export interface TranslateOptions {
  /** How to name the store in a message. */
  name: string
  /** Must not stand in a message. */
  password: string | null
}

/** A query that was cancelled as its time was over stays a DeadlineError; everything else becomes a StoreError. */
export function translateError(error: unknown, { name, password }: TranslateOptions): Error {
  if (error instanceof StoreError || error instanceof DeadlineError) return error
  const problem = problemOf(error)
  const message = error instanceof Error ? error.message : String(error)
  const reason = password === null || password === '' ? message : message.replaceAll(password, '…')
  return new StoreError(problem, `${sentences[problem](name)} (${reason})`, error)
}

function problemOf(error: unknown): PostgresProblem {
  const code = codeOf(error)
  if (code === null) return 'failed'
  return problems.find(([pattern]) => pattern.test(code))?.[1] ?? 'failed'
}

/** SQLSTATE, or the code of the library or the operating system; null without any. */
export function codeOf(error: unknown): string | null {
  // Several addresses of one name fail together.
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0])
  const code = error instanceof Error && 'code' in error ? error.code : null
  return typeof code === 'string' ? code : null
}

/** Told apart from answers of the server: what was sent may or may not have been done. */
export class LostConnectionError extends Error {
  readonly code = 'CONNECTION_LOST'

  constructor(reason: string, cause?: unknown) {
    super(reason, { cause })
    this.name = 'LostConnectionError'
  }
}
