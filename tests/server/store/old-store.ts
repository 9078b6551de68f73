/** Stores that earlier versions made, which are made here by the steps that made them then. */

import type { TestContext } from 'node:test'
import type { Driver, SqlValue, Statement } from '../../../server/store/engine/driver.ts'
import { migrate } from '../../../server/store/engine/migrate.ts'
import { migrations } from '../../../server/store/engine/migrations.ts'
import { openPostgres } from '../../../server/store/engine/postgres-driver.ts'
import { parsePostgresUrl } from '../../../server/store/engine/postgres-place.ts'
import { openSqlite } from '../../../server/store/engine/sqlite-driver.ts'
import type { TestEngine } from './engines.ts'

/** Past the store. */
export function openDriverAt(url: string): Driver {
  const place = parsePostgresUrl(url)
  const timeouts = { statementTimeout: 120_000, lockTimeout: 120_000, patience: 120_000 }
  return place === null
    ? openSqlite({ path: url.replace('sqlite:', ''), readonly: false, busyTimeout: 100 })
    : openPostgres({ place, readonly: false, connections: 1, ...timeouts })
}

/** Brings an empty place to the schema of its first steps, and fills it. */
export async function makeOld(
  t: TestContext,
  engine: TestEngine,
  steps: number,
  statements: readonly Statement[],
): Promise<string> {
  const url = await engine.makeEmptyUrl(t)
  const driver = openDriverAt(url)
  await migrate({ driver, name: 'old', steps: migrations.slice(0, steps), now: 1, tables: [] })
  await driver.batch(statements)
  await driver.close()
  return url
}

export function insert(table: string, row: Record<string, SqlValue>): Statement {
  const names = Object.keys(row)
  return {
    sql: `INSERT INTO ${table} (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`,
    params: Object.values(row),
  }
}

export const createdAt = Date.UTC(2026, 0, 2)

export function oldRequest(index: number, changes: Record<string, SqlValue> = {}): Statement {
  return insert('requests', {
    key: (createdAt + index) * 1024,
    id: `req_${index}`,
    client_request_id: `mine-${index}`,
    operation: 'responses.create',
    created_at: createdAt + index,
    project: 'acme',
    key_name: 'acme/1',
    model: 'org/model',
    provider: 'sail',
    status: 'completed',
    http_status: 200,
    stream: 1,
    input_tokens: 10,
    output_tokens: 20,
    total_tokens: 30,
    latency_us: 1500,
    attempts: 1,
    response_id: `resp_${index}`,
    ...changes,
  })
}
