import { css, html, LitElement, nothing, type PropertyValues } from 'lit'
import type { AdminRequestList, AdminRequestRow, AdminSession } from '../../server/http/admin/contract.ts'
import { fetchRequests, fetchSession } from '../api/admin.ts'
import { OlderPages } from '../controllers/older-pages.ts'
import { Poll } from '../controllers/poll.ts'
import { formatCompact, formatCount, formatDuration, formatPlural, formatSpan } from '../model/format.ts'
import { linkWith } from '../model/location.ts'
import { describeSessionCost } from '../model/sessions.ts'
import { baseStyles, cardStyles, controlStyles } from '../styles/shared.ts'
import { requestPageStyles } from './request-styles.ts'
import '../components/copy-button.ts'
import '../components/notices.ts'
import '../components/request-table.ts'
import '../components/stat-tile.ts'
import '../components/status-badge.ts'

const refreshMilliseconds = 5000
const pageSize = 100

interface Answer {
  session: AdminSession
  list: AdminRequestList
}

/** One session: what it came to, and its requests from the first to the last. */
export class SessionPage extends LitElement {
  static override properties = { sessionId: { attribute: false }, query: { attribute: false } }
  static override styles = [
    baseStyles,
    controlStyles,
    cardStyles,
    requestPageStyles,
    css`
      .totals {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(150px, 1fr));
        gap: 12px;
      }
      .card {
        overflow: clip;
      }
      .more {
        display: flex;
        justify-content: center;
        padding: 14px;
        border-bottom: 1px solid var(--line);
      }
    `,
  ]
  sessionId = ''
  query = new URLSearchParams()
  #asked = ''
  #poll: Poll<Answer | null> = new Poll<Answer | null>(this, {
    load: async (signal) => {
      if (this.sessionId === '') return null
      const [session, list] = await Promise.all([
        fetchSession(this.sessionId, this.#project, signal),
        fetchRequests(this.#ask(), signal),
      ])
      return { session, list }
    },
    interval: (): number | null => (this.#earlier.rows.length > 0 ? null : refreshMilliseconds),
  })
  #earlier = new OlderPages<AdminRequestRow>(this, (before) => fetchRequests({ ...this.#ask(), before }))

  get #project(): string | undefined {
    return this.query.get('project') ?? undefined
  }

  #ask() {
    return { session: this.sessionId, project: this.#project, limit: pageSize }
  }

  override willUpdate(changed: PropertyValues) {
    if (!changed.has('sessionId') && !changed.has('query')) return
    const asked = JSON.stringify([this.sessionId, this.#project])
    if (asked === this.#asked) return
    this.#asked = asked
    this.#earlier.reset()
    this.#poll.restart()
  }

  override render() {
    const { data, error } = this.#poll
    return html`<a class="back" href="/sessions" data-route><span aria-hidden="true">←</span> All sessions</a>
      ${error ? this.#renderFailure() : nothing}
      ${data ? this.#renderSession(data) : error ? nothing : html`<p class="card loading soft" role="status">Loading…</p>`}`
  }

  #renderFailure() {
    if (this.#poll.error?.status === 404) {
      return html`<div class="card">
        <dm-empty heading="There is no such session">
          No request belongs to <code>${this.sessionId}</code>. They may have been removed with age.
        </dm-empty>
      </div>`
    }
    return html`<dm-failure .error=${this.#poll.error} @retry=${() => this.#poll.refresh()}></dm-failure>`
  }

  #renderSession({ session, list }: Answer) {
    return html`<div class="head">
        <h1>Session</h1>
        <dm-status status=${session.last_status}></dm-status>
        <span class="id"><code>${session.id}</code><dm-copy label="Copy id" .text=${session.id}></dm-copy></span>
      </div>
      ${renderTotals(session)} ${this.#renderRequests(list)}`
  }

  #renderRequests(list: AdminRequestList) {
    const ids = new Set(list.data.map(({ id }) => id))
    const rows = [...list.data, ...this.#earlier.rows.filter(({ id }) => !ids.has(id))].reverse()
    const { error, loading } = this.#earlier
    return html`<section class="card">
      <header>
        <h2>Requests in order</h2>
        <a
          href=${linkWith('/requests', { session: this.sessionId, project: this.#project })}
          data-route
          >As a filtered list</a
        >
      </header>
      ${error ? html`<div class="more"><dm-failure .error=${error} @retry=${() => this.#earlier.load(list)}></dm-failure></div>` : nothing}
      ${
        error === null && this.#earlier.hasMore(list)
          ? html`<div class="more">
              <button type="button" ?disabled=${loading} @click=${() => this.#earlier.load(list)}>
                ${loading ? 'Loading…' : 'Earlier requests'}
              </button>
            </div>`
          : nothing
      }
      <dm-request-table order="in order" one-session .rows=${rows}></dm-request-table>
    </section>`
  }
}

function renderTotals(session: AdminSession) {
  const { started_at: start, last_at: last, unpriced, errors, estimated_tokens: estimated } = session
  const cost = describeSessionCost(session)
  return html`<div class="totals">
    <dm-stat label="Requests" value=${formatCount(session.requests)}>
      ${errors === 0 ? 'without error' : formatPlural(errors, 'error')}
    </dm-stat>
    <dm-stat label="Cost" value=${cost.value} title=${cost.title}>
      ${unpriced === 0 ? 'every request has a price' : `${formatPlural(unpriced, 'request')} without a price`}
    </dm-stat>
    <dm-stat label="Tokens" value=${formatCompact(session.total_tokens)}>
      ${formatCompact(session.input_tokens)} in · ${formatCompact(session.output_tokens)} out
      ${estimated === 0 ? nothing : html`<br />and ${formatCompact(estimated)} estimated`}
    </dm-stat>
    <dm-stat label="From first to last" value=${formatDuration(Date.parse(last) - Date.parse(start))}>
      ${formatSpan(start, last)}
    </dm-stat>
    <dm-stat label="Project" value=${session.project ?? 'none'}>${session.models.join(', ')}</dm-stat>
  </div>`
}

customElements.define('dm-session-page', SessionPage)
