/** Where a store is. */

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { StoreError } from './engine/driver.ts'

export type StorePlace = { kind: 'file'; path: string } | { kind: 'memory' }

/** Throws StoreError `bad_url`. */
export function parseStoreUrl(url: string): StorePlace {
  if (url === 'sqlite::memory:') return { kind: 'memory' }
  const path = /^sqlite:(?:\/\/(?=\/))?(.+)$/.exec(url)?.[1]
  if (path !== undefined) return { kind: 'file', path: resolve(path) }
  throw new StoreError(
    'bad_url',
    `"store.url" must be "sqlite:<path>" or "sqlite::memory:", not "${url.replace(/\/\/[^@/]*@/, '//…@')}".`,
  )
}

/** Makes the directories; `remove` takes away what lives only as long as the process. Throws StoreError `unwritable`. */
export function preparePlace(place: StorePlace): { path: string; remove: () => void } {
  if (place.kind === 'memory') {
    const directory = mkdtempSync(join(tmpdir(), 'dragoman-store-'))
    return {
      path: join(directory, 'dragoman.db'),
      remove: () => rmSync(directory, { recursive: true, force: true }),
    }
  }
  try {
    // Prompts and answers are nobody else's business.
    mkdirSync(dirname(place.path), { recursive: true, mode: 0o700 })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new StoreError(
      'unwritable',
      `The directory of the store ${place.path} cannot be made (${reason}). Make it, or set another "store.url".`,
      error,
    )
  }
  return { path: place.path, remove: () => undefined }
}
