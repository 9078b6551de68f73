/** The store over either engine: one thread that writes, one that reads the log, one that reads state. */

import { GatewayError } from '../errors.ts'
import { StoreError } from './engine/driver.ts'
import { createKeyMaker } from './engine/keys.ts'
import { sizeOnDisk } from './engine/sqlite-place.ts'
import type { LogReadArgument, LogReadName, LogReadValue } from './log/reads.ts'
import { PackedBatchBuilder } from './log/record-batch.ts'
import type { BatchBuilder, RecordBatch, RecordFilterSource } from './log/records.ts'
import type { LogStepArgument, LogStepName, LogStepValue } from './log/steps.ts'
import type { StateStore } from './state/state.ts'
import { ThreadedState } from './state/threaded-state.ts'
import type { QueryEnd, Store } from './store.ts'
import { timeQuery } from './store-figures.ts'
import { type PreparedPlace, preparePlace, type StorePlace } from './store-url.ts'
import { withinTime } from './threads/answer-time.ts'
import { ReaderThread } from './threads/reader-thread.ts'
import { HungThreadError, WorkerCallError, WorkerClient } from './threads/worker-client.ts'
import type { ReaderSettings, WriterCalls, WriterSettings } from './threads/worker-protocol.ts'

export interface ThreadedStoreOptions {
  place: StorePlace
  busyTimeout: number
  queryTimeout: number
  retryDelay: number
  maxPages: number | null
  writeTimeout: number
  turnCacheBytes: number
  onQuery: (query: QueryEnd) => void
}

/** Queries waiting for the reader beyond which another is refused. */
const maximumWaiting = 64

/** Opens the threads. Throws StoreError. */
export async function openThreadedStore(options: ThreadedStoreOptions): Promise<Store> {
  const store = new ThreadedStore(preparePlace(options.place), options)
  try {
    await store.open()
    return store
  } catch (error) {
    await store.abandon()
    throw error
  }
}

/** Milliseconds past the longest deadline of a query after which its thread is replaced. */
const hangTime = 5000
/** Milliseconds that a read of state may take, and a write past the time that it goes on trying. */
const stateReadTime = 30_000
const stateWriteTime = 5000

/** Connections to PostgreSQL for queries of the log, and for reads of state. */
const logReaders = 2
const stateReaders = 3

/** Buffers kept for coming batches, and the bytes that one may have. */
const sparedBuffers = 3
const largestSpared = 4_194_304

class ThreadedStore implements Store {
  readonly location: string
  leftovers = 0
  readonly state: StateStore
  readonly #state: ThreadedState
  readonly #reader: ReaderThread
  readonly #prepared: PreparedPlace
  readonly #options: ThreadedStoreOptions
  readonly #queues = new Set<() => Promise<void>>()
  /** Of batches that are written: fresh memory costs more than the bytes that go into it. */
  readonly #buffers: ArrayBuffer[] = []
  #writer: WorkerClient<WriterCalls>
  #filter: RecordFilterSource | null = null
  #nextKey: (createdAt: number) => number = createKeyMaker(0)
  /** Of the writer. */
  #problem: string | null = null
  #full = false
  /** That a reader met. It does not pass by itself. */
  #damage: string | null = null
  /** That the writer gives no answer. */
  #silence: string | null = null
  #closing: Promise<void> | null = null
  #restart: NodeJS.Timeout | null = null

  constructor(prepared: PreparedPlace, options: ThreadedStoreOptions) {
    this.location = prepared.location
    this.#prepared = prepared
    this.#options = options
    const { busyTimeout, queryTimeout } = options
    const settings: ReaderSettings = {
      place: prepared.place,
      busyTimeout,
      timeout: queryTimeout,
      width: logReaders,
    }
    const onDamage = (problem: string) => {
      this.#damage = problem
    }
    this.#reader = new ReaderThread({ settings, onDamage, patience: queryTimeout + hangTime })
    this.#state = new ThreadedState({
      // Its own, so that no query of the admin API delays a turn.
      reader: new ReaderThread({
        settings: { ...settings, timeout: stateReadTime / 2, width: stateReaders },
        onDamage,
        patience: stateReadTime,
      }),
      send: (group) => this.#answered(this.#writer.call('writeState', group)),
      writeTimeout: options.writeTimeout,
      turnCacheBytes: options.turnCacheBytes,
      isShared: prepared.place.kind === 'postgres',
    })
    this.state = this.#state
    this.#writer = this.#startWriter()
  }

  async open(): Promise<void> {
    const { lastKey, lane, leftovers } = await this.#writer.call('open', { recover: true })
    this.leftovers = leftovers
    this.#nextKey = createKeyMaker(lastKey, lane)
    await this.#reader.open()
  }

  /** Stops without writing anything more. */
  async abandon(): Promise<void> {
    this.#closing ??= Promise.resolve()
    if (this.#restart !== null) clearTimeout(this.#restart)
    await this.#writer.stop()
    await this.#reader.stop()
    await this.#state.stop()
    this.#prepared.remove()
  }

  nextKey(createdAt: number): number {
    return this.#nextKey(createdAt)
  }

  async setFilter(source: RecordFilterSource): Promise<void> {
    this.#filter = source
    // A writer that is about to be replaced gets it with its start.
    if (!this.#writer.stopped) await this.#writer.call('setFilter', source)
  }

  startBatch(expectedBytes = 0): BatchBuilder {
    const index = this.#buffers.findIndex(({ byteLength }) => byteLength >= expectedBytes)
    return new PackedBatchBuilder(expectedBytes, index === -1 ? null : this.#buffers.splice(index, 1)[0])
  }

  async writeRequests(batch: RecordBatch): Promise<{ lost: number[] }> {
    const { lost, buffer } = await this.#writer.call('write', batch, [batch.bytes.buffer])
    if (this.#buffers.length < sparedBuffers && buffer.byteLength <= largestSpared) this.#buffers.push(buffer)
    return { lost }
  }

  addQueue(flush: () => Promise<void>): () => void {
    this.#queues.add(flush)
    return () => this.#queues.delete(flush)
  }

  async query<K extends LogReadName>(
    name: K,
    argument: LogReadArgument<K>,
    longest = this.#options.queryTimeout,
  ): Promise<LogReadValue<K>> {
    return timeQuery(name, this.#options.onQuery, () => this.#query(name, argument, longest))
  }

  async #query<K extends LogReadName>(
    name: K,
    argument: LogReadArgument<K>,
    longest: number,
  ): Promise<LogReadValue<K>> {
    const deadline = Math.min(longest, this.#options.queryTimeout)
    if (this.#reader.pending >= maximumWaiting) {
      throw new GatewayError('internal_error', 'Too many queries are waiting. Try again in a moment.', {
        status: 503,
        code: 'query_overload',
      })
    }
    try {
      return (await this.#reader.call('query', { name, argument, deadline })) as LogReadValue<K>
    } catch (error) {
      const isLate = error instanceof WorkerCallError && error.remoteName === 'DeadlineError'
      if (!isLate && !(error instanceof HungThreadError)) throw error
      const seconds = deadline / 1000
      throw new GatewayError(
        'internal_error',
        `The query took longer than ${seconds} s. Ask for a shorter time or add a filter.`,
        { status: 503, code: 'query_timeout', retryable: false, cause: error },
      )
    }
  }

  async step<K extends LogStepName>(name: K, argument: LogStepArgument<K>): Promise<LogStepValue<K>> {
    return (await this.#writer.call('step', { name, argument, now: Date.now() })) as LogStepValue<K>
  }

  healthy(): boolean {
    return this.problem() === null
  }

  problem(): string | null {
    return this.#damage ?? this.#silence ?? this.#problem
  }

  writesWaiting(): number {
    return this.#writer.pending
  }

  full(): boolean {
    return this.#full
  }

  hungReaders(): number {
    return this.#reader.replaced + this.#state.readerReplaced
  }

  async sizeBytes(): Promise<number> {
    if (this.#prepared.place.kind === 'postgres') return this.#reader.call('size', null)
    return sizeOnDisk(this.location)
  }

  async flush(): Promise<void> {
    await Promise.all([...this.#queues].map((flush) => flush()))
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.flush()
    if (this.#restart !== null) clearTimeout(this.#restart)
    // Either thread may be gone already, which is no reason to fail the way out.
    await this.#state.close()
    await this.#reader.close()
    await this.#writer.call('close', null).catch(() => undefined)
    await this.#writer.stop()
    this.#prepared.remove()
  }

  #answered<T>(answer: Promise<T>): Promise<T> {
    return withinTime(answer, this.#options.writeTimeout + stateWriteTime, {
      onLate: () => {
        this.#silence = `The store ${this.location} does not answer: its disk may hang, or is far too slow.`
        return new StoreError('failed', this.#silence)
      },
      onAnswer: () => {
        this.#silence = null
      },
    })
  }

  #startWriter(): WorkerClient<WriterCalls> {
    const { busyTimeout, maxPages, retryDelay, writeTimeout } = this.#options
    const { place } = this.#prepared
    const { instance } = this.#state
    const settings: WriterSettings = { place, busyTimeout, maxPages, retryDelay, writeTimeout, instance }
    return new WorkerClient<WriterCalls>({
      script: new URL('./threads/writer-worker.ts', import.meta.url),
      settings,
      onNotice: ({ problem, full }) => {
        this.#problem = problem
        this.#full = full
      },
      onLost: (reason) => {
        this.#problem = `The thread that writes the store stopped: ${reason}`
        this.#restartWriter()
      },
    })
  }

  #restartWriter(): void {
    if (this.#closing !== null) return
    this.#restart = setTimeout(async () => {
      this.#writer = this.#startWriter()
      try {
        // This process goes on, so its open requests are no leftovers.
        await this.#writer.call('open', { recover: false })
        if (this.#filter !== null) await this.#writer.call('setFilter', this.#filter)
        this.#problem = null
      } catch (error) {
        this.#problem = error instanceof Error ? error.message : String(error)
        await this.#writer.stop()
        this.#restartWriter()
      }
    }, this.#options.retryDelay)
    this.#restart.unref()
  }
}
