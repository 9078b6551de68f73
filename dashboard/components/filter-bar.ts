import { css, html, LitElement, nothing } from 'lit'
import type { AdminFacets } from '../../server/http/admin/contract.ts'
import { formatWord } from '../model/format.ts'
import type { FilterName, Filters } from '../model/location.ts'
import { baseStyles, controlStyles } from '../styles/shared.ts'

const plurals: Record<FilterName, Exclude<keyof AdminFacets, 'counts'>> = {
  project: 'projects',
  model: 'models',
  provider: 'providers',
  status: 'statuses',
}

/** Fires `filter` with all filters in `detail` when one changes. */
export class FilterBar extends LitElement {
  static override properties = {
    names: { attribute: false },
    filters: { attribute: false },
    facets: { attribute: false },
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
      select.set {
        border-color: var(--accent);
        background: var(--accent-soft);
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
  names: readonly FilterName[] = []
  filters: Filters = {}
  facets: AdminFacets | null = null

  override render() {
    const any = this.names.some((name) => this.filters[name])
    return html`${this.names.map((name) => this.#renderSelect(name))}
    ${
      any
        ? html`<button class="quiet" type="button" @click=${() => this.#announce({})}>Clear filters</button>`
        : nothing
    }`
  }

  #renderSelect(name: FilterName) {
    const chosen = this.filters[name] ?? ''
    const offered = new Set(this.facets?.[plurals[name]] ?? [])
    if (name === 'status') offered.add('error')
    if (chosen !== '') offered.add(chosen)
    const describe = (value: string) => (name === 'status' ? describeStatus(value) : value)
    return html`<label>
      <span class="visually-hidden">${name}</span>
      <select
        name=${name}
        class=${chosen === '' ? '' : 'set'}
        @change=${(event: Event) => this.#change(name, (event.target as HTMLSelectElement).value)}
      >
        <option value="" .selected=${chosen === ''}>All ${plurals[name]}</option>
        ${[...offered].map(
          (value) => html`<option value=${value} .selected=${value === chosen}>${describe(value)}</option>`,
        )}
      </select>
    </label>`
  }

  #change(name: FilterName, value: string): void {
    this.#announce({ ...this.filters, [name]: value === '' ? undefined : value })
  }

  #announce(detail: Filters): void {
    this.dispatchEvent(new CustomEvent<Filters>('filter', { detail }))
  }
}

function describeStatus(status: string): string {
  return status === 'error' ? 'any error' : formatWord(status)
}

customElements.define('dm-filters', FilterBar)
