/** References that stand in bodies in place of pictures, files and recordings. */

import type { AdminMessage } from '../../server/http/admin/contract.ts'

export interface MediaReference {
  /** SHA-256 in hex. */
  hash: string
  type: string
  bytes: number
}

/** What an `<img>` may show; the gateway sends all else as a download. */
const shownTypes: ReadonlySet<string> = new Set([
  'image/png',
  'image/jpeg',
  'image/gif',
  'image/webp',
  'image/avif',
])

/** A thumbnail is fetched by itself up to this. */
const shownBytes = 5_000_000

export function isShown({ type, bytes }: MediaReference): boolean {
  return shownTypes.has(type) && bytes <= shownBytes
}

/** Each once, in the order in which they stand. */
export function findMedia(messages: readonly (AdminMessage | null)[]): MediaReference[] {
  const found = new Map<string, MediaReference>()
  for (const message of messages) {
    for (const match of (message?.body.text ?? '').matchAll(
      /dragoman-media:sha256:([0-9a-f]{64});type=([\w.+-]+\/[\w.+-]+);bytes=(\d+)/g,
    )) {
      const [, hash = '', type = '', bytes = ''] = match
      if (!found.has(hash)) found.set(hash, { hash, type, bytes: Number(bytes) })
    }
  }
  return [...found.values()]
}
