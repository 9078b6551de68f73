import { html, LitElement, nothing, type PropertyValues } from 'lit'
import type { AdminOverview, AdminOverviewPoint, AdminStatus } from '../../server/http/admin/contract.ts'
import { fetchFacets, fetchOverview, fetchStatus } from '../api/admin.ts'
import type { RankingEntry } from '../components/ranking.ts'
import type { Series } from '../components/time-chart.ts'
import { navigate } from '../controllers/navigation.ts'
import { Poll } from '../controllers/poll.ts'
import { chooseExampleModel } from '../model/example-model.ts'
import {
  formatCompact,
  formatCount,
  formatCurl,
  formatDuration,
  formatPlural,
  formatShare,
} from '../model/format.ts'
import { type Filters, linkWith, ranges, readFilters, readRange } from '../model/location.ts'
import { baseStyles, cardStyles, controlStyles } from '../styles/shared.ts'
import { overviewStyles } from './overview-styles.ts'
import '../components/filter-bar.ts'
import '../components/notices.ts'
import '../components/ranking.ts'
import '../components/stat-tile.ts'
import '../components/time-chart.ts'

const filterNames = ['project', 'model', 'provider'] as const
const slowMilliseconds = 30_000
const liveMilliseconds = 5000

/** How the traffic is: totals, charts over time, errors, models, providers. */
export class OverviewPage extends LitElement {
  static override properties = { query: { attribute: false } }
  static override styles = [baseStyles, controlStyles, cardStyles, overviewStyles]
  query = new URLSearchParams(location.search)
  #asked = location.search.replace(/^\?/, '')
  #overview = new Poll(this, {
    load: (signal) => this.#load(signal),
    interval: () => (readRange(this.query).seconds > 3600 ? slowMilliseconds : liveMilliseconds),
  })
  #facets = new Poll(this, { load: fetchFacets, interval: () => slowMilliseconds })
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
    return html`<div class="head">
        <h1>Overview</h1>
        ${this.#renderRanges()}
      </div>
      <div class="filters">
        <dm-filters
          .names=${filterNames}
          .filters=${readFilters(this.query, filterNames)}
          .facets=${this.#facets.data}
          @filter=${(event: CustomEvent<Filters>) => this.#show({ filters: event.detail })}
        ></dm-filters>
      </div>
      ${error ? html`<dm-failure .error=${error} @retry=${this.#retry}></dm-failure>` : nothing}
      ${this.#renderNotes()} ${this.#renderData()}`
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
    const lost = status.log_rows_dropped
    return html`${
      status.sandbox
        ? html`<p class="note">
            <strong>Sandbox.</strong> The providers here are simulated. For real ones, write a
            <code>config.json</code> and start again.
          </p>`
        : nothing
    }
    ${
      lost > 0
        ? html`<p class="note warn">
            <strong>${formatPlural(lost, 'log row')} lost</strong> since the start: the store could not keep up, and
            the numbers here are too low by as many.
          </p>`
        : nothing
    }`
  }

  #renderData() {
    const overview = this.#overview.data
    if (!overview) {
      return this.#overview.error ? nothing : html`<p class="card loading soft" role="status">Loading…</p>`
    }
    const idle = overview.totals.requests === 0 && overview.totals.in_progress === 0
    return html`${this.#renderTotals(overview)} ${idle ? this.#renderEmpty() : this.#renderCharts(overview)}
      <div class="lists">
        <dm-ranking heading="Models" detailed .entries=${this.#listModels(overview)}>None was asked for.</dm-ranking>
        <dm-ranking heading="Providers" detailed .entries=${listProviders(overview, this.#status.data)}>
          None is configured.
        </dm-ranking>
        <dm-ranking heading="Errors" counted="Count" .entries=${listErrors(overview)}>None. All is well.</dm-ranking>
      </div>`
  }

  #renderTotals({ totals }: AdminOverview) {
    const filters = readFilters(this.query, filterNames)
    return html`<div class="totals">
      <dm-stat label="Requests" value=${formatCompact(totals.requests)} href=${linkWith('/requests', filters)}>
        ${formatCount(totals.in_progress)} running now
      </dm-stat>
      <dm-stat
        label="Errors"
        value=${formatCompact(totals.errors)}
        tone=${totals.errors > 0 ? 'bad' : ''}
        href=${linkWith('/requests', { ...filters, status: 'error' })}
      >
        ${formatShare(totals.errors, totals.requests)} of requests
      </dm-stat>
      <dm-stat label="Latency, median" value=${formatDuration(totals.latency_p50_ms)}>
        95th percentile ${formatDuration(totals.latency_p95_ms)}
      </dm-stat>
      <dm-stat label="First token, median" value=${formatDuration(totals.ttft_p50_ms)}>of streams</dm-stat>
      <dm-stat label="Tokens" value=${formatCompact(totals.input_tokens + totals.output_tokens)}>
        ${formatCompact(totals.input_tokens)} in · ${formatCompact(totals.output_tokens)} out<br />
        ${formatCompact(totals.cached_tokens)} cached · ${formatCompact(totals.reasoning_tokens)} reasoning
      </dm-stat>
      <dm-stat label="Overhead, median" value=${formatDuration(totals.overhead_p50_ms)}>
        the gateway’s own time
      </dm-stat>
    </div>`
  }

  #renderCharts(overview: AdminOverview) {
    const { points } = overview
    const times = points.map(({ at }) => at)
    const chart = (heading: string, kind: 'bars' | 'lines', series: Series[]) =>
      html`<div class="card chart">
        <dm-time-chart
          heading=${heading}
          kind=${kind}
          ?counts=${kind === 'bars'}
          .times=${times}
          .bucketSeconds=${overview.bucket_seconds}
          .series=${series}
          .format=${kind === 'bars' ? formatCompact : formatDuration}
        ></dm-time-chart>
      </div>`
    return html`<div class="charts">
      ${chart('Requests', 'bars', [
        pick(points, 'Without error', 'one', (point) => point.requests - point.errors),
        pick(points, 'Errors', 'bad', (point) => point.errors),
      ])}
      ${chart('Latency', 'lines', [
        pick(points, 'Median', 'one', (point) => point.latency_p50_ms),
        pick(points, '95th percentile', 'two', (point) => point.latency_p95_ms),
        pick(points, 'First token, median', 'three', (point) => point.ttft_p50_ms),
      ])}
      ${chart('Tokens', 'bars', [
        pick(points, 'Input', 'one', (point) => point.input_tokens),
        pick(points, 'Output', 'two', (point) => point.output_tokens),
      ])}
      ${chart('Overhead', 'lines', [
        pick(points, 'The gateway’s own time, median', 'one', (point) => point.overhead_p50_ms),
      ])}
    </div>`
  }

  #renderEmpty() {
    const status = this.#status.data
    const filtered = Object.keys(readFilters(this.query, filterNames)).length > 0
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

  #listModels(overview: AdminOverview): RankingEntry[] {
    return overview.models.map(({ name, requests, errors, total_tokens }) => ({
      name,
      note: null,
      badge: null,
      href: linkWith('/requests', { ...readFilters(this.query, filterNames), model: name }),
      count: requests,
      errors,
      tokens: total_tokens,
    }))
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

function pick(
  points: AdminOverviewPoint[],
  name: string,
  tone: string,
  read: (point: AdminOverviewPoint) => number | null,
): Series {
  return { name, tone, values: points.map(read) }
}

function listErrors(overview: AdminOverview): RankingEntry[] {
  const faults: Record<string, string> = {
    client: 'the caller’s request',
    gateway: 'the gateway',
    upstream: 'the provider',
  }
  return overview.errors.map(({ origin, code, count }) => ({
    name: code,
    note: faults[origin] ?? origin,
    badge: null,
    href: linkWith('/requests', { status: 'error' }),
    count,
    errors: null,
    tokens: null,
  }))
}

/** Configured providers with their traffic, then those that only the past knows. */
function listProviders(overview: AdminOverview, status: AdminStatus | null): RankingEntry[] {
  const used = new Map(overview.providers.map((provider) => [provider.name, provider]))
  const configured = (status?.providers ?? []).map(({ id, title, available, missing }): RankingEntry => {
    const traffic = used.get(id)
    used.delete(id)
    return {
      name: id,
      note: available ? title : `set ${missing.join(', ') || 'its secret'}`,
      badge: available ? { tone: 'good', text: 'available' } : { tone: 'warn', text: 'not configured' },
      href: linkWith('/requests', { provider: id }),
      count: traffic?.requests ?? 0,
      errors: traffic?.errors ?? 0,
      tokens: traffic?.total_tokens ?? 0,
    }
  })
  const former = [...used.values()].map(
    ({ name, requests, errors, total_tokens }): RankingEntry => ({
      name,
      note: null,
      badge: status === null ? null : { tone: '', text: 'removed' },
      href: linkWith('/requests', { provider: name }),
      count: requests,
      errors,
      tokens: total_tokens,
    }),
  )
  return [...configured, ...former].sort((one, other) => (other.count ?? 0) - (one.count ?? 0))
}

customElements.define('dm-overview-page', OverviewPage)
