import { css, html, LitElement, nothing } from 'lit'
import { baseStyles, cardStyles } from '../styles/shared.ts'

/** One number with its name, and a line on its parts in the slot. */
export class StatTile extends LitElement {
  static override properties = {
    label: { type: String },
    value: { type: String },
    tone: { type: String },
    href: { type: String },
  }
  static override styles = [
    baseStyles,
    cardStyles,
    css`
      :host {
        display: grid;
      }
      .card {
        position: relative;
        padding: 14px 16px;
      }
      .label {
        color: var(--text-soft);
        font-size: 12.5px;
        font-weight: 550;
      }
      .value {
        margin: 2px 0;
        font-size: 26px;
        font-weight: 650;
        line-height: 1.25;
        letter-spacing: -0.02em;
        font-variant-numeric: tabular-nums;
        white-space: nowrap;
      }
      .value.warn {
        color: var(--warn);
      }
      .value.bad {
        color: var(--bad);
      }
      .value.unknown {
        color: var(--text-faint);
        font-weight: 450;
      }
      .detail {
        color: var(--text-soft);
        font-size: 12.5px;
      }
      ::slotted(a) {
        position: relative;
        z-index: 1;
        color: inherit;
      }
      a {
        color: inherit;
        text-decoration: none;
      }
      a::after {
        content: '';
        position: absolute;
        inset: 0;
        border-radius: var(--radius);
      }
      .card:has(a):hover {
        border-color: var(--line-strong);
      }
      @media (max-width: 640px) {
        .card {
          padding: 11px 12px;
        }
        .value {
          font-size: 21px;
        }
      }
    `,
  ]
  label = ''
  value = ''
  tone = ''
  href = ''

  override render() {
    const tone = this.value === 'unknown' ? 'unknown' : this.tone
    return html`<div class="card" role="group" aria-label=${this.label}>
      <div class="label">
        ${this.href === '' ? this.label : html`<a href=${this.href} data-route>${this.label}</a>`}
      </div>
      <div class="value ${tone}">${this.value === '' ? nothing : this.value}</div>
      <div class="detail number"><slot></slot></div>
    </div>`
  }
}

customElements.define('dm-stat', StatTile)
