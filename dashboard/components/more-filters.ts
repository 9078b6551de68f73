import { css, html, LitElement } from 'lit'
import type { AdminFacets } from '../../server/http/admin/contract.ts'
import { countFilters, type Filters, rareFilters, textFilters } from '../model/request-filters.ts'
import { baseStyles, controlStyles } from '../styles/shared.ts'
import './filter-bar.ts'

const rareNames = [...rareFilters, ...textFilters].map(({ name }) => name)

/** Filters that are not needed every day: labelled, a stretch of time, and metadata. Fires `filter` like the bar. */
export class MoreFilters extends LitElement {
  static override properties = { filters: { attribute: false }, facets: { attribute: false } }
  static override styles = [
    baseStyles,
    controlStyles,
    css`
      :host {
        display: grid;
        grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr));
        gap: 10px 12px;
        padding: 14px 16px 16px;
        border: 1px solid var(--line);
        border-radius: var(--radius);
        background: var(--surface);
      }
      label,
      form {
        min-width: 0;
      }
      label span {
        display: block;
        margin-bottom: 2px;
        color: var(--text-soft);
        font-size: 12.5px;
      }
      input {
        width: 100%;
      }
      .wide {
        grid-column: span 2;
      }
      form {
        display: grid;
        grid-template-columns: 1fr 1fr auto;
        align-items: end;
        gap: 6px;
      }
      @media (max-width: 640px) {
        :host {
          grid-template-columns: repeat(2, minmax(0, 1fr));
          padding: 12px;
        }
      }
    `,
  ]
  filters: Filters = {}
  facets: AdminFacets | null = null

  override render() {
    const bar = (definitions: typeof rareFilters) => html`<dm-filters
      labelled
      .definitions=${definitions}
      .filters=${this.filters}
      .facets=${this.facets}
      @filter=${(event: CustomEvent<Filters>) => this.#announce(event.detail)}
    ></dm-filters>`
    return html`${bar(rareFilters)} ${bar(textFilters)} ${this.#renderTime('from', 'From')}
      ${this.#renderTime('to', 'To')} ${this.#renderMetadata()}`
  }

  #renderTime(name: 'from' | 'to', label: string) {
    return html`<label>
      <span>${label}</span>
      <input
        type="datetime-local"
        name=${name}
        .value=${toLocal(this.filters[name])}
        @change=${(event: Event) => this.#setTime(name, (event.target as HTMLInputElement).value)}
      />
    </label>`
  }

  #renderMetadata() {
    return html`<form class="wide" @submit=${this.#addMetadata}>
      <label><span>Metadata name</span><input name="name" maxlength="64" autocomplete="off" /></label>
      <label><span>Value</span><input name="value" maxlength="512" autocomplete="off" /></label>
      <button type="submit">Add</button>
    </form>`
  }

  #setTime(name: 'from' | 'to', local: string): void {
    const at = new Date(local)
    const value = Number.isNaN(at.getTime()) ? undefined : at.toISOString()
    this.#announce({ ...this.filters, range: undefined, [name]: value })
  }

  #addMetadata = (event: SubmitEvent): void => {
    event.preventDefault()
    const form = event.currentTarget as HTMLFormElement
    const data = new FormData(form)
    const name = String(data.get('name')).trim()
    if (name === '') {
      form.querySelector('input')!.focus()
      return
    }
    form.reset()
    this.#announce({ ...this.filters, [`metadata[${name}]`]: String(data.get('value')) })
  }

  #announce(detail: Filters): void {
    this.dispatchEvent(new CustomEvent<Filters>('filter', { detail }))
  }
}

/** How many of them are set. */
export function countMore(filters: Filters): number {
  const isOne = (name: string) =>
    rareNames.includes(name) || name === 'from' || name === 'to' || name.startsWith('metadata[')
  return countFilters(Object.fromEntries(Object.entries(filters).filter(([name]) => isOne(name))))
}

/** An instant as the browser's field takes it: the local clock to the minute. */
function toLocal(iso: string | undefined): string {
  const at = new Date(iso ?? '')
  if (Number.isNaN(at.getTime())) return ''
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}

customElements.define('dm-more-filters', MoreFilters)
