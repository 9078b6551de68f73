/** How large the store is and how far back it goes. On the reader's thread; some milliseconds. */

import { statSync } from 'node:fs'
import type { Driver, SqlRow } from '../engine/driver.ts'
import type { ReadContext } from './reads.ts'
import { measureTables } from './retention-tables.ts'

export interface StoreMeasure {
  /** Bytes of what is there, what is kept for clients included; not of room that deleted things left behind. */
  usedBytes: number
  /** Of pages that are free to be used again (SQLite). */
  freeBytes: number
  /** Bytes on disk by part, as far as they can be told apart at once; see `storeParts` of the metrics. */
  parts: Record<string, number>
  /** What one more block of bodies, or row, that is removed makes free, more or less. */
  bytesPer: { bodies: number; rows: number }
  /** Unix milliseconds of the oldest; null when there is none. */
  oldestAt: { bodies: number | null; rows: number | null }
}

/** A row with its entries in some twenty indexes, as measured. */
const sqliteRowBytes = 2000
/** Blocks whose size is looked at. */
const sampledBlocks = 50

export async function measureStore({ driver }: ReadContext, _all: null): Promise<StoreMeasure> {
  const oldestAt = {
    bodies: toMoment(await one(driver, 'SELECT min(written_at) AS value FROM blocks'), 1),
    rows: toMoment(await one(driver, 'SELECT min(key) AS value FROM requests'), 1024),
  }
  if (driver.dialect === 'postgres') return { ...(await measureTables(driver)), oldestAt }
  const pragma = async (name: string) => Number((await driver.all(`PRAGMA ${name}`))[0]?.[name] ?? 0)
  const pageSize = await pragma('page_size')
  const freeBytes = (await pragma('freelist_count')) * pageSize
  const usedBytes = (await pragma('page_count')) * pageSize - freeBytes
  const block = await one(
    driver,
    `SELECT avg(length(content)) AS value FROM (SELECT content FROM blocks ORDER BY written_at LIMIT ${sampledBlocks})`,
  )
  return {
    usedBytes,
    freeBytes,
    parts: { other: usedBytes, free: freeBytes, wal: await sizeOfLog(driver) },
    bytesPer: { bodies: Math.max(pageSize, Number(block?.value ?? 0)), rows: sqliteRowBytes },
    oldestAt,
  }
}

async function sizeOfLog(driver: Driver): Promise<number> {
  const { file } = (await driver.all('PRAGMA database_list'))[0] ?? {}
  return statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0
}

async function one(driver: Driver, sql: string): Promise<SqlRow | undefined> {
  return (await driver.all(sql))[0]
}

function toMoment(row: SqlRow | undefined, perMillisecond: number): number | null {
  const value = row?.value
  return value === null || value === undefined ? null : Math.floor(Number(value) / perMillisecond)
}
