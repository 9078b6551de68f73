/** Gives back to the disk what a SQLite file does not use. Other engines see to that themselves. */

import type { StepContext } from './steps.ts'

export interface Released {
  /** Pages that the file is shorter by. */
  pages: number
  /** Pages that are free in it now. */
  free: number
  /** Pages that it has now. */
  total: number
  /** That the writer was busy with it. */
  milliseconds: number
}

/** Moves used pages from the end of the file into free ones, and cuts it off there; `pages` at most. */
export async function releaseSpace({ driver }: StepContext, { pages }: { pages: number }): Promise<Released> {
  const started = performance.now()
  if (driver.dialect !== 'sqlite') return { pages: 0, free: 0, total: 0, milliseconds: 0 }
  const count = async (name: string) => Number((await driver.all(`PRAGMA ${name}`))[0]?.[name] ?? 0)
  const before = await count('freelist_count')
  if (pages > 0 && before > 0) await driver.all(`PRAGMA incremental_vacuum(${Math.floor(pages)})`)
  const free = await count('freelist_count')
  const total = await count('page_count')
  return { pages: before - free, free, total, milliseconds: performance.now() - started }
}

/**
 * Copies the write-ahead log into the file. `cut`: empties it as well, unless a reader still needs it. False when something
 * was in the way of it.
 */
export async function checkpoint({ driver }: StepContext, { cut }: { cut: boolean }): Promise<boolean> {
  if (driver.dialect !== 'sqlite') return true
  const [row] = await driver.all(`PRAGMA wal_checkpoint(${cut ? 'TRUNCATE' : 'PASSIVE'})`)
  return row?.busy === 0
}
