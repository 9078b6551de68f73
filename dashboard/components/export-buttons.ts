import { css, html, LitElement, nothing } from 'lit'
import type { ApiError } from '../api/client.ts'
import { saveFile } from '../controllers/save-file.ts'
import { noteFailure, toApiError } from '../controllers/session.ts'
import { formatBytes } from '../model/format.ts'
import { baseStyles, controlStyles } from '../styles/shared.ts'

export interface ExportChoice {
  label: string
  /** Of the file. */
  name: string
  load(options: { signal: AbortSignal; onProgress: (bytes: number) => void }): Promise<Blob>
}

/** Buttons that fetch a file and keep it, with its progress and a way to stop. */
export class ExportButtons extends LitElement {
  static override properties = {
    choices: { attribute: false },
    bytes: { state: true },
    error: { state: true },
  }
  static override styles = [
    baseStyles,
    controlStyles,
    css`
      :host {
        display: inline-flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 6px;
      }
      .bad {
        color: var(--bad);
        font-size: 12.5px;
      }
    `,
  ]
  choices: ExportChoice[] = []
  /** What has come so far; null when nothing is being fetched. */
  bytes: number | null = null
  error: ApiError | null = null
  #flight: AbortController | null = null

  override disconnectedCallback() {
    super.disconnectedCallback()
    this.#flight?.abort()
  }

  override render() {
    if (this.bytes !== null) {
      return html`<span class="soft number" role="status">${formatBytes(this.bytes)}</span>
        <button class="small" type="button" @click=${() => this.#flight?.abort()}>Stop</button>`
    }
    return html`${this.error ? html`<span class="bad" role="alert">${this.error.message}</span>` : nothing}
    ${this.choices.map(
      (choice) => html`<button
        class="small"
        type="button"
        title=${`Save as ${choice.name}`}
        @click=${() => this.#export(choice)}
      >
        <span aria-hidden="true">↓</span> ${choice.label}
      </button>`,
    )}`
  }

  async #export({ name, load }: ExportChoice): Promise<void> {
    const flight = new AbortController()
    this.#flight = flight
    this.bytes = 0
    this.error = null
    const onProgress = (bytes: number) => {
      this.bytes = bytes
    }
    try {
      saveFile(await load({ signal: flight.signal, onProgress }), name)
    } catch (thrown) {
      if (!flight.signal.aborted) {
        this.error = toApiError(thrown)
        noteFailure(this.error)
      }
    }
    this.bytes = null
  }
}

customElements.define('dm-export', ExportButtons)
