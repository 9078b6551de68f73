import { css, html, LitElement, nothing } from 'lit'
import type { AdminSession } from '../../server/http/admin/contract.ts'
import { formatCompact, formatDuration, formatInstant, formatPlural, formatTime } from '../model/format.ts'
import { linkSession } from '../model/location.ts'
import { describeSessionCost } from '../model/sessions.ts'
import { badgeStyles, baseStyles } from '../styles/shared.ts'
import { entryRowStyles, linkedRowStyles, tableStyles } from '../styles/tables.ts'
import './status-badge.ts'

/** Rows of sessions, the last used first. The whole row leads to the session. */
export class SessionTable extends LitElement {
  static override properties = { sessions: { attribute: false } }
  static override styles = [
    baseStyles,
    badgeStyles,
    tableStyles,
    linkedRowStyles,
    css`
      :host {
        overflow-x: auto;
      }
      .lead {
        width: 38%;
      }
      .bad {
        color: var(--bad);
      }
      @media (max-width: 1020px) {
        .project,
        .length {
          display: none;
        }
      }
      @media (max-width: 760px) {
        ${entryRowStyles}
        .last {
          grid-area: 2 / 1;
          color: var(--text-soft);
          font-size: 12.5px;
        }
        td.count {
          grid-area: 3 / 1;
          color: var(--text-soft);
          font-size: 12.5px;
        }
        td.cost {
          grid-area: 2 / 2;
          justify-self: end;
        }
        td.tokens {
          display: none;
        }
      }
    `,
  ]
  sessions: AdminSession[] = []

  override render() {
    const now = new Date()
    return html`<table role="table" aria-label="Sessions, the last used first">
      <thead role="rowgroup">
        <tr role="row">
          <th role="columnheader">Last used</th>
          <th role="columnheader">Status</th>
          <th role="columnheader">Session</th>
          <th role="columnheader" class="project">Project</th>
          <th role="columnheader" class="right">Requests</th>
          <th role="columnheader" class="right">Tokens</th>
          <th role="columnheader" class="right">Cost</th>
          <th role="columnheader" class="right length">Over</th>
        </tr>
      </thead>
      <tbody role="rowgroup">
        ${this.sessions.map((session) => renderSession(session, now))}
      </tbody>
    </table>`
  }
}

function renderSession(session: AdminSession, now: Date) {
  const { id, project, requests, errors, estimated_tokens: estimated } = session
  const cost = describeSessionCost(session)
  return html`<tr role="row">
    <td role="cell" class="last number nowrap" title=${formatInstant(session.last_at)}>
      ${formatTime(session.last_at, now)}
    </td>
    <td role="cell" class="status nowrap"><dm-status status=${session.last_status}></dm-status></td>
    <td role="cell" class="lead">
      <a href=${linkSession(id, project)} data-route title=${id}>${id}</a>
      <span class="under" title=${session.models.join(', ')}>${session.models.join(', ')}</span>
    </td>
    <td role="cell" class="project">${project ?? html`<span class="faint">none</span>`}</td>
    <td role="cell" class="right number nowrap count">
      ${formatPlural(requests, 'request')}${errors > 0 ? html`, <span class="bad">${formatPlural(errors, 'error')}</span>` : nothing}
    </td>
    <td
      role="cell"
      class="right number nowrap tokens"
      title=${estimated > 0 ? `and ${formatCompact(estimated)} estimated by the gateway` : nothing}
    >
      ${formatCompact(session.total_tokens)}${estimated > 0 ? ' + est.' : nothing}
    </td>
    <td role="cell" class="right number nowrap cost" title=${cost.title}>
      <span class=${cost.value === 'unknown' ? 'faint' : ''}>${cost.value}</span>
    </td>
    <td role="cell" class="right number nowrap length">
      ${formatDuration(Date.parse(session.last_at) - Date.parse(session.started_at))}
    </td>
  </tr>`
}

customElements.define('dm-session-table', SessionTable)
