/** The events of a running response on their way: kept in the store first, then told to those who follow. */
import { waitFor } from '../gateway/wait.ts'
import type { EventChunk, StateStore } from '../store/state/state.ts'
import type { EventHub } from './event-hub.ts'

export interface EventLogOptions {
  state: Pick<StateStore, 'appendEvents'>
  hub: EventHub
  responseId: string
  /** Of the first event that is written. */
  nextSequence: number
  /** The job is not this instance's any more. */
  onLost(): void
  /** The store could not be written; it is tried again. */
  onTrouble(error: unknown): void
  /** Ends the tries. */
  signal: AbortSignal
}

/** Characters that wait for the store, from which on the provider is held up. */
const longestWait = 1_048_576

/** Milliseconds between two writes, so that a quick provider's tokens do not each make a row of their own. */
const gathering = 20
/** Milliseconds until the next try after one that failed. */
const retryPause = 500

export class JobEventLog {
  readonly #options: EventLogOptions
  #pending: string[] = []
  #pendingLength = 0
  #pendingCount = 0
  /** The sequence number of the first pending event. */
  #first: number
  #writing: Promise<void> | null = null
  /** Ends a pause between writes. */
  #hurry: AbortController | null = null
  #holds = 0
  #settled = false
  #onDrain: () => void = () => {}

  constructor(options: EventLogOptions) {
    this.#options = options
    this.#first = options.nextSequence
  }

  /** @returns false while too much waits: see `onDrain`. */
  write(text: string, count: number): boolean {
    this.#pending.push(text)
    this.#pendingLength += text.length
    this.#pendingCount += count
    this.#start()
    return this.#pendingLength < longestWait
  }

  onDrain(listener: () => void): void {
    this.#onDrain = listener
  }

  /** Stops writing, until `release`. Resolves when nothing is on its way. */
  async hold(): Promise<void> {
    this.#holds += 1
    await this.#quiet()
  }

  release(): void {
    this.#holds -= 1
    this.#start()
  }

  /** Stops writing for good: what has not been kept is kept with the end of the response. Resolves when nothing is on its way. */
  async settle(): Promise<void> {
    this.#settled = true
    await this.#quiet()
  }

  /** What has not been kept; to be asked for when nothing is on its way. */
  rest(): EventChunk {
    return { first: this.#first, count: this.#pendingCount, text: this.#pending.join('') }
  }

  async #quiet(): Promise<void> {
    this.#hurry?.abort()
    await this.#writing
  }

  get #mayWrite(): boolean {
    return !this.#settled && this.#holds === 0 && this.#pendingCount > 0 && !this.#options.signal.aborted
  }

  #start(): void {
    if (this.#writing !== null || !this.#mayWrite) return
    this.#writing = this.#writeAll().finally(() => {
      this.#writing = null
      this.#hurry = null
      this.#start()
    })
  }

  async #writeAll(): Promise<void> {
    while (this.#mayWrite) {
      const pause = (await this.#writeOnce()) ? gathering : retryPause
      if (this.#settled || this.#holds > 0) return
      this.#hurry = new AbortController()
      await waitFor(pause, this.#hurry.signal)
    }
  }

  /** @returns whether it is kept. */
  async #writeOnce(): Promise<boolean> {
    const { state, hub, responseId, onLost, onTrouble } = this.#options
    const chunk = this.rest()
    const parts = this.#pending.length
    try {
      if (!(await state.appendEvents(responseId, chunk))) {
        this.#settled = true
        onLost()
        return false
      }
    } catch (error) {
      onTrouble(error)
      return false
    }
    const wasBehind = this.#pendingLength >= longestWait
    this.#pending.splice(0, parts)
    this.#pendingLength -= chunk.text.length
    this.#pendingCount -= chunk.count
    this.#first += chunk.count
    hub.publish(responseId, chunk, false)
    if (wasBehind && this.#pendingLength < longestWait) this.#onDrain()
    return true
  }
}
