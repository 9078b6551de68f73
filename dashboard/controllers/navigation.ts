/** Addresses of the single page: history entries, and the scroll position of each. */

import { parseRoute, type Route } from '../model/location.ts'

/** `change` when the address changed. */
export const navigation = new EventTarget()

interface EntryState {
  scrollY?: number
}

export function readRoute(): Route {
  return parseRoute(location.pathname, location.search)
}

function announce(): void {
  navigation.dispatchEvent(new Event('change'))
}

/** Goes to an address of the dashboard; `replace` for a filter, which is no step worth going back to. */
export function navigate(href: string, { replace = false }: { replace?: boolean } = {}): void {
  if (href === location.pathname + location.search) return
  if (replace) {
    history.replaceState(history.state, '', href)
  } else {
    history.replaceState({ scrollY } satisfies EntryState, '')
    history.pushState({}, '', href)
  }
  announce()
  if (!replace) scrollTo(0, 0)
}

/** Follows clicks on links to the dashboard's own pages; the rest stays the browser's. */
export function startNavigation(): void {
  history.scrollRestoration = 'manual'
  addEventListener('popstate', (event) => {
    announce()
    const { scrollY = 0 } = (event.state ?? {}) as EntryState
    requestAnimationFrame(() => scrollTo(0, scrollY))
  })
  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0) return
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    const link = event.composedPath().find((node) => node instanceof HTMLAnchorElement)
    if (link?.target !== '' || link.origin !== location.origin || !link.hasAttribute('data-route')) return
    event.preventDefault()
    navigate(link.pathname + link.search)
  })
}
