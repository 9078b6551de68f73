/** Records on their way to the writer: packed on the event loop, unpacked on the writer's thread. */

import {
  type BatchBuilder,
  type BatchValue,
  type Keeping,
  type KeptText,
  type RecordBatch,
  type RequestRecord,
  requestColumns,
} from './records.ts'

/** Bytes of the first buffer of a batch; it doubles when it is full. */
const smallestBuffer = 16_384

/** Most UTF-8 bytes of one UTF-16 unit. */
const bytesPerUnit = 3

/**
 * Layout of `values` for each record: the row's columns, the number of secrets and the secrets, then null, or where the
 * document begins, the bytes of its head, the number of texts, and for each its bytes (null when not kept) and whether
 * it was cut; then what to keep of them, the number of ids and the ids. The texts follow the head in `bytes`.
 */
export class PackedBatchBuilder implements BatchBuilder {
  rows = 0
  readonly #values: BatchValue[] = []
  #bytes: Buffer<ArrayBuffer>
  #used = 0

  /** `expectedBytes`: what the documents may take, so that the buffer need not grow. `spare`: one to use again. */
  constructor(expectedBytes = 0, spare: ArrayBuffer | null = null) {
    this.#bytes =
      spare === null ? Buffer.allocUnsafeSlow(Math.max(smallestBuffer, expectedBytes)) : Buffer.from(spare)
  }

  get size(): number {
    return this.#used
  }

  add({ key, row, secrets, document }: RequestRecord): void {
    const values = this.#values
    const before = { values: values.length, used: this.#used }
    try {
      values.push(key)
      for (const column of requestColumns) values.push(row[column])
      values.push(secrets.length)
      for (const secret of secrets) values.push(secret)
      if (document === null) values.push(null)
      else this.#addDocument(document)
      this.rows += 1
    } catch (error) {
      values.length = before.values
      this.#used = before.used
      throw error
    }
  }

  take(): RecordBatch {
    return { rows: this.rows, values: this.#values, bytes: this.#bytes.subarray(0, this.#used) }
  }

  #addDocument({ head, texts, keeping, ids }: NonNullable<RequestRecord['document']>): void {
    const start = this.#used
    // At once, as near as it is known without looking at every character: to grow is to copy what is there.
    this.#reserve(head.length + texts.reduce((sum, text) => sum + lengthOf(text), 0))
    this.#write(head)
    this.#values.push(start, this.#used - start, texts.length)
    for (const text of texts) {
      const from = this.#used
      if (text !== null) this.#writeChunks(text.chunks)
      this.#values.push(text === null ? null : this.#used - from, text?.truncated ?? false)
    }
    this.#values.push(keeping.maxBodyBytes, keeping.media, keeping.search, ids.length)
    for (const id of ids) this.#values.push(id)
  }

  #writeChunks(chunks: readonly (string | Uint8Array)[]): void {
    let index = 0
    while (index < chunks.length) {
      const chunk = chunks[index] as string | Uint8Array
      if (typeof chunk !== 'string') {
        this.#reserve(chunk.byteLength)
        this.#bytes.set(chunk, this.#used)
        this.#used += chunk.byteLength
        index += 1
        continue
      }
      // Strings beside each other are joined before they are encoded: a surrogate pair may be split between them.
      let end = index + 1
      while (end < chunks.length && typeof chunks[end] === 'string') end += 1
      const text = end === index + 1 ? chunk : chunks.slice(index, end).join('')
      // A high surrogate at the very end has lost its other half to the cut.
      const cut = end === chunks.length && isHighSurrogate(text.charCodeAt(text.length - 1))
      this.#write(cut ? text.slice(0, -1) : text)
      index = end
    }
  }

  #write(text: string): void {
    // What surely fits need not be measured.
    if (text.length * bytesPerUnit > this.#bytes.length - this.#used) this.#reserve(Buffer.byteLength(text))
    this.#used += this.#bytes.write(text, this.#used, 'utf8')
  }

  #reserve(size: number): void {
    const needed = this.#used + size
    if (needed <= this.#bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#bytes.length))
    larger.set(this.#bytes.subarray(0, this.#used))
    this.#bytes = larger
  }
}

function lengthOf(text: KeptText | null): number {
  let length = 0
  for (const chunk of text?.chunks ?? []) length += chunk.length
  return length
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff
}

/** A document before its redaction. */
export interface PackedDocument {
  head: Buffer
  /** Null when not kept. */
  texts: (Buffer | null)[]
  truncated: boolean[]
  /** Head and texts as they stand beside each other. */
  whole: Buffer
  keeping: Keeping
  ids: string[]
}

export interface PackedRecord {
  key: number
  /** In the order of `requestColumns`. */
  columns: BatchValue[]
  secrets: string[]
  document: PackedDocument | null
}

/** Gives the records of a batch; the documents are views of its buffer. */
export function* readBatch({ rows, values, bytes }: RecordBatch): Generator<PackedRecord> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let position = 0
  const next = () => values[position++] as BatchValue
  const readTexts = (): string[] => {
    const texts: string[] = []
    for (let left = Number(next()); left > 0; left -= 1) texts.push(String(next()))
    return texts
  }
  const readDocument = (start: number): PackedDocument => {
    let end = start + Number(next())
    const head = buffer.subarray(start, end)
    const texts: (Buffer | null)[] = []
    const truncated: boolean[] = []
    for (let left = Number(next()); left > 0; left -= 1) {
      const length = next()
      texts.push(length === null ? null : buffer.subarray(end, end + Number(length)))
      truncated.push(next() === true)
      end += Number(length)
    }
    const keeping = {
      maxBodyBytes: Number(next()),
      media: next() === true,
      search: next() === true,
    }
    return { head, texts, truncated, whole: buffer.subarray(start, end), keeping, ids: readTexts() }
  }
  for (let left = rows; left > 0; left -= 1) {
    const key = Number(next())
    const columns = values.slice(position, position + requestColumns.length)
    position += requestColumns.length
    const secrets = readTexts()
    const start = next()
    yield { key, columns, secrets, document: start === null ? null : readDocument(Number(start)) }
  }
}
