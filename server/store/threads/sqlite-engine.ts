/** SQLite under the writer's thread: one gateway has the file, so what stands open in it is left over from one that stopped. */

import { migrate } from '../engine/migrate.ts'
import { migrations } from '../engine/migrations.ts'
import { lockSqlite, openSqlite } from '../engine/sqlite-driver.ts'
import { countLeftovers, failLeftovers } from '../log/request-writes.ts'
import { recover as recoverState } from '../state/upkeep.ts'
import { BlockIds, type WriterEngine } from './engine.ts'
import type { WriterSettings } from './worker-protocol.ts'

/** Milliseconds to block for another program's lock at a time. In between, state can be told that it waits in vain. */
const busySlice = 200

export interface SqliteEngineOptions {
  path: string
  settings: WriterSettings
  /** Whether this is the start of the gateway, and not of its thread alone. */
  recover: boolean
  onDamage: (message: string) => void
}

/** Throws StoreError. */
export async function openSqliteEngine(options: SqliteEngineOptions): Promise<WriterEngine> {
  const lock = lockSqlite(options.path)
  try {
    return await openLocked(options, lock)
  } catch (error) {
    lock.close()
    throw error
  }
}

async function openLocked(
  { path, settings, recover, onDamage }: SqliteEngineOptions,
  lock: { close(): void },
): Promise<WriterEngine> {
  const { busyTimeout, maxPages, instance } = settings
  const driver = openSqlite({ path, readonly: false, busyTimeout, maxPages, onDamage })
  try {
    const tables = await driver.all(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
    )
    const now = Date.now()
    const names = tables.map((row) => String(row.name))
    const applied = await migrate({ driver, name: path, steps: migrations, now, tables: names })
    const statements = [...countLeftovers, failLeftovers, ...recoverState({ instance, now }).statements]
    const rows = recover ? await driver.batch(statements) : []
    const [newest] = await driver.all('SELECT max(key) AS key FROM requests')
    const [block] = await driver.all('SELECT max(id) AS id FROM blocks')
    const first = Number(block?.id ?? 0) + 1
    await driver.all(`PRAGMA busy_timeout = ${Math.min(busyTimeout, busySlice)}`)
    return {
      log: driver,
      state: driver,
      opened: {
        lastKey: Number(newest?.key ?? 0),
        lane: { lane: 0, lanes: 1 },
        leftovers: rows[countLeftovers.length]?.length ?? 0,
        applied,
      },
      blocks: new BlockIds(async () => ({ first, end: Number.POSITIVE_INFINITY })),
      close: async () => {
        await driver.close()
        lock.close()
      },
    }
  } catch (error) {
    await driver.close()
    throw error
  }
}
