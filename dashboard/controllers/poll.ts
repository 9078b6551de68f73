import type { ReactiveController, ReactiveControllerHost } from 'lit'
import type { ApiError } from '../api/client.ts'
import { noteFailure, toApiError } from './session.ts'

interface PollOptions<Data> {
  load: (signal: AbortSignal) => Promise<Data>
  /** Called with each answer, before the host updates. */
  onData?: (data: Data) => void
  /** Milliseconds between an answer and the next call; null after which no call follows. */
  interval: () => number | null
}

const longestPause = 30_000

/**
 * Loads when the host appears and again at its interval, while the page is visible. Failures are kept for the host to
 * show and tried again ever more slowly; the last good data stays.
 */
export class Poll<Data> implements ReactiveController {
  data: Data | null = null
  error: ApiError | null = null
  loading = false
  readonly #host: ReactiveControllerHost
  readonly #options: PollOptions<Data>
  #flight: AbortController | null = null
  #timer: ReturnType<typeof setTimeout> | undefined
  #failures = 0
  #paused = false

  constructor(host: ReactiveControllerHost, options: PollOptions<Data>) {
    this.#host = host
    this.#options = options
    host.addController(this)
  }

  hostConnected(): void {
    document.addEventListener('visibilitychange', this.#onVisibility)
    this.refresh()
  }

  hostDisconnected(): void {
    document.removeEventListener('visibilitychange', this.#onVisibility)
    this.#stop()
  }

  get paused(): boolean {
    return this.#paused
  }

  set paused(paused: boolean) {
    this.#paused = paused
    if (paused) this.#stop()
    else this.refresh()
    this.#host.requestUpdate()
  }

  /** Forgets what is there and loads anew: for another question than before. */
  restart(): void {
    this.data = null
    this.error = null
    this.refresh()
  }

  /** Loads now, in place of any call under way. */
  refresh(): void {
    this.#stop()
    void this.#run()
  }

  #onVisibility = (): void => {
    if (document.hidden) this.#stop()
    else if (!this.#paused) this.refresh()
  }

  #stop(): void {
    clearTimeout(this.#timer)
    this.#flight?.abort()
    this.#flight = null
    this.loading = false
  }

  async #run(): Promise<void> {
    const flight = new AbortController()
    this.#flight = flight
    this.loading = true
    this.#host.requestUpdate()
    try {
      const data = await this.#options.load(flight.signal)
      if (flight.signal.aborted) return
      this.#succeed(data)
    } catch (thrown) {
      if (flight.signal.aborted) return
      this.error = toApiError(thrown)
      this.#failures++
      noteFailure(this.error)
    }
    this.loading = false
    this.#host.requestUpdate()
    this.#schedule()
  }

  #succeed(data: Data): void {
    this.error = null
    this.#failures = 0
    this.data = data
    this.#options.onData?.(data)
  }

  #schedule(): void {
    const interval = this.#options.interval()
    if (interval === null || this.#paused || this.error?.status === 401) return
    const pause = Math.min(interval * 2 ** this.#failures, Math.max(longestPause, interval))
    this.#timer = setTimeout(() => this.refresh(), pause)
  }
}
