import { css, html, LitElement, nothing, svg } from 'lit'
import { formatCompact, formatPlural, formatShare } from '../model/format.ts'
import { formatExact, formatMoney, toDollars } from '../model/money.ts'
import { badgeStyles, baseStyles, cardStyles } from '../styles/shared.ts'

export interface RankingEntry {
  name: string
  /** A second, softer line. */
  note: string | null
  /** A word in colour behind the name. */
  badge: { tone: string; text: string } | null
  href: string | null
  /** Null where nothing was counted. */
  count: number | null
  /** Of the count; null where the column makes no sense. */
  errors: number | null
  tokens: number | null
  /** Exact dollars; null when not known. */
  cost: string | null
  /** Requests that are not in the cost. */
  unpriced: number
}

/** A short table of names with how much there was of each, most first. */
export class Ranking extends LitElement {
  static override properties = {
    heading: { type: String },
    counted: { type: String },
    entries: { attribute: false },
    detailed: { type: Boolean },
    barred: { type: String },
  }
  static override styles = [
    baseStyles,
    cardStyles,
    badgeStyles,
    css`
      :host {
        display: grid;
        min-width: 0;
      }
      table {
        width: 100%;
        border-collapse: collapse;
      }
      th {
        padding: 0 8px 6px;
        color: var(--text-faint);
        font-size: 12px;
        font-weight: 550;
        text-align: right;
        white-space: nowrap;
      }
      th:first-child {
        text-align: left;
      }
      td {
        position: relative;
        padding: 7px 8px;
        border-top: 1px solid var(--line);
        text-align: right;
        vertical-align: top;
        font-variant-numeric: tabular-nums;
        white-space: nowrap;
      }
      td:first-child {
        width: 100%;
        max-width: 0;
        text-align: left;
      }
      th:first-child,
      td:first-child {
        padding-left: 16px;
      }
      th:last-child,
      td:last-child {
        padding-right: 16px;
      }
      .name {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 0 8px;
      }
      .name > :first-child,
      .note {
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      .name > :first-child {
        min-width: 0;
        color: var(--text);
        font-weight: 550;
      }
      a {
        text-decoration: none;
      }
      a:hover {
        color: var(--accent);
        text-decoration: underline;
      }
      .note {
        color: var(--text-soft);
        font-size: 12.5px;
      }
      .bad-number {
        color: var(--bad);
      }
      svg {
        position: absolute;
        left: 16px;
        bottom: -1px;
        width: calc(100% - 24px);
        height: 2px;
      }
      rect {
        fill: var(--series-1);
      }
      .empty {
        padding: 6px 16px 18px;
        color: var(--text-soft);
      }
      .card {
        padding-bottom: 4px;
      }
      @media (max-width: 480px) {
        .tokens {
          display: none;
        }
      }
    `,
  ]
  heading = ''
  /** What is counted: `Requests`, `Count`. */
  counted = 'Requests'
  entries: RankingEntry[] = []
  /** With errors, tokens and cost. */
  detailed = false
  /** What the bars are of. */
  barred: 'requests' | 'cost' = 'requests'

  override render() {
    return html`<section class="card">
      <header><h2>${this.heading}</h2></header>
      ${this.entries.length === 0 ? html`<p class="empty"><slot></slot></p>` : this.#renderTable()}
    </section>`
  }

  #renderTable() {
    const most = Math.max(0, ...this.entries.map((entry) => this.#measure(entry)))
    return html`<table aria-label=${this.heading}>
      <thead>
        <tr>
          <th scope="col"><span class="visually-hidden">Name</span></th>
          <th scope="col">${this.counted}</th>
          ${
            this.detailed
              ? html`<th scope="col">Errors</th>
                  <th scope="col" class="tokens">Tokens</th>
                  <th scope="col">Cost</th>`
              : nothing
          }
        </tr>
      </thead>
      <tbody>
        ${this.entries.map((entry) => this.#renderEntry(entry, most))}
      </tbody>
    </table>`
  }

  #measure({ cost, count }: RankingEntry): number {
    return this.barred === 'cost' ? toDollars(cost ?? '0') : (count ?? 0)
  }

  #renderEntry(entry: RankingEntry, most: number) {
    const share = most === 0 ? 0 : (this.#measure(entry) / most) * 100
    return html`<tr>
      <td>
        <div class="name">
          ${
            entry.href === null
              ? html`<span title=${entry.name}>${entry.name}</span>`
              : html`<a href=${entry.href} data-route title=${entry.name}>${entry.name}</a>`
          }
          ${entry.badge ? html`<span class="badge ${entry.badge.tone}">${entry.badge.text}</span>` : nothing}
        </div>
        ${entry.note === null ? nothing : html`<div class="note" title=${entry.note}>${entry.note}</div>`}
        ${
          share > 0
            ? html`<svg aria-hidden="true">${svg`<rect width="${share}%" height="2" rx="1"></rect>`}</svg>`
            : nothing
        }
      </td>
      <td>${entry.count === null ? '–' : formatCompact(entry.count)}</td>
      ${this.detailed ? this.#renderDetails(entry) : nothing}
    </tr>`
  }

  #renderDetails({ errors, count, tokens, cost, unpriced }: RankingEntry) {
    const share = errors !== null && errors > 0 && count !== null ? formatShare(errors, count) : ''
    return html`<td>
        ${
          errors === null || errors === 0
            ? html`<span class="faint">${errors ?? '–'}</span>`
            : html`<span class="bad-number" title=${share}>${formatCompact(errors)}</span>`
        }
      </td>
      <td class="tokens">${tokens === null ? html`<span class="faint">–</span>` : formatCompact(tokens)}</td>
      <td title=${describeCost(cost, unpriced)}>
        ${cost === null ? html`<span class="faint">unknown</span>` : `${formatMoney(cost)}${unpriced > 0 ? ' +' : ''}`}
      </td>`
  }
}

function describeCost(cost: string | null, unpriced: number): string {
  const rest = unpriced > 0 ? `${formatPlural(unpriced, 'request')} without a price` : ''
  if (cost === null) return rest
  return rest === '' ? formatExact(cost) : `${formatExact(cost)}, and ${rest}`
}

customElements.define('dm-ranking', Ranking)
