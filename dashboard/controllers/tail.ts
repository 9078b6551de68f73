import type { ReactiveController, ReactiveControllerHost } from 'lit'
import { followRequests, type TailEvent } from '../api/admin.ts'
import type { Query } from '../api/client.ts'
import { noteFailure, toApiError } from './session.ts'

interface TailOptions {
  /** What to follow; null for nothing. */
  query: () => Query | null
  /** It has begun: what came before has to be asked for. */
  onOpen: () => void
  onEvent: (event: TailEvent) => void
  /** It is over, and will be tried again. */
  onEnd: () => void
}

const firstPause = 5000
const longestPause = 60_000

/** Follows the gateway's live tail while the host is there, the page is visible and nobody has paused it. */
export class Tail implements ReactiveController {
  open = false
  readonly #options: TailOptions
  #flight: AbortController | null = null
  #timer: ReturnType<typeof setTimeout> | undefined
  #pause = firstPause

  constructor(host: ReactiveControllerHost, options: TailOptions) {
    this.#options = options
    host.addController(this)
  }

  hostConnected(): void {
    document.addEventListener('visibilitychange', this.#onVisibility)
    this.start()
  }

  hostDisconnected(): void {
    document.removeEventListener('visibilitychange', this.#onVisibility)
    this.stop()
  }

  /** Follows anew, in place of what it followed. */
  start(): void {
    this.stop()
    const query = this.#options.query()
    if (query !== null && !document.hidden) void this.#run(query)
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#flight?.abort()
    this.#flight = null
    this.open = false
  }

  #onVisibility = (): void => {
    if (document.hidden) this.stop()
    else this.start()
  }

  async #run(query: Query): Promise<void> {
    const flight = new AbortController()
    this.#flight = flight
    try {
      const events = followRequests(query, {
        signal: flight.signal,
        onOpen: () => {
          this.open = true
          this.#pause = firstPause
          this.#options.onOpen()
        },
      })
      for await (const event of events) {
        if (flight.signal.aborted) return
        this.#options.onEvent(event)
      }
    } catch (thrown) {
      if (flight.signal.aborted) return
      noteFailure(toApiError(thrown))
    }
    if (flight.signal.aborted) return
    this.open = false
    this.#options.onEnd()
    this.#timer = setTimeout(() => this.start(), this.#pause)
    this.#pause = Math.min(this.#pause * 2, longestPause)
  }
}
