/**
 * Whether a transaction was committed whose connection was lost over it. The server knows the number of a transaction, but
 * after a crash it gives numbers of which nothing had reached its disk to other transactions, and then says "committed" of
 * what is gone. So each connection has a row of its own, in which each of its transactions writes which one it is.
 */

import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { SqlRow } from './driver.ts'
import type { PostgresConnection, Send } from './postgres-connection.ts'
import { codeOf, LostConnectionError } from './postgres-errors.ts'

/** `number`: of the connection's last transaction. */
export const commitsTable = `CREATE TABLE commits (
  connection TEXT PRIMARY KEY,
  number BIGINT NOT NULL,
  at TIMESTAMPTZ NOT NULL
) WITH (fillfactor = 50)`

/** Who a connection is in `commits`. */
export interface Mark {
  readonly connection: string
  /** Of its last transaction. */
  number: number
  /** Whether the table is there, which is not so before the first migration. */
  kept: boolean
}

export function createMark(): Mark {
  return { connection: randomUUID(), number: 0, kept: false }
}

/** A batch of which nobody said whether it was committed. */
export interface Doubt {
  connection: string
  number: number
  /** Of its transaction and of the process that ran it, as the server numbers them. */
  transaction: string
  process: number
  results: SqlRow[][]
}

/** To be asked before a transaction begins. */
export async function findMarks(send: Send, mark: Mark): Promise<void> {
  if (mark.kept) return
  const [row] = await send("SELECT to_regclass('commits') IS NOT NULL AS kept")
  mark.kept = row?.kept === 1
}

const markSql = `INSERT INTO commits (connection, number, at) VALUES (?, ?, now())
  ON CONFLICT (connection) DO UPDATE SET number = excluded.number, at = excluded.at
  RETURNING CAST(pg_current_xact_id() AS TEXT) AS transaction, pg_backend_pid() AS process`

/** A connection is closed after half an hour. Those that others remove just now are left to them. */
const forgetSql = `DELETE FROM commits WHERE connection IN (
  SELECT connection FROM commits WHERE at < now() - INTERVAL '1 day' FOR UPDATE SKIP LOCKED)`

/** Writes, within a transaction, which one it is; not before there is a table. `toDoubt` takes the answer. */
export function sendMark(send: Send, mark: Mark): Promise<SqlRow[]>[] {
  if (!mark.kept) return []
  mark.number += 1
  const marked = send(markSql, [mark.connection, mark.number])
  return mark.number === 1 ? [marked, send(forgetSql)] : [marked]
}

/** Null where there is nothing to find out by. */
export function toDoubt(
  { connection, number }: Mark,
  row: SqlRow | undefined,
  results: SqlRow[][],
): Doubt | null {
  if (row === undefined) return null
  return { connection, number, transaction: String(row.transaction), process: Number(row.process), results }
}

/** How often, and after how many milliseconds each time, a transaction is asked for that is still going on. */
const settleTries = 20
const settlePause = 50

/** Whether the transaction was committed. One that the server still runs, for nobody, is ended first. Throws while nobody can say. */
export async function settle(connection: PostgresConnection, doubt: Doubt): Promise<boolean> {
  const { transaction, process } = doubt
  for (let tries = 0; tries < settleTries; tries += 1) {
    if (!(await connection.use((send) => isRunning(send, transaction))))
      return connection.use((send) => isCommitted(send, doubt))
    await connection.use((send) => send(endSql, [process, transaction]))
    await sleep(settlePause)
  }
  throw new LostConnectionError('A transaction whose connection was lost has not ended yet.')
}

async function isCommitted(send: Send, { connection, number }: Doubt): Promise<boolean> {
  const found = await send('SELECT 1 FROM commits WHERE connection = ? AND number = ?', [connection, number])
  return found.length > 0
}

async function isRunning(send: Send, transaction: string): Promise<boolean> {
  try {
    const [row] = await send('SELECT pg_xact_status(CAST(? AS xid8)) AS status', [transaction])
    return row?.status === 'in progress'
  } catch (error) {
    // It lies in the future of this server: one that has taken over from the other, or forgot it in a crash.
    if (codeOf(error) === '22023') return false
    throw error
  }
}

/** The number of a process is used again; with the number of the transaction that it runs, hardly. */
const endSql = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE pid = ? AND CAST(CAST(backend_xid AS TEXT) AS BIGINT) = CAST(? AS BIGINT) % 4294967296`
