/** A store with made-up traffic in it, filled unless it is there from an earlier run. */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Driver } from '../../../server/store/engine/driver.ts'
import { openPostgres } from '../../../server/store/engine/postgres-driver.ts'
import { parsePostgresUrl } from '../../../server/store/engine/postgres-place.ts'
import { openSqlite } from '../../../server/store/engine/sqlite-driver.ts'
import { openStore } from '../../../server/store/store.ts'
import { countRows } from './count-rows.ts'
import { fillSqlite } from './fill-sqlite.ts'
import type { Facts } from './questions.ts'
import { type MadeRow, makeRows, type RowsPlan } from './rows.ts'
import { startPostgres } from './start-postgres.ts'
import { writeDocuments } from './write-documents.ts'

export interface FillPlan {
  /** Where it stays. */
  folder: string
  engine: 'sqlite' | 'postgres'
  rows: number
  days: number
  say(text: string): void
}

export interface FilledStore {
  url: string
  facts: Facts
  megabytes: number
  stop(): Promise<void>
}

/** Requests that have bodies, at most: as many as a week of a quiet company. */
const withBodies = 100_000

/** Rows whose ids are kept to look them up by. */
const sampled = 500

export async function openFilledStore(plan: FillPlan): Promise<FilledStore> {
  const { folder, engine, rows, days } = plan
  const server = engine === 'postgres' ? await startPostgres(join(folder, 'postgres')) : null
  const path = join(folder, 'dragoman.db')
  const url = server?.url ?? `sqlite:${path}`
  const notes = join(folder, `${engine}.json`)
  if (!existsSync(notes)) {
    const facts = await fill({ ...plan, url, path, now: Date.now() })
    writeFileSync(notes, JSON.stringify({ rows, days, facts }))
  }
  const kept = JSON.parse(readFileSync(notes, 'utf8')) as { rows: number; days: number; facts: Facts }
  if (kept.rows !== rows || kept.days !== days)
    throw new Error(
      `The store in ${folder} has ${kept.rows} rows of ${kept.days} days. Take another --folder.`,
    )
  return {
    url,
    facts: kept.facts,
    megabytes: Math.round((server === null ? statSync(path).size : await server.size()) / 1_048_576),
    stop: async () => server?.stop(),
  }
}

type Filling = FillPlan & { url: string; path: string; now: number }

async function fill({ url, path, engine, rows, days, now, say }: Filling): Promise<Facts> {
  const startedAt = performance.now()
  const tell = (text: string) => say(`${((performance.now() - startedAt) / 1000).toFixed(0)} s: ${text}`)
  const ids: Facts['ids'] = []
  const plan: RowsPlan = { rows, days, now, seed: 1 }
  const made = sample(makeRows(plan), rows, ids)
  await (await openStore({ url })).close()
  if (engine === 'sqlite') fillSqlite(path, made, tell)
  else await (await import('./fill-postgres.ts')).fillPostgres(url, made, tell)
  tell('sums')
  const driver = openDriver(url, path)
  await countRows(driver, makeRows(plan), now)
  await driver.close()
  tell('bodies')
  const store = await openStore({ url })
  await writeDocuments(store, now, Math.min(withBodies, Math.ceil(rows / 100)))
  await store.close()
  if (engine === 'postgres') await (await import('./fill-postgres.ts')).vacuum(url)
  tell('done')
  return { now, days, ids }
}

function openDriver(url: string, path: string): Driver {
  const place = parsePostgresUrl(url)
  if (place === null) return openSqlite({ path, readonly: false, busyTimeout: 5000 })
  const limits = { statementTimeout: 0, lockTimeout: 0, patience: 600_000 }
  return openPostgres({ place, readonly: false, connections: 1, ...limits })
}

/** Passes the rows on and notes the ids of some. */
function* sample(rows: Iterable<MadeRow>, count: number, ids: Facts['ids']): Generator<MadeRow> {
  const every = Math.max(1, Math.floor(count / sampled))
  let index = 0
  for (const row of rows) {
    const { id, response_id, trace_id, session_id } = row
    if (index++ % every === 0) ids.push({ id, response_id, trace_id, session_id })
    yield row
  }
}
