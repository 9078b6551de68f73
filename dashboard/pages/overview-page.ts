import { html, LitElement, nothing, type PropertyValues } from 'lit'
import type { AdminOverview } from '../../server/http/admin/contract.ts'
import { fetchFacets, fetchOverview, fetchStatus } from '../api/admin.ts'
import { navigate } from '../controllers/navigation.ts'
import { Poll } from '../controllers/poll.ts'
import { chooseExampleModel } from '../model/example-model.ts'
import { formatCurl, formatDayTime, formatDuration, formatPlural, formatSpan } from '../model/format.ts'
import { linkWith } from '../model/location.ts'
import { countFilters, type Filters, findDefinitions, readFilters } from '../model/request-filters.ts'
import { ranges, readRange } from '../model/time-ranges.ts'
import { pageStyles } from '../styles/pages.ts'
import { baseStyles, cardStyles, controlStyles } from '../styles/shared.ts'
import { renderCharts, renderTotals } from './overview-charts.ts'
import { listErrors, listProviders, listRanked, type Order } from './overview-lists.ts'
import { renderStoreLine, renderStoreNotes } from './overview-store.ts'
import { overviewStyles } from './overview-styles.ts'
import '../components/filter-bar.ts'
import '../components/notices.ts'
import '../components/ranking.ts'

const filterNames = ['project', 'model', 'provider', 'key']
const definitions = findDefinitions(filterNames).map((one) =>
  one.name === 'key' ? { ...one, any: 'All keys' } : one,
)
const slowMilliseconds = 30_000
const liveMilliseconds = 5000
/** Minutes are not kept for ever, and begin and end are always at whole ones. */
const twoMinutes = 120_000

/** How the traffic is: totals, charts over time, errors, models, providers. */
export class OverviewPage extends LitElement {
  static override properties = { query: { attribute: false }, order: { state: true } }
  static override styles = [baseStyles, controlStyles, cardStyles, pageStyles, overviewStyles]
  query = new URLSearchParams(location.search)
  /** Of the lists. */
  order: Order = 'requests'
  #asked = location.search.replace(/^\?/, '')
  #overview = new Poll(this, {
    load: (signal) => this.#load(signal),
    interval: () => (readRange(this.query).seconds > 3600 ? slowMilliseconds : liveMilliseconds),
  })
  #facets = new Poll(this, { load: (signal) => fetchFacets({}, signal), interval: () => slowMilliseconds })
  #status = new Poll(this, { load: fetchStatus, interval: () => slowMilliseconds })

  #load(signal: AbortSignal): Promise<AdminOverview> {
    const to = Date.now()
    const from = to - readRange(this.query).seconds * 1000
    const filters = readFilters(this.query, filterNames)
    return fetchOverview(
      { ...filters, from: new Date(from).toISOString(), to: new Date(to).toISOString() },
      signal,
    )
  }

  override willUpdate(changed: PropertyValues) {
    if (!changed.has('query') || this.query.toString() === this.#asked) return
    this.#asked = this.query.toString()
    this.#overview.restart()
  }

  override render() {
    const error = this.#overview.error ?? this.#status.error
    const filters = readFilters(this.query, filterNames)
    return html`<div class="head">
        <h1>Overview</h1>
        ${this.#renderRanges()}
      </div>
      <div class="filters">
        <dm-filters
          .definitions=${definitions}
          .filters=${filters}
          .facets=${this.#facets.data}
          @filter=${(event: CustomEvent<Filters>) => this.#show({ filters: event.detail })}
        ></dm-filters>
        ${
          countFilters(filters) === 0
            ? nothing
            : html`<button class="quiet" type="button" @click=${() => this.#show({ filters: {} })}>Clear filters</button>`
        }
        ${this.#renderSpan()}
      </div>
      ${error ? html`<dm-failure .error=${error} @retry=${this.#retry}></dm-failure>` : nothing}
      ${this.#renderNotes()} ${this.#renderBacklog()} ${this.#renderData()}
      ${this.#status.data ? renderStoreLine(this.#status.data) : nothing}`
  }

  #renderRanges() {
    const chosen = readRange(this.query).id
    return html`<div class="segments" role="group" aria-label="Time">
      ${ranges.map(
        ({ id, label, words }) => html`<button
          type="button"
          title=${`The last ${words}`}
          aria-pressed=${id === chosen}
          @click=${() => this.#show({ range: id })}
        >
          ${label}
        </button>`,
      )}
    </div>`
  }

  #renderNotes() {
    const status = this.#status.data
    if (!status) return nothing
    return html`${
      status.sandbox
        ? html`<p class="note">
            <strong>Sandbox.</strong> The providers here are simulated. For real ones, write a
            <code>config.json</code> and start again.
          </p>`
        : nothing
    }
    ${renderStoreNotes(status)}`
  }

  #renderBacklog() {
    const before = this.#overview.data?.incomplete_before ?? null
    if (before === null) return nothing
    return html`<p class="note">
      <strong>Older requests are still being counted</strong> after an upgrade: the figures from before
      ${formatDayTime(before)} are too low until that is done.
    </p>`
  }

  /** What the figures are of, and where that is not quite what was asked for. */
  #renderSpan() {
    const overview = this.#overview.data
    if (!overview) return nothing
    const { from, to, bucket_seconds: seconds } = overview
    const longer = Date.parse(to) - Date.parse(from) - readRange(this.query).seconds * 1000
    return html`<p class="span soft number">
      ${formatSpan(from, to)}, by
      ${formatStep(seconds)}${longer > twoMinutes ? ', moved to whole hours, as older figures are kept' : nothing}
    </p>`
  }

  #renderData() {
    const overview = this.#overview.data
    if (!overview) {
      return this.#overview.error ? nothing : html`<p class="card loading soft" role="status">Loading…</p>`
    }
    const idle = overview.totals.requests === 0 && overview.totals.in_progress === 0
    const filters = this.#listFilters
    return html`${renderTotals(overview, filters)} ${idle ? this.#renderEmpty() : renderCharts(overview)}
      ${this.#renderLists(overview, filters)}`
  }

  /** As the list of requests takes them. */
  get #listFilters(): Filters {
    return { ...readFilters(this.query, filterNames), range: readRange(this.query).id }
  }

  #renderLists(overview: AdminOverview, filters: Filters) {
    const { order } = this
    const list = (heading: string, name: 'model' | 'project' | 'key', empty: string) => html`<dm-ranking
      heading=${heading}
      detailed
      barred=${order}
      .entries=${listRanked(overview[`${name}s`], { name, filters, order })}
      >${empty}</dm-ranking
    >`
    return html`<div class="lists-head">
        <h2>Most used</h2>
        <div class="segments" role="group" aria-label="Order of the lists">
          ${(['requests', 'cost'] as const).map(
            (
              each,
            ) => html`<button type="button" aria-pressed=${each === order} @click=${() => this.#sort(each)}>
              by ${each}
            </button>`,
          )}
        </div>
      </div>
      <div class="lists">
        ${list('Models', 'model', 'None was asked for.')}
        <dm-ranking
          heading="Providers"
          detailed
          barred=${order}
          .entries=${listProviders(overview, this.#status.data, { filters, order })}
          >None is configured.</dm-ranking
        >
        ${list('Projects', 'project', 'None had traffic.')} ${list('Keys', 'key', 'None had traffic.')}
        <dm-ranking heading="Errors" counted="Count" .entries=${listErrors(overview, filters)}
          >None. All is well.</dm-ranking
        >
      </div>`
  }

  #sort(order: Order): void {
    this.order = order
  }

  #renderEmpty() {
    const status = this.#status.data
    const filtered = countFilters(readFilters(this.query, filterNames)) > 0
    const command = formatCurl({
      origin: location.origin,
      model: chooseExampleModel(status),
      withKey: status?.sandbox !== true,
    })
    return html`<div class="card">
      <dm-empty
        heading=${`No requests in the last ${readRange(this.query).words}${filtered ? ' with these filters' : ''}`}
        .command=${command}
      >
        Choose a longer time, or send one:
      </dm-empty>
    </div>`
  }

  #show({ filters, range }: { filters?: Filters; range?: string }): void {
    const chosen = range ?? readRange(this.query).id
    const shown = filters ?? readFilters(this.query, filterNames)
    navigate(linkWith('/', { range: chosen === '1h' ? undefined : chosen, ...shown }), { replace: true })
  }

  #retry = (): void => {
    for (const poll of [this.#overview, this.#facets, this.#status]) poll.refresh()
  }
}

/** `1 min`, `6 h`, `day`. */
function formatStep(seconds: number): string {
  if (seconds % 86_400 === 0) return formatPlural(seconds / 86_400, 'day')
  return seconds % 3600 === 0
    ? formatPlural(seconds / 3600, 'hour')
    : formatDuration(seconds * 1000).replace(/ 0 s$/, '')
}

customElements.define('dm-overview-page', OverviewPage)
