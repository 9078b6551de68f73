/**
 * Keeps the request log within its age and its bytes: what is old goes in small steps, by one gateway at a time, with
 * pauses that traffic has for itself. What a step may take is given as time; its size follows from how long they take.
 */

import type { RetentionRuntime } from '../config/runtime.ts'
import { waitFor } from '../gateway/wait.ts'
import type { StoreMeasure } from '../store/log/retention-measure.ts'
import type { PrunedKind } from '../store/log/retention-step.ts'
import type { Store } from '../store/store.ts'
import { StepSize } from './step-size.ts'

export interface RetentionOptions {
  store: Pick<Store, 'step' | 'query' | 'full'>
  settings(): RetentionRuntime
  /** What went wrong, and what the operator should know. */
  onTrouble(error: unknown): void
  /** Milliseconds between two rounds. Default 60 000; at most 5000 while the store is full. */
  interval?: number
  /** Milliseconds that the writer is busy with one step. Default 8. */
  stepTime?: number
  /** Milliseconds between two steps at least. Default 25. */
  stepPause?: number
  /** Milliseconds that the log keeps in any case, when it is cut for want of room. Default one hour. */
  floor?: number
  /** Unix milliseconds by which things are too old (removal-clock.ts). Default the clock. */
  now?: () => number
}

export interface Retention {
  start(): void
  /** One round now, after the one that is under way. */
  run(): Promise<void>
  /** Resolves when nothing is under way any more. */
  stop(): Promise<void>
  figures(): RetentionReport
  /** What the operator should change, though all works; null when nothing. */
  warning(): string | null
}

/** Counts are since the start of the process. */
export interface RetentionReport {
  leads: boolean
  /** Unix milliseconds when a round last ended well. */
  lastRunAt: number | null
  failures: number
  pruned: Record<PrunedKind | 'media', number>
  oldestAt: { bodies: number | null; rows: number | null }
  /** Milliseconds of the configuration; absent for no end. */
  keptFor: { bodies?: number; rows?: number; rollups?: number; minutes?: number }
  maxBytes: number | null
  /** Of the last round; null before it. */
  measure: StoreMeasure | null
}

const kinds: readonly PrunedKind[] = ['bodies', 'rows', 'sessions', 'minutes', 'rollups']

/** Milliseconds that the lease is held without a sign of life. */
const leaseTime = 150_000
/** Milliseconds between two signs of life in a long round. */
const leaseInterval = 30_000
/** Share of the limit that is left when bytes were too many. */
const relief = 0.95
/** Shares of free pages in the file at which space is given back, and down to which. */
const muchFree = 0.2
const someFree = 0.1
/** Bytes of free pages that are not worth a move. */
const smallFree = 16_777_216
/** Bytes of the write-ahead log that it does not reach by itself. */
const largeLog = 100_000_000
/** Milliseconds between two looks whether the store is full, which does not wait for the next round. */
const fullInterval = 5000
/** Milliseconds before the first round, so that it does not stand in the way of the start. */
const firstWait = 5000
/** By bytes: as how many requests one counts in the limit of a step (prune-bodies.ts), and how many go between two measures. */
const byBytes = { bodies: { requests: 10, most: 50 }, rows: { requests: 1, most: 10_000 } } as const
/** Milliseconds that measuring may take. */
const measureTime = 5000

export function createRetention(options: RetentionOptions): Retention {
  return new LogRetention(options)
}

class LogRetention implements Retention {
  readonly #options: Required<RetentionOptions>
  readonly #stopping = new AbortController()
  readonly #sizes: Record<PrunedKind | 'space', StepSize>
  readonly #report: Omit<RetentionReport, 'keptFor' | 'maxBytes'> = {
    leads: false,
    lastRunAt: null,
    failures: 0,
    pruned: { bodies: 0, rows: 0, sessions: 0, media: 0, rollups: 0, minutes: 0 },
    oldestAt: { bodies: null, rows: null },
    measure: null,
  }
  #timer: NodeJS.Timeout | null = null
  #round: Promise<void> = Promise.resolve()
  #heldAt = Number.NEGATIVE_INFINITY
  #warning: string | null = null

  constructor(options: RetentionOptions) {
    const defaults = { interval: 60_000, stepTime: 8, stepPause: 25, floor: 3_600_000, now: () => Date.now() }
    this.#options = { ...defaults, ...options }
    const { stepTime } = this.#options
    const size = (least: number, first: number, most: number) =>
      new StepSize({ least, first, most, target: stepTime })
    this.#sizes = {
      bodies: size(5, 50, 2000),
      rows: size(50, 50, 5000),
      sessions: size(50, 50, 5000),
      minutes: size(50, 50, 5000),
      rollups: size(50, 50, 5000),
      space: size(10, 100, 10_000),
    }
  }

  start(): void {
    if (this.#stopping.signal.aborted) return
    const { interval, store } = this.#options
    const isFirst = this.#report.lastRunAt === null && this.#report.failures === 0
    const due = performance.now() + (isFirst ? Math.min(interval, firstWait) : interval)
    const look = () => {
      if (performance.now() >= due || store.full()) void this.run().then(() => this.start())
      else this.#timer = setTimeout(look, Math.min(interval, fullInterval)).unref()
    }
    this.#timer = setTimeout(look, Math.min(interval, fullInterval)).unref()
  }

  run(): Promise<void> {
    this.#round = this.#round.then(() => this.#runOnce())
    return this.#round
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    if (this.#timer !== null) clearTimeout(this.#timer)
    await this.#round
  }

  figures(): RetentionReport {
    const { maxBytes, ...kept } = this.#options.settings()
    const keptFor = Object.fromEntries(Object.entries(kept).filter(([, value]) => value !== null))
    return { ...this.#report, keptFor, maxBytes }
  }

  warning(): string | null {
    return this.#warning
  }

  async #runOnce(): Promise<void> {
    if (this.#stopping.signal.aborted) return
    try {
      const full = this.#options.store.full()
      // There is one gateway on a file that is full, and no room to write down that it leads.
      if (full) await this.#makeRoom()
      else if (await this.#hold()) await this.#prune()
      await this.#measure()
      this.#report.lastRunAt = Date.now()
    } catch (error) {
      this.#report.failures += 1
      this.#report.leads = false
      if (!this.#stopping.signal.aborted) this.#options.onTrouble(error)
    }
  }

  async #prune(): Promise<void> {
    const settings = this.#options.settings()
    for (const kind of kinds) {
      // A session is a sum of its requests, and a page of them.
      const kept = settings[kind === 'sessions' ? 'rows' : kind]
      if (kept !== null) await this.#pruneKind(kind, this.#options.now() - kept)
    }
    if (settings.maxBytes === null) this.#warning = null
    else await this.#fit(settings.maxBytes)
    await this.#giveBack()
  }

  /** All that is older, however long that takes. */
  async #pruneKind(kind: PrunedKind, before: number): Promise<void> {
    while (await this.#hold()) {
      const { more } = await this.#step(kind, before)
      if (!more) return
    }
  }

  /** Under its bytes: the oldest bodies go first, then the oldest rows. What is kept for clients never does. */
  async #fit(maxBytes: number): Promise<void> {
    const { usedBytes } = await this.#measure()
    if (usedBytes <= maxBytes) {
      this.#warning = null
      return
    }
    const target = Math.floor(maxBytes * relief)
    for (const kind of ['bodies', 'rows'] as const) {
      if (await this.#shrink(kind, target)) {
        this.#warning = null
        return
      }
    }
    if (this.#stopping.signal.aborted || !this.#report.leads) return
    const { usedBytes: left } = await this.#measure()
    this.#tell(
      `The store uses ${left} bytes of the ${maxBytes} that log.retention.maxBytes allows, though the log was cut to its ` +
        `last ${Math.round(this.#options.floor / 60_000)} minutes: the rest is those minutes, sums, and what is kept for clients. Raise log.retention.maxBytes, or keep less (log.bodies, state.retentionDays, state.conversationDays).`,
    )
  }

  /** Whether the store is as small as wanted. Between two measures no more goes than what seems to be too much. */
  async #shrink(kind: keyof typeof byBytes, target: number): Promise<boolean> {
    const floor = this.#options.now() - this.#options.floor
    for (;;) {
      const { usedBytes, bytesPer } = await this.#measure()
      if (usedBytes <= target) return true
      // The oldest are measured: those of a busier time after them may be a hundred times as large.
      const wanted = Math.min(byBytes[kind].most, Math.ceil((usedBytes - target) / bytesPer[kind]))
      let removed = 0
      let more = true
      while (more && removed < wanted) {
        if (this.#stopping.signal.aborted) return true
        if (!this.#options.store.full() && !(await this.#hold())) return true
        const step = await this.#step(kind, floor, (wanted - removed) * byBytes[kind].requests)
        removed += step.removed
        more = step.more
      }
      if (!more) return false
    }
  }

  /** A full disk takes neither rows nor deletions until what is in the write-ahead log is in the file. */
  async #makeRoom(): Promise<void> {
    await this.#options.store.step('checkpoint', { cut: false })
    const { usedBytes } = await this.#measure()
    for (const kind of ['bodies', 'rows'] as const) {
      // The free pages stay in the file, for what waits to be written.
      if (await this.#shrink(kind, Math.floor(usedBytes * relief))) return
    }
  }

  /** `most`: requests of which no more than these are too much; null for all that is older than `before`. */
  async #step(kind: PrunedKind, before: number, most: number | null = null) {
    const size = this.#sizes[kind]
    const limit = Math.min(size.current, most ?? size.current)
    const input = { kind, before, limit, oldest: most !== null }
    const step = await this.#options.store.step('prune', input)
    if (limit === size.current) size.took(step.milliseconds)
    this.#report.pruned[kind] += step.removed
    this.#report.pruned.media += step.media
    await this.#pause(step.milliseconds)
    return step
  }

  /** A file with much free room in it gives it back to the disk. */
  async #giveBack(): Promise<void> {
    const { store } = this.#options
    const size = this.#sizes.space
    // What a long reader, such as a backup, has let grow.
    if ((this.#report.measure?.parts.wal ?? 0) > largeLog) await store.step('checkpoint', { cut: true })
    let { free, total } = await store.step('releaseSpace', { pages: 0 })
    if (free * 4096 < smallFree || free < total * muchFree) return
    while (free > total * someFree && (await this.#hold())) {
      const released = await store.step('releaseSpace', { pages: size.current })
      if (released.pages === 0) break
      size.took(released.milliseconds)
      ;({ free, total } = released)
      await this.#pause(released.milliseconds)
    }
    // The file is cut when the log is copied into it.
    await store.step('checkpoint', { cut: true })
  }

  /** The writer is busy with this a fifth of the time at most. */
  async #pause(milliseconds: number): Promise<void> {
    await waitFor(Math.max(this.#options.stepPause, milliseconds * 4), this.#stopping.signal)
  }

  async #measure(): Promise<StoreMeasure> {
    const measure = await this.#options.store.query('measureStore', null, measureTime)
    this.#report.measure = measure
    this.#report.oldestAt = measure.oldestAt
    return measure
  }

  /** Whether this gateway is the one that removes. */
  async #hold(): Promise<boolean> {
    if (this.#stopping.signal.aborted) return false
    const now = performance.now()
    if (this.#report.leads && now - this.#heldAt < leaseInterval) return true
    this.#report.leads = await this.#options.store.step('holdLease', {
      name: 'retention',
      milliseconds: leaseTime,
    })
    this.#heldAt = now
    return this.#report.leads
  }

  #tell(warning: string): void {
    if (this.#warning === null) this.#options.onTrouble(new Error(warning))
    this.#warning = warning
  }
}
