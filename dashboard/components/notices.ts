import { css, html, LitElement, nothing } from 'lit'
import type { ApiError } from '../api/client.ts'
import { baseStyles, controlStyles } from '../styles/shared.ts'
import './copy-button.ts'

/** A call of the API that failed, with a way to try again (`retry` event). */
export class FailureNotice extends LitElement {
  static override properties = { error: { attribute: false } }
  static override styles = [
    baseStyles,
    controlStyles,
    css`
      .notice {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 8px 16px;
        padding: 10px 12px 10px 16px;
        border: 1px solid color-mix(in srgb, var(--bad) 35%, transparent);
        border-radius: var(--radius);
        background: var(--bad-soft);
      }
      p {
        flex: 1 1 16rem;
        overflow-wrap: anywhere;
      }
      strong {
        color: var(--bad);
      }
    `,
  ]
  error: ApiError | null = null

  override render() {
    if (!this.error) return nothing
    const { status, message } = this.error
    return html`<div class="notice" role="alert">
      <p><strong>${status === 0 ? 'No answer.' : `Error ${status}.`}</strong> ${message}</p>
      <button type="button" @click=${() => this.dispatchEvent(new Event('retry'))}>Try again</button>
    </div>`
  }
}

/** Nothing to show, and what to do about it. */
export class EmptyState extends LitElement {
  static override properties = { heading: { type: String }, command: { attribute: false } }
  static override styles = [
    baseStyles,
    css`
      .empty {
        display: grid;
        justify-items: center;
        gap: 10px;
        padding: 40px 20px;
        text-align: center;
        color: var(--text-soft);
      }
      h2 {
        font-size: 16px;
        color: var(--text);
      }
      .command {
        position: relative;
        max-width: 100%;
        margin-top: 6px;
        border: 1px solid var(--line);
        border-radius: var(--radius-small);
        background: var(--sunken);
        color: var(--text);
        text-align: left;
      }
      pre {
        padding: 12px 84px 12px 14px;
        overflow-x: auto;
      }
      dm-copy {
        position: absolute;
        top: 6px;
        right: 6px;
      }
    `,
  ]
  heading = ''
  command: string | null = null

  override render() {
    return html`<div class="empty">
      <h2>${this.heading}</h2>
      <p><slot></slot></p>
      ${
        this.command === null
          ? nothing
          : html`<div class="command">
              <pre tabindex="0">${this.command}</pre>
              <dm-copy .text=${this.command}></dm-copy>
            </div>`
      }
    </div>`
  }
}

customElements.define('dm-failure', FailureNotice)
customElements.define('dm-empty', EmptyState)
