/** A migrated, empty database of each engine, for what must be the same on both. */

import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Dialect, Driver } from '../../../../server/store/engine/driver.ts'
import { migrate } from '../../../../server/store/engine/migrate.ts'
import { migrations } from '../../../../server/store/engine/migrations.ts'
import { openPostgres } from '../../../../server/store/engine/postgres-driver.ts'
import { parsePostgresUrl } from '../../../../server/store/engine/postgres-place.ts'
import { openSqlite } from '../../../../server/store/engine/sqlite-driver.ts'
import { createMigratedDatabase } from '../../../support/postgres.ts'
import { makeDirectory } from '../fixtures.ts'

const opening: Record<Dialect, (t: TestContext) => Promise<Driver>> = {
  async sqlite(t) {
    return openSqlite({ path: join(await makeDirectory(t), 'log.db'), readonly: false, busyTimeout: 1000 })
  },
  async postgres(t) {
    const place = parsePostgresUrl(await createMigratedDatabase(t))
    if (place === null) throw new Error('The URL of the test database cannot be read.')
    const limits = { statementTimeout: 120_000, lockTimeout: 120_000, patience: 120_000 }
    return openPostgres({ place, readonly: false, connections: 2, ...limits })
  },
}

export const dialects = Object.keys(opening) as Dialect[]

/** Closed after the test. */
export async function openEngine(t: TestContext, dialect: Dialect): Promise<Driver> {
  const driver = await opening[dialect](t)
  t.after(() => driver.close())
  await migrate({ driver, name: 'test', steps: migrations, now: 1, tables: [] })
  return driver
}
