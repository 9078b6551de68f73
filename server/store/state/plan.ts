/** What a state write is on the writer's thread: statements without reads between them, and what their rows mean. */

import type { BatchOptions, Dialect, SqlRow, SqlValue, Statement } from '../engine/driver.ts'

export interface WriteContext {
  /** The instance of this process. */
  instance: string
  /** Unix milliseconds. */
  now: number
  dialect: Dialect
}

/**
 * Between two statements of a plan another gateway may write, and a condition that a statement waits with may be an old
 * one. So a plan names in `locks` what it looks at and changes in more than one place: plans that share a name run one
 * after the other. One statement that looks at nothing but the row that it changes needs no name.
 */
export interface Plan<T> extends BatchOptions {
  statements: Statement[]
  /** From the rows that each of the statements returned. */
  value: (rows: readonly SqlRow[][]) => T
}

/** A condition that every statement of a write repeats: when it does not hold, none changes anything. */
export interface Guard {
  sql: string
  params: readonly SqlValue[]
}

export const unguarded: Guard = { sql: '1 = 1', params: [] }

/**
 * What belongs to instances while they live: jobs, locks, claims. Shared by plans that rely on theirs over several
 * statements, and taken whole by the one that ends the rights of instances that are gone.
 */
export const rights = 'rights'

/** Names of locks. */
export const nameOf = {
  response: (id: string) => `response:${id}`,
  conversation: (id: string) => `conversation:${id}`,
  key: ({ project, key }: { project: string; key: string }) => `key:${project}/${key}`,
  prompt: (id: string) => `prompt:${id}`,
  sealKeys: 'seal-keys',
}

/** The job of a response is this instance's: not cancelled, deleted or taken over. */
export function jobIsOurs(id: string, { instance }: WriteContext): Guard {
  return { sql: 'EXISTS (SELECT 1 FROM jobs WHERE response_id = ? AND owner = ?)', params: [id, instance] }
}

/** The conversation is locked by this instance for `holder`. */
export function lockIsOurs(
  { project, id, holder }: { project: string; id: string; holder: string },
  { instance }: WriteContext,
): Guard {
  return {
    sql: `EXISTS (SELECT 1 FROM conversations
      WHERE id = ? AND project = ? AND lock_owner = ? AND lock_holder = ?)`,
    params: [id, project, instance, holder],
  }
}

export function allOf(guards: readonly Guard[]): Guard {
  const [only, ...more] = guards
  if (only === undefined) return unguarded
  if (more.length === 0) return only
  return {
    sql: guards.map(({ sql }) => sql).join(' AND '),
    params: guards.flatMap(({ params }) => params),
  }
}

/** A column; `number` for integers, whose type a strict engine cannot see in a parameter of a SELECT. */
export type Column = string | { number: string }

/** Gives a function that makes guarded INSERT statements for a table; their texts are made once per kind of guard. */
export function insertInto(table: string, columns: readonly Column[], ending = '') {
  const names = columns.map((column) => (typeof column === 'string' ? column : column.number))
  const values = columns.map((column) => (typeof column === 'string' ? '?' : 'CAST(? AS BIGINT)'))
  const texts = new Map<string, string>()
  return (params: readonly SqlValue[], guard: Guard = unguarded): Statement => {
    let sql = texts.get(guard.sql)
    if (sql === undefined) {
      sql = `INSERT INTO ${table} (${names.join(', ')}) SELECT ${values.join(', ')} WHERE ${guard.sql} ${ending}`
      texts.set(guard.sql, sql)
    }
    return { sql, params: [...params, ...guard.params] }
  }
}

/** A plan whose value says whether its first statement returned a row. */
export function whetherChanged(statements: Statement[], locking: BatchOptions = {}): Plan<boolean> {
  return { ...locking, statements, value: ([first]) => first !== undefined && first.length > 0 }
}

export function silent(statements: Statement[], locking: BatchOptions = {}): Plan<null> {
  return { ...locking, statements, value: () => null }
}

/** SQL's spelling of a truth value. */
export function flag(value: boolean): number {
  return value ? 1 : 0
}
