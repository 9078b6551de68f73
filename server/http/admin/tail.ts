/**
 * The live tail: one look at the store every now and then for all who follow, also at what other gateways write there. It
 * looks only while somebody follows, and what a slow reader does not take is dropped and counted.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { GatewayError } from '../../errors.ts'
import type { AdminQueries } from '../../store/admin-queries.ts'
import type { AdminRequestRow } from './contract.ts'

/** Milliseconds between looks, and after one that failed. */
const interval = 500
const failureInterval = 2000
/** Milliseconds for which a row may come late: requests that end at once are written once, at their end. */
const overlap = 15_000
/** Events that wait for one reader. */
const longestQueue = 1000
const mostFollowers = 100
/** Running requests whose end is waited for. */
const mostOpen = 10_000
/** Milliseconds after which a reader that hears nothing gets a sign of life. */
const heartbeat = 15_000

export type TailEvent =
  | { name: 'started' | 'ended'; id: string; data: AdminRequestRow }
  /** `count`: rows that this reader does not get; null when it is not known how many. */
  | { name: 'dropped'; id: string | null; data: { count: number | null } }
  | { name: 'heartbeat' }

export type TailQueries = Pick<AdminQueries, 'tailKeys' | 'runningKeys' | 'rowsByKeys' | 'rowsSince'>

export interface TailOptions {
  queries: TailQueries
  /** True once the process has been told to stop. */
  draining(): boolean
  /** Told how many follow whenever that changes, for metrics. */
  onFollowers?(open: number): void
}

export interface FollowOptions {
  matches(row: AdminRequestRow): boolean
  /** The id of the last event that the reader has. */
  lastEventId: string | null
  /** Ends it. */
  signal: AbortSignal
}

interface Follower {
  matches(row: AdminRequestRow): boolean
  queue: TailEvent[]
  dropped: number
  wake(): void
}

export class Tail {
  readonly #options: TailOptions
  readonly #followers = new Set<Follower>()
  /** Rows of the last seconds: whether they have ended. */
  readonly #seen = new Map<number, boolean>()
  /** Rows that run, of any age. */
  readonly #open = new Set<number>()
  /** Resolves when it is known what was there already. */
  #primed: Promise<void> | null = null

  constructor(options: TailOptions) {
    this.#options = options
  }

  /**
   * Events until the signal aborts or the gateway stops. The first is a heartbeat: everything after it is told of.
   * Throws GatewayError 503 `tail_overload`.
   */
  async *follow({ matches, lastEventId, signal }: FollowOptions): AsyncGenerator<TailEvent[]> {
    if (this.#followers.size >= mostFollowers) {
      throw new GatewayError(
        'internal_error',
        `${mostFollowers} readers follow already. Close one of them.`,
        {
          status: 503,
          code: 'tail_overload',
        },
      )
    }
    const follower: Follower = { matches, queue: [], dropped: 0, wake: () => undefined }
    this.#followers.add(follower)
    this.#options.onFollowers?.(this.#followers.size)
    try {
      this.#primed ??= this.#start()
      await this.#primed
      yield [{ name: 'heartbeat' }]
      const since = readEventId(lastEventId)
      if (since !== null) yield await this.#missed(since, matches)
      while (!signal.aborted && !this.#options.draining()) yield await this.#take(follower, signal)
    } finally {
      this.#followers.delete(follower)
      this.#options.onFollowers?.(this.#followers.size)
    }
  }

  async #missed(since: number, matches: FollowOptions['matches']): Promise<TailEvent[]> {
    const now = Date.now()
    const { rows, more } = await this.#options.queries.rowsSince(since)
    const events = rows.filter(matches).map((row) => toEvent(row, now))
    return more ? [{ name: 'dropped', id: null, data: { count: null } }, ...events] : events
  }

  async #take(follower: Follower, signal: AbortSignal): Promise<TailEvent[]> {
    if (follower.queue.length === 0 && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, heartbeat)
      follower.wake = resolve
      const stop = () => resolve()
      signal.addEventListener('abort', stop)
      await promise
      // A reader may follow for days.
      signal.removeEventListener('abort', stop)
      clearTimeout(timer)
      follower.wake = () => undefined
    }
    const events = follower.queue.splice(0)
    if (follower.dropped > 0) {
      events.push({ name: 'dropped', id: null, data: { count: follower.dropped } })
      follower.dropped = 0
    }
    return events.length === 0 ? [{ name: 'heartbeat' }] : events
  }

  /** Looks until nobody follows. */
  async #start(): Promise<void> {
    this.#seen.clear()
    this.#open.clear()
    try {
      for (const key of await this.#options.queries.runningKeys(mostOpen)) this.#open.add(key)
      await this.#look()
    } catch (error) {
      this.#primed = null
      throw error
    }
    this.#run().catch(() => undefined)
  }

  async #run(): Promise<void> {
    let pause = interval
    while (this.#followers.size > 0 && !this.#options.draining()) {
      await sleep(pause, undefined, { ref: false })
      const at = Date.now()
      try {
        this.#publish(await this.#readChanged(), at)
        pause = interval
      } catch {
        // The store says by itself what is wrong with it; what it holds is told of later.
        pause = failureInterval
      }
    }
    this.#primed = null
    for (const { wake } of this.#followers) wake()
  }

  async #readChanged(): Promise<AdminRequestRow[]> {
    const changed = await this.#look()
    const found = await this.#options.queries.rowsByKeys(changed)
    // One that ended between the two questions is not told of twice.
    for (const { key, row } of found) if (!isRunning(row)) this.#note(key, true)
    return found.map(({ row }) => row)
  }

  /** The keys of rows that are new, or have ended, since the last look. */
  async #look(): Promise<number[]> {
    const { from, keys } = await this.#options.queries.tailKeys(Date.now() - overlap, [...this.#open])
    const changed = keys.filter(({ key, ended }) => (this.#open.has(key) ? ended : !this.#seen.has(key)))
    for (const { key, ended } of keys) this.#note(key, ended)
    for (const key of this.#seen.keys()) if (key < from) this.#seen.delete(key)
    return changed.map(({ key }) => key)
  }

  #note(key: number, ended: boolean): void {
    this.#seen.set(key, ended)
    if (ended) this.#open.delete(key)
    else if (this.#open.size < mostOpen) this.#open.add(key)
  }

  #publish(rows: readonly AdminRequestRow[], at: number): void {
    for (const row of rows) {
      const event = toEvent(row, at)
      for (const follower of this.#followers) {
        if (!follower.matches(row)) continue
        if (follower.queue.length >= longestQueue) follower.dropped += 1
        else follower.queue.push(event)
        follower.wake()
      }
    }
  }
}

function toEvent(row: AdminRequestRow, at: number): TailEvent {
  return { name: isRunning(row) ? 'started' : 'ended', id: `t${at.toString(36)}`, data: row }
}

function isRunning({ status }: AdminRequestRow): boolean {
  return status === 'in_progress' || status === 'queued'
}

/** The moment of the look that an event came of, in Unix milliseconds; null for what is no event's id. */
function readEventId(id: string | null): number | null {
  return id !== null && /^t[0-9a-z]{1,9}$/.test(id) ? Number.parseInt(id.slice(1), 36) : null
}
