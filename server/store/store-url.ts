/** Where a store is. */

import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { StoreError } from './engine/driver.ts'
import { type PostgresPlace, parsePostgresUrl } from './engine/postgres-place.ts'
import type { EnginePlace } from './threads/engine.ts'

export type StorePlace = { kind: 'file'; path: string } | { kind: 'memory' } | PostgresPlace

/** Throws StoreError `bad_url`. */
export function parseStoreUrl(url: string): StorePlace {
  if (url === 'sqlite::memory:') return { kind: 'memory' }
  const path = /^sqlite:(?:\/\/(?=\/))?(.+)$/.exec(url)?.[1]
  if (path !== undefined) return { kind: 'file', path: resolve(path) }
  const postgres = parsePostgresUrl(url)
  if (postgres !== null) return postgres
  throw new StoreError(
    'bad_url',
    `"store.url" must be "sqlite:<path>", "sqlite::memory:" or "postgres://<user>:<password>@<host>/<database>", not "${url.replace(/\/\/[^@/]*@/, '//…@')}".`,
  )
}

export interface PreparedPlace {
  place: EnginePlace
  /** For people: the path, or the URL without user and password. */
  location: string
  /** Takes away what lives only as long as the process. */
  remove: () => void
}

/** Makes the directories. Throws StoreError `unwritable`. */
export function preparePlace(place: StorePlace): PreparedPlace {
  if (place.kind === 'postgres') return { place, location: place.location, remove: () => undefined }
  if (place.kind === 'memory') {
    const directory = mkdtempSync(join(tmpdir(), 'dragoman-store-'))
    const path = join(directory, 'dragoman.db')
    const remove = () => rmSync(directory, { recursive: true, force: true })
    return { place: { kind: 'file', path }, location: path, remove }
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
  makeOwnFile(place.path)
  return { place, location: place.path, remove: () => undefined }
}

/** The engine gives the files that it puts beside this one the same rights. */
function makeOwnFile(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600))
  } catch {
    // It is there already; or it cannot be made, and the engine says why.
  }
}
