import { css, html, LitElement, nothing, svg } from 'lit'
import type { AdminSpend } from '../../server/http/admin/contract.ts'
import { formatCount, formatShare } from '../model/format.ts'
import { formatExact, readNanos } from '../model/money.ts'
import type { SpendLine } from '../model/spend.ts'
import { baseStyles } from '../styles/shared.ts'
import { sumTableStyles, tableStyles } from '../styles/tables.ts'

const pageSize = 200

/** What was spent line by line, exact, with the totals under it. */
export class SpendTable extends LitElement {
  static override properties = {
    lines: { attribute: false },
    totals: { attribute: false },
    named: { type: String },
    shown: { state: true },
  }
  static override styles = [
    baseStyles,
    tableStyles,
    sumTableStyles,
    css`
      td {
        padding-block: 7px;
        white-space: nowrap;
      }
      .left {
        text-align: left;
      }
      .name {
        position: relative;
        width: 30%;
        max-width: 0;
        min-width: 130px;
        overflow: hidden;
        font-weight: 550;
        text-align: left;
        text-overflow: ellipsis;
      }
      svg {
        position: absolute;
        left: 10px;
        bottom: -1px;
        width: calc(100% - 20px);
        height: 2px;
      }
      td:first-child svg {
        left: 16px;
        width: calc(100% - 26px);
      }
      rect {
        fill: var(--series-1);
      }
      tfoot :is(th, td) {
        padding-block: 9px;
        border-bottom: 0;
        box-shadow: inset 0 1px var(--line-strong);
        color: var(--text);
        font-size: inherit;
        font-weight: 650;
      }
      .warn {
        color: var(--warn);
      }
      .all {
        padding: 12px;
        text-align: center;
      }
      @media (max-width: 760px) {
        .wide {
          display: none;
        }
      }
      @media (max-width: 480px) {
        .requests {
          display: none;
        }
        .name {
          min-width: 90px;
        }
        :is(th, td):not(:first-child, :last-child) {
          padding-inline: 4px;
        }
      }
    `,
  ]
  lines: SpendLine[] = []
  totals: AdminSpend['totals'] | null = null
  /** What a line is of, such as `Model`. */
  named = ''
  shown = pageSize

  override render() {
    const byPeriod = this.lines.some(({ period }) => period !== null)
    const whole = readNanos(this.totals?.cost_usd ?? '0')
    return html`<table aria-label="Spend">
        <thead>
          <tr>
            ${byPeriod ? html`<th scope="col" class="left">Period</th>` : nothing}
            <th scope="col" class="left">${this.named}</th>
            <th scope="col">Cost</th>
            <th scope="col" class="wide">Share</th>
            <th scope="col" class="requests">Requests</th>
            <th scope="col">Unpriced</th>
            <th scope="col" class="wide">Tokens in</th>
            <th scope="col" class="wide">Out</th>
            <th scope="col" class="wide">Estimated</th>
          </tr>
        </thead>
        <tbody>
          ${this.lines.slice(0, this.shown).map((line) => renderLine(line, byPeriod, whole))}
        </tbody>
        ${this.totals ? renderTotals(this.totals, byPeriod) : nothing}
      </table>
      ${this.lines.length > this.shown ? this.#renderMore() : nothing}`
  }

  #renderMore() {
    const rest = this.lines.length - this.shown
    return html`<p class="all">
      <button type="button" @click=${this.#showMore}>Show more of ${formatCount(rest)} lines</button>
    </p>`
  }

  #showMore = (): void => {
    this.shown += pageSize * 5
  }
}

function renderLine(line: SpendLine, byPeriod: boolean, whole: bigint) {
  const { cost, unpriced, estimatedTokens } = line
  const share = cost === null || whole === 0n ? 0 : Number((readNanos(cost) * 10_000n) / whole)
  return html`<tr>
    ${byPeriod ? html`<td class="left">${line.period}</td>` : nothing}
    <td class="name" title=${line.name}>
      ${line.name}${
        share > 0
          ? html`<svg aria-hidden="true">${svg`<rect width="${share / 100}%" height="2" rx="1"></rect>`}</svg>`
          : nothing
      }
    </td>
    ${renderCost(cost, line.estimatedCost)}
    <td class="wide">${cost === null ? '–' : formatShare(share, 10_000)}</td>
    <td class="requests">${formatCount(line.requests)}</td>
    <td class=${unpriced > 0 ? 'warn' : 'faint'}>${formatCount(unpriced)}</td>
    <td class="wide">${formatCount(line.inputTokens)}</td>
    <td class="wide">${formatCount(line.outputTokens)}</td>
    <td class="wide ${estimatedTokens > 0 ? '' : 'faint'}">${formatCount(estimatedTokens)}</td>
  </tr>`
}

function renderTotals(totals: AdminSpend['totals'], byPeriod: boolean) {
  const unpriced = totals.unpriced_requests
  return html`<tfoot>
    <tr>
      <th scope="row" class="left" colspan=${byPeriod ? 2 : 1}>Total</th>
      ${renderCost(totals.cost_usd, totals.estimated_cost_usd)}
      <td class="wide"></td>
      <td class="requests">${formatCount(totals.requests)}</td>
      <td class=${unpriced > 0 ? 'warn' : ''}>${formatCount(unpriced)}</td>
      <td class="wide">${formatCount(totals.input_tokens)}</td>
      <td class="wide">${formatCount(totals.output_tokens)}</td>
      <td class="wide">${formatCount(totals.estimated_input_tokens + totals.estimated_output_tokens)}</td>
    </tr>
  </tfoot>`
}

function renderCost(cost: string | null, estimated: string) {
  const title =
    readNanos(estimated) === 0n ? nothing : `${formatExact(estimated)} of it from estimated tokens`
  return html`<td class="money" title=${title}>
    ${cost === null ? html`<span class="faint">unknown</span>` : formatExact(cost)}
  </td>`
}

customElements.define('dm-spend-table', SpendTable)
