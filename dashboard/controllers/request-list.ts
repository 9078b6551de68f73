import type { ReactiveController, ReactiveControllerHost } from 'lit'
import type { AdminRequestList } from '../../server/http/admin/contract.ts'
import { fetchRequests } from '../api/admin.ts'
import type { ApiError } from '../api/client.ts'
import type { Filters } from '../model/location.ts'
import { appendRows, countNewRows, mergeRows, type RowList, refreshRows } from '../model/merge-rows.ts'
import { Poll } from './poll.ts'
import { noteFailure, toApiError } from './session.ts'

const pageSize = 50
const pollMilliseconds = 2000

/**
 * The live list of requests. New rows go in at the top at once while the reader looks at the top; further down they
 * wait, counted, until asked for, so that nothing moves under the reader's eyes.
 */
export class RequestListController implements ReactiveController {
  list: RowList = { rows: [], next: null }
  /** Ids that came in by themselves, to be marked. */
  arrived = new Set<string>()
  waiting = 0
  loadingOlder = false
  olderError: ApiError | null = null
  readonly poll: Poll<AdminRequestList>
  readonly #host: ReactiveControllerHost
  readonly #mayMove: () => boolean
  #filters: Filters
  #held: AdminRequestList | null = null
  #started = false
  #generation = 0

  constructor(host: ReactiveControllerHost, filters: Filters, mayMove: () => boolean) {
    this.#host = host
    this.#filters = filters
    this.#mayMove = mayMove
    host.addController(this)
    this.poll = new Poll(host, {
      load: (signal) => fetchRequests({ ...this.#filters, limit: pageSize }, signal),
      onData: (fresh) => this.#take(fresh),
      interval: () => pollMilliseconds,
    })
  }

  hostDisconnected(): void {
    this.arrived = new Set()
  }

  /** Another question: the list starts anew. */
  setFilters(filters: Filters): void {
    this.#filters = filters
    this.#started = false
    this.#held = null
    this.#generation++
    this.list = { rows: [], next: null }
    this.arrived = new Set()
    this.waiting = 0
    this.olderError = null
    this.loadingOlder = false
    this.poll.restart()
  }

  /** Lets the waiting rows in. */
  showWaiting(): void {
    if (this.#held) this.#merge(this.#held)
    this.#host.requestUpdate()
  }

  async loadOlder(): Promise<void> {
    const { next } = this.list
    if (next === null || this.loadingOlder) return
    const generation = this.#generation
    this.loadingOlder = true
    this.olderError = null
    this.#host.requestUpdate()
    try {
      const older = await fetchRequests({ ...this.#filters, limit: pageSize, before: next })
      // The list may have started again meanwhile; the page then belongs nowhere.
      if (generation === this.#generation && this.list.next === next) this.list = appendRows(this.list, older)
    } catch (thrown) {
      this.olderError = toApiError(thrown)
      noteFailure(this.olderError)
    }
    this.loadingOlder = false
    this.#host.requestUpdate()
  }

  #take(fresh: AdminRequestList): void {
    const waiting = this.#started ? countNewRows(this.list, fresh) : 0
    if (waiting > 0 && this.list.rows.length > 0 && !this.#mayMove()) {
      this.waiting = waiting
      this.#held = fresh
      this.list = refreshRows(this.list, fresh)
    } else {
      this.#merge(fresh)
    }
    this.#started = true
  }

  #merge(fresh: AdminRequestList): void {
    const known = new Set(this.list.rows.map((row) => row.id))
    const cameIn = this.#started ? fresh.data.filter((row) => !known.has(row.id)).map((row) => row.id) : []
    if (cameIn.length > 0) this.arrived = new Set(cameIn)
    this.list = mergeRows(this.list, fresh)
    this.waiting = 0
    this.#held = null
  }
}
