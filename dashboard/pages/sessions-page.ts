import { html, LitElement, nothing, type PropertyValues } from 'lit'
import type { AdminSession, AdminSessionList } from '../../server/http/admin/contract.ts'
import { fetchFacets, fetchSessions } from '../api/admin.ts'
import { navigate } from '../controllers/navigation.ts'
import { OlderPages } from '../controllers/older-pages.ts'
import { Poll } from '../controllers/poll.ts'
import { linkWith } from '../model/location.ts'
import {
  countFilters,
  type Filters,
  findDefinitions,
  readFilters,
  toApiQuery,
} from '../model/request-filters.ts'
import { pageStyles } from '../styles/pages.ts'
import { baseStyles, cardStyles, controlStyles } from '../styles/shared.ts'
import { requestsPageStyles } from './requests-styles.ts'
import '../components/filter-bar.ts'
import '../components/filter-chips.ts'
import '../components/notices.ts'
import '../components/session-table.ts'

const filterNames = ['range', 'project', 'from', 'to']
const definitions = findDefinitions(['range', 'project'])
const refreshMilliseconds = 5000
const facetsMilliseconds = 60_000

/** Requests that belong together, the last used first. */
export class SessionsPage extends LitElement {
  static override properties = { query: { attribute: false } }
  static override styles = [baseStyles, controlStyles, cardStyles, pageStyles, requestsPageStyles]
  query = new URLSearchParams(location.search)
  #asked = location.search.replace(/^\?/, '')
  #first: Poll<AdminSessionList> = new Poll<AdminSessionList>(this, {
    load: (signal) => fetchSessions(this.#ask(), signal),
    // Further down nothing may move, and a page that is joined to another must not change.
    interval: (): number | null => (this.#older.rows.length > 0 ? null : refreshMilliseconds),
  })
  #older = new OlderPages<AdminSession>(this, (before) => fetchSessions({ ...this.#ask(), before }))
  #facets = new Poll(this, {
    load: (signal) => fetchFacets({}, signal),
    interval: () => facetsMilliseconds,
  })

  #ask() {
    return toApiQuery(readFilters(this.query, filterNames), Date.now())
  }

  override willUpdate(changed: PropertyValues) {
    if (!changed.has('query') || this.query.toString() === this.#asked) return
    this.#asked = this.query.toString()
    this.#older.reset()
    this.#first.restart()
  }

  override render() {
    const { error, data } = this.#first
    const filters = readFilters(this.query, filterNames)
    const onFilter = ({ detail }: CustomEvent<Filters>) =>
      navigate(linkWith('/sessions', detail), { replace: true })
    return html`<div class="head"><h1>Sessions</h1></div>
      <div class="filters">
        <dm-filters
          .definitions=${definitions}
          .filters=${filters}
          .facets=${this.#facets.data}
          @filter=${onFilter}
        ></dm-filters>
      </div>
      ${countFilters(filters) > 0 ? html`<dm-filter-chips .filters=${filters} @filter=${onFilter}></dm-filter-chips>` : nothing}
      ${error ? html`<dm-failure .error=${error} @retry=${() => this.#first.refresh()}></dm-failure>` : nothing}
      ${data ? this.#renderList(data) : error ? nothing : html`<p class="card loading soft" role="status">Loading…</p>`}`
  }

  #renderList(first: AdminSessionList) {
    if (first.data.length === 0) {
      return html`<div class="card">
        <dm-empty heading="No sessions here">
          A request belongs to one by its header <code>x-dragoman-session</code>, its conversation, or its
          <code>previous_response_id</code>.
        </dm-empty>
      </div>`
    }
    const { rows, error, loading } = this.#older
    // One that was used again meanwhile stands on the first page too.
    const ids = new Set(first.data.map(name))
    const sessions = [...first.data, ...rows.filter((row) => !ids.has(name(row)))]
    return html`<div class="card">
      <dm-session-table .sessions=${sessions}></dm-session-table>
      ${error ? html`<div class="more"><dm-failure .error=${error} @retry=${() => this.#older.load(first)}></dm-failure></div>` : nothing}
      ${
        error === null && this.#older.hasMore(first)
          ? html`<div class="more">
              <button type="button" ?disabled=${loading} @click=${() => this.#older.load(first)}>
                ${loading ? 'Loading…' : 'Older sessions'}
              </button>
            </div>`
          : nothing
      }
    </div>`
  }
}

function name({ id, project }: AdminSession): string {
  return JSON.stringify([id, project])
}

customElements.define('dm-sessions-page', SessionsPage)
