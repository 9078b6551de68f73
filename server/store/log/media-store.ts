/** Media out of the bodies, each stored once. Runs on the writer's thread. */

import { hash } from 'node:crypto'
import type { Statement } from '../engine/driver.ts'
import { decodeMedia, type FoundMedia, findMedia, typeOfMedia } from './media-find.ts'
import type { RecordFilter } from './records.ts'

/** Milliseconds between two notes of a medium's use: the last one may be so much later than the store says. */
export const mediaTouchInterval = 60_000

const rememberedMedia = 10_000

const insertMedia = `INSERT INTO media (hash, media_type, bytes, first_used_at, last_used_at) VALUES (?, ?, ?, ?, ?)
  ON CONFLICT (hash) DO UPDATE SET last_used_at = excluded.last_used_at
  WHERE media.last_used_at < excluded.last_used_at`
const insertContent = 'INSERT INTO media_contents (hash, content) VALUES (?, ?) ON CONFLICT (hash) DO NOTHING'

interface Medium {
  /** Hex SHA-256 of the content, secrets out of it. */
  hash: string
  mediaType: string
  content: Buffer
  reference: string
}

export interface TakeOptions {
  /** Whether the body was cut. */
  truncated: boolean
  secrets: readonly string[]
  filter: RecordFilter
}

/** Takes media out of the bodies of one batch after the other. */
export class MediaStore {
  /** Stored not long ago, by the hash of what the body held. `at`: Unix milliseconds of the use that is noted. */
  readonly #stored = new Map<string, { reference: string; at: number }>()
  /** Of the batch, by the same. */
  readonly #batch = new Map<string, Medium>()
  /** Base64 of the batch: a picture comes with the client's body and with the provider's, and need not be read twice. */
  readonly #seen: { encoded: Buffer; reference: string | null }[] = []
  #now = 0

  /** A new batch. What the last one had is not stored unless that was said. */
  begin(now: number): void {
    this.#now = now
    this.#seen.length = 0
    this.#batch.clear()
  }

  /** The body with references in the place of its media: the very same when it has none. */
  take(body: Buffer, options: TakeOptions): Buffer {
    const parts: Buffer[] = []
    let position = 0
    for (const found of findMedia(body, options.truncated)) {
      const reference = this.#refer(found, options)
      if (reference === null) continue
      parts.push(body.subarray(position, found.start), Buffer.from(reference, 'latin1'))
      position = found.end
    }
    return parts.length === 0 ? body : Buffer.concat([...parts, body.subarray(position)])
  }

  /** Writes what the batch holds; in the order of the hashes, as several gateways may write the same ones at a time. */
  statements(): Statement[] {
    return [...this.#batch.values()]
      .sort((a, b) => (a.hash < b.hash ? -1 : 1))
      .flatMap(({ hash, mediaType, content }) => [
        { sql: insertMedia, params: [hash, mediaType, content.length, this.#now, this.#now] },
        { sql: insertContent, params: [hash, content] },
      ])
  }

  /** The statements of the batch are committed. */
  committed(): void {
    for (const [name, { reference }] of this.#batch) {
      this.#stored.delete(name)
      this.#stored.set(name, { reference, at: this.#now })
    }
    for (const name of this.#stored.keys()) {
      if (this.#stored.size <= rememberedMedia) break
      this.#stored.delete(name)
    }
    this.begin(this.#now)
  }

  #refer(found: FoundMedia, options: TakeOptions): string | null {
    const { encoded } = found
    const twin = this.#seen.find((seen) => seen.encoded.equals(encoded))
    if (twin !== undefined) return twin.reference
    const content = decodeMedia(encoded)
    const reference = content === null ? null : this.#keep(content, found.mediaType, options)
    this.#seen.push({ encoded, reference })
    return reference
  }

  #keep(content: Buffer, said: string | null, { filter, secrets }: TakeOptions): string {
    const name = hash('sha256', content)
    const stored = this.#stored.get(name)
    if (stored !== undefined && this.#now - stored.at < mediaTouchInterval) return stored.reference
    const pending = this.#batch.get(name)
    if (pending !== undefined) return pending.reference
    // A file of text may hold what base64 hid from the filter.
    const text = content.toString('latin1')
    const clean = filter.text(text, { secrets })
    const kept = clean === text ? content : Buffer.from(clean, 'latin1')
    const keptHash = kept === content ? name : hash('sha256', kept)
    const mediaType = typeOfMedia(kept, said)
    const reference = `dragoman-media:sha256:${keptHash};type=${mediaType};bytes=${kept.length}`
    this.#batch.set(name, { hash: keptHash, mediaType, content: kept, reference })
    return reference
  }
}
