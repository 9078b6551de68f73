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

/** Applies the missing steps in one transaction and gives their names. Throws StoreError. */
export async function migrate({ driver, name, steps, now, tables }: MigrateOptions): Promise<string[]> {
  if (tables.length > 0 && !tables.includes('migrations')) {
    throw new StoreError(
      'foreign',
      `The store ${name} holds tables of something else (${tables.slice(0, 3).join(', ')}). ` +
        'Give Dragoman a file of its own in "store.url".',
    )
  }
  await driver.batch([{ sql: migrationsTable, params: [] }])
  const applied = new Set((await driver.all('SELECT name FROM migrations')).map((row) => String(row.name)))
  refuseNewer(name, steps, applied)
  const missing = steps.filter((step) => !applied.has(step.name))
  const statements: Statement[] = missing.flatMap((step) => [
    ...textsOf(step, driver.dialect).map((sql) => ({ sql, params: [] })),
    { sql: 'INSERT INTO migrations (name, applied_at) VALUES (?, ?)', params: [step.name, now] },
  ])
  if (statements.length > 0) await driver.batch(statements)
  return missing.map((step) => step.name)
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
