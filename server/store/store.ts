/**
 * The store as the gateway sees it: writes and queries as promises, both on threads of their own. Once open it never
 * throws for what goes wrong with the disk: it says so in `problem()`, goes on trying, and traffic goes on.
 */

import type { LogReadArgument, LogReadName, LogReadValue } from './log/reads.ts'
import type { BatchBuilder, RecordBatch, RecordFilterSource } from './log/records.ts'
import type { LogStepArgument, LogStepName, LogStepValue } from './log/steps.ts'
import type { StateStore } from './state/state.ts'
import { parseStoreUrl } from './store-url.ts'
import { openThreadedStore } from './threaded-store.ts'

export interface StoreOptions {
  /** `sqlite:<path>` (its directories are made) or `sqlite::memory:` (a temporary file, gone at close). */
  url: string
  /** Milliseconds to wait for a lock that another program holds on the file. Default 5000. */
  busyTimeout?: number
  /** Milliseconds a query of the admin API may take. Default 5000. */
  queryTimeout?: number
  /** Milliseconds between tries to write what could not be written for now. Default 1000. */
  retryDelay?: number
  /** Pages of 4096 bytes that the file may grow to. Default null: no limit but the disk's. */
  maxPages?: number | null
  /** Milliseconds after which a write of state that cannot be committed for now is refused. Default 2000. */
  writeTimeout?: number
  /** Told of each query of the log when it is over. Default: nobody is. */
  onQuery?: (query: QueryEnd) => void
  /** Bytes of JSON of turns to keep in memory for those that continue them. Default 64 MiB. */
  turnCacheBytes?: number
}

/** A query of the log that is over. */
export interface QueryEnd {
  name: LogReadName
  milliseconds: number
  /** `timeout`: its deadline passed; `refused`: too many were waiting. */
  outcome: 'answered' | 'timeout' | 'refused' | 'failed'
}

export interface Store {
  /** Where it is: the path of the database file. */
  readonly location: string
  /** Requests that a stopped process had left open and that were ended as `gateway_restarted`. */
  readonly leftovers: number
  /** What the gateway keeps for its clients. Unlike the log's, its writes reject when they cannot be made. */
  readonly state: StateStore
  /** The key of a request that is admitted now; `createdAt` in Unix milliseconds. */
  nextKey(createdAt: number): number
  /** What takes secrets out of every record. Without it nothing is written. Replaces an earlier one. */
  setFilter(source: RecordFilterSource): Promise<void>
  /** An empty batch for `writeRequests`. `expectedBytes`: what its documents may take, so that it need not grow. */
  startBatch(expectedBytes?: number): BatchBuilder
  /**
   * Takes the batch over. Resolves once committed, with the keys of records that could not be prepared. Rejects when
   * all of it is lost.
   */
  writeRequests(batch: RecordBatch): Promise<{ lost: number[] }>
  /** Registers a queue in front of the store that `flush` and `close` empty first. Gives the way to take it off again. */
  addQueue(flush: () => Promise<void>): () => void

  /**
   * Asks the log (log/reads.ts says what there is). `deadline`: milliseconds, default `queryTimeout`. Throws GatewayError
   * 503 `query_timeout` or `query_overload`.
   */
  query<K extends LogReadName>(
    name: K,
    argument: LogReadArgument<K>,
    deadline?: number,
  ): Promise<LogReadValue<K>>
  /** One step of upkeep (log/steps.ts), between two batches of the writer. Throws StoreError. */
  step<K extends LogStepName>(name: K, argument: LogStepArgument<K>): Promise<LogStepValue<K>>

  /** Whether the last write succeeded. */
  healthy(): boolean
  /** Why not, for the operator; null when healthy. */
  problem(): string | null
  /** Writes of the log and of state that are handed over and not yet committed. */
  writesWaiting(): number
  /** Whether the problem is that there is no room: what is removed helps. */
  full(): boolean
  /** Threads of queries that gave no answer and were replaced, since the start. */
  hungReaders(): number
  /** Bytes on disk, with what is still in the write-ahead log. */
  sizeBytes(): Promise<number>
  /** Resolves when everything queued so far is written, or cannot be for now. */
  flush(): Promise<void>
  /** Writes what is queued and closes. A second call does nothing. */
  close(): Promise<void>
}

/** Opens, migrates and recovers the store. Throws StoreError with what to do about it. */
export async function openStore({
  url,
  busyTimeout = 5000,
  queryTimeout = 5000,
  retryDelay = 1000,
  maxPages = null,
  writeTimeout = 2000,
  turnCacheBytes = 67_108_864,
  onQuery = () => {},
}: StoreOptions): Promise<Store> {
  return openThreadedStore({
    place: parseStoreUrl(url),
    busyTimeout,
    queryTimeout,
    retryDelay,
    maxPages,
    writeTimeout,
    turnCacheBytes,
    onQuery,
  })
}
