/** Parts of a request's page that stand by themselves. */

import { html, nothing } from 'lit'
import type { AdminRequest } from '../../server/http/admin/contract.ts'
import { formatPlural } from '../model/format.ts'
import { linkWith } from '../model/location.ts'
import { describeUnknownCost } from '../model/money.ts'
import { isRunning } from '../model/state.ts'

export function renderCost(request: AdminRequest) {
  const { cost, cost_reason: reason } = request
  if (cost !== null) {
    return html`<section class="card">
      <header>
        <h2>Cost</h2>
        ${cost.estimated ? html`<span class="badge warn">a part is estimated</span>` : nothing}
      </header>
      <dm-cost .cost=${cost}></dm-cost>
    </section>`
  }
  if (request.cost_usd !== null || isRunning(request) || reason === null) return nothing
  return html`<section class="card">
    <header>
      <h2>Cost</h2>
      <span class="soft">unknown: ${describeUnknownCost({ reason })}</span>
    </header>
  </section>`
}

/** Each pair leads to the requests that have it too. */
export function renderMetadata({ metadata }: AdminRequest) {
  const pairs = Object.entries(metadata)
  if (pairs.length === 0) return nothing
  return html`<ul class="pairs" aria-label="Metadata">
    ${pairs.map(
      ([name, value]) => html`<li>
        <a href=${linkWith('/requests', { [`metadata[${name}]`]: value })} data-route title="Requests with the same"
          ><span class="soft">${name}</span> ${value}</a
        >
      </li>`,
    )}
  </ul>`
}

const ways: Readonly<Record<AdminRequest['matched_by'], string>> = {
  request: 'its id',
  response: 'the id of its response',
  client_request: 'the id that the client gave it',
  upstream_response_or_item: 'an id that a provider gave, or of an item',
  trace: 'its trace',
  stored_item: 'an item that was kept',
}

/** The others that the id in the address stands in. */
export function renderMatches({ matched_by: way, matches }: AdminRequest) {
  if (matches.length < 2) return nothing
  const most = matches.length < 100 ? '' : 'at least '
  return html`<section class="card matches">
    <header>
      <h2>Found by ${ways[way]}</h2>
      <span class="soft">
        It stands in ${most}${formatPlural(matches.length, 'request')}; this is the first of them.
      </span>
    </header>
    <dm-request-table order="that the id stands in" .rows=${matches}></dm-request-table>
  </section>`
}
