import { html, LitElement, nothing, type PropertyValues } from 'lit'
import { exportRequests, fetchFacets, fetchStatus } from '../api/admin.ts'
import type { ExportChoice } from '../components/export-buttons.ts'
import { countMore } from '../components/more-filters.ts'
import { navigate } from '../controllers/navigation.ts'
import { Poll } from '../controllers/poll.ts'
import { RequestListController, type View } from '../controllers/request-list.ts'
import { chooseExampleModel } from '../model/example-model.ts'
import { formatCurl, formatDayTime, formatPlural } from '../model/format.ts'
import { linkWith } from '../model/location.ts'
import { maxRows } from '../model/merge-rows.ts'
import { countFilters, type Filters, mainFilters, readFilters, toApiQuery } from '../model/request-filters.ts'
import { pageStyles } from '../styles/pages.ts'
import { baseStyles, cardStyles, controlStyles } from '../styles/shared.ts'
import { requestsPageStyles } from './requests-styles.ts'
import '../components/export-buttons.ts'
import '../components/filter-bar.ts'
import '../components/filter-chips.ts'
import '../components/more-filters.ts'
import '../components/notices.ts'
import '../components/request-table.ts'
import '../components/search-box.ts'

const facetsMilliseconds = 30_000

/** The reader is at the top as long as less than this is scrolled away. */
const topPixels = 40

/** The list of requests: live, filtered, searched, older ones on demand. */
export class RequestsPage extends LitElement {
  static override properties = { query: { attribute: false }, showsMore: { state: true } }
  static override styles = [baseStyles, controlStyles, cardStyles, pageStyles, requestsPageStyles]
  query = new URLSearchParams()
  /** Whether the rare filters are in sight. */
  showsMore = false
  #list = new RequestListController(
    this,
    readView(new URLSearchParams(location.search)),
    () => scrollY < topPixels,
  )
  #facets = new Poll(this, {
    load: (signal) => fetchFacets(this.#facetTime(), signal),
    interval: () => facetsMilliseconds,
  })
  #status = new Poll(this, { load: fetchStatus, interval: () => null })
  #asked = new URLSearchParams(location.search).toString()

  override connectedCallback() {
    super.connectedCallback()
    addEventListener('scroll', this.#onScroll, { passive: true })
  }

  override disconnectedCallback() {
    super.disconnectedCallback()
    removeEventListener('scroll', this.#onScroll)
  }

  override willUpdate(changed: PropertyValues) {
    if (!changed.has('query') || this.query.toString() === this.#asked) return
    const time = JSON.stringify(readTime(new URLSearchParams(this.#asked)))
    this.#asked = this.query.toString()
    this.#list.setView(readView(this.query))
    if (time !== JSON.stringify(readTime(this.query))) this.#facets.refresh()
  }

  /** What the filters offer is counted over the time of the view. */
  #facetTime() {
    const { from, to } = toApiQuery(readTime(this.query), Date.now())
    return { ...(from && { from }), ...(to && { to }) }
  }

  /** Back at the top the reader wants to see what came meanwhile. */
  #onScroll = (): void => {
    if (scrollY < 1 && this.#list.waiting > 0 && !this.#list.poll.paused) this.#list.showWaiting()
  }

  override render() {
    const { poll, waiting } = this.#list
    const filters = readFilters(this.query)
    return html`<div class="head">
        <h1>Requests</h1>
        ${this.#renderLive()}
        <dm-export .choices=${listExports(filters)}></dm-export>
      </div>
      ${this.#renderFilters(filters)}
      ${poll.error ? html`<dm-failure .error=${poll.error} @retry=${() => poll.refresh()}></dm-failure>` : nothing}
      ${
        waiting > 0
          ? html`<button class="primary waiting" type="button" @click=${this.#showWaiting}>
              <span aria-hidden="true">↑</span> ${formatPlural(waiting, 'new request')}
            </button>`
          : nothing
      }
      ${this.#renderList(filters)}`
  }

  #renderFilters(filters: Filters) {
    const facets = this.#facets.data
    const onFilter = (event: CustomEvent<Filters>) => show(event.detail)
    const rare = countMore(filters)
    return html`<div class="filters">
        <dm-search
          value=${filters.q ?? ''}
          @search=${(event: CustomEvent<string>) => show({ ...filters, q: event.detail })}
        ></dm-search>
        <dm-filters
          .definitions=${mainFilters}
          .filters=${filters}
          .facets=${facets}
          @filter=${(event: CustomEvent<Filters>) => show(dropOtherTime(event.detail, filters))}
        ></dm-filters>
        <button
          class="more-toggle"
          type="button"
          aria-expanded=${this.showsMore}
          @click=${() => {
            this.showsMore = !this.showsMore
          }}
        >
          More filters ${rare > 0 ? html`<span class="count number">${rare}</span>` : nothing}
        </button>
      </div>
      ${
        this.showsMore
          ? html`<dm-more-filters .filters=${filters} .facets=${facets} @filter=${onFilter}></dm-more-filters>`
          : nothing
      }
      ${
        countFilters({ ...filters, q: undefined }) > 0
          ? html`<dm-filter-chips .filters=${filters} @filter=${onFilter}></dm-filter-chips>`
          : nothing
      }`
  }

  #renderLive() {
    const { poll, isLive } = this.#list
    if (!isLive) {
      return html`<span class="live" role="status"><span class="dot"></span>Not live</span>
        <button type="button" @click=${() => poll.refresh()}>Refresh</button>`
    }
    const words = poll.paused ? 'Paused' : poll.error ? 'No connection' : 'Live'
    return html`<span class="live" role="status">
        <span class="dot ${words === 'Live' ? 'on' : ''}"></span>${words}
      </span>
      <button type="button" @click=${() => this.#togglePause()}>${poll.paused ? 'Resume' : 'Pause'}</button>`
  }

  #renderList(filters: Filters) {
    const { list, poll, arrived } = this.#list
    if (list.rows.length === 0) {
      if (poll.data === null) {
        return poll.error ? nothing : html`<p class="card loading soft" role="status">Loading…</p>`
      }
      return html`<div class="card">${list.next === null ? this.#renderEmpty() : nothing} ${this.#renderOlder(filters)}</div>`
    }
    return html`<div class="card">
      ${this.#renderNewer(filters)}
      <dm-request-table .rows=${list.rows} .arrived=${arrived}></dm-request-table>
      ${this.#renderOlder(filters)}
    </div>`
  }

  #renderNewer(filters: Filters) {
    if (!this.query.has('before')) return nothing
    const { list, loading } = this.#list
    return html`<div class="more newer">
      ${
        list.previous === null
          ? nothing
          : html`<button type="button" ?disabled=${loading !== null} @click=${() => this.#list.loadNewer()}>
              ${loading === 'newer' ? 'Loading…' : 'Newer requests'}
            </button>`
      }
      <a href=${linkWith('/requests', filters)} data-route>To the newest</a>
    </div>`
  }

  #renderOlder(filters: Filters) {
    const { list, loading, pageError } = this.#list
    if (pageError) {
      return html`<div class="more">
        <dm-failure .error=${pageError} @retry=${() => this.#list.loadOlder()}></dm-failure>
      </div>`
    }
    if (list.next === null) return nothing
    const words = list.searchedTo === null ? 'Older requests' : 'Search further back'
    const isFull = list.rows.length >= maxRows
    return html`<div class="more">
      ${list.searchedTo === null ? nothing : html`<span role="status">${list.rows.length === 0 ? 'Nothing was found so far. ' : ''}Searched back to ${formatDayTime(list.searchedTo)}.</span>`}
      ${
        isFull
          ? html`<a href=${linkWith('/requests', { ...filters, before: list.next })} data-route>${words}</a>`
          : html`<button type="button" ?disabled=${loading !== null} @click=${() => this.#list.loadOlder()}>
              ${loading === 'older' ? 'Loading…' : words}
            </button>`
      }
    </div>`
  }

  #renderEmpty() {
    if (countFilters(readFilters(this.query)) > 0) {
      return html`<dm-empty heading=${this.query.has('q') ? 'Nothing was found' : 'Nothing matches these filters'}>
        ${this.#list.isLive ? 'Requests that do will appear here by themselves.' : 'Try fewer words, fewer filters, or a longer time.'}
      </dm-empty>`
    }
    const status = this.#status.data
    const command = formatCurl({
      origin: location.origin,
      model: chooseExampleModel(status),
      withKey: status?.sandbox !== true,
    })
    return html`<dm-empty heading="No requests yet" .command=${command}>
      Send one and it will appear here at once:
    </dm-empty>`
  }

  #togglePause(): void {
    this.#list.paused = !this.#list.poll.paused
  }

  #showWaiting = (): void => {
    this.#list.showWaiting()
    scrollTo({ top: 0 })
  }
}

/** The page at other filters; a list that begins further down begins at its top again. */
function show(filters: Filters): void {
  navigate(linkWith('/requests', filters), { replace: true })
}

/** A range that counts back from now stands in place of a stretch with ends. */
function dropOtherTime(filters: Filters, before: Filters): Filters {
  return filters.range !== before.range ? { ...filters, from: undefined, to: undefined } : filters
}

function readView(query: URLSearchParams): View {
  return { filters: readFilters(query), before: query.get('before') }
}

function readTime(query: URLSearchParams): Filters {
  return readFilters(query, ['range', 'from', 'to'])
}

function listExports(filters: Filters): ExportChoice[] {
  return (['csv', 'jsonl'] as const).map((format) => ({
    label: format.toUpperCase(),
    name: `requests.${format}`,
    load: (options) => exportRequests(toApiQuery(filters, Date.now()), format, options),
  }))
}

customElements.define('dm-requests-page', RequestsPage)
