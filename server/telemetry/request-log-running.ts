/** Which running requests have a row, and which are due for one. */

import type { Exchange } from '../gateway/exchange.ts'

/**
 * Milliseconds of the beat at which running requests get their row: the second one after the admission, so at an age of
 * one to two beats. Most end sooner and are written once, whole; a crash loses the rows of those that are younger.
 */
const beatLength = 100

interface Running {
  readonly key: number
  /** The beat from which its row is due; null when it is written as it is. */
  due: number | null
}

export class RunningRequests {
  readonly #requests = new Map<Exchange, Running>()
  readonly #write: (exchange: Exchange, key: number) => void
  #due = 0
  #beat = 0
  #timer: NodeJS.Timeout | null = null

  /** `write` is given the requests whose row is due. */
  constructor(write: (exchange: Exchange, key: number) => void) {
    this.#write = write
  }

  /** Requests whose row is still to be written. */
  get due(): number {
    return this.#due
  }

  add(exchange: Exchange, key: number): void {
    const running: Running = { key, due: null }
    this.#requests.set(exchange, running)
    this.#expect(running)
  }

  /** More is known of it than its row says. */
  change(exchange: Exchange): void {
    const running = this.#requests.get(exchange)
    if (running !== undefined) this.#expect(running)
  }

  /** It has ended. Gives its key; null when it was not admitted. */
  remove(exchange: Exchange): number | null {
    const running = this.#requests.get(exchange)
    if (running === undefined) return null
    this.#requests.delete(exchange)
    if (running.due !== null) this.#due -= 1
    return running.key
  }

  /** Writes all that are due at some time, without waiting for it. */
  writeAll(): void {
    this.#writeUntil(Number.POSITIVE_INFINITY)
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
  }

  #expect(running: Running): void {
    if (running.due !== null) return
    running.due = this.#beat + 2
    this.#due += 1
    this.#timer ??= setTimeout(() => this.#onBeat(), beatLength).unref()
  }

  #onBeat(): void {
    this.#beat += 1
    this.#writeUntil(this.#beat)
    this.#timer = this.#due === 0 ? null : setTimeout(() => this.#onBeat(), beatLength).unref()
  }

  #writeUntil(beat: number): void {
    if (this.#due === 0) return
    for (const [exchange, running] of this.#requests) {
      if (running.due === null || running.due > beat) continue
      running.due = null
      this.#due -= 1
      this.#write(exchange, running.key)
    }
  }
}
