/** Bodies between their captured chunks and their stored, compressed bytes. Runs on worker threads only. */

import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import type { BodyKind } from './records.ts'

/** One message of a request as it is kept. */
export interface StoredMessage {
  kind: BodyKind
  /** 0 for the client's side. */
  attempt: number
  headers: Record<string, string>
  /** Null when only headers and size are kept. */
  text: string | null
  /** Bytes on the wire, also of what was not kept. */
  bytes: number
  truncated: boolean
}

/** Stands in `bodies.encoding`, so that another one can come later. */
export const messagesEncoding = 'zstd-parts'

/** The fastest level. Its window of 512 KiB is widened where a body would not reach back to its twin; that costs memory. */
const fast = { params: { [constants.ZSTD_c_compressionLevel]: 1 } }
const wide = { params: { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_windowLog]: 22 } }
const wideFrom = 524_288

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

type Part = Omit<StoredMessage, 'text'> & {
  /** Bytes of the text, null when there is none. */
  length: number | null
}

/** A line of JSON with everything but the texts, then the texts one after the other: as JSON they would be escaped once more. */
export function encodeMessages(messages: readonly StoredMessage[]): Uint8Array {
  const texts = messages.map(({ text }) => (text === null ? null : Buffer.from(text)))
  const parts = messages.map(
    ({ text: _, ...rest }, index): Part => ({ ...rest, length: texts[index]?.length ?? null }),
  )
  const head = Buffer.from(`${JSON.stringify(parts)}\n`)
  const document = Buffer.concat([head, ...texts.filter((text) => text !== null)])
  return zstdCompressSync(document, document.length > wideFrom ? wide : fast)
}

export function decodeMessages(encoding: string, content: Uint8Array): StoredMessage[] {
  if (encoding !== messagesEncoding) throw new Error(`Bodies in the encoding "${encoding}" cannot be read.`)
  const document = zstdDecompressSync(content)
  let position = document.indexOf('\n') + 1
  const parts = JSON.parse(document.toString('utf8', 0, position)) as Part[]
  return parts.map(({ length, ...rest }) => {
    const start = position
    position += length ?? 0
    return { ...rest, text: length === null ? null : document.toString('utf8', start, position) }
  })
}
