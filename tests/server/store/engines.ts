/** What holds for the store holds on every engine: tests that are given to each. */

import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import Database from 'better-sqlite3'
import postgres from 'postgres'
import type { Dialect } from '../../../server/store/engine/driver.ts'
import { openStore, type Store, type StoreOptions } from '../../../server/store/store.ts'
import { createDatabase, createMigratedDatabase } from '../../support/postgres.ts'
import { makeDirectory, patient } from './fixtures.ts'

export interface TestEngine {
  name: Dialect
  /** Of a place without any rows, which goes with the test. */
  makeUrl(t: TestContext): Promise<string>
  /** Of one without any tables. */
  makeEmptyUrl(t: TestContext): Promise<string>
  /** Asks the database past the store. */
  read(url: string, sql: string): Promise<Record<string, unknown>[]>
}

export const engines: readonly TestEngine[] = [
  {
    name: 'sqlite',
    makeUrl: makeFileUrl,
    makeEmptyUrl: makeFileUrl,
    read: async (url, sql) => {
      const database = new Database(url.replace('sqlite:', ''), { readonly: true })
      try {
        return database.prepare<[], Record<string, unknown>>(sql).all()
      } finally {
        database.close()
      }
    },
  },
  {
    name: 'postgres',
    makeUrl: createMigratedDatabase,
    makeEmptyUrl: (t) => createDatabase(t),
    read: async (url, sql) => {
      const database = postgres(url, { max: 1, types: { bigint } })
      try {
        return [...(await database.unsafe<Record<string, unknown>[]>(sql))]
      } finally {
        await database.end()
      }
    },
  },
]

async function makeFileUrl(t: TestContext): Promise<string> {
  return `sqlite:${join(await makeDirectory(t), 'log.db')}`
}

const bigint = { to: 20, from: [20], serialize: String, parse: Number }

/** Registers a test for each engine. */
export function testEngines(name: string, body: (t: TestContext, engine: TestEngine) => Promise<void>): void {
  for (const engine of engines) test(`${engine.name}: ${name}`, (t) => body(t, engine))
}

/** An empty store that is closed after the test. */
export async function openEmptyStore(
  t: TestContext,
  engine: TestEngine,
  options: Partial<StoreOptions> = {},
): Promise<Store & { url: string }> {
  const url = await engine.makeUrl(t)
  return Object.assign(await openStoreAt(t, url, options), { url })
}

/** Closed after the test. */
export async function openStoreAt(
  t: TestContext,
  url: string,
  options: Partial<StoreOptions> = {},
): Promise<Store> {
  const store = await openStore({ url, ...patient, ...options })
  t.after(() => store.close())
  return store
}

const stateTables = [
  'responses',
  'items',
  'response_events',
  'jobs',
  'conversations',
  'conversation_items',
  'idempotency_keys',
]

/** How many rows the state has, by table; tables without any are left out. */
export async function countRows(engine: TestEngine, url: string): Promise<Record<string, number>> {
  const counts = stateTables.map((table) => `(SELECT count(*) FROM ${table}) AS ${table}`)
  const [row = {}] = await engine.read(url, `SELECT ${counts.join(', ')}`)
  return Object.fromEntries(
    Object.entries(row)
      .map(([table, count]) => [table, Number(count)] as const)
      .filter(([, count]) => count > 0),
  )
}
