/** Rows of the request log on their way to the writer: gathered in batches, of which it has only a few at a time. */

import type { BatchBuilder, RequestRecord } from '../store/log/records.ts'
import type { Store } from '../store/store.ts'

export interface RequestBatchesOptions {
  store: Pick<Store, 'startBatch' | 'writeRequests' | 'healthy' | 'problem'>
  /** Told how many requests ended with what was committed. */
  onWritten: (ends: number) => void
  /** Told how many requests lost their end. `reason`: for the process log. */
  onLost: (ends: number, reason: string) => void
}

/** Milliseconds that a row waits for company; longer while the writer has all the batches that it may have. */
const batchDelay = 50
/** Rows, and bytes of documents, with which a batch is closed. */
const largestBatch = 250
const largestBatchBytes = 1_048_576
/** Batches with the writer at a time: one being written, one waiting. */
const batchesInFlight = 2
/** Milliseconds between looks at whether a waiting flush can end. */
const flushPoll = 10

interface Batch {
  builder: BatchBuilder
  /** Keys of requests that end with it. Only they are counted: the row of a running request is written again anyway. */
  ends: Set<number>
  /** Of bodies. */
  bytes: number
}

export class RequestBatches {
  readonly #store: RequestBatchesOptions['store']
  readonly #onWritten: RequestBatchesOptions['onWritten']
  readonly #onLost: RequestBatchesOptions['onLost']
  /** Taking rows; its timer runs from the first of them. */
  #filling: Batch
  #timer: NodeJS.Timeout | null = null
  /** Whether its time has come while the writer had enough: it goes on taking rows until there is an answer. */
  #isOverdue = false
  /** Closed, and waiting for the writer. */
  readonly #closed: Batch[] = []
  /** Batches that were closed, and that are written or lost, since the start. */
  #closedBatches = 0
  #settledBatches = 0
  #sentBatches = 0
  #rows = 0
  #bytes = 0

  constructor({ store, onWritten, onLost }: RequestBatchesOptions) {
    this.#store = store
    this.#onWritten = onWritten
    this.#onLost = onLost
    this.#filling = this.#startBatch(0)
  }

  /** Rows waiting or on their way. */
  get rows(): number {
    return this.#rows
  }

  /** Bytes of bodies waiting or on their way. */
  get bytes(): number {
    return this.#bytes
  }

  /** Throws when the record cannot be packed. `bytes`: of its bodies, by which the caller bounds the queue. */
  add(record: RequestRecord, bytes: number): void {
    const batch = this.#filling
    batch.builder.add(record)
    if (record.document !== null) batch.ends.add(record.key)
    batch.bytes += bytes
    this.#rows += 1
    this.#bytes += bytes
    if (batch.builder.rows >= largestBatch || batch.builder.size >= largestBatchBytes) this.#close()
    else if (!this.#isOverdue) this.#timer ??= setTimeout(() => this.#onTime(), batchDelay)
  }

  /** Resolves when all so far is written, or cannot be for now. */
  async flush(): Promise<void> {
    this.#close()
    const last = this.#closedBatches
    while (this.#settledBatches < last && this.#store.healthy()) {
      await new Promise((resolve) => setTimeout(resolve, flushPoll))
    }
  }

  /** Gives up what the writer does not have yet, after a flush. Gives the requests whose end is lost with it. */
  abandon(): number {
    let ends = 0
    for (const batch of this.#closed.splice(0)) {
      ends += batch.ends.size
      this.#leave(batch)
    }
    return ends
  }

  /** One transaction for all that gathers while the writer is stuck: else an outage leaves hundreds of small ones behind. */
  #onTime(): void {
    this.#timer = null
    if (this.#sentBatches < batchesInFlight) this.#close()
    else this.#isOverdue = true
  }

  #close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#isOverdue = false
    const batch = this.#filling
    if (batch.builder.rows === 0) return
    this.#closed.push(batch)
    this.#closedBatches += 1
    this.#filling = this.#startBatch(batch.builder.size)
    this.#send()
  }

  /** Hands over what is closed, as far as the writer keeps up; what stays goes with the next answer. */
  #send(): void {
    while (this.#sentBatches < batchesInFlight) {
      const batch = this.#closed.shift()
      if (batch === undefined) return
      this.#sentBatches += 1
      this.#write(batch).finally(() => {
        this.#sentBatches -= 1
        this.#leave(batch)
        this.#send()
        if (this.#isOverdue && this.#sentBatches < batchesInFlight) this.#close()
      })
    }
  }

  /** A batch is written, or lost. */
  #leave({ builder, bytes }: Batch): void {
    this.#settledBatches += 1
    this.#rows -= builder.rows
    this.#bytes -= bytes
  }

  /** Never rejects. */
  async #write({ builder, ends }: Batch): Promise<void> {
    try {
      const { lost } = await this.#store.writeRequests(builder.take())
      const lostEnds = lost.filter((key) => ends.has(key)).length
      this.#onWritten(ends.size - lostEnds)
      if (lostEnds > 0) this.#onLost(lostEnds, this.#store.problem() ?? 'Rows could not be prepared.')
    } catch (error) {
      this.#onLost(ends.size, error instanceof Error ? error.message : String(error))
    }
  }

  /** `previous`: bytes of the last batch, as the next is likely to need as many. */
  #startBatch(previous: number): Batch {
    const expected = Math.min(largestBatchBytes, Math.ceil(previous * 1.25))
    return { builder: this.#store.startBatch(expected), ends: new Set(), bytes: 0 }
  }
}
