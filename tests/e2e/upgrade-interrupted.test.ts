/** A gateway that is killed in the middle of an upgrade, and gateways that upgrade, or begin, at once. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import postgres from 'postgres'
import { migrations } from '../../server/store/engine/migrations.ts'
import {
  type GatewayProcess,
  NotStarted,
  startGatewayProcess,
  writeConfig,
} from '../crash/gateway-process.ts'
import { type TestEngine, testEngines } from '../server/store/engines.ts'
import { createdAt, makeOld, oldRequest } from '../server/store/old-store.ts'
import { createDatabase } from '../support/postgres.ts'

/** Of the first released schema. */
const oldSteps = 3
const rows = 1000

const makeOldStore = (t: TestContext, engine: TestEngine) =>
  makeOld(
    t,
    engine,
    oldSteps,
    Array.from({ length: rows }, (_, index) => oldRequest(index)),
  )

/** The folder of a gateway whose store is `url`. */
async function configure(t: TestContext, url: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'dragoman-upgrade-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  await writeConfig({ folder, provider: 'http://127.0.0.1:9', store: url })
  return folder
}

/** Starts a gateway that is killed as soon as `moment` has come; false: it was up before. */
async function startKilled(folder: string, moment: () => Promise<void>): Promise<boolean> {
  const starting = startGatewayProcess(folder, (kill) => {
    void moment().then(kill)
  })
  const gateway = await starting.catch((error: unknown) => {
    assert.ok(error instanceof NotStarted)
    assert.equal(error.message, '', 'it says nothing but that it was killed')
    return null
  })
  gateway?.kill()
  await gateway?.exit
  return gateway === null
}

/** Everything of before is there and is counted, once. */
async function checkUpgraded(engine: TestEngine, url: string, { origin }: GatewayProcess): Promise<void> {
  const applied = await engine.read(url, 'SELECT name FROM migrations ORDER BY name')
  assert.deepEqual(
    applied.map(({ name }) => name),
    migrations.map(({ name }) => name).sort(),
  )
  const [found] = await engine.read(url, 'SELECT count(*) AS rows FROM requests')
  assert.equal(Number(found?.rows), rows)
  for (;;) {
    const counted = await countCounted(origin)
    assert.ok(counted <= rows, `${counted} are counted`)
    if (counted === rows) return
    await pause(100)
  }
}

/** How many requests of before the upgrade are in the sums; 0 also where a busy machine is too late to say. */
async function countCounted(origin: string): Promise<number> {
  const day = new Date(createdAt).toISOString().slice(0, 10)
  const response = await fetch(`${origin}/admin/spend?group_by=model&from=${day}&to=2026-01-03`)
  const text = await response.text()
  if (response.status === 503) return 0
  assert.equal(response.status, 200, text)
  return (JSON.parse(text) as { totals: { requests: number } }).totals.requests
}

const isFile = (engine: TestEngine) => engine.name === 'sqlite'

testEngines('an upgrade that is killed in its middle is done by the next start', async (t, engine) => {
  const { url, folder } = await killUpgrade(t, engine)
  const gateway = await startGatewayProcess(folder)
  try {
    await checkUpgraded(engine, url, gateway)
  } finally {
    await gateway.stop()
  }
  assert.equal(gateway.complaints(), '')
})

/** A store whose upgrade was killed in its middle; one that was done before the kill came, as it may be, is no such. */
async function killUpgrade(t: TestContext, engine: TestEngine): Promise<{ url: string; folder: string }> {
  for (let tries = 0; tries < 20; tries += 1) {
    const url = await makeOldStore(t, engine)
    const folder = await configure(t, url)
    if (isFile(engine)) await killInFile(folder, url.replace('sqlite:', ''))
    else assert.ok(await killInDatabase(t, folder, url), 'it waits for the table')
    const { length } = await engine.read(url, 'SELECT name FROM migrations')
    assert.ok(length === oldSteps || length === migrations.length, `all or nothing, and not ${length}`)
    if (length === oldSteps) return { url, folder }
  }
  assert.fail('no upgrade was killed in its middle')
}

/** When the first pages of the upgrade have been written beside the file. */
async function killInFile(folder: string, file: string): Promise<void> {
  await startKilled(folder, async () => {
    const size = async () => (await stat(`${file}-wal`).catch(() => null))?.size ?? 0
    while ((await size()) === 0) await pause(1)
  })
}

/** While it waits for a table that somebody else holds, with steps done before that. */
async function killInDatabase(t: TestContext, folder: string, url: string): Promise<boolean> {
  const other = postgres(url, { max: 2, onnotice: () => {} })
  t.after(() => other.end())
  const held = await other.reserve()
  await held.unsafe('BEGIN')
  await held.unsafe('LOCK TABLE requests IN SHARE MODE')
  const isKilled = await startKilled(folder, async () => {
    for (;;) {
      const [waiting] = await other`SELECT 1 FROM pg_locks JOIN pg_stat_activity USING (pid)
        WHERE NOT granted AND locktype = 'relation' AND datname = current_database()`
      if (waiting !== undefined) return
      await pause(10)
    }
  })
  await held.unsafe('ROLLBACK')
  held.release()
  return isKilled
}

testEngines(
  'sums of before the upgrade that were half made are finished by the next start',
  async (t, engine) => {
    const url = await makeOldStore(t, engine)
    const folder = await configure(t, url)
    const first = await startGatewayProcess(folder)
    // Counting begins with the start and goes on in steps.
    while ((await countCounted(first.origin)) === 0) await pause(5)
    first.kill()
    await first.exit
    if (!isFile(engine)) await freeLeases(url)
    const next = await startGatewayProcess(folder)
    try {
      await checkUpgraded(engine, url, next)
    } finally {
      await next.stop()
    }
  },
)

/** As the others do once the dead one has missed its beat for long enough, and then try again: which takes a minute. */
async function freeLeases(url: string): Promise<void> {
  const sql = postgres(url, { max: 1 })
  await sql`DELETE FROM leases`
  await sql.end()
}

/** Three gateways at once on one database: all come up, and what they did there is done once. */
async function startAtOnce(t: TestContext, url: string): Promise<GatewayProcess[]> {
  const folder = await configure(t, url)
  const gateways = await Promise.all([1, 2, 3].map(() => startGatewayProcess(folder)))
  t.after(() => Promise.all(gateways.map((gateway) => gateway.stop())))
  return gateways
}

testEngines('gateways that start at once on a database of before upgrade it once', async (t, engine) => {
  if (isFile(engine)) return t.skip('a file has one gateway')
  const url = await makeOldStore(t, engine)
  const gateways = await startAtOnce(t, url)
  for (const gateway of gateways) await checkUpgraded(engine, url, gateway)
  for (const gateway of gateways) assert.equal(gateway.complaints(), '')
})

test('processes that start at once on an empty database all come up', async (t) => {
  const gateways = await startAtOnce(t, await createDatabase(t))
  for (const gateway of gateways) {
    assert.equal((await fetch(`${gateway.origin}/readyz`)).status, 200)
    assert.equal(gateway.complaints(), '')
  }
})
