import { css, html, LitElement, nothing } from 'lit'
import { formatCount } from '../model/format.ts'
import { baseStyles, controlStyles } from '../styles/shared.ts'

const limit = 3000

/** Text whose end is behind a button when it is very long: an image in a data URL, a book in a prompt. */
export class LongText extends LitElement {
  static override properties = {
    text: { attribute: false },
    limit: { attribute: false },
    whole: { state: true },
  }
  static override styles = [
    baseStyles,
    controlStyles,
    css`
      button.small {
        height: 20px;
        padding: 0 6px;
        font: 12px var(--sans);
      }
    `,
  ]
  text = ''
  limit = limit
  whole = false

  override render() {
    if (this.whole || this.text.length <= this.limit) return html`<span>${this.text}</span>`
    const rest = this.text.length - this.limit
    return html`${this.text.slice(0, this.limit)}…
      <button class="small" type="button" @click=${this.#showWhole}>${formatCount(rest)} more characters</button>${nothing}`
  }

  #showWhole = (): void => {
    this.whole = true
  }
}

customElements.define('dm-long-text', LongText)
