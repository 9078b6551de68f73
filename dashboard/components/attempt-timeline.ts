import { css, html, LitElement, nothing, svg } from 'lit'
import type { AdminAttempt } from '../../server/http/admin/contract.ts'
import { formatDuration } from '../model/format.ts'
import { badgeStyles, baseStyles } from '../styles/shared.ts'

/** Calls made to providers, each as a bar over the request's time. Fires `choose` with the index in `detail`. */
export class AttemptTimeline extends LitElement {
  static override properties = {
    attempts: { attribute: false },
    totalMs: { attribute: false },
    chosen: { attribute: false },
  }
  static override styles = [
    baseStyles,
    badgeStyles,
    css`
      ol {
        display: grid;
        gap: 4px;
        margin: 0;
        padding: 0;
        list-style: none;
      }
      button {
        display: grid;
        grid-template-columns: minmax(12rem, 22rem) 1fr 6rem;
        align-items: center;
        gap: 4px 16px;
        width: 100%;
        padding: 8px 10px;
        border: 1px solid transparent;
        border-radius: var(--radius-small);
        background: transparent;
        color: inherit;
        font: inherit;
        text-align: left;
        cursor: pointer;
      }
      button:hover {
        background: var(--sunken);
      }
      button[aria-pressed='true'] {
        border-color: var(--line-strong);
        background: var(--sunken);
      }
      .name {
        display: flex;
        align-items: center;
        gap: 8px;
        min-width: 0;
      }
      .name b {
        flex-shrink: 0;
        max-width: 60%;
      }
      .name b,
      .model {
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      .model {
        color: var(--text-soft);
        font-size: 12.5px;
      }
      svg {
        width: 100%;
        height: 18px;
      }
      .track {
        fill: var(--line);
      }
      .wait {
        fill: var(--series-3);
      }
      .think {
        fill: var(--series-2);
      }
      .flow {
        fill: var(--series-1);
      }
      .failed {
        fill: var(--series-bad);
      }
      .sum {
        text-align: right;
        white-space: nowrap;
      }
      .error {
        grid-column: 1 / -1;
        color: var(--bad);
        font-size: 12.5px;
        overflow-wrap: anywhere;
      }
      .key {
        display: flex;
        flex-wrap: wrap;
        gap: 2px 16px;
        margin-top: 8px;
        padding: 0 10px;
        color: var(--text-soft);
        font-size: 12.5px;
      }
      .key span {
        display: flex;
        align-items: center;
        gap: 6px;
      }
      .key svg {
        width: 9px;
        height: 9px;
      }
      @media (max-width: 820px) {
        button {
          grid-template-columns: 1fr auto;
        }
        button > svg {
          grid-area: 2 / 1 / 3 / -1;
        }
      }
    `,
  ]
  attempts: AdminAttempt[] = []
  totalMs: number | null = null
  /** Position in `attempts`. */
  chosen = 0

  override render() {
    const ends = this.attempts.map(({ started_ms, duration_ms }) => started_ms + (duration_ms ?? 0))
    const total = Math.max(this.totalMs ?? 0, ...ends, 1)
    return html`<ol>
        ${this.attempts.map((attempt, position) => this.#renderAttempt(attempt, position, total))}
      </ol>
      <div class="key" aria-hidden="true">
        ${[
          ['wait', 'until the head'],
          ['think', 'until the first token'],
          ['flow', 'until the end'],
          ['failed', 'failed'],
        ].map(
          ([tone, label]) =>
            html`<span><svg><rect class=${tone} width="9" height="9" rx="2"></rect></svg>${label}</span>`,
        )}
      </div>`
  }

  #renderAttempt(attempt: AdminAttempt, position: number, total: number) {
    const { error } = attempt
    const choose = () => this.dispatchEvent(new CustomEvent<number>('choose', { detail: position }))
    return html`<li>
      <button type="button" aria-pressed=${position === this.chosen} @click=${choose}>
        <span class="name">
          <b>${attempt.provider}</b>
          <span class="badge ${error ? 'bad' : 'good'}">${attempt.http_status ?? 'no answer'}</span>
          <span class="model" title=${attempt.upstream_model}>${attempt.upstream_model}</span>
        </span>
        ${this.#renderBar(attempt, total)}
        <span class="sum number">${formatDuration(attempt.duration_ms)}</span>
        ${error ? html`<span class="error">${error.code}: ${error.message}</span>` : nothing}
      </button>
    </li>`
  }

  #renderBar(attempt: AdminAttempt, total: number) {
    const { started_ms: start, duration_ms: duration, ttfb_ms: head, ttft_ms: first, error } = attempt
    const share = (ms: number) => `${(Math.max(0, ms) / total) * 100}%`
    const end = duration ?? Math.max(head ?? 0, first ?? 0)
    const marks = [0, head ?? end, first ?? head ?? end, end]
    const tones = error ? ['failed', 'failed', 'failed'] : ['wait', 'think', 'flow']
    const words = `starts at ${formatDuration(start)}, head after ${formatDuration(head)}, first token after ${formatDuration(first)}, ends after ${formatDuration(duration)}`
    return html`<svg role="img" aria-label=${words}>
      <title>${words}</title>
      <rect class="track" y="8" width="100%" height="2" rx="1"></rect>
      ${tones.map((tone, index) => {
        const from = marks[index]!
        const length = Math.min(marks[index + 1]!, end) - from
        if (length <= 0) return nothing
        return svg`<rect class=${tone} x=${share(start + from)} y="3" width=${share(length)} height="12"></rect>`
      })}
    </svg>`
  }
}

customElements.define('dm-attempts', AttemptTimeline)
