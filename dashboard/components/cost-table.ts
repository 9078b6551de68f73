import { css, html, LitElement, nothing } from 'lit'
import type { AdminCost } from '../../server/http/admin/contract.ts'
import { formatCount, formatPlural } from '../model/format.ts'
import { describeUnknownCost, formatExact } from '../model/money.ts'
import { badgeStyles, baseStyles } from '../styles/shared.ts'
import { sumTableStyles, tableStyles } from '../styles/tables.ts'

type AttemptCost = AdminCost['attempts'][number]
type Part = AttemptCost['parts'][number]

const kinds: Readonly<Record<string, string>> = {
  input: 'Input tokens',
  cached_input: 'Cached input tokens',
  cache_write: 'Input tokens written to the cache',
  output: 'Output tokens',
  reasoning: 'Reasoning tokens',
  request: 'Requests',
  image: 'Images',
  second: 'Seconds',
}

/** A request's cost: attempt by attempt, quantity × rate = amount. */
export class CostTable extends LitElement {
  static override properties = { cost: { attribute: false } }
  static override styles = [
    baseStyles,
    badgeStyles,
    tableStyles,
    sumTableStyles,
    css`
      th {
        padding-block: 4px;
        box-shadow: none;
        white-space: normal;
      }
      td {
        padding-block: 5px;
        border: 0;
        white-space: nowrap;
      }
      :is(th, td):first-child {
        text-align: left;
        white-space: normal;
      }
      .attempt th {
        padding-block: 9px 5px;
        border-top: 1px solid var(--line);
        color: var(--text);
        font-size: inherit;
        font-weight: 400;
        text-align: left;
      }
      .attempt .line {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 2px 10px;
      }
      .sum td,
      .sum th {
        padding-block: 9px;
        border-top: 1px solid var(--line-strong);
        color: var(--text);
        font-size: inherit;
        font-weight: 650;
      }
      tbody:last-of-type tr:last-child td {
        padding-bottom: 9px;
      }
      .why {
        color: var(--warn);
      }
      @media (max-width: 560px) {
        .rate {
          white-space: normal;
        }
        :is(th, td) {
          padding-inline: 5px;
        }
        .money {
          font-size: 11.5px;
        }
      }
    `,
  ]
  cost: AdminCost | null = null

  override render() {
    if (!this.cost) return nothing
    const { attempts, cost_usd: sum, reason } = this.cost
    return html`<table aria-label="Cost">
      <thead>
        <tr>
          <th scope="col">What</th>
          <th scope="col">Quantity</th>
          <th scope="col">Rate</th>
          <th scope="col">Amount</th>
        </tr>
      </thead>
      ${attempts.map(renderAttempt)}
      <tfoot>
        <tr class="sum">
          <th scope="row" colspan="3">Sum of ${formatPlural(attempts.length, 'attempt')}</th>
          <td class="money">
            ${sum === null ? html`<span class="why">unknown: ${describeUnknownCost({ reason })}</span>` : formatExact(sum)}
          </td>
        </tr>
      </tfoot>
    </table>`
  }
}

function renderAttempt(attempt: AttemptCost) {
  const { provider, upstream_model: model, price, usage, parts, cost_usd: cost } = attempt
  return html`<tbody>
    <tr class="attempt">
      <th scope="rowgroup" colspan="4">
        <span class="line">
          <b>Attempt ${attempt.attempt}</b>
          <span>${provider} · ${model}</span>
          ${price === null ? nothing : html`<span class="faint">price <code>${price}</code></span>`}
          ${usage === 'estimated' ? html`<span class="badge warn" title="No provider told it: the gateway counted">estimated</span>` : nothing}
          ${cost === null ? html`<span class="why">cost unknown: ${describeUnknownCost(attempt)}</span>` : nothing}
          ${cost !== null && parts.length === 0 ? html`<span class="soft">nothing was charged</span>` : nothing}
        </span>
      </th>
    </tr>
    ${parts.map(renderPart)}
  </tbody>`
}

function renderPart({ kind, quantity, rate_usd: rate, amount_usd: amount }: Part) {
  return html`<tr>
    <td>${kinds[kind] ?? kind}</td>
    <td>${quantity < 100 && !Number.isInteger(quantity) ? quantity : formatCount(quantity)}</td>
    <td class="rate"><span class="soft">× ${formatRate(rate)} per million</span></td>
    <td class="money">${formatExact(amount)}</td>
  </tr>`
}

/** Exact, without the zeros that say nothing: `$0.15`. */
function formatRate(rate: string): string {
  return formatExact(rate).replace(/(\.\d\d)(\d*?)0+$/, '$1$2')
}

customElements.define('dm-cost', CostTable)
