import { css, html, LitElement, nothing, type PropertyValues } from 'lit'
import { fetchFacets, fetchStatus } from '../api/admin.ts'
import { navigate } from '../controllers/navigation.ts'
import { Poll } from '../controllers/poll.ts'
import { RequestListController } from '../controllers/request-list.ts'
import { chooseExampleModel } from '../model/example-model.ts'
import { formatCurl, formatPlural } from '../model/format.ts'
import { type Filters, filterNames, linkWith, readFilters } from '../model/location.ts'
import { baseStyles, cardStyles, controlStyles } from '../styles/shared.ts'
import '../components/filter-bar.ts'
import '../components/notices.ts'
import '../components/request-table.ts'

const facetsMilliseconds = 30_000

/** The reader is at the top as long as less than this is scrolled away. */
const topPixels = 40

/** The list of requests: live, filtered, older ones on demand. */
export class RequestsPage extends LitElement {
  static override properties = { query: { attribute: false } }
  static override styles = [
    baseStyles,
    controlStyles,
    cardStyles,
    css`
      :host {
        display: grid;
        gap: 16px;
      }
      .head,
      .filters {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 8px;
      }
      h1 {
        flex: 1;
      }
      .live {
        display: inline-flex;
        align-items: center;
        gap: 8px;
        color: var(--text-soft);
      }
      .dot {
        width: 8px;
        height: 8px;
        border-radius: 50%;
        background: var(--text-faint);
      }
      .dot.on {
        background: var(--good);
        box-shadow: 0 0 0 3px var(--good-soft);
      }
      .waiting {
        position: sticky;
        top: 64px;
        z-index: 10;
        justify-self: center;
        border-radius: 999px;
        box-shadow: var(--shadow-high);
      }
      .more {
        display: flex;
        justify-content: center;
        padding: 14px;
        border-top: 1px solid var(--line);
      }
      .card {
        overflow: clip;
      }
      .loading {
        padding: 40px;
        text-align: center;
      }
    `,
  ]
  query = new URLSearchParams()
  #list = new RequestListController(
    this,
    readFilters(new URLSearchParams(location.search)),
    () => scrollY < topPixels,
  )
  #facets = new Poll(this, { load: fetchFacets, interval: () => facetsMilliseconds })
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
    this.#asked = this.query.toString()
    this.#list.setFilters(readFilters(this.query))
  }

  /** Back at the top the reader wants to see what came meanwhile. */
  #onScroll = (): void => {
    if (scrollY < 1 && this.#list.waiting > 0 && !this.#list.poll.paused) this.#list.showWaiting()
  }

  override render() {
    const { poll, waiting } = this.#list
    return html`<div class="head">
        <h1>Requests</h1>
        ${this.#renderLive()}
      </div>
      <div class="filters">
        <dm-filters
          .names=${filterNames}
          .filters=${readFilters(this.query)}
          .facets=${this.#facets.data}
          @filter=${(event: CustomEvent<Filters>) => navigate(linkWith('/requests', event.detail), { replace: true })}
        ></dm-filters>
      </div>
      ${poll.error ? html`<dm-failure .error=${poll.error} @retry=${() => poll.refresh()}></dm-failure>` : nothing}
      ${
        waiting > 0
          ? html`<button class="primary waiting" type="button" @click=${this.#showWaiting}>
              <span aria-hidden="true">↑</span> ${formatPlural(waiting, 'new request')}
            </button>`
          : nothing
      }
      ${this.#renderList()}`
  }

  #renderLive() {
    const { poll } = this.#list
    const words = poll.paused ? 'Paused' : poll.error ? 'No connection' : 'Live'
    return html`<span class="live" role="status">
        <span class="dot ${words === 'Live' ? 'on' : ''}"></span>${words}
      </span>
      <button type="button" @click=${() => this.#togglePause()}>${poll.paused ? 'Resume' : 'Pause'}</button>`
  }

  #renderList() {
    const { list, poll, arrived } = this.#list
    if (list.rows.length === 0) {
      if (poll.data === null) {
        return poll.error ? nothing : html`<p class="card loading soft" role="status">Loading…</p>`
      }
      return html`<div class="card">${this.#renderEmpty()}</div>`
    }
    return html`<div class="card">
      <dm-request-table .rows=${list.rows} .arrived=${arrived}></dm-request-table>
      ${this.#renderMore()}
    </div>`
  }

  #renderMore() {
    const { list, loadingOlder, olderError } = this.#list
    if (olderError) {
      return html`<div class="more">
        <dm-failure .error=${olderError} @retry=${() => this.#list.loadOlder()}></dm-failure>
      </div>`
    }
    if (list.next === null) return nothing
    return html`<div class="more">
      <button type="button" ?disabled=${loadingOlder} @click=${() => this.#list.loadOlder()}>
        ${loadingOlder ? 'Loading…' : 'Older requests'}
      </button>
    </div>`
  }

  #renderEmpty() {
    if (Object.keys(readFilters(this.query)).length > 0) {
      return html`<dm-empty heading="Nothing matches these filters">
        Requests that do will appear here by themselves.
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
    this.#list.poll.paused = !this.#list.poll.paused
  }

  #showWaiting = (): void => {
    this.#list.showWaiting()
    scrollTo({ top: 0 })
  }
}

customElements.define('dm-requests-page', RequestsPage)
