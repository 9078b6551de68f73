/** A copy of a SQLite store that another process may be writing to. For a process of its own: each step blocks the thread. */

import { existsSync } from 'node:fs'
import { open, rename, rm, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import Database from 'better-sqlite3'
import { StoreError } from './driver.ts'
import { translateErrors } from './sqlite-driver.ts'

export interface SqliteBackupOptions {
  /** Of the store's file. */
  path: string
  /** Of a file that does not exist yet. */
  target: string
  /** Pages of 4096 bytes that are copied at a time. Default 1000: a few milliseconds. */
  stepPages?: number
  /** Milliseconds between two steps, which the gateway has the disk for itself. Default 5. */
  pause?: number
}

/** Milliseconds to wait for a lock: a gateway that starts or ends holds one for a moment. */
const busyTimeout = 5000

/**
 * Copies the store as it is at one moment, checks the copy, and only then gives it its name. It holds prompts, answers and
 * the sealing keys, so nobody else may read it. Throws StoreError.
 */
export async function backUpSqlite({
  path,
  target: given,
  stepPages = 1000,
  pause = 5,
}: SqliteBackupOptions): Promise<{ target: string; bytes: number }> {
  const target = resolve(given)
  refuseExisting(target)
  if (!existsSync(path)) {
    throw new StoreError(
      'unwritable',
      `There is no store at ${path}. Check "store.url", or start the gateway once.`,
    )
  }
  const partial = `${target}.partial`
  await createEmpty(partial)
  try {
    await copy(path, partial, stepPages, pause)
    check(partial)
    // Not over one that has appeared meanwhile.
    refuseExisting(target)
    await rename(partial, target)
    return { target, bytes: (await stat(target)).size }
  } catch (error) {
    for (const suffix of ['', '-journal', '-wal', '-shm']) await rm(`${partial}${suffix}`, { force: true })
    throw error
  }
}

function refuseExisting(target: string): void {
  if (!existsSync(target)) return
  throw new StoreError('unwritable', `${target} exists and is left as it is. Give a name that is free.`)
}

async function createEmpty(partial: string): Promise<void> {
  try {
    await (await open(partial, 'wx', 0o600)).close()
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const advice =
      code === 'EEXIST'
        ? 'Another backup is making it, or one was cut off: then remove it.'
        : 'Check that its directory exists and that this user may write there.'
    throw new StoreError('unwritable', `${partial} cannot be made (${message}). ${advice}`, error)
  }
}

async function copy(path: string, partial: string, stepPages: number, pause: number): Promise<void> {
  const source = translateErrors(path, () => new Database(path, { readonly: true, timeout: busyTimeout }))
  try {
    // One view of the file for all steps: without it every write of the gateway would begin the copy again.
    translateErrors(path, () => {
      source.exec('BEGIN')
      source.prepare('SELECT count(*) FROM sqlite_master').get()
    })
    const wait = new Int32Array(new SharedArrayBuffer(4))
    await source.backup(partial, {
      progress: () => {
        // This process has nothing else to do, and the next step must not be taken at once.
        Atomics.wait(wait, 0, 0, pause)
        return stepPages
      },
    })
  } catch (error) {
    translateErrors(partial, () => {
      throw error
    })
  } finally {
    source.close()
  }
}

/** Also makes it one file that needs no others beside it. */
function check(partial: string): void {
  const problems = translateErrors(partial, () => {
    const database = new Database(partial)
    try {
      database.pragma('journal_mode = DELETE')
      return database.pragma('quick_check(3)') as { quick_check: string }[]
    } finally {
      database.close()
    }
  })
  const found = problems.map(({ quick_check: text }) => text).filter((text) => text !== 'ok')
  if (found.length === 0) return
  throw new StoreError(
    'corrupt',
    `The copy is not sound, so neither is the store (${found.join('; ')}). Keep the backups that there are, and restore one.`,
  )
}
