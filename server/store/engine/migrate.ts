/** Brings a database to the schema of this version, or says why it cannot. */

import { type Dialect, type Driver, type Statement, StoreError } from './driver.ts'
import { type Migration, migrationsTable } from './migrations.ts'

export interface MigrateOptions {
  driver: Driver
  /** How to name the store in a message. */
  name: string
  steps: readonly Migration[]
  /** Unix milliseconds. */
  now: number
  /** Names of the tables that exist already. */
  tables: readonly string[]
}

/** Gateways that start at once on one database do this one after the other. */
const lock = { locks: ['migrations'] }

/** Applies the missing steps in one transaction and gives their names. Throws StoreError. */
export async function migrate(options: MigrateOptions): Promise<string[]> {
  const { driver, name, steps, now, tables } = options
  if (tables.length > 0 && !tables.includes('migrations')) throw foreign(options)
  await driver.batch([{ sql: migrationsTable, params: [] }], lock)
  for (;;) {
    const applied = await readApplied(options)
    refuseNewer(name, steps, applied)
    const missing = steps.filter((step) => !applied.has(step.name))
    if (missing.length === 0) return []
    const statements: Statement[] = [
      // First, so that a step that another gateway has applied meanwhile fails before anything is done.
      ...missing.map((step) => ({
        sql: 'INSERT INTO migrations (name, applied_at) VALUES (?, ?)',
        params: [step.name, now],
      })),
      ...missing.flatMap((step) => textsOf(step, driver.dialect)).map((sql) => ({ sql, params: [] })),
    ]
    try {
      await driver.batch(statements, lock)
      return missing.map((step) => step.name)
    } catch (error) {
      const applies = await readApplied(options)
      if (!missing.some((step) => applies.has(step.name))) throw error
    }
  }
}

/** Many programs call a table "migrations": only one that knows of our first step is ours. */
async function readApplied(options: MigrateOptions): Promise<Set<string>> {
  const { driver, steps, tables } = options
  const rows = await driver.all('SELECT name FROM migrations').catch((error: unknown) => {
    throw error instanceof StoreError && error.problem === 'failed' ? foreign(options) : error
  })
  const applied = new Set(rows.map((row) => String(row.name)))
  const others = tables.some((table) => table !== 'migrations')
  const [first] = steps
  if (first !== undefined && !applied.has(first.name) && (others || applied.size > 0)) throw foreign(options)
  return applied
}

function foreign({ driver, name, tables }: MigrateOptions): StoreError {
  const advice =
    driver.dialect === 'sqlite'
      ? 'Give Dragoman a file of its own in "store.url".'
      : 'Give Dragoman a database of its own in "store.url", or a schema in this one: add "?schema=dragoman" to it.'
  return new StoreError(
    'foreign',
    `The store ${name} holds tables of something else (${tables.slice(0, 3).join(', ')}). ${advice}`,
  )
}

function textsOf({ statements }: Migration, dialect: Dialect): string[] {
  return statements
    .map((statement) => (typeof statement === 'string' ? statement : statement[dialect]))
    .filter((sql) => sql !== null)
}

function refuseNewer(name: string, steps: readonly Migration[], applied: ReadonlySet<string>): void {
  const known = new Set(steps.map((step) => step.name))
  const unknown = [...applied].filter((step) => !known.has(step)).sort()
  if (unknown.length === 0) return
  throw new StoreError(
    'newer_schema',
    `The store ${name} was written by a newer Dragoman: it has the schema step "${unknown[0]}", which this version ` +
      'does not know. Run that version or a later one, or give this one its own "store.url".',
  )
}
