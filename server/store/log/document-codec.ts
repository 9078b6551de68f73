/**
 * Documents between the writer's batch and the stored, compressed block. Runs on worker threads only.
 *
 * A request's document holds its head and its bodies. Those of a batch are compressed together: requests resemble each
 * other (the same instructions and tools in every turn), so a block takes a fraction of the room and time of its
 * documents one by one.
 */

import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import type { MediaStore } from './media-store.ts'
import type { PackedDocument } from './record-batch.ts'
import type { DocumentHead, MessageRecord, RecordFilter } from './records.ts'

/** Stands in `blocks.encoding`, so that another one can come later. */
export const blockEncoding = 'zstd'

/** Bytes of documents after which a block is closed: enough to compress well, and read in a millisecond. */
const blockSize = 262_144

/** The fastest level. Its window of 512 KiB is widened where a body would not reach back to its twin; that costs memory. */
const fast = { chunkSize: 65_536, params: { [constants.ZSTD_c_compressionLevel]: 1 } }
const wide = {
  chunkSize: 65_536,
  params: { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_windowLog]: 22 },
}
const wideFrom = 524_288

/** Blocks in the making, one after the other in the same memory. */
export class BlockBuilder {
  #bytes = Buffer.allocUnsafeSlow(2 * blockSize)
  size = 0

  get full(): boolean {
    return this.size >= blockSize
  }

  /** Gives the offset of the document in the block. */
  add(parts: readonly Uint8Array[]): number {
    const offset = this.size
    const needed = parts.reduce((sum, part) => sum + part.length, offset)
    if (needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(needed)
      larger.set(this.#bytes.subarray(0, offset))
      this.#bytes = larger
    }
    for (const part of parts) {
      this.#bytes.set(part, this.size)
      this.size += part.length
    }
    return offset
  }

  /** Gives the block, and begins the next. */
  compress(): Uint8Array {
    const document = this.#bytes.subarray(0, this.size)
    const content = zstdCompressSync(document, this.size > wideFrom ? wide : fast)
    this.size = 0
    // What a large body needed is given back.
    if (this.#bytes.length > 8 * blockSize) this.#bytes = Buffer.allocUnsafeSlow(2 * blockSize)
    return content
  }
}

/** A document as it is kept. */
export interface CleanDocument {
  head: Buffer
  /** As those of the packed document. */
  texts: readonly (Buffer | null)[]
  /** Head and texts beside each other, when nothing of them had to change. */
  whole: Buffer | null
}

export interface CleanOptions {
  secrets: readonly string[]
  filter: RecordFilter
  media: MediaStore
}

/** What is kept of a document: media out of the bodies, these cut to their size, and then secrets out of everything. */
export function cleanDocument(
  document: PackedDocument,
  { secrets, filter, media }: CleanOptions,
): CleanDocument {
  const { keeping, truncated: cut } = document
  const bodies = document.texts.map((text, index) =>
    text === null || !keeping.media
      ? text
      : media.take(text, { truncated: cut[index] === true, secrets, filter }),
  )
  const texts = bodies.map((body) => body?.subarray(0, keeping.maxBodyBytes) ?? null)
  const truncated = cut.map((before, index) => before || texts[index]?.length !== bodies[index]?.length)
  const isCut = truncated.includes(true)
  // As Latin-1, so that nothing is decoded and encoded: what is looked for in it is spelled in the same way.
  if (!isCut && texts.every((text, index) => text?.length === document.texts[index]?.length)) {
    const text = latin1(document.whole)
    if (filter.text(text, { secrets }) === text)
      return { head: document.head, texts: document.texts, whole: document.whole }
  }
  const clean = (bytes: Buffer, truncated: boolean) => {
    const kept = truncated ? bytes.subarray(0, endOfWholeCharacters(bytes)) : bytes
    return Buffer.from(filter.text(latin1(kept), { secrets, truncated }), 'latin1')
  }
  const isMarked = truncated.every((after, index) => after === cut[index])
  return {
    head: clean(isMarked ? document.head : markTruncated(document.head, truncated), false),
    texts: texts.map((text, index) => text && clean(text, truncated[index] === true)),
    whole: null,
  }
}

function markTruncated(head: Buffer, truncated: readonly boolean[]): Buffer {
  const { messages, ...rest } = JSON.parse(head.toString()) as DocumentHead
  const marked = messages.map((message, index) => ({ ...message, truncated: truncated[index] === true }))
  return Buffer.from(JSON.stringify({ ...rest, messages: marked }))
}

/** A line of JSON with the bytes of the head and of each text (null when not kept), then these. */
export function encodeDocument({ head, texts, whole }: CleanDocument): Uint8Array[] {
  const parts = whole === null ? [head, ...texts.filter((text) => text !== null)] : [whole]
  return [sizeLine(head, texts), ...parts]
}

function sizeLine(head: Uint8Array, texts: readonly (Uint8Array | null)[]): Uint8Array {
  return Buffer.from(`${JSON.stringify([head, ...texts].map((part) => part?.length ?? null))}\n`, 'latin1')
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
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

/** One message of a request as it is kept. */
export interface StoredMessage extends MessageRecord {
  /** Null when only headers and size are kept. Bytes that are no UTF-8 have become U+FFFD. */
  text: string | null
}

export interface StoredDocument extends DocumentHead {
  messages: StoredMessage[]
}

/** The document at `offset` of a stored block. */
export function decodeDocument(encoding: string, content: Uint8Array, offset: number): StoredDocument {
  if (encoding !== blockEncoding) throw new Error(`Documents in the encoding "${encoding}" cannot be read.`)
  const block = zstdDecompressSync(content)
  let position = block.indexOf('\n', offset) + 1
  const sizes = JSON.parse(block.toString('latin1', offset, position)) as (number | null)[]
  const texts = sizes.map((size) => {
    const start = position
    position += size ?? 0
    return size === null ? null : block.toString('utf8', start, position)
  })
  const head = JSON.parse(texts[0] ?? '') as DocumentHead
  return {
    ...head,
    messages: head.messages.map((message, index) => ({ ...message, text: texts[index + 1] ?? null })),
  }
}
