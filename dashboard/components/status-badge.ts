import { html, LitElement } from 'lit'
import { formatWord } from '../model/format.ts'
import { badgeStyles, baseStyles } from '../styles/shared.ts'

const tones: Record<string, string> = {
  completed: 'good',
  failed: 'bad',
  incomplete: 'warn',
  cancelled: 'warn',
  in_progress: 'busy',
  queued: 'busy',
}

const glyphs: Record<string, string> = {
  completed: '✓',
  failed: '✕',
  incomplete: '!',
  cancelled: '⊘',
  in_progress: '…',
  queued: '◷',
}

/** A response's status: a colour, a sign and the word. */
export class StatusBadge extends LitElement {
  static override properties = { status: { type: String } }
  static override styles = [baseStyles, badgeStyles]
  status = ''

  override render() {
    const tone = tones[this.status] ?? ''
    return html`<span class="badge ${tone}"
      ><span aria-hidden="true">${glyphs[this.status] ?? '·'}</span>${formatWord(this.status)}</span
    >`
  }
}

customElements.define('dm-status', StatusBadge)
