/**
 * What a scrape asks of others: shapes of the functions that `createMetrics` is given. They are called at each scrape, so
 * they answer from memory, or from a query of some milliseconds. Counts are since the start of the process.
 *
 * With several gateways on one PostgreSQL each of them tells the same of what is shared (marked "of the store"), and
 * dashboards take the `max` of it; what a process did itself is summed.
 */

/** State of the request log's queue. */
export interface LogFigures {
  /** Rows committed to the store. */
  written: number
  /** Rows lost because the queue was full or the store refused them. */
  dropped: number
  /** Rows waiting for the writer. */
  queued: number
  /** Requests whose bodies were lost and whose row was kept. Default 0. */
  bodiesDropped?: number
  /** Bytes of bodies waiting for the writer. Default 0. */
  queuedBytes?: number
}

/**
 * What the store's bytes are: those of the log (rows, bodies, media, rollups, search), of kept state, the write-ahead log
 * (SQLite), pages that are free to be used again, and what is none of these. `all`: nobody told them apart.
 */
export const storeParts = [
  'all',
  'rows',
  'bodies',
  'media',
  'rollups',
  'search',
  'state',
  'wal',
  'free',
  'other',
] as const
export type StorePart = (typeof storeParts)[number]

/** What retention removes, each by its own clock. `state`: expired responses, conversations, idempotency keys, jobs. */
export const retainedKinds = ['rows', 'bodies', 'media', 'rollups', 'minutes', 'state'] as const
export type RetainedKind = (typeof retainedKinds)[number]

/** Of the log's retention. */
export interface RetentionFigures {
  /** Whether this process holds the lease, and so removes for all. */
  leads: boolean
  /** Unix milliseconds when this process last finished a round without an error; null before the first. */
  lastRunAt: number | null
  /** Rounds that failed. */
  failures: number
  /** Removed by this process, by kind. */
  pruned: Partial<Record<RetainedKind, number>>
  /** Of the store: Unix milliseconds of the oldest there is of a kind; absent or null when there is none, or it is not known. */
  oldestAt: Partial<Record<RetainedKind, number | null>>
  /** Of the configuration: milliseconds that each kind is kept. */
  keptFor: Partial<Record<RetainedKind, number>>
  /** Of the configuration: `log.retention.maxBytes`; null for no limit. */
  maxBytes: number | null
}

/** Null where unknown. */
export interface StoreFigures {
  /** Of the store: bytes on disk. */
  sizeBytes: number | null
  /** Whether the last write succeeded. */
  healthy: boolean
  /** Of the store: bytes by part, which add up to `sizeBytes`. Default: all of `sizeBytes` under `all`. */
  parts?: Partial<Record<StorePart, number>> | null
  /** Whether the database answered when it was last asked anything (PostgreSQL: the server). Default: as `healthy`. */
  reachable?: boolean
  /** Writes (batches of the log and of state) handed over and not yet committed. Default: not told. */
  writesWaiting?: number
  /** Threads of queries that gave no answer and were replaced. Default: not told. */
  threadsReplaced?: number
  /** Default: not told. */
  retention?: RetentionFigures | null
}

/** One query of the log, told when it is over. */
export interface QueryFigures {
  /** As in `server/store/log/reads.ts`. */
  name: string
  milliseconds: number
  /** `timeout`: its deadline passed; `refused`: too many were waiting. */
  outcome: 'answered' | 'timeout' | 'refused' | 'failed'
}

/** How the configuration in force came about. */
export interface ConfigFigures {
  /** Unix milliseconds when it was loaded. */
  loadedAt: number
  /** Whether the last try to load one succeeded; false while an older one stays in force. */
  succeeded: boolean
}
