import { html, LitElement } from 'lit'
import { baseStyles, controlStyles } from '../styles/shared.ts'

/** Puts `text` on the clipboard and says so. */
export class CopyButton extends LitElement {
  static override properties = {
    text: { attribute: false },
    label: { type: String },
    state: { state: true },
  }
  static override styles = [baseStyles, controlStyles]
  text = ''
  label = 'Copy'
  state: 'idle' | 'copied' | 'failed' = 'idle'
  #timer: ReturnType<typeof setTimeout> | undefined

  override disconnectedCallback() {
    super.disconnectedCallback()
    clearTimeout(this.#timer)
  }

  override render() {
    const words = { idle: this.label, copied: 'Copied', failed: 'Could not copy' }[this.state]
    return html`<button class="quiet small" type="button" @click=${this.#copy}>
      <span aria-live="polite">${words}</span>
    </button>`
  }

  #copy = async (): Promise<void> => {
    this.state = (await writeClipboard(this.text)) ? 'copied' : 'failed'
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.state = 'idle'
    }, 1600)
  }
}

async function writeClipboard(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return copyBySelection(text)
  }
}

/** The clipboard API exists in secure contexts only; a gateway in the local network is often plain http. */
function copyBySelection(text: string): boolean {
  const area = document.createElement('textarea')
  area.value = text
  document.body.append(area)
  area.select()
  const copied = document.execCommand('copy')
  area.remove()
  return copied
}

customElements.define('dm-copy', CopyButton)
