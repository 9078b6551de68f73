/** Bodies between their captured chunks and their stored, compressed bytes. Runs on worker threads only. */

import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'

export type BodyEncoding = 'zstd' | 'identity'

export interface StoredBody {
  encoding: BodyEncoding
  content: Uint8Array
}

/** Bytes below which a compressed frame saves nothing worth its time. */
const compressFrom = 256

const compression = { params: { [constants.ZSTD_c_compressionLevel]: 1 } }

/** The text of captured chunks. A character that the cut split is left out; bytes that are no UTF-8 become U+FFFD. */
export function joinChunks(chunks: readonly (string | Uint8Array)[], truncated: boolean): string {
  const bytes = Buffer.concat(mergeStrings(chunks))
  const end = truncated ? endOfWholeCharacters(bytes) : bytes.length
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, end))
}

/** Strings beside each other are joined before they are encoded: a surrogate pair may be split between them. */
function mergeStrings(chunks: readonly (string | Uint8Array)[]): Uint8Array[] {
  const merged: Uint8Array[] = []
  let text = ''
  const flush = (end: boolean) => {
    // A high surrogate at the very end has lost its other half to the cut.
    const whole = end && /[\uD800-\uDBFF]$/.test(text) ? text.slice(0, -1) : text
    if (whole !== '') merged.push(Buffer.from(whole))
    text = ''
  }
  for (const chunk of chunks) {
    if (typeof chunk === 'string') {
      text += chunk
      continue
    }
    flush(false)
    merged.push(chunk)
  }
  flush(true)
  return merged
}

function endOfWholeCharacters(bytes: Uint8Array): number {
  // A UTF-8 character has at most three continuation bytes (10xxxxxx) after its lead byte.
  for (let back = 1; back <= Math.min(4, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0
    if (byte < 0x80) return bytes.length
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
      return back < length ? bytes.length - back : bytes.length
    }
  }
  return bytes.length
}

export function encodeBody(text: string): StoredBody {
  const bytes = Buffer.from(text)
  if (bytes.length < compressFrom) return { encoding: 'identity', content: bytes }
  return { encoding: 'zstd', content: zstdCompressSync(bytes, compression) }
}

export function decodeBody({ encoding, content }: StoredBody): string {
  const bytes = encoding === 'zstd' ? zstdDecompressSync(content) : Buffer.from(content)
  return bytes.toString('utf8')
}
