/**
 * PostgreSQL under the writer's thread: other gateways may be on the same database, so what an instance left open is
 * ended only when it has missed its beat, by whichever gateway notices first.
 */

import { type Driver, StoreError } from '../engine/driver.ts'
import { blockIdsTaken, claimLane, laneCount, leave, newestKey, takeBlockIds } from '../engine/lanes.ts'
import { migrate } from '../engine/migrate.ts'
import { migrations } from '../engine/migrations.ts'
import { openPostgres } from '../engine/postgres-driver.ts'
import type { PostgresPlace } from '../engine/postgres-place.ts'
import type { WriteContext } from '../state/plan.ts'
import { buryDead, join } from '../state/upkeep.ts'
import { BlockIds, type OpenedStore, type WriterEngine } from './engine.ts'
import type { WriterSettings } from './worker-protocol.ts'

/** One for batches of the log and one for steps of upkeep beside them; state has one of its own. */
const logConnections = 2

/** Major version of the oldest PostgreSQL that does. */
const oldestVersion = 15

/** Milliseconds. A batch of the log may wait for long, as nobody waits for it. */
const logTimeouts = { statementTimeout: 30_000, lockTimeout: 10_000, patience: 60_000 }

/** Another gateway may be changing a large store's schema. */
const migrationTimeouts = { statementTimeout: 0, lockTimeout: 0, patience: 3_600_000 }

/** Milliseconds that a state write may take over its time before its connection counts as lost. */
const answerTime = 1000

export interface PostgresEngineOptions {
  place: PostgresPlace
  settings: WriterSettings
  /** Whether this is the start of the gateway, and not of its thread alone. */
  recover: boolean
}

/** Throws StoreError. */
export async function openPostgresEngine(options: PostgresEngineOptions): Promise<WriterEngine> {
  const { place, settings } = options
  const opened = await prepare(options)
  const { writeTimeout, instance } = settings
  const log = openPostgres({ place, readonly: false, connections: logConnections, ...logTimeouts })
  const state = openPostgres({
    place,
    readonly: false,
    connections: 1,
    statementTimeout: writeTimeout,
    lockTimeout: writeTimeout,
    patience: writeTimeout + answerTime,
  })
  return {
    log,
    state,
    opened,
    blocks: new BlockIds(async () => {
      const first = await takeBlockIds(log)
      return { first, end: first + blockIdsTaken }
    }),
    close: async () => {
      // While the database is away, the others find out by the missing beat.
      await leave(state, instance).catch(() => undefined)
      await state.close()
      await log.close()
    },
  }
}

async function prepare({ place, settings, recover }: PostgresEngineOptions): Promise<OpenedStore> {
  const driver = openPostgres({ place, readonly: false, connections: 1, ...migrationTimeouts })
  try {
    await refuseOld(driver, place.location)
    await makeSchema(driver, place)
    const tables = (await driver.all(tablesSql)).map((row) => String(row.name))
    const now = Date.now()
    const applied = await migrate({ driver, name: place.location, steps: migrations, now, tables })
    const lane = recover ? await takeLane(driver, settings.instance, place.location) : 0
    const lastKey = recover ? await newestKey(driver, lane, now) : 0
    const leftovers = recover ? await endLeftovers(driver, settings.instance) : 0
    return { lastKey, lane: { lane, lanes: laneCount }, leftovers, applied }
  } finally {
    await driver.close()
  }
}

/** `pg_stat_force_next_flush` came with 15, and nobody mends an older one any more. Throws StoreError. */
export async function refuseOld(driver: Pick<Driver, 'all'>, name: string): Promise<void> {
  const [row] = await driver.all("SELECT current_setting('server_version_num') AS version")
  const major = Math.floor(Number(row?.version) / 10_000)
  if (major >= oldestVersion) return
  throw new StoreError(
    'failed',
    `The store ${name} is a PostgreSQL ${major}. Dragoman needs ${oldestVersion} or newer: upgrade the server, or name another in "store.url".`,
  )
}

/** A schema that is named and not there is made; one that is there need not be ours to make. */
async function makeSchema(driver: Driver, { schema }: PostgresPlace): Promise<void> {
  if (schema === null) return
  const found = await driver.all('SELECT 1 AS found FROM pg_namespace WHERE nspname = ?', [schema])
  if (found.length > 0) return
  await driver.batch([{ sql: `CREATE SCHEMA IF NOT EXISTS ${schema}`, params: [] }], {
    locks: ['migrations'],
  })
}

/** Of the schema that we write to, without those that an extension brought. */
const tablesSql = `SELECT CAST(relname AS TEXT) AS name FROM pg_class
  WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
    AND relkind IN ('r', 'p')
    AND NOT EXISTS (SELECT 1 FROM pg_depend
      WHERE classid = CAST('pg_class' AS regclass) AND objid = pg_class.oid AND deptype = 'e')
  ORDER BY 1`

async function takeLane(driver: Driver, instance: string, name: string): Promise<number> {
  const context: WriteContext = { instance, now: Date.now(), dialect: driver.dialect }
  await driver.batch(join(context).statements)
  const lane = await claimLane(driver, instance)
  if (lane !== null) return lane
  throw new StoreError(
    'locked',
    `The store ${name} is used by ${laneCount} gateways already, which is the most. Stop one, or give this one its own "store.url".`,
  )
}

/** What those left who are gone, so that it goes on at once. Gives how many requests stood open. */
async function endLeftovers(driver: Driver, instance: string): Promise<number> {
  const context: WriteContext = { instance, now: Date.now(), dialect: driver.dialect }
  const { statements, ...locking } = buryDead({}, context)
  const rows = await driver.batch(statements, locking)
  return rows.flat().filter((row) => row.lost !== undefined).length
}
