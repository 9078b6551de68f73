import { css, html, LitElement, nothing, type PropertyValues } from 'lit'
import type { AdminAdaptation, AdminBody, AdminMessage } from '../../server/http/admin/contract.ts'
import { looksLikeEventStream } from '../model/event-stream.ts'
import { formatBytes, formatPlural } from '../model/format.ts'
import { badgeStyles, baseStyles, cardStyles, controlStyles } from '../styles/shared.ts'
import './copy-button.ts'
import './event-list.ts'
import './json-compare.ts'
import './long-text.ts'

interface Side {
  label: string
  message: AdminMessage | null
}

/** A JSON value, or null when the text is none; deeper nesting than this is shown raw. */
type Parsed = { value: unknown } | null

const absences: Readonly<Record<NonNullable<AdminBody['absent']>, string>> = {
  expired: 'The body was removed with age.',
  not_kept: 'The body was not kept: the configuration keeps none.',
  dropped: 'The body was lost: more came than the store could take.',
}

const rawLimit = 200_000
const deepest = 200

/** Two messages side by side: JSON compared line by line, event streams as lists, and both raw on demand. */
export class MessagePair extends LitElement {
  static override properties = {
    heading: { type: String },
    left: { attribute: false },
    right: { attribute: false },
    adaptations: { attribute: false },
    absent: { attribute: false },
    raw: { state: true },
  }
  static override styles = [
    baseStyles,
    controlStyles,
    cardStyles,
    badgeStyles,
    css`
      :host {
        display: block;
        min-width: 0;
      }
      .card {
        overflow: clip;
      }
      .heads,
      .bodies {
        display: grid;
        grid-template-columns: minmax(0, 1fr) minmax(0, 1fr);
      }
      .head,
      .pane {
        min-width: 0;
      }
      .head {
        padding: 8px 12px 6px;
        border-block: 1px solid var(--line);
        background: var(--sunken);
      }
      .head + .head,
      .pane + .pane {
        border-left: 1px solid var(--line);
      }
      .title {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 2px 10px;
        min-height: 26px;
      }
      h3 {
        font-size: 13px;
        font-weight: 650;
      }
      dm-copy {
        margin-left: auto;
      }
      details {
        font-size: 12.5px;
      }
      summary {
        color: var(--text-soft);
        cursor: pointer;
      }
      dl {
        display: grid;
        grid-template-columns: minmax(6rem, auto) minmax(0, 1fr);
        gap: 1px 12px;
        padding: 6px 0;
        font-family: var(--mono);
        font-size: 12px;
      }
      dt {
        color: var(--text-soft);
      }
      dd {
        overflow-wrap: anywhere;
      }
      .pane pre {
        padding: 10px 14px;
        white-space: pre-wrap;
        overflow-wrap: anywhere;
      }
      .scroll {
        max-height: 70vh;
        overflow: auto;
        overscroll-behavior: auto;
      }
      .missing {
        padding: 14px;
        color: var(--text-soft);
      }
      .names {
        display: none;
      }
      @media (max-width: 820px) {
        .heads,
        .bodies {
          grid-template-columns: minmax(0, 1fr);
        }
        .head + .head,
        .pane + .pane {
          border-left: 0;
        }
        .pane + .pane {
          border-top: 1px solid var(--line);
        }
        .names.shown {
          display: block;
          padding: 6px 14px 0;
          font-weight: 650;
        }
      }
    `,
  ]
  heading = ''
  left: Side = { label: '', message: null }
  right: Side = { label: '', message: null }
  adaptations: AdminAdaptation[] = []
  /** Why there are no messages at all; null where they never were. */
  absent: AdminBody['absent'] = null
  raw = false
  #parsed: { left: Parsed; right: Parsed } = { left: null, right: null }

  override willUpdate(changed: PropertyValues) {
    if (changed.has('left')) this.#parsed.left = parseBody(this.left.message)
    if (changed.has('right')) this.#parsed.right = parseBody(this.right.message)
  }

  override render() {
    return html`<section class="card">
      <header>
        <h2>${this.heading}</h2>
        <div class="segments" role="group" aria-label="View">
          ${[false, true].map(
            (
              raw,
            ) => html`<button type="button" aria-pressed=${this.raw === raw} @click=${() => this.#show(raw)}>
              ${raw ? 'Raw' : 'Readable'}
            </button>`,
          )}
        </div>
      </header>
      <div class="heads">${this.#renderHead(this.left)} ${this.#renderHead(this.right)}</div>
      ${this.#renderBodies()}
    </section>`
  }

  #renderHead({ label, message }: Side) {
    const body = message?.body
    const headers = Object.entries(message?.headers ?? {})
    return html`<div class="head">
      <div class="title">
        <h3>${label}</h3>
        ${body ? html`<span class="faint number">${formatBytes(body.bytes)}</span>` : nothing}
        ${body?.truncated ? html`<span class="badge warn" title="Only the first part was kept">truncated</span>` : nothing}
        ${body?.text ? html`<dm-copy .text=${body.text}></dm-copy>` : nothing}
      </div>
      ${
        headers.length === 0
          ? nothing
          : html`<details>
              <summary>${formatPlural(headers.length, 'header')}</summary>
              <dl>${headers.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>
            </details>`
      }
    </div>`
  }

  #renderBodies() {
    const { left, right } = this.#parsed
    if (!this.raw && left && right) {
      return html`<dm-json-compare
        .left=${left.value}
        .right=${right.value}
        .adaptations=${this.adaptations}
      ></dm-json-compare>`
    }
    return html`<div class="bodies">
      ${this.#renderPane(this.left, left)} ${this.#renderPane(this.right, right)}
    </div>`
  }

  #renderPane({ label, message }: Side, parsed: Parsed) {
    return html`<div class="pane">
      <p class="names shown">${label}</p>
      <div class="scroll" tabindex="0" role="region" aria-label=${label}>${this.#renderBody(message, parsed)}</div>
    </div>`
  }

  #renderBody(message: AdminMessage | null, parsed: Parsed) {
    if (!message)
      return html`<p class="missing">${this.absent === null ? 'Nothing was recorded: it never came to this.' : absences[this.absent]}</p>`
    const { text, bytes, absent } = message.body
    if (text === null) {
      const words = absent === null ? 'The body was not kept.' : absences[absent]
      return html`<p class="missing">${bytes === 0 ? 'No body.' : words}</p>`
    }
    if (text === '') return html`<p class="missing">An empty body.</p>`
    if (!this.raw && isEventStream(message)) return html`<dm-events .text=${text}></dm-events>`
    const shown = this.raw || !parsed ? text : JSON.stringify(parsed.value, null, 2)
    return html`<pre><dm-long-text .text=${shown} .limit=${rawLimit}></dm-long-text></pre>`
  }

  #show(raw: boolean): void {
    this.raw = raw
  }
}

function isEventStream({ headers, body }: AdminMessage): boolean {
  const type = Object.entries(headers).find(([name]) => name.toLowerCase() === 'content-type')?.[1] ?? ''
  return type.includes('text/event-stream') || looksLikeEventStream(body.text ?? '')
}

function parseBody(message: AdminMessage | null): Parsed {
  const text = message?.body.text
  if (!text || message.body.truncated) return null
  try {
    const value: unknown = JSON.parse(text)
    return isTooDeep(value, deepest) ? null : { value }
  } catch {
    return null
  }
}

function isTooDeep(value: unknown, room: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return room === 0 || Object.values(value).some((member) => isTooDeep(member, room - 1))
}

customElements.define('dm-message-pair', MessagePair)
