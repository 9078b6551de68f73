import type { ReactiveControllerHost } from 'lit'
import type { ApiError } from '../api/client.ts'
import { noteFailure, toApiError } from './session.ts'

interface Page<Row> {
  data: Row[]
  /** Cursor of the page after it; null at the end. */
  next: string | null
}

/** Pages after the first one, loaded when asked for and joined; the first one is the host's own. */
export class OlderPages<Row> {
  rows: Row[] = []
  loading = false
  error: ApiError | null = null
  readonly #host: ReactiveControllerHost
  readonly #load: (cursor: string) => Promise<Page<Row>>
  /** Undefined before anything was loaded. */
  #next: string | null | undefined
  #generation = 0

  constructor(host: ReactiveControllerHost, load: (cursor: string) => Promise<Page<Row>>) {
    this.#host = host
    this.#load = load
  }

  /** Forgets what was loaded: the question is another one. */
  reset(): void {
    this.rows = []
    this.#next = undefined
    this.loading = false
    this.error = null
    this.#generation++
  }

  /** Whether there is more, with the first page as it is. */
  hasMore(first: Page<Row>): boolean {
    return (this.#next === undefined ? first.next : this.#next) !== null
  }

  async load(first: Page<Row>): Promise<void> {
    const cursor = this.#next === undefined ? first.next : this.#next
    if (cursor === null || this.loading) return
    const generation = this.#generation
    this.loading = true
    this.error = null
    this.#host.requestUpdate()
    try {
      const page = await this.#load(cursor)
      if (generation !== this.#generation) return
      this.rows = [...this.rows, ...page.data]
      this.#next = page.next
    } catch (thrown) {
      if (generation !== this.#generation) return
      this.error = toApiError(thrown)
      noteFailure(this.error)
    }
    this.loading = false
    this.#host.requestUpdate()
  }
}
