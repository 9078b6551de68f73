import { css, html, LitElement, nothing } from 'lit'
import { fetchStatus } from '../api/admin.ts'
import { signIn, toApiError } from '../controllers/session.ts'
import { baseStyles, cardStyles, controlStyles } from '../styles/shared.ts'

/** Asks for the admin key. */
export class SignInPage extends LitElement {
  static override properties = { problem: { state: true }, checking: { state: true } }
  static override styles = [
    baseStyles,
    controlStyles,
    cardStyles,
    css`
      :host {
        display: grid;
        place-items: center;
        padding: 12vh 0 0;
      }
      .card {
        width: min(420px, 100%);
        padding: 28px;
      }
      form {
        display: grid;
        gap: 14px;
        margin-top: 18px;
      }
      label {
        display: grid;
        gap: 6px;
        font-weight: 600;
      }
      input {
        height: 38px;
        padding: 0 12px;
        border: 1px solid var(--line-strong);
        border-radius: var(--radius-small);
        background: var(--ground);
        font-family: var(--mono);
      }
      button.primary {
        height: 38px;
      }
      .problem {
        color: var(--bad);
      }
    `,
  ]
  problem: string | null = null
  checking = false

  override render() {
    return html`<section class="card">
      <h1>Sign in</h1>
      <p class="soft">The admin key stands in the gateway's configuration under <code>admin.key</code>.</p>
      <form @submit=${this.#submit}>
        <label>
          Admin key
          <input
            type="password"
            name="key"
            autocomplete="current-password"
            autofocus
            required
            aria-invalid=${this.problem !== null}
          />
        </label>
        ${this.problem === null ? nothing : html`<p class="problem" role="alert">${this.problem}</p>`}
        <button class="primary" ?disabled=${this.checking}>${this.checking ? 'Checking…' : 'Sign in'}</button>
        <p class="faint">Kept in this tab only, until it is closed or you sign out.</p>
      </form>
    </section>`
  }

  override firstUpdated() {
    this.#input.focus()
  }

  get #input(): HTMLInputElement {
    return this.renderRoot.querySelector('input')!
  }

  #submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault()
    const key = this.#input.value.trim()
    if (!/^[\x21-\x7e]+$/.test(key)) {
      this.problem = 'A key has visible ASCII characters only, without spaces.'
      return
    }
    this.checking = true
    try {
      await signIn(key, fetchStatus)
    } catch (thrown) {
      const { status, message } = toApiError(thrown)
      this.problem = status === 401 ? 'This is not the admin key.' : message
      this.#input.select()
    }
    this.checking = false
  }
}

customElements.define('dm-sign-in-page', SignInPage)
