import { html, LitElement, nothing, type TemplateResult } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import type { AdminRequestRow } from '../../server/http/admin/contract.ts'
import { formatCount, formatDuration, formatInstant, formatPlural, formatTime } from '../model/format.ts'
import { linkRequest, linkSession } from '../model/location.ts'
import { describeUnknownCost, formatExact, formatMoney } from '../model/money.ts'
import { groupAdaptations, isReplayed, isRunning } from '../model/state.ts'
import { badgeStyles, baseStyles } from '../styles/shared.ts'
import { linkedRowStyles, tableStyles } from '../styles/tables.ts'
import { requestTableStyles } from './request-table-styles.ts'
import './status-badge.ts'

/** Rows of requests in the order given. The whole row leads to the request. */
export class RequestTable extends LitElement {
  static override properties = {
    rows: { attribute: false },
    arrived: { attribute: false },
    order: { type: String },
    oneSession: { type: Boolean, reflect: true, attribute: 'one-session' },
  }
  static override styles = [baseStyles, badgeStyles, tableStyles, linkedRowStyles, requestTableStyles]
  rows: AdminRequestRow[] = []
  /** Ids of rows to mark as new. */
  arrived: ReadonlySet<string> = new Set()
  /** Of the rows, for those who hear it. */
  order = 'newest first'
  /** Whether all are of one session, which then needs no column. */
  oneSession = false

  override render() {
    const now = new Date()
    return html`<table role="table" aria-label=${`Requests, ${this.order}`}>
      <thead role="rowgroup">
        <tr role="row">
          <th role="columnheader">Time</th>
          <th role="columnheader">Status</th>
          <th role="columnheader">Model <span class="arrow">→</span> provider</th>
          <th role="columnheader" class="right">Tokens in</th>
          <th role="columnheader" class="right">Out</th>
          <th role="columnheader" class="right">Cost</th>
          <th role="columnheader" class="right">Latency</th>
          <th role="columnheader" class="right first">First token</th>
          <th role="columnheader" class="right overhead">Overhead</th>
          <th role="columnheader" class="session">Session</th>
          <th role="columnheader">Notes</th>
        </tr>
      </thead>
      <tbody role="rowgroup">
        ${repeat(
          this.rows,
          (row) => row.id,
          (row) => this.#renderRow(row, now),
        )}
      </tbody>
    </table>`
  }

  #renderRow(row: AdminRequestRow, now: Date) {
    return html`<tr role="row" class=${this.arrived.has(row.id) ? 'arrived' : ''}>
      <td role="cell" class="time number nowrap" title=${formatInstant(row.created_at)}>
        ${formatTime(row.created_at, now)}
      </td>
      <td role="cell" class="status nowrap"><dm-status status=${row.status}></dm-status></td>
      <td role="cell" class="lead">
        <a href=${linkRequest(row.id)} data-route>${row.model ?? 'no model named'}</a>
        <span class="under">${describeRoute(row)}</span>
      </td>
      ${renderNumber('in', row.input_tokens, formatCount, describeInput(row))}
      ${renderNumber('out', row.output_tokens, formatCount, describeOutput(row))}
      ${renderCost(row)}
      ${renderNumber('latency', row.latency_ms, formatDuration)}
      ${renderNumber('first', row.ttft_ms, formatDuration)}
      ${renderNumber('overhead', row.overhead_ms, formatDuration)}
      <td role="cell" class="session">${renderSession(row)}</td>
      <td role="cell" class="notes">${renderNotes(row)}</td>
    </tr>`
  }
}

function describeRoute(row: AdminRequestRow): string {
  if (row.provider === null && isReplayed(row)) return 'answered before'
  if (row.provider === null) return isRunning(row) ? 'at no provider yet' : 'reached no provider'
  const renamed = row.upstream_model !== null && row.upstream_model !== row.model
  return renamed ? `${row.provider} · ${row.upstream_model}` : row.provider
}

/** A number, or a dash that is read out as "unknown". */
function renderNumber(
  name: string,
  value: number | null,
  format: (value: number) => string,
  title: string | null = null,
): TemplateResult {
  return html`<td role="cell" class="right number nowrap ${name}" title=${title ?? nothing}>
    ${
      value === null
        ? html`<span class="faint" title="unknown"><span aria-hidden="true">–</span
            ><span class="visually-hidden">unknown</span></span>`
        : format(value)
    }
  </td>`
}

/** Never $0 for what is not known. */
function renderCost(row: AdminRequestRow) {
  const { cost_usd: cost, cost_reason: reason } = row
  if (cost !== null) {
    return html`<td role="cell" class="right number nowrap cost" title=${formatExact(cost)}>${formatMoney(cost)}</td>`
  }
  const why = describeUnknownCost({ reason, isRunning: isRunning(row) })
  return html`<td role="cell" class="right nowrap cost" title=${why}>
    <span class="faint">${isRunning(row) ? '–' : 'unknown'}<span class="visually-hidden">: ${why}</span></span>
  </td>`
}

function renderSession({ session_id: id, project }: AdminRequestRow) {
  if (id === null) return nothing
  return html`<a class="mono" href=${linkSession(id, project)} data-route title=${id}>${shorten(id)}</a>`
}

/** The end of an id is what tells it from others. */
function shorten(id: string): string {
  return id.length <= 12 ? id : `…${id.slice(-8)}`
}

function describeInput(row: AdminRequestRow): string | null {
  if (row.input_tokens === null) return null
  const source = row.usage_source === 'estimated' ? ', estimated by the gateway' : ''
  return `cached: ${formatCount(row.cached_tokens)}${source}`
}

function describeOutput(row: AdminRequestRow): string | null {
  if (row.output_tokens === null) return null
  const source = row.usage_source === 'estimated' ? ', estimated by the gateway' : ''
  return `reasoning: ${formatCount(row.reasoning_tokens)}${source}`
}

function renderNotes(row: AdminRequestRow) {
  const { state, changes } = groupAdaptations(row.adaptations)
  const isContinued = state.some(({ field }) => field === 'previous_response_id' || field === 'conversation')
  return html`<span class="tags">
    ${row.error ? html`<span class="badge bad" title=${row.error.message}>${row.error.code}</span>` : nothing}
    ${renderTag(operationWords[row.operation], 'Not a response: another operation on its input')}
    ${renderTag(row.stream && 'stream', 'The client asked for a stream')}
    ${renderTag(row.background && 'background', 'It runs without its client')}
    ${renderTag(isContinued && 'continued', 'It goes on from an earlier response or a conversation')}
    ${renderTag(isReplayed(row) && 'replayed', 'The answer of an earlier call with the same idempotency key')}
    ${row.attempts > 1 ? html`<span class="badge warn">${row.attempts} attempts</span>` : nothing}
    ${renderTag(
      changes.length > 0 && formatPlural(changes.length, 'change'),
      changes.map(({ action, field }) => `${action} ${field}`).join('\n'),
    )}
    ${renderTag(row.usage_source === 'estimated' && 'est.', 'Tokens counted by the gateway')}
  </span>`
}

/** What a row is when it is no response. */
const operationWords: Readonly<Record<string, string>> = {
  'responses.compact': 'compaction',
  'responses.input_tokens': 'token count',
}

function renderTag(words: string | false | undefined, title: string) {
  return words ? html`<span class="badge" title=${title}>${words}</span>` : nothing
}

customElements.define('dm-request-table', RequestTable)
