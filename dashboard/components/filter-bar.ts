import { css, html, LitElement, nothing } from 'lit'
import type { AdminFacets } from '../../server/http/admin/contract.ts'
import { formatCompact } from '../model/format.ts'
import { describeValue, type FilterDefinition, type Filters } from '../model/request-filters.ts'
import { baseStyles, controlStyles } from '../styles/shared.ts'

interface Option {
  value: string
  label: string
  /** Requests with it; null where that is not counted. */
  count: number | null
}

/** A control per filter. Fires `filter` with all filters in `detail` when one changes. */
export class FilterBar extends LitElement {
  static override properties = {
    definitions: { attribute: false },
    filters: { attribute: false },
    facets: { attribute: false },
    labelled: { type: Boolean, reflect: true },
  }
  static override styles = [
    baseStyles,
    controlStyles,
    css`
      :host {
        display: contents;
      }
      select {
        max-width: 15rem;
        padding-right: 4px;
        text-overflow: ellipsis;
      }
      .set {
        border-color: var(--accent);
        background: var(--accent-soft);
      }
      label span {
        display: block;
        margin-bottom: 2px;
        color: var(--text-soft);
        font-size: 12.5px;
      }
      :host([labelled]) label {
        min-width: 0;
      }
      :host([labelled]) :is(select, input) {
        width: 100%;
        max-width: none;
      }
      @media (max-width: 640px) {
        label {
          flex: 1 1 40%;
          min-width: 0;
        }
        select {
          width: 100%;
          max-width: none;
        }
      }
    `,
  ]
  definitions: readonly FilterDefinition[] = []
  filters: Filters = {}
  facets: AdminFacets | null = null
  /** With the names in sight. */
  labelled = false

  override render() {
    return this.definitions.map((definition) => {
      const { name, label, facet, choices } = definition
      const isText = facet === undefined && choices === undefined
      return html`<label>
        <span class=${this.labelled ? '' : 'visually-hidden'}>${label}</span>
        ${isText ? this.#renderText(name) : this.#renderSelect(definition)}
      </label>`
    })
  }

  #renderText(name: string) {
    const value = this.filters[name] ?? ''
    return html`<input
      name=${name}
      class=${value === '' ? '' : 'set'}
      autocomplete="off"
      spellcheck="false"
      .value=${value}
      @change=${(event: Event) => this.#change(name, (event.target as HTMLInputElement).value.trim())}
    />`
  }

  #renderSelect(definition: FilterDefinition) {
    const { name, any } = definition
    const chosen = this.filters[name] ?? ''
    return html`<select
      name=${name}
      class=${chosen === '' ? '' : 'set'}
      @change=${(event: Event) => this.#change(name, (event.target as HTMLSelectElement).value)}
    >
      <option value="" .selected=${chosen === ''}>${any}</option>
      ${this.#listOptions(definition).map(
        ({ value, label, count }) => html`<option value=${value} .selected=${value === chosen}>
          ${label}${count === null ? nothing : ` (${formatCompact(count)})`}
        </option>`,
      )}
    </select>`
  }

  /** What the traffic has, most first, then fixed choices, and what the address names beside them. */
  #listOptions(definition: FilterDefinition): Option[] {
    const { name, facet, choices = [] } = definition
    const options = new Map<string, Option>()
    const offer = (value: string, count: number | null) => {
      if (value !== '' && !options.has(value))
        options.set(value, { value, label: describeValue(definition, value), count })
    }
    if (facet !== undefined && this.facets) {
      for (const { value, requests } of this.facets.counts[facet]) offer(value, requests)
      for (const value of this.facets[facet]) offer(value, null)
    }
    for (const { value } of choices) offer(value, null)
    offer(this.filters[name] ?? '', null)
    return [...options.values()]
  }

  #change(name: string, value: string): void {
    const detail: Filters = { ...this.filters, [name]: value === '' ? undefined : value }
    this.dispatchEvent(new CustomEvent<Filters>('filter', { detail }))
  }
}

customElements.define('dm-filters', FilterBar)
