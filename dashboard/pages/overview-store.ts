/** The store, in the overview: what is wrong with it first, then how large it is and how far it goes back. */
import { html, nothing, type TemplateResult } from 'lit'
import type { AdminStatus } from '../../server/http/admin/contract.ts'
import { formatBytes, formatDayTime, formatPlural, formatShare } from '../model/format.ts'

/** What somebody should know or do. */
export function renderStoreNotes({ store, log_rows_dropped: lost }: AdminStatus) {
  const notes: (TemplateResult | null)[] = [
    store.problem === null
      ? null
      : html`<strong>The store cannot be written.</strong> Requests are answered meanwhile;
          ${formatPlural(store.rows_queued, 'row')} of the log ${store.rows_queued === 1 ? 'waits' : 'wait'}.
          ${store.problem}`,
    store.warning === null ? null : html`<strong>The store is too large.</strong> ${store.warning}`,
    lost === 0
      ? null
      : html`<strong>${formatPlural(lost, 'log row')} lost</strong> since the start: the store could not keep up, and
          the numbers here are too low by as many.`,
    store.bodies_dropped === 0
      ? null
      : html`<strong>${formatPlural(store.bodies_dropped, 'request')} kept without the bodies</strong> since the start:
          the store could not keep up. The numbers are right.`,
  ]
  return notes.map((note) => (note === null ? nothing : html`<p class="note warn">${note}</p>`))
}

/** One line. */
export function renderStoreLine({ store }: AdminStatus) {
  const { used_bytes: used, limit_bytes: limit } = store
  const since = (what: string, at: string | null) =>
    at === null ? [] : [`${what} since ${formatDayTime(at)}`]
  const parts = [
    ...(used === null ? ['not measured yet'] : [formatSize(used, limit)]),
    ...since('requests', store.oldest_row_at),
    ...since('bodies', store.oldest_body_at),
  ]
  return html`<p class="store soft number">Store: ${parts.join(' · ')}</p>`
}

function formatSize(used: number, limit: number | null): string {
  return limit === null
    ? `${formatBytes(used)}, no limit`
    : `${formatBytes(used)} of ${formatBytes(limit)} (${formatShare(used, limit)})`
}
