import { html, LitElement, nothing, type PropertyValues } from 'lit'
import type { AdminSpend, AdminSpendQuery } from '../../server/http/admin/contract.ts'
import { exportSpend, fetchFacets, fetchSpend } from '../api/admin.ts'
import type { ExportChoice } from '../components/export-buttons.ts'
import { navigate } from '../controllers/navigation.ts'
import { Poll } from '../controllers/poll.ts'
import { formatCount, formatPlural } from '../model/format.ts'
import { linkWith } from '../model/location.ts'
import { formatDollars, formatExact, formatMoney, readNanos } from '../model/money.ts'
import { type Filters, findDefinitions, readFilters } from '../model/request-filters.ts'
import {
  findSpendTime,
  listPeriods,
  readSpendRange,
  spendRanges,
  stackSpend,
  sumByValue,
  toLine,
} from '../model/spend.ts'
import { pageStyles } from '../styles/pages.ts'
import { baseStyles, cardStyles, controlStyles } from '../styles/shared.ts'
import { spendPageStyles } from './spend-styles.ts'
import '../components/export-buttons.ts'
import '../components/filter-bar.ts'
import '../components/notices.ts'
import '../components/spend-table.ts'
import '../components/stat-tile.ts'
import '../components/time-chart.ts'

const filterNames = ['project', 'key', 'model', 'provider']
const definitions = findDefinitions(filterNames).map((one) =>
  one.name === 'key' ? { ...one, any: 'All keys' } : one,
)
const refreshMilliseconds = 30_000

const groups = [
  { id: 'model', label: 'Model' },
  { id: 'provider', label: 'Provider' },
  { id: 'project', label: 'Project' },
  { id: 'key', label: 'Key' },
  { id: 'user', label: 'User' },
  { id: 'metadata', label: 'Metadata tag' },
  { id: 'all', label: 'Nothing' },
]

/** What was spent by whom or on what, by day or month of UTC, and what the running one will come to. */
export class SpendPage extends LitElement {
  static override properties = { query: { attribute: false }, byPeriod: { state: true } }
  static override styles = [baseStyles, controlStyles, cardStyles, pageStyles, spendPageStyles]
  query = new URLSearchParams(location.search)
  /** Whether the table has a line for each period. */
  byPeriod = false
  #asked = location.search.replace(/^\?/, '')
  #spend: Poll<AdminSpend | null> = new Poll<AdminSpend | null>(this, {
    load: async (signal) => {
      const query = this.#ask()
      return query === null ? null : fetchSpend(query, signal)
    },
    interval: () => refreshMilliseconds,
  })
  #facets = new Poll(this, { load: (signal) => fetchFacets({}, signal), interval: () => null })

  /** Null while a tag is to be named. */
  #ask(): AdminSpendQuery | null {
    const group = this.#group
    const tag = this.query.get('tag') ?? ''
    if (group === 'metadata' && tag === '') return null
    return {
      ...(group === 'all' ? {} : { group_by: group === 'metadata' ? `metadata:${tag}` : group }),
      period: this.#period,
      ...findSpendTime(readSpendRange(this.query), new Date()),
      ...readFilters(this.query, this.#filterNames),
    }
  }

  get #group(): string {
    return groups.find(({ id }) => id === this.query.get('by'))?.id ?? 'model'
  }

  get #period(): 'day' | 'month' {
    const asked = this.query.get('period')
    if (asked === 'day' || asked === 'month') return asked
    return readSpendRange(this.query) === '12m' ? 'month' : 'day'
  }

  /** Users and tags are known by project only. */
  get #filterNames(): string[] {
    return this.#group === 'user' || this.#group === 'metadata' ? ['project'] : filterNames
  }

  override willUpdate(changed: PropertyValues) {
    if (!changed.has('query') || this.query.toString() === this.#asked) return
    this.#asked = this.query.toString()
    this.#spend.restart()
  }

  override render() {
    const { data, error } = this.#spend
    const query = this.#ask()
    return html`<div class="head">
        <h1>Spend</h1>
        ${this.#renderRanges()}
        ${query === null ? nothing : html`<dm-export .choices=${[makeExport(query)]}></dm-export>`}
      </div>
      ${this.#renderControls()}
      ${error ? html`<dm-failure .error=${error} @retry=${() => this.#spend.refresh()}></dm-failure>` : nothing}
      ${
        query === null
          ? html`<p class="card loading soft">Name the metadata to group by.</p>`
          : data
            ? this.#renderSpend(data)
            : error
              ? nothing
              : html`<p class="card loading soft" role="status">Loading…</p>`
      }`
  }

  #renderRanges() {
    const chosen = readSpendRange(this.query)
    return html`<div class="segments" role="group" aria-label="Time">
      ${spendRanges.map(
        ({ id, label }) => html`<button
          type="button"
          aria-pressed=${id === chosen}
          @click=${() => this.#show({ range: id === 'month' ? undefined : id, period: undefined })}
        >
          ${label}
        </button>`,
      )}
    </div>`
  }

  #renderControls() {
    const group = this.#group
    const names = this.#filterNames
    return html`<div class="filters">
      <label class="by">
        <span>by</span>
        <select
          name="by"
          aria-label="Group by"
          @change=${(event: Event) => this.#show({ by: (event.target as HTMLSelectElement).value })}
        >
          ${groups.map(({ id, label }) => html`<option value=${id} .selected=${id === group}>${label}</option>`)}
        </select>
      </label>
      ${group === 'metadata' ? this.#renderTag() : nothing}
      <div class="segments" role="group" aria-label="Period">
        ${(['day', 'month'] as const).map(
          (period) => html`<button
            type="button"
            aria-pressed=${period === this.#period}
            @click=${() => this.#show({ period })}
          >
            ${period}
          </button>`,
        )}
      </div>
      <dm-filters
        .definitions=${definitions.filter(({ name }) => names.includes(name))}
        .filters=${readFilters(this.query, names)}
        .facets=${this.#facets.data}
        @filter=${(event: CustomEvent<Filters>) => this.#show(event.detail)}
      ></dm-filters>
    </div>`
  }

  #renderTag() {
    return html`<label>
      <span class="visually-hidden">Metadata name</span>
      <input
        name="tag"
        maxlength="64"
        placeholder="Metadata name"
        autocomplete="off"
        .value=${this.query.get('tag') ?? ''}
        @change=${(event: Event) => this.#show({ tag: (event.target as HTMLInputElement).value.trim() })}
      />
    </label>`
  }

  #renderSpend(spend: AdminSpend) {
    const periods = listPeriods(spend)
    const named = groups.find(({ id }) => id === this.#group)?.label ?? ''
    return html`${renderTotals(spend)}
      <div class="card chart">
        <dm-time-chart
          heading=${`Cost by ${spend.period} of UTC`}
          kind="bars"
          .times=${periods}
          .labels=${periods}
          .series=${stackSpend(spend, periods)}
          .format=${formatDollars}
        ></dm-time-chart>
      </div>
      <section class="card table">
        <header>
          <h2>${this.#group === 'all' ? 'All together' : `By ${named.toLowerCase()}`}</h2>
          <div class="segments" role="group" aria-label="Lines">
            ${[false, true].map(
              (byPeriod) => html`<button
                type="button"
                aria-pressed=${byPeriod === this.byPeriod}
                @click=${() => this.#choose(byPeriod)}
              >
                ${byPeriod ? `Each ${spend.period}` : 'In all'}
              </button>`,
            )}
          </div>
        </header>
        <dm-spend-table
          named=${named}
          .lines=${this.byPeriod ? spend.rows.map(toLine) : sumByValue(spend.rows)}
          .totals=${spend.totals}
        ></dm-spend-table>
      </section>`
  }

  #choose(byPeriod: boolean): void {
    this.byPeriod = byPeriod
  }

  #show(changes: Record<string, string | undefined>): void {
    const query = { ...Object.fromEntries(this.query), ...changes }
    if (query.by === 'model') query.by = undefined
    navigate(linkWith('/spend', query), { replace: true })
  }
}

function renderTotals({ totals, forecast, from, to }: AdminSpend) {
  const { cost_usd: cost, estimated_cost_usd: estimated, unpriced_requests: unpriced, requests } = totals
  return html`<div class="totals">
    <dm-stat label="Spent" value=${formatMoney(cost)} title=${formatExact(cost)}>
      ${from.slice(0, 10)} to ${lastDay(to)}, ${formatPlural(requests, 'request')}
    </dm-stat>
    <dm-stat label="Cost unknown" value=${formatCount(unpriced)} tone=${unpriced > 0 ? 'warn' : ''}>
      ${unpriced === 0 ? 'every request has a price' : 'requests without a price, in no sum'}
    </dm-stat>
    <dm-stat label="From estimated tokens" value=${formatMoney(estimated)} title=${formatExact(estimated)}>
      ${describeEstimated(totals)}
    </dm-stat>
    <dm-stat
      label=${forecast ? `Forecast for ${forecast.period}` : 'Forecast'}
      value=${formatMoney(forecast?.cost_usd ?? null)}
      title=${forecast ? formatExact(forecast.cost_usd) : ''}
    >
      ${
        forecast
          ? html`${forecast.method} From ${formatPlural(forecast.based_on.days, 'day')},
              ${forecast.based_on.from.slice(0, 10)} to ${lastDay(forecast.based_on.to)}.`
          : 'needs seven whole days, and a period that runs'
      }
    </dm-stat>
  </div>`
}

function describeEstimated(totals: AdminSpend['totals']): string {
  if (readNanos(totals.estimated_cost_usd) !== 0n) return 'part of what was spent'
  const tokens = totals.estimated_input_tokens + totals.estimated_output_tokens
  return tokens === 0
    ? 'providers told all usage'
    : `${formatPlural(tokens, 'estimated token')} without a price`
}

/** The last day before an end. */
function lastDay(to: string): string {
  return new Date(Date.parse(to) - 1).toISOString().slice(0, 10)
}

function makeExport(query: AdminSpendQuery): ExportChoice {
  return { label: 'CSV', name: `spend-${query.from?.slice(0, 10)}.csv`, load: () => exportSpend(query) }
}

customElements.define('dm-spend-page', SpendPage)
