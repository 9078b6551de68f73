import type { ReactiveController, ReactiveControllerHost } from 'lit'
import type { AdminRequestList, AdminRequestRow } from '../../server/http/admin/contract.ts'
import { fetchRequests, type TailEvent } from '../api/admin.ts'
import type { ApiError, Query } from '../api/client.ts'
import {
  appendRows,
  countNewRows,
  maxRows,
  mergeRows,
  prependRows,
  putRow,
  type RowList,
  refreshRows,
} from '../model/merge-rows.ts'
import { type Filters, isLiveView, toApiQuery } from '../model/request-filters.ts'
import { Poll } from './poll.ts'
import { noteFailure, toApiError } from './session.ts'
import { Tail } from './tail.ts'

const pageSize = 50
const pollMilliseconds = 2000
/** Beside the tail: for rows that have left the filter, which it does not tell of. */
const besideMilliseconds = 30_000
const gatherMilliseconds = 100

const none: RowList = { rows: [], next: null, previous: null, searchedTo: null }

/** What a list shows: its filters, and the cursor below which it begins (null: with the newest). */
export interface View {
  filters: Filters
  before: string | null
}

/**
 * The live list of requests. New rows go in at the top at once while the reader looks at the top; further down they
 * wait, counted, until asked for, so that nothing moves under the reader's eyes.
 */
export class RequestListController implements ReactiveController {
  list: RowList = none
  /** Ids that came in by themselves, to be marked. */
  arrived = new Set<string>()
  waiting = 0
  loading: 'older' | 'newer' | null = null
  pageError: ApiError | null = null
  readonly poll: Poll<AdminRequestList>
  readonly tail: Tail
  readonly #host: ReactiveControllerHost
  readonly #mayMove: () => boolean
  #view: View
  /** The newest page with what came since; kept apart while nothing may move. */
  #held: RowList | null = null
  #started = false
  #generation = 0
  /** From the tail, not shown yet; null for some that were lost. */
  #heard: (AdminRequestRow | null)[] = []
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(host: ReactiveControllerHost, view: View, mayMove: () => boolean) {
    this.#host = host
    this.#view = view
    this.#mayMove = mayMove
    host.addController(this)
    this.poll = new Poll(host, {
      load: (signal) => fetchRequests(this.#ask({ before: this.#view.before ?? undefined }), signal),
      onData: (fresh) => this.#take(toList(fresh)),
      interval: () => (this.isLive ? (this.tail.open ? besideMilliseconds : pollMilliseconds) : null),
    })
    this.tail = new Tail(host, {
      query: () => (this.isLive && !this.poll.paused ? this.#followed() : null),
      onOpen: () => this.poll.refresh(),
      onEvent: (event) => this.#hear(event),
      onEnd: () => this.poll.refresh(),
    })
  }

  /** Whether new requests come in by themselves: not below a cursor, in a search or in the past. */
  get isLive(): boolean {
    return this.#view.before === null && isLiveView(this.#view.filters)
  }

  hostDisconnected(): void {
    this.arrived = new Set()
    this.#forgetHeard()
  }

  set paused(paused: boolean) {
    this.#forgetHeard()
    this.poll.paused = paused
    if (paused) this.tail.stop()
    else this.tail.start()
  }

  /** Another question: the list starts anew. */
  setView(view: View): void {
    this.#view = view
    this.#started = false
    this.#held = null
    this.#generation++
    this.#forgetHeard()
    this.list = none
    this.arrived = new Set()
    this.waiting = 0
    this.pageError = null
    this.loading = null
    this.poll.restart()
    this.tail.start()
  }

  /** Lets the waiting rows in. */
  showWaiting(): void {
    if (this.#held) this.#merge(this.#held)
    this.#host.requestUpdate()
  }

  loadOlder(): Promise<void> {
    const { next } = this.list
    return this.#loadPage('older', next === null ? null : { before: next }, (older) =>
      this.list.next === next ? appendRows(this.list, older) : this.list,
    )
  }

  loadNewer(): Promise<void> {
    const { previous } = this.list
    return this.#loadPage('newer', previous === null ? null : { after: previous }, (newer) =>
      this.list.previous === previous ? prependRows(this.list, newer) : this.list,
    )
  }

  async #loadPage(
    loading: 'older' | 'newer',
    cursor: Query | null,
    join: (page: RowList) => RowList,
  ): Promise<void> {
    if (cursor === null || this.loading !== null) return
    const generation = this.#generation
    this.loading = loading
    this.pageError = null
    this.#host.requestUpdate()
    try {
      const page = toList(await fetchRequests(this.#ask(cursor)))
      // The list may have started again meanwhile; the page then belongs nowhere.
      if (generation === this.#generation) this.list = join(page)
    } catch (thrown) {
      this.pageError = toApiError(thrown)
      noteFailure(this.pageError)
    }
    if (generation === this.#generation) this.loading = null
    this.#host.requestUpdate()
  }

  #ask(more: Query): Query {
    return { ...toApiQuery(this.#view.filters, Date.now()), limit: pageSize, ...more }
  }

  /** The tail tells of now: the beginning of a range says nothing to it. */
  #followed(): Query {
    const { range: _range, from: _from, ...filters } = this.#view.filters
    return filters
  }

  #hear(event: TailEvent): void {
    // What comes before the first page is in it.
    if (!this.#started) return
    if (event.name === 'dropped') this.#heard.push(null)
    else this.#heard.push(event.row)
    this.#timer ??= setTimeout(() => this.#takeHeard(), gatherMilliseconds)
  }

  /** Several at once, so that heavy traffic does not draw the page for each. */
  #takeHeard(): void {
    this.#timer = undefined
    const heard = this.#heard.splice(0)
    const isFlood = heard.length > pageSize || this.list.rows.length > maxRows + pageSize
    if (heard.includes(null) || isFlood) {
      if (!this.poll.loading) this.poll.refresh()
      return
    }
    let fresh = this.#held ?? this.list
    for (const row of heard) if (row !== null) fresh = putRow(fresh, row)
    this.#take(fresh)
    this.#host.requestUpdate()
  }

  #forgetHeard(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#heard = []
  }

  #take(fresh: RowList): void {
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

  #merge(fresh: RowList): void {
    const known = new Set(this.list.rows.map((row) => row.id))
    const cameIn = this.#started ? fresh.rows.filter((row) => !known.has(row.id)).map((row) => row.id) : []
    if (cameIn.length > 0) this.arrived = new Set(cameIn)
    this.list = mergeRows(this.list, fresh)
    this.waiting = 0
    this.#held = null
  }
}

function toList({ data, next, previous, searched_to: searchedTo }: AdminRequestList): RowList {
  return { rows: data, next, previous, searchedTo }
}
