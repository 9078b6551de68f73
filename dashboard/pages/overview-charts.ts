/** The overview's tiles and charts. */

import { html, nothing } from 'lit'
import type { AdminOverview, AdminOverviewPoint } from '../../server/http/admin/contract.ts'
import type { Series } from '../components/time-chart.ts'
import {
  formatCompact,
  formatCount,
  formatDuration,
  formatPlural,
  formatShare,
  unknown,
} from '../model/format.ts'
import { linkWith } from '../model/location.ts'
import { formatDollars, formatExact, formatMoney, toDollars } from '../model/money.ts'
import type { Filters } from '../model/request-filters.ts'
import '../components/stat-tile.ts'
import '../components/time-chart.ts'

/** `filters` as the list of requests takes them. */
export function renderTotals({ totals }: AdminOverview, filters: Filters) {
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
    ${renderCost(totals, filters)} ${renderTokens(totals)}
    <dm-stat label="Latency, median" value=${formatDuration(totals.latency_p50_ms)}>
      95th percentile ${formatDuration(totals.latency_p95_ms)}
    </dm-stat>
    <dm-stat label="First token, median" value=${formatDuration(totals.ttft_p50_ms)}>
      95th percentile ${formatDuration(totals.ttft_p95_ms)}
    </dm-stat>
    <dm-stat label="Overhead, median" value=${formatDuration(totals.overhead_p50_ms)}>
      the gateway’s own time
    </dm-stat>
  </div>`
}

function renderCost(totals: AdminOverview['totals'], filters: Filters) {
  const { cost_usd: cost, estimated_cost_usd: estimated, unpriced } = totals
  return html`<dm-stat
    label="Cost"
    value=${formatMoney(cost)}
    title=${cost === null ? 'No request has a price' : formatExact(cost)}
  >
    ${
      unpriced === 0
        ? 'every request has a price'
        : html`<a href=${linkWith('/requests', { ...filters, unpriced: 'true' })} data-route
            >${formatPlural(unpriced, 'request')} without a price</a
          >`
    }
    ${toDollars(estimated) === 0 ? nothing : html`<br />${formatMoney(estimated)} of it from estimated tokens`}
  </dm-stat>`
}

function renderTokens(totals: AdminOverview['totals']) {
  const estimated = totals.estimated_input_tokens + totals.estimated_output_tokens
  const part = (count: number, word: string) => (count === 0 ? '' : ` · ${formatCompact(count)} ${word}`)
  return html`<dm-stat label="Tokens" value=${formatCompact(totals.input_tokens + totals.output_tokens)}>
    ${formatCompact(totals.input_tokens)} in${part(totals.cached_tokens, 'cached')}${part(totals.cache_write_tokens, 'written to the cache')}<br />
    ${formatCompact(totals.output_tokens)} out${part(totals.reasoning_tokens, 'reasoning')}
    ${estimated === 0 ? nothing : html`<br />and ${formatCompact(estimated)} estimated`}
  </dm-stat>`
}

export function renderCharts({ points, bucket_seconds: seconds }: AdminOverview) {
  const times = points.map(({ at }) => at)
  const chart = (options: {
    heading: string
    kind: 'bars' | 'lines'
    format: (value: number | null) => string
    series: Series[]
    absent?: string
  }) => html`<div class="card chart">
    <dm-time-chart
      heading=${options.heading}
      kind=${options.kind}
      ?counts=${options.format === formatCompact}
      .times=${times}
      .bucketSeconds=${seconds}
      .series=${options.series}
      .format=${options.format}
      absent=${options.absent ?? 'none'}
    ></dm-time-chart>
  </div>`
  return html`<div class="charts">
    ${chart({ heading: 'Requests', kind: 'bars', format: formatCompact, series: listRequests(points) })}
    ${chart({ heading: 'Cost', kind: 'bars', format: formatDollars, series: listCosts(points), absent: unknown })}
    ${chart({ heading: 'Latency', kind: 'lines', format: formatDuration, series: listTimes(points) })}
    ${chart({ heading: 'Tokens', kind: 'bars', format: formatCompact, series: listTokens(points) })}
    ${chart({
      heading: 'Overhead',
      kind: 'lines',
      format: formatDuration,
      series: [
        pick(points, 'The gateway’s own time, median', 'one', (point) => point.overhead_p50_ms),
        pick(points, '95th percentile', 'two', (point) => point.overhead_p95_ms),
      ],
    })}
    ${chart({
      heading: 'Requests without a price',
      kind: 'bars',
      format: formatCompact,
      series: [pick(points, 'Not in the cost', 'three', (point) => point.unpriced)],
    })}
  </div>`
}

function listRequests(points: AdminOverviewPoint[]): Series[] {
  return [
    pick(points, 'Without error', 'one', (point) => point.requests - point.errors),
    pick(points, 'Errors', 'bad', (point) => point.errors),
  ]
}

function listCosts(points: AdminOverviewPoint[]): Series[] {
  const estimated = pick(points, 'From estimated tokens', 'three', (point) =>
    point.cost_usd === null ? null : toDollars(point.estimated_cost_usd),
  )
  const reported = pick(
    points,
    'From tokens that providers told',
    'one',
    ({ cost_usd: cost, estimated_cost_usd: part }) =>
      cost === null ? null : toDollars(cost) - toDollars(part),
  )
  return withoutEmpty([reported, estimated])
}

function listTimes(points: AdminOverviewPoint[]): Series[] {
  return [
    pick(points, 'Median', 'one', (point) => point.latency_p50_ms),
    pick(points, '95th percentile', 'two', (point) => point.latency_p95_ms),
    pick(points, 'First token, median', 'three', (point) => point.ttft_p50_ms),
  ]
}

/** Each token in one series: the cached ones are part of the input, reasoning of the output. */
function listTokens(points: AdminOverviewPoint[]): Series[] {
  return withoutEmpty([
    pick(points, 'Input', 'one', (point) => Math.max(0, point.input_tokens - point.cached_tokens)),
    pick(points, 'Cached input', 'four', (point) => point.cached_tokens),
    pick(points, 'Output', 'two', (point) => Math.max(0, point.output_tokens - point.reasoning_tokens)),
    pick(points, 'Reasoning', 'five', (point) => point.reasoning_tokens),
    pick(
      points,
      'Estimated',
      'three',
      (point) => point.estimated_input_tokens + point.estimated_output_tokens,
    ),
  ])
}

/** The first always; the others where there is anything of them. */
function withoutEmpty(series: Series[]): Series[] {
  return series.filter(
    ({ values }, index) => index === 0 || values.some((value) => value !== null && value > 0),
  )
}

function pick(
  points: AdminOverviewPoint[],
  name: string,
  tone: string,
  read: (point: AdminOverviewPoint) => number | null,
): Series {
  return { name, tone, values: points.map(read) }
}
