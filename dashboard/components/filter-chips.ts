import { css, html, LitElement, nothing } from 'lit'
import { describeFilters, type Filters } from '../model/request-filters.ts'
import { baseStyles, controlStyles } from '../styles/shared.ts'

/** What is set, each with a way to remove it. Fires `filter` with the filters left in `detail`. */
export class FilterChips extends LitElement {
  static override properties = { filters: { attribute: false } }
  static override styles = [
    baseStyles,
    controlStyles,
    css`
      :host {
        display: block;
      }
      ul {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 6px;
        margin: 0;
        padding: 0;
        list-style: none;
      }
      li {
        min-width: 0;
        max-width: 100%;
      }
      .chip {
        max-width: min(26rem, 100%);
        height: 26px;
        padding: 0 4px 0 10px;
        border-color: transparent;
        border-radius: 999px;
        background: var(--accent-soft);
        color: var(--text);
        font-size: 12.5px;
      }
      .chip span {
        overflow: hidden;
        text-overflow: ellipsis;
      }
      .chip .soft {
        max-width: 12rem;
      }
      .cross {
        flex-shrink: 0;
        width: 18px;
        color: var(--text-soft);
        text-align: center;
      }
    `,
  ]
  filters: Filters = {}

  override render() {
    const chips = describeFilters(this.filters)
    if (chips.length === 0) return nothing
    return html`<ul aria-label="Filters that are set">
      ${chips.map(
        ({ name, label, value }) => html`<li>
          <button
            class="chip"
            type="button"
            title=${`${label}: ${value}. Remove it.`}
            aria-label=${`Remove ${label}: ${value}`}
            @click=${() => this.#keep({ ...this.filters, [name]: undefined })}
          >
            <span class="soft">${label}</span><span>${value}</span><span class="cross" aria-hidden="true">✕</span>
          </button>
        </li>`,
      )}
      <li>
        <button class="quiet small" type="button" @click=${() => this.#keep({ q: this.filters.q })}>
          Clear filters
        </button>
      </li>
    </ul>`
  }

  #keep(detail: Filters): void {
    this.dispatchEvent(new CustomEvent<Filters>('filter', { detail }))
  }
}

customElements.define('dm-filter-chips', FilterChips)
