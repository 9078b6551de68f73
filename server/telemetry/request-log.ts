/**
 * Writes every exchange to the store: a row while it runs for long, the whole at the end. Never in the way of a request: batches
 * go to the writer's thread, the queue to it is bounded in rows and bytes, and what does not fit is dropped and counted.
 */

import type { LogRuntime, ProjectRuntime } from '../config/runtime.ts'
import { keptBodies } from '../gateway/capture.ts'
import type { Attempt, Exchange, Observer } from '../gateway/exchange.ts'
import type { Store } from '../store/store.ts'
import { RequestBatches } from './request-log-batches.ts'
import { recordFinished, recordHandedOver, recordOpen, sizeOfBodies } from './request-log-record.ts'
import { RunningRequests } from './request-log-running.ts'

export interface RequestLogOptions {
  store: Store
  settings: Pick<LogRuntime, 'bodies' | 'maxBodyBytes' | 'media' | 'search' | 'queueRows' | 'queueBytes'>
  /** What they say of their own calls goes before the settings. */
  projects: ReadonlyMap<string, Pick<ProjectRuntime, 'log'>>
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
  configure(options: Pick<RequestLogOptions, 'settings' | 'projects' | 'providerSecrets'>): Promise<void>
  /** Resolves when all so far is written, or cannot be for now. */
  flush(): Promise<void>
  close(): Promise<void>
}

/** Milliseconds between two calls of `onDropped`. */
const noticeInterval = 1000

/** Resolves once the writer has its filter. */
export async function createRequestLog(options: RequestLogOptions): Promise<RequestLog> {
  const log = new StoreRequestLog(options)
  await log.configure(options)
  return log
}

const nothingDropped: Dropped = { rows: 0, bodies: 0, reason: '' }

class StoreRequestLog implements RequestLog {
  readonly #store: Store
  readonly #onDropped: (dropped: Dropped) => void
  readonly #removeQueue: () => void
  readonly #running = new RunningRequests((exchange, key) => {
    this.#batches.add(recordOpen({ exchange, key, instance: this.#store.state.instance }), 0)
  })
  readonly #batches: RequestBatches
  #settings: RequestLogOptions['settings']
  #projects: RequestLogOptions['projects']
  #written = 0
  #dropped = 0
  #bodiesDropped = 0
  #untold = nothingDropped
  #noticeTimer: NodeJS.Timeout | null = null

  constructor({ store, settings, projects, onDropped = () => undefined }: RequestLogOptions) {
    this.#store = store
    this.#batches = new RequestBatches({
      store,
      onWritten: (ends) => {
        this.#written += ends
      },
      onLost: (ends, reason) => this.#drop({ rows: ends, bodies: 0, reason }),
    })
    this.#settings = settings
    this.#projects = projects
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
    return this.#running.due + this.#batches.rows
  }

  queuedBytes(): number {
    return this.#batches.bytes
  }

  async configure({
    settings,
    projects,
    providerSecrets,
  }: Pick<RequestLogOptions, 'settings' | 'projects' | 'providerSecrets'>): Promise<void> {
    this.#settings = settings
    this.#projects = projects
    await this.#store.setFilter({
      module: new URL('./redact.ts', import.meta.url).href,
      settings: { secrets: [...providerSecrets] },
    })
  }

  started(exchange: Exchange): void {
    if (this.queued() >= this.#settings.queueRows) return
    this.#running.add(exchange, this.#store.nextKey(exchange.createdAt))
  }

  attemptStarted(exchange: Exchange, attempt: Attempt): void {
    // By now the model, the caller and the provider are known, which the row may have lacked.
    if (attempt.index === 1) this.#running.change(exchange)
  }

  finished(exchange: Exchange): void {
    const running = this.#running.remove(exchange)
    const key = exchange.handedOver ? running : (running ?? this.#admitLate(exchange))
    if (key === null) return
    if (exchange.handedOver) {
      this.#batches.add(recordHandedOver({ exchange, key }), 0)
      return
    }
    const { bodies, maxBodyBytes } = keptBodies({ log: this.#settings, projects: this.#projects }, exchange)
    const bytes = bodies === 'full' ? sizeOfBodies(exchange) : 0
    const fits = bytes === 0 || this.#batches.bytes + bytes <= this.#settings.queueBytes
    // An admitted row is always ended, or it would stay in progress for ever; its bodies may have to go.
    if (!fits) this.#drop({ rows: 0, bodies: 1, reason: 'The queue of the request log is full (bytes).' })
    const kept = bodies === 'full' && !fits ? 'metadata' : bodies
    const { media, search } = this.#settings
    const keeping = { maxBodyBytes, media, search }
    try {
      this.#batches.add(recordFinished({ exchange, key, kept, keeping, dropped: !fits }), fits ? bytes : 0)
    } catch (error) {
      this.#drop({
        rows: 1,
        bodies: 0,
        reason: `A request could not be prepared for the log: ${String(error)}`,
      })
    }
  }

  async flush(): Promise<void> {
    this.#running.writeAll()
    await this.#batches.flush()
  }

  async close(): Promise<void> {
    await this.flush()
    this.#removeQueue()
    this.#running.close()
    const rows = this.#batches.abandon()
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
