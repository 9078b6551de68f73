import { css, html, LitElement, nothing, type PropertyValues } from 'lit'
import { type EventGroup, groupEvents, parseEventStream } from '../model/event-stream.ts'
import { formatPlural } from '../model/format.ts'
import { baseStyles, controlStyles } from '../styles/shared.ts'
import './long-text.ts'

const pageSize = 300

/** The events of a recorded stream; deltas of one text are one line that opens to its parts. */
export class EventList extends LitElement {
  static override properties = {
    text: { attribute: false },
    shown: { state: true },
    open: { state: true },
  }
  static override styles = [
    baseStyles,
    controlStyles,
    css`
      :host {
        display: block;
      }
      ol {
        margin: 0;
        padding: 0;
        list-style: none;
      }
      li + li {
        border-top: 1px solid var(--line);
      }
      li > button {
        display: grid;
        grid-template-columns: 3.2em minmax(0, 1fr);
        justify-content: start;
        align-items: baseline;
        width: 100%;
        height: auto;
        padding: 5px 12px;
        border: 0;
        border-radius: 0;
        background: transparent;
        text-align: left;
        white-space: normal;
      }
      li > button:hover {
        background: var(--sunken);
      }
      .position {
        color: var(--text-faint);
        font-size: 12px;
        text-align: right;
        padding-right: 6px;
      }
      .name {
        font-family: var(--mono);
        font-size: 12.5px;
        overflow-wrap: anywhere;
      }
      .name.error {
        color: var(--bad);
        font-weight: 650;
      }
      .name.terminal {
        font-weight: 650;
      }
      .times {
        color: var(--accent);
        font-size: 12px;
        font-weight: 600;
      }
      .summary {
        display: -webkit-box;
        overflow: hidden;
        -webkit-box-orient: vertical;
        -webkit-line-clamp: 3;
        color: var(--text-soft);
        font-size: 12.5px;
        white-space: pre-wrap;
        overflow-wrap: anywhere;
      }
      .parts {
        padding: 6px 12px 10px calc(12px + 3.2em);
        background: var(--sunken);
      }
      .parts pre + pre {
        margin-top: 6px;
        padding-top: 6px;
        border-top: 1px dashed var(--line-strong);
      }
      pre {
        white-space: pre-wrap;
        overflow-wrap: anywhere;
      }
      .more {
        padding: 10px;
        text-align: center;
      }
      .none {
        padding: 14px;
      }
    `,
  ]
  text = ''
  shown = pageSize
  open: ReadonlySet<number> = new Set()
  #groups: EventGroup[] = []

  override willUpdate(changed: PropertyValues) {
    if (!changed.has('text')) return
    this.#groups = groupEvents(parseEventStream(this.text))
    this.shown = pageSize
    this.open = new Set()
  }

  override render() {
    const rest = this.#groups.length - this.shown
    if (this.#groups.length === 0) return html`<p class="none soft">No events.</p>`
    return html`<ol>
        ${this.#groups.slice(0, this.shown).map((group) => this.#renderGroup(group))}
      </ol>
      ${
        rest > 0
          ? html`<div class="more">
              <button class="small" type="button" @click=${this.#showMore}>${formatPlural(rest, 'more line')}</button>
            </div>`
          : nothing
      }`
  }

  #renderGroup(group: EventGroup) {
    const open = this.open.has(group.position)
    return html`<li>
      <button type="button" aria-expanded=${open} @click=${() => this.#toggle(group.position)}>
        <span class="position number">${group.position}</span>
        <span>
          <span class="name ${rateName(group.name)}">${group.name}</span>
          ${group.events.length > 1 ? html`<span class="times">× ${group.events.length}</span>` : nothing}
          ${group.summary === '' ? nothing : html`<span class="summary">${group.summary.slice(0, 2000)}</span>`}
        </span>
      </button>
      ${open ? this.#renderParts(group) : nothing}
    </li>`
  }

  #renderParts({ events }: EventGroup) {
    return html`<div class="parts">
      ${events
        .slice(0, pageSize)
        .map(
          ({ json, data }) =>
            html`<pre><dm-long-text .text=${json === undefined ? data : JSON.stringify(json, null, 2)}></dm-long-text></pre>`,
        )}
      ${events.length > pageSize ? html`<p class="soft">${formatPlural(events.length - pageSize, 'more')}: see the raw body.</p>` : nothing}
    </div>`
  }

  #toggle(position: number): void {
    const open = new Set(this.open)
    if (!open.delete(position)) open.add(position)
    this.open = open
  }

  #showMore = (): void => {
    this.shown += pageSize * 4
  }
}

function rateName(name: string): string {
  if (name === 'error' || name.endsWith('.failed')) return 'error'
  return /^response\.(completed|incomplete|created)$/.test(name) ? 'terminal' : ''
}

customElements.define('dm-events', EventList)
