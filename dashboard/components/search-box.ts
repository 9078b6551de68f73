import { css, html, LitElement } from 'lit'
import { baseStyles, controlStyles } from '../styles/shared.ts'

const examples = [
  ['refund invoice', 'both words, anywhere'],
  ['"late delivery"', 'these words one after the other'],
  ['deliver*', 'words that begin so'],
  ['-test', 'without this word'],
]

/** A search through what requests and answers say. Fires `search` with the words in `detail`, empty for none. */
export class SearchBox extends LitElement {
  static override properties = { value: { type: String } }
  static override styles = [
    baseStyles,
    controlStyles,
    css`
      :host {
        display: block;
        flex: 1 0 100%;
        min-width: 0;
      }
      form {
        display: flex;
        gap: 6px;
      }
      label {
        flex: 1;
        min-width: 0;
      }
      input {
        width: 100%;
      }
      details {
        position: relative;
      }
      summary {
        display: grid;
        place-items: center;
        width: 32px;
        height: 32px;
        border: 1px solid var(--line-strong);
        border-radius: var(--radius-small);
        background: var(--surface);
        color: var(--text-soft);
        cursor: pointer;
        list-style: none;
      }
      summary::-webkit-details-marker {
        display: none;
      }
      .help {
        position: absolute;
        right: 0;
        top: 38px;
        z-index: 15;
        width: min(24rem, calc(100vw - 32px));
        padding: 12px 14px;
        border: 1px solid var(--line);
        border-radius: var(--radius);
        background: var(--raised);
        box-shadow: var(--shadow-high);
      }
      dl {
        display: grid;
        grid-template-columns: auto 1fr;
        gap: 3px 14px;
        margin: 8px 0;
      }
      dd {
        color: var(--text-soft);
      }
    `,
  ]
  value = ''

  override render() {
    return html`<form role="search" @submit=${this.#search}>
      <label>
        <span class="visually-hidden">Search what requests and answers say</span>
        <input
          type="search"
          name="q"
          maxlength="512"
          placeholder="Search what requests and answers say"
          autocomplete="off"
          .value=${this.value}
          @search=${this.#search}
        />
      </label>
      <button type="submit">Search</button>
      <details @keydown=${closeOnEscape} @focusout=${closeOnLeave}>
        <summary aria-label="How to search" title="How to search">?</summary>
        <div class="help" tabindex="-1">
          <p>Through input, instructions, output and error messages, as far as bodies are kept:</p>
          <dl>
            ${examples.map(([query, words]) => html`<dt><code>${query}</code></dt><dd>${words}</dd>`)}
          </dl>
          <p class="soft">Newest first. Filters narrow it further.</p>
        </div>
      </details>
    </form>`
  }

  #search = (event: Event): void => {
    event.preventDefault()
    const detail = this.renderRoot.querySelector('input')!.value.trim()
    // The browser's own `search` event comes beside the form's.
    if (detail !== this.value) this.dispatchEvent(new CustomEvent<string>('search', { detail }))
  }
}

function closeOnEscape(event: KeyboardEvent): void {
  if (event.key === 'Escape') (event.currentTarget as HTMLDetailsElement).open = false
}

function closeOnLeave(event: FocusEvent): void {
  const details = event.currentTarget as HTMLDetailsElement
  if (!details.contains(event.relatedTarget as Node | null)) details.open = false
}

customElements.define('dm-search', SearchBox)
