/**
 * Writes every exchange to the store: a row at admission, the whole at the end. Never in the way of a request: batches
 * go to the writer's thread, the queue to it is bounded in rows and bytes, and what does not fit is dropped and counted.
 */

import type { Attempt, Exchange, Observer } from '../gateway/exchange.ts'
import type { RequestRecord } from '../store/records.ts'
import type { Store } from '../store/store.ts'
import { type KeptBodies, recordFinished, recordOpen, sizeOfBodies } from './request-log-record.ts'

export interface RequestLogOptions {
  store: Store
  /** `maxBodyBytes` is the capture's business and not read here. */
  settings: { bodies: KeptBodies; queueRows: number; queueBytes: number }
  /** The providers' keys: they never reach the store, wherever they stand. */
  providerSecrets: readonly string[]
  /** Told when something was dropped: at once, then at most every second with the sums since. */
  onDropped?: (dropped: Dropped) => void
}

export interface Dropped {
  /** Requests without a row, or without its end. */
  rows: number
  /** Requests whose row was kept without the bodies, as these did not fit. */
  bodies: number
  /** For the process log. */
  reason: string
}

export interface RequestLog extends Observer {
  /** Requests whose end is committed. */
  written(): number
  /** Requests whose end was lost since the start; the row of one that had been written while it ran stays behind. */
  dropped(): number
  /** Requests whose bodies were lost since the start, the row kept. */
  bodiesDropped(): number
  /** Rows waiting or on their way. */
  queued(): number
  /** Bytes of bodies waiting or on their way. */
  queuedBytes(): number
  /** Takes over the settings of a new configuration. */
  configure(options: Pick<RequestLogOptions, 'settings' | 'providerSecrets'>): Promise<void>
  /** Resolves when all so far is written, or cannot be for now. */
  flush(): Promise<void>
  close(): Promise<void>
}

/** Milliseconds that a row waits for company. */
const batchDelay = 50
/** Rows that go at once. */
const batchRows = 100
/** Rows, and bytes of bodies, of one batch when the writer is behind: cloning them takes the event loop some milliseconds. */
const largestBatch = 250
const largestBatchBytes = 2_097_152
/** Batches with the writer at a time: one being written, one waiting. */
const batchesInFlight = 2
/** Milliseconds between two calls of `onDropped`. */
const noticeInterval = 1000
/** Milliseconds between looks at whether a waiting flush can end. */
const flushPoll = 10

/** Resolves once the writer has its filter. */
export async function createRequestLog(options: RequestLogOptions): Promise<RequestLog> {
  const log = new StoreRequestLog(options)
  await log.configure(options)
  return log
}

const nothingDropped: Dropped = { rows: 0, bodies: 0, reason: '' }

interface Entry {
  exchange: Exchange
  /** Null while the request runs: its row is made when the batch goes, with what is known by then. */
  record: RequestRecord | null
  bytes: number
}

class StoreRequestLog implements RequestLog {
  readonly #store: Store
  readonly #onDropped: (dropped: Dropped) => void
  readonly #removeQueue: () => void
  /** Requests whose row is to be written, by key. A request stands here once, with its newest state. */
  readonly #waiting = new Map<number, Entry>()
  /** Keys of running requests that have, or will have, a row. */
  readonly #keys = new WeakMap<Exchange, number>()
  #settings: RequestLogOptions['settings']
  #waitingBytes = 0
  #sentRows = 0
  #sentBytes = 0
  #sentBatches = 0
  #written = 0
  #dropped = 0
  #bodiesDropped = 0
  #timer: NodeJS.Timeout | null = null
  #untold = nothingDropped
  #noticeTimer: NodeJS.Timeout | null = null

  constructor({ store, settings, onDropped = () => undefined }: RequestLogOptions) {
    this.#store = store
    this.#settings = settings
    this.#onDropped = onDropped
    this.#removeQueue = store.addQueue(() => this.flush())
  }

  written(): number {
    return this.#written
  }

  dropped(): number {
    return this.#dropped
  }

  bodiesDropped(): number {
    return this.#bodiesDropped
  }

  queued(): number {
    return this.#waiting.size + this.#sentRows
  }

  queuedBytes(): number {
    return this.#waitingBytes + this.#sentBytes
  }

  async configure({
    settings,
    providerSecrets,
  }: Pick<RequestLogOptions, 'settings' | 'providerSecrets'>): Promise<void> {
    this.#settings = settings
    await this.#store.setFilter({
      module: new URL('./redact.ts', import.meta.url).href,
      settings: { secrets: [...providerSecrets] },
    })
  }

  started(exchange: Exchange): void {
    if (this.queued() >= this.#settings.queueRows) return
    const key = this.#store.nextKey(exchange.createdAt)
    this.#keys.set(exchange, key)
    this.#enqueue(key, { exchange, record: null, bytes: 0 })
  }

  attemptStarted(exchange: Exchange, attempt: Attempt): void {
    // By now the model, the caller and the provider are known, which the row at admission may have lacked.
    const key = this.#keys.get(exchange)
    if (key !== undefined && attempt.index === 1) this.#enqueue(key, { exchange, record: null, bytes: 0 })
  }

  finished(exchange: Exchange): void {
    const key = this.#keys.get(exchange) ?? this.#admitLate(exchange)
    if (key === null) return
    this.#keys.delete(exchange)
    const bytes = this.#settings.bodies === 'full' ? sizeOfBodies(exchange) : 0
    const fits = bytes === 0 || this.queuedBytes() + bytes <= this.#settings.queueBytes
    // An admitted row is always ended, or it would stay in progress for ever; its bodies may have to go.
    if (!fits) this.#drop({ rows: 0, bodies: 1, reason: 'The queue of the request log is full (bytes).' })
    const kept = this.#settings.bodies === 'full' && !fits ? 'metadata' : this.#settings.bodies
    this.#enqueue(key, { exchange, record: recordFinished({ exchange, key, kept }), bytes: fits ? bytes : 0 })
  }

  async flush(): Promise<void> {
    this.#send()
    while (this.queued() > 0 && this.#store.healthy()) {
      await new Promise((resolve) => setTimeout(resolve, flushPoll))
      this.#send()
    }
  }

  async close(): Promise<void> {
    await this.flush()
    this.#removeQueue()
    if (this.#timer !== null) clearTimeout(this.#timer)
    const rows = this.#waiting.size
    this.#waiting.clear()
    this.#waitingBytes = 0
    if (rows > 0)
      this.#drop({ rows, bodies: 0, reason: 'The gateway stopped while the store could not be written.' })
    if (this.#noticeTimer !== null) clearTimeout(this.#noticeTimer)
    this.#tellDropped()
  }

  /** There was no room when the request came; perhaps there is now. */
  #admitLate(exchange: Exchange): number | null {
    if (this.queued() < this.#settings.queueRows) return this.#store.nextKey(exchange.createdAt)
    this.#drop({ rows: 1, bodies: 0, reason: 'The queue of the request log is full (rows).' })
    return null
  }

  #enqueue(key: number, entry: Entry): void {
    this.#waiting.set(key, entry)
    this.#waitingBytes += entry.bytes
    if (this.#waiting.size >= batchRows) this.#send()
    else this.#timer ??= setTimeout(() => this.#send(), batchDelay)
  }

  /** Hands over what waits, as far as the writer keeps up; what stays goes with the next answer. */
  #send(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    while (this.#waiting.size > 0 && this.#sentBatches < batchesInFlight) this.#sendBatch()
  }

  #sendBatch(): void {
    const records: RequestRecord[] = []
    // Only ends are counted: the row of a running request is written again anyway.
    const ends = new Set<number>()
    let bytes = 0
    for (const [key, { exchange, record, bytes: size }] of this.#waiting) {
      if (records.length === largestBatch || (bytes > 0 && bytes + size > largestBatchBytes)) break
      records.push(record ?? recordOpen({ exchange, key, kept: this.#settings.bodies }))
      if (record !== null) ends.add(key)
      bytes += size
      this.#waiting.delete(key)
    }
    this.#waitingBytes -= bytes
    this.#sentRows += records.length
    this.#sentBytes += bytes
    this.#sentBatches += 1
    this.#write(records, ends).finally(() => {
      this.#sentRows -= records.length
      this.#sentBytes -= bytes
      this.#sentBatches -= 1
      this.#send()
    })
  }

  /** Never rejects. */
  async #write(records: RequestRecord[], ends: ReadonlySet<number>): Promise<void> {
    try {
      const { lost } = await this.#store.writeRequests(records)
      const rows = lost.filter((key) => ends.has(key)).length
      this.#written += ends.size - rows
      if (rows > 0)
        this.#drop({ rows, bodies: 0, reason: this.#store.problem() ?? 'Rows could not be prepared.' })
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      this.#drop({ rows: ends.size, bodies: 0, reason })
    }
  }

  #drop({ rows, bodies, reason }: Dropped): void {
    this.#dropped += rows
    this.#bodiesDropped += bodies
    this.#untold = { rows: this.#untold.rows + rows, bodies: this.#untold.bodies + bodies, reason }
    if (this.#noticeTimer === null) this.#tellDropped()
  }

  #tellDropped(): void {
    this.#noticeTimer = null
    const dropped = this.#untold
    if (dropped.rows === 0 && dropped.bodies === 0) return
    this.#untold = nothingDropped
    this.#noticeTimer = setTimeout(() => this.#tellDropped(), noticeInterval).unref()
    this.#onDropped(dropped)
  }
}
