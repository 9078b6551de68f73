/**
 * Large texts as they are stored, and JSON documents made of them without parsing. Runs on worker threads only.
 *
 * A packed text is one byte that says how, then the text in UTF-8: as it is, or compressed.
 */

import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import type { SqlValue } from '../engine/driver.ts'

const plain = 0
const zstd = 1

/** Bytes up to which a text is kept as it is: compressing a small one costs more time than it saves room. */
const plainUpTo = 4096

const chunkSize = 65_536
const params = { [constants.ZSTD_c_compressionLevel]: 1 }

/** That it knows the size of a short text beforehand spares the compressor half of its work: its tables are for more. */
function optionsFor(bytes: number) {
  return bytes < chunkSize ? { chunkSize: bytes, pledgedSrcSize: bytes, params } : { chunkSize, params }
}

export interface Packed {
  blob: Uint8Array
  /** Of the text in UTF-8. */
  bytes: number
}

export function pack(text: string): Packed {
  const bytes = Buffer.byteLength(text)
  if (bytes > plainUpTo) {
    const compressed = zstdCompressSync(Buffer.from(text), optionsFor(bytes))
    if (compressed.length < bytes) return { blob: Buffer.concat([Uint8Array.of(zstd), compressed]), bytes }
  }
  const blob = Buffer.allocUnsafe(bytes + 1)
  blob[0] = plain
  blob.write(text, 1)
  return { blob, bytes }
}

/** The text in UTF-8. */
export function unpack(value: SqlValue | undefined): Buffer {
  if (!(value instanceof Uint8Array)) throw new Error('A packed text is missing in the store.')
  const content = Buffer.from(value.buffer, value.byteOffset + 1, value.byteLength - 1)
  if (value[0] === plain) return content
  if (value[0] === zstd) return zstdDecompressSync(content, { chunkSize })
  throw new Error(`A text packed in the way ${value[0]} cannot be read.`)
}

export function unpackText(value: SqlValue | undefined): string {
  return unpack(value).toString('utf8')
}

/** Puts the parts, in UTF-8, after each other into a buffer of their own, which can be transferred. */
export function joinParts(parts: readonly (string | Uint8Array)[]): ArrayBuffer {
  const encoded = parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part))
  const joined = new Uint8Array(encoded.reduce((sum, part) => sum + part.length, 0))
  let offset = 0
  for (const part of encoded) {
    joined.set(part, offset)
    offset += part.length
  }
  return joined.buffer
}
