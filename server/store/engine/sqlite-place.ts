/** What can be seen of a database's files from outside: whether they are still there, and whether this process may use them. */

import { accessSync, constants, statSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { StoreError } from './driver.ts'

/** Milliseconds between two looks. */
const interval = 250

/** Looks whether the files of an open database are still where they were. SQLite goes on writing to ones that are gone. */
export class SqlitePlace {
  readonly #path: string
  /** Device and inode of each file, once it has been seen. The log appears with the first write. */
  readonly #seen = new Map<string, string>()
  #lookedAt = Number.NEGATIVE_INFINITY

  constructor(path: string) {
    this.#path = path
  }

  /** Throws StoreError `unwritable`, which passes when the same file is put back. */
  check(): void {
    const now = performance.now()
    if (now - this.#lookedAt < interval) return
    for (const file of [this.#path, `${this.#path}-wal`]) {
      const found = identify(file)
      const known = this.#seen.get(file)
      if (known === undefined && found !== null) this.#seen.set(file, found)
      // The next write looks again at once.
      if (known !== undefined && found !== known) throw notThere(file, found)
    }
    this.#lookedAt = now
  }
}

function identify(file: string): string | null {
  try {
    const { dev, ino } = statSync(file)
    return `${dev}:${ino}`
  } catch {
    return null
  }
}

function notThere(file: string, found: string | null): StoreError {
  const happened = found === null ? 'is not there any more' : 'was replaced by another one'
  return new StoreError(
    'unwritable',
    `The store's file ${file} ${happened}. Nothing more is written, as it would be lost. Put the same file back; or stop ` +
      'the gateway, restore a backup without -wal and -shm files beside it, and start.',
  )
}

/** Why this process cannot write a file, or make it; '' when nothing is to be seen. With a space after it. */
export function describeAccess(path: string): string {
  for (const place of [path, dirname(path)]) {
    try {
      accessSync(place, constants.R_OK | constants.W_OK)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EROFS') return 'Its disk is mounted read-only. '
      if (code === 'EACCES') return describeOwner(place)
    }
  }
  return ''
}

function describeOwner(place: string): string {
  const own = process.getuid?.()
  try {
    return `${place} belongs to user ${statSync(place).uid}, and this process runs as user ${own}. `
  } catch {
    return `${place} is closed to user ${own}, as which this process runs. `
  }
}

/** Bytes of a database, with what is still in its write-ahead log. */
export async function sizeOnDisk(path: string): Promise<number> {
  const sizes = await Promise.all(
    [path, `${path}-wal`].map((file) =>
      stat(file).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}
