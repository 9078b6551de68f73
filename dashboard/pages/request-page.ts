import { html, LitElement, nothing, type PropertyValues } from 'lit'
import type { AdminAttempt, AdminError, AdminRequest } from '../../server/http/admin/contract.ts'
import { fetchMedia, fetchRequest } from '../api/admin.ts'
import { Poll } from '../controllers/poll.ts'
import { formatPlural } from '../model/format.ts'
import { findMedia, type MediaReference } from '../model/media.ts'
import { isRunning } from '../model/state.ts'
import { badgeStyles, baseStyles, cardStyles } from '../styles/shared.ts'
import { renderAdaptations } from './request-adaptations.ts'
import { describeFacts, type Fact } from './request-facts.ts'
import { renderCost, renderMatches, renderMetadata } from './request-parts.ts'
import { requestPageStyles } from './request-styles.ts'
import '../components/attempt-timeline.ts'
import '../components/copy-button.ts'
import '../components/cost-table.ts'
import '../components/media-list.ts'
import '../components/message-pair.ts'
import '../components/notices.ts'
import '../components/request-table.ts'
import '../components/status-badge.ts'

const runningMilliseconds = 2000

const faults: Record<string, string> = {
  client: 'The caller’s request is at fault; the same call will fail again.',
  gateway: 'The gateway is at fault, or its configuration.',
  upstream: 'The provider is at fault, or the way to it.',
}

/** All that is known of one request. */
export class RequestPage extends LitElement {
  static override properties = { requestId: { attribute: false }, chosen: { state: true } }
  static override styles = [baseStyles, cardStyles, badgeStyles, requestPageStyles]
  requestId = ''
  /** Position of the attempt whose bodies are shown; null for the one that answered. */
  chosen: number | null = null
  #poll: Poll<AdminRequest | null> = new Poll<AdminRequest | null>(this, {
    load: async (signal) => (this.requestId === '' ? null : fetchRequest(this.requestId, signal)),
    interval: (): number | null =>
      this.#poll.data && isRunning(this.#poll.data) ? runningMilliseconds : null,
  })

  #media: MediaReference[] = []
  #mediaOf: AdminRequest | null = null

  override willUpdate(changed: PropertyValues) {
    if (!changed.has('requestId')) return
    this.chosen = null
    this.#poll.restart()
  }

  override render() {
    const { data, error } = this.#poll
    return html`<a class="back" href="/requests" data-route><span aria-hidden="true">←</span> All requests</a>
      ${error ? this.#renderFailure() : nothing}
      ${data ? this.#renderRequest(data) : error ? nothing : html`<p class="card loading soft" role="status">Loading…</p>`}`
  }

  #renderFailure() {
    if (this.#poll.error?.status === 404) {
      return html`<div class="card">
        <dm-empty heading="There is no such request">
          No row has the id <code>${this.requestId}</code>. It may have been removed with age.
        </dm-empty>
      </div>`
    }
    return html`<dm-failure .error=${this.#poll.error} @retry=${() => this.#poll.refresh()}></dm-failure>`
  }

  #renderRequest(request: AdminRequest) {
    return html`<div class="head">
        <h1>${request.model ?? 'No model named'}</h1>
        <dm-status status=${request.status}></dm-status>
        <span class="id"><code>${request.id}</code><dm-copy label="Copy id" .text=${request.id}></dm-copy></span>
      </div>
      ${renderMatches(request)} ${request.error ? renderError(request.error) : nothing}
      <div class="card">${renderFacts(describeFacts(request))} ${renderMetadata(request)}</div>
      ${renderAdaptations(request)} ${renderCost(request)} ${this.#renderAttempts(request)}
      ${this.#renderMedia(request)}
      ${this.#renderMessages(request)}`
  }

  #renderAttempts(request: AdminRequest) {
    const { attempt_list: attempts } = request
    if (attempts.length === 0) return nothing
    return html`<section class="card">
      <header>
        <h2>${formatPlural(attempts.length, 'attempt')}</h2>
        ${attempts.length > 1 ? html`<span class="soft">Choose one to see its bodies below.</span>` : nothing}
      </header>
      <div class="attempts">
        <dm-attempts
          .attempts=${attempts}
          .totalMs=${request.latency_ms}
          .chosen=${this.#findChosen(request)}
          @choose=${(event: CustomEvent<number>) => {
            this.chosen = event.detail
          }}
        ></dm-attempts>
      </div>
    </section>`
  }

  #findChosen({ attempt_list: attempts }: AdminRequest): number {
    if (this.chosen !== null && this.chosen < attempts.length) return this.chosen
    const answered = attempts.findLastIndex(({ error }) => error === null)
    return answered === -1 ? attempts.length - 1 : answered
  }

  #renderMedia(request: AdminRequest) {
    if (this.#mediaOf !== request) {
      const { client_request: sent, client_response: received, attempt_list: attempts } = request
      this.#media = findMedia([sent, received, ...attempts.flatMap((one) => [one.request, one.response])])
      this.#mediaOf = request
    }
    if (this.#media.length === 0) return nothing
    return html`<section class="card">
      <header>
        <h2>${formatPlural(this.#media.length, 'picture or file', 'pictures and files')}</h2>
        <span class="soft">In the bodies a reference stands in their place.</span>
      </header>
      <dm-media .media=${this.#media} .load=${fetchMedia}></dm-media>
    </section>`
  }

  #renderMessages(request: AdminRequest) {
    const attempt: AdminAttempt | undefined = request.attempt_list[this.#findChosen(request)]
    const provider = attempt?.provider ?? request.provider ?? 'the provider'
    return html`<dm-message-pair
        heading="Request"
        .left=${{ label: 'The client sent', message: request.client_request }}
        .right=${{ label: `${provider} got`, message: attempt?.request ?? request.upstream_request }}
        .adaptations=${attempt?.adaptations ?? request.adaptations}
        .absent=${request.bodies_absent}
      ></dm-message-pair>
      <dm-message-pair
        heading="Response"
        .left=${{ label: `${provider} answered`, message: attempt?.response ?? request.upstream_response }}
        .right=${{ label: 'The client received', message: request.client_response }}
        .adaptations=${[]}
        .absent=${request.bodies_absent}
      ></dm-message-pair>`
  }
}

function renderError({ origin, code, type, message, param }: AdminError) {
  return html`<section class="card error" aria-label="Error">
    <p class="code"><code>${code}</code><span class="soft">${type}</span></p>
    <p class="message">${message}</p>
    <p class="soft">
      ${faults[origin] ?? origin}${param === null ? nothing : html` At <code>${param}</code>.`}
    </p>
  </section>`
}

function renderFacts(facts: Fact[]) {
  return html`<dl class="facts">
    ${facts.map(
      ({ name, value, note, mono, href }) => html`<div>
        <dt>${name}</dt>
        <dd class="${mono ? 'mono' : 'number'} ${value === 'unknown' ? 'faint' : ''}">
          ${href === undefined ? value : html`<a href=${href} data-route>${value}</a>`}${note === undefined ? nothing : html`<span class="soft">${note}</span>`}
        </dd>
      </div>`,
    )}
  </dl>`
}

customElements.define('dm-request-page', RequestPage)
