/** Where the gateway of the crash suite keeps things: in a file, or on a PostgreSQL server that can be killed as well. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import Database from 'better-sqlite3'
import postgres from 'postgres'
import { startServer, type TestServer } from '../support/postgres.ts'

/** Ways in which a server goes: a crash of all of it, an end in order, one of the processes that work for the gateway. */
export const serverDeaths = ['immediate', 'fast', 'backend'] as const
export type ServerDeath = (typeof serverDeaths)[number]

export interface StorePlace {
  /** `store.url` of the gateway. */
  url: string
  /** Asks the database past the gateway, which must have stopped where that is a file. */
  read(sql: string): Promise<Record<string, unknown>[]>
  /** Whether the database is sound, as far as it can say. */
  check(): Promise<void>
  /** Null: there is none, the gateway has the store in itself. */
  server: StoreServer | null
  close(): Promise<void>
}

export interface StoreServer {
  /** Resolves when the server is down: what is acknowledged from then on is for the next one. */
  kill(death: ServerDeath): Promise<void>
  /** Resolves when there is one again. */
  revive(): Promise<void>
}

export function openFilePlace(folder: string): StorePlace {
  const file = join(folder, 'crash.db')
  const ask = <Row>(work: (database: Database.Database) => Row): Row => {
    const database = new Database(file, { readonly: true })
    try {
      return work(database)
    } finally {
      database.close()
    }
  }
  return {
    url: `sqlite:${file}`,
    read: async (sql) => ask((database) => database.prepare<[], Record<string, unknown>>(sql).all()),
    async check() {
      assert.equal(
        ask((database) => database.pragma('integrity_check', { simple: true })),
        'ok',
      )
    },
    server: null,
    close: async () => {},
  }
}

const database = 'crash'

export async function startServerPlace(): Promise<StorePlace> {
  const server = await startServer()
  await server.admin.unsafe(`CREATE DATABASE ${database}`)
  const connect = () =>
    postgres(server.url(database), { max: 1, onnotice: () => {}, types: { bigint: bigintAsNumber } })
  let sql = connect()
  let isStopped = false
  return {
    url: server.url(database),
    read: async (text) => [...(await sql.unsafe<Record<string, unknown>[]>(text))],
    check: async () => {},
    server: {
      async kill(death) {
        await sql.end({ timeout: 0 })
        isStopped = death !== 'backend'
        if (death === 'backend') await killBackend(server)
        else await server.stop(death)
      },
      async revive() {
        if (isStopped) await server.start()
        sql = connect()
        while (!(await isAnswered(sql))) await pause(20)
      },
    },
    async close() {
      await sql.end({ timeout: 0 })
      await server.close()
    },
  }
}

const bigintAsNumber = { to: 20, from: [20], serialize: String, parse: Number }

/** The others end with it, since what it had in the memory that they share may be broken: the server begins anew. */
async function killBackend({ admin }: TestServer): Promise<void> {
  const [own] = await admin`SELECT pg_backend_pid() AS pid`
  for (let isKilled = false; !isKilled; ) {
    const victims = await admin`
      SELECT pid FROM pg_stat_activity WHERE datname = ${database} ORDER BY state = 'idle', random() LIMIT 1`
    isKilled = killIfThere(Number(victims[0]?.pid ?? own?.pid))
  }
  // Until the connection that asked is gone as well.
  for (;;) {
    const [now] = await admin`SELECT pg_backend_pid() AS pid`.catch(() => [{ pid: null }])
    if (now?.pid !== own?.pid) return
    await pause(5)
  }
}

/** False: it has ended since it was found. */
function killIfThere(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
    throw error
  }
}

async function isAnswered(sql: postgres.Sql): Promise<boolean> {
  return sql`SELECT 1`.then(
    () => true,
    () => false,
  )
}
