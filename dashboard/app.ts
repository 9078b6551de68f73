import { css, html, LitElement, nothing } from 'lit'
import { cache } from 'lit/directives/cache.js'
import { navigation, readRoute, startNavigation } from './controllers/navigation.ts'
import { canSignOut, isSignInDue, session, signOut } from './controllers/session.ts'
import { readTheme, saveTheme, type Theme } from './controllers/theme.ts'
import type { Route } from './model/location.ts'
import { baseStyles, controlStyles } from './styles/shared.ts'

const themes: { id: Theme; label: string; glyph: string }[] = [
  { id: 'light', label: 'Light', glyph: '☀' },
  { id: 'dark', label: 'Dark', glyph: '☾' },
  { id: 'system', label: 'As the system', glyph: '◐' },
]

const links: { href: string; label: string; pages: Route['page'][] }[] = [
  { href: '/', label: 'Overview', pages: ['overview'] },
  { href: '/requests', label: 'Requests', pages: ['requests', 'request'] },
  { href: '/sessions', label: 'Sessions', pages: ['sessions', 'session'] },
  { href: '/spend', label: 'Spend', pages: ['spend'] },
]

/** Each page's code is loaded when it is first shown. */
const loaders = {
  overview: () => import('./pages/overview-page.ts'),
  requests: () => import('./pages/requests-page.ts'),
  request: () => import('./pages/request-page.ts'),
  sessions: () => import('./pages/sessions-page.ts'),
  session: () => import('./pages/session-page.ts'),
  spend: () => import('./pages/spend-page.ts'),
  signIn: () => import('./pages/sign-in-page.ts'),
}

/** The frame of all pages: head line, navigation, and the page that the address names. */
export class App extends LitElement {
  static override properties = {
    route: { state: true },
    theme: { state: true },
    signInDue: { state: true },
    loadFailed: { state: true },
  }
  static override styles = [
    baseStyles,
    controlStyles,
    css`
      :host {
        display: block;
        min-height: 100vh;
      }
      .skip {
        position: absolute;
        left: 12px;
        top: -60px;
        z-index: 30;
        padding: 8px 14px;
        border-radius: var(--radius-small);
        background: var(--accent);
        color: var(--accent-ink);
      }
      .skip:focus {
        top: 10px;
      }
      .bar {
        position: sticky;
        top: 0;
        z-index: 20;
        border-bottom: 1px solid var(--line);
        background: color-mix(in srgb, var(--surface) 92%, transparent);
        backdrop-filter: blur(8px);
      }
      .inner,
      main {
        max-width: 1360px;
        margin: 0 auto;
        padding-inline: 24px;
      }
      .inner {
        display: flex;
        align-items: center;
        gap: 20px;
        height: 54px;
      }
      .brand {
        display: flex;
        align-items: center;
        gap: 10px;
        color: var(--text);
        font-size: 15px;
        font-weight: 700;
        letter-spacing: -0.01em;
        text-decoration: none;
      }
      .brand svg {
        width: 24px;
        height: 24px;
      }
      nav {
        display: flex;
        align-self: stretch;
        gap: 4px;
        flex: 1;
      }
      nav a {
        display: flex;
        align-items: center;
        padding: 0 10px;
        border-bottom: 2px solid transparent;
        border-top: 2px solid transparent;
        color: var(--text-soft);
        font-weight: 550;
        text-decoration: none;
      }
      nav a:hover {
        color: var(--text);
      }
      nav a[aria-current='page'] {
        border-bottom-color: var(--accent);
        color: var(--text);
      }
      .themes button {
        width: 28px;
        padding: 0;
      }
      main {
        padding-block: 24px 56px;
      }
      main:focus {
        outline: none;
      }
      @media (max-width: 640px) {
        .inner,
        main {
          padding-inline: 14px;
        }
        .inner {
          flex-wrap: wrap;
          justify-content: space-between;
          gap: 0 8px;
          height: auto;
          padding-top: 8px;
        }
        nav {
          order: 1;
          flex-basis: 100%;
          height: 40px;
          margin-inline: -10px;
        }
        main {
          padding-block: 16px 40px;
        }
      }
    `,
  ]
  route: Route = readRoute()
  theme: Theme = readTheme()
  signInDue = false
  loadFailed = false

  override connectedCallback() {
    super.connectedCallback()
    startNavigation()
    navigation.addEventListener('change', () => {
      this.route = readRoute()
    })
    session.addEventListener('change', () => {
      this.signInDue = isSignInDue()
      this.requestUpdate()
    })
  }

  override willUpdate() {
    const page = this.signInDue ? 'signIn' : this.route.page
    document.title = this.signInDue ? 'Sign in – Dragoman' : nameRoute(this.route)
    if (page === 'missing') return
    loaders[page]().catch(() => {
      this.loadFailed = true
    })
  }

  override render() {
    return html`<a class="skip" href="#content" @click=${this.#skip}>Skip to the content</a>
      <header class="bar">
        <div class="inner">
          <a class="brand" href="/" data-route aria-label="Dragoman, overview">${logo}<span>Dragoman</span></a>
          <nav aria-label="Pages">
            ${this.signInDue ? nothing : links.map((link) => this.#renderLink(link))}
          </nav>
          ${this.#renderThemes()}
          ${canSignOut() ? html`<button class="quiet" type="button" @click=${signOut}>Sign out</button>` : nothing}
        </div>
      </header>
      <main id="content" tabindex="-1">${this.#renderPage()}</main>`
  }

  #renderLink({ href, label, pages }: (typeof links)[number]) {
    const current = pages.includes(this.route.page) ? 'page' : nothing
    return html`<a href=${href} data-route aria-current=${current}>${label}</a>`
  }

  #renderThemes() {
    return html`<div class="segments themes" role="group" aria-label="Colours">
      ${themes.map(
        ({ id, label, glyph }) => html`<button
          type="button"
          title=${label}
          aria-label=${label}
          aria-pressed=${this.theme === id}
          @click=${() => this.#chooseTheme(id)}
        >
          <span aria-hidden="true">${glyph}</span>
        </button>`,
      )}
    </div>`
  }

  #renderPage() {
    if (this.loadFailed) {
      return html`<p role="alert">
        A part of the dashboard could not be loaded; the gateway may have been updated.
        <a href=${location.href}>Load the page again</a>.
      </p>`
    }
    if (this.signInDue) return html`<dm-sign-in-page></dm-sign-in-page>`
    // `cache` keeps a page that was left, so that going back to the list finds it as it was.
    return cache(renderRoute(this.route))
  }

  #chooseTheme(theme: Theme): void {
    this.theme = theme
    saveTheme(theme)
  }

  #skip = (event: Event): void => {
    event.preventDefault()
    this.renderRoot.querySelector<HTMLElement>('main')!.focus()
  }
}

function renderRoute(route: Route) {
  switch (route.page) {
    case 'overview':
      return html`<dm-overview-page .query=${route.query}></dm-overview-page>`
    case 'requests':
      return html`<dm-requests-page .query=${route.query}></dm-requests-page>`
    case 'request':
      return html`<dm-request-page .requestId=${route.id}></dm-request-page>`
    case 'sessions':
      return html`<dm-sessions-page .query=${route.query}></dm-sessions-page>`
    case 'session':
      return html`<dm-session-page .sessionId=${route.id} .query=${route.query}></dm-session-page>`
    case 'spend':
      return html`<dm-spend-page .query=${route.query}></dm-spend-page>`
    case 'missing':
      return html`<h1>There is no such page</h1>
        <p><a href="/" data-route>Go to the overview</a></p>`
    default:
      return route satisfies never
  }
}

function nameRoute(route: Route): string {
  const names = {
    overview: 'Overview',
    requests: 'Requests',
    sessions: 'Sessions',
    spend: 'Spend',
    missing: 'Not found',
  }
  const name = 'id' in route ? route.id : names[route.page]
  return `${name} – Dragoman`
}

const logo = html`<svg viewBox="0 0 32 32" aria-hidden="true">
  <rect width="32" height="32" rx="8" fill="#0f766e" />
  <path
    d="M7 11.5h11.5M15 7.5l4 4-4 4"
    fill="none"
    stroke="#fff"
    stroke-width="2.6"
    stroke-linecap="round"
    stroke-linejoin="round"
  />
  <path
    d="M25 20.5H13.5M17 16.5l-4 4 4 4"
    fill="none"
    stroke="#99f6e4"
    stroke-width="2.6"
    stroke-linecap="round"
    stroke-linejoin="round"
  />
</svg>`

customElements.define('dm-app', App)
