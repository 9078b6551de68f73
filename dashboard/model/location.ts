/** The pages' addresses. */

export type Route =
  | { page: 'overview'; query: URLSearchParams }
  | { page: 'requests'; query: URLSearchParams }
  | { page: 'request'; id: string; query: URLSearchParams }
  | { page: 'sessions'; query: URLSearchParams }
  | { page: 'session'; id: string; query: URLSearchParams }
  | { page: 'spend'; query: URLSearchParams }
  | { page: 'missing'; path: string }

export function parseRoute(path: string, search: string): Route {
  const query = new URLSearchParams(search)
  const trimmed = path.length > 1 ? path.replace(/\/+$/, '') : path
  if (trimmed === '/' || trimmed === '' || trimmed === '/index.html') return { page: 'overview', query }
  if (trimmed === '/requests') return { page: 'requests', query }
  if (trimmed === '/sessions') return { page: 'sessions', query }
  if (trimmed === '/spend') return { page: 'spend', query }
  const [, folder, id = ''] = /^\/(requests|sessions)\/([^/]+)$/.exec(trimmed) ?? []
  if (folder === undefined) return { page: 'missing', path }
  try {
    return { page: folder === 'requests' ? 'request' : 'session', id: decodeURIComponent(id), query }
  } catch {
    return { page: 'missing', path } // a stray % in the address
  }
}

/** A dot is encoded too: the server takes a path that ends like `.js` for a file. */
export function linkRequest(id: string): string {
  return `/requests/${encodeStep(id)}`
}

/** Ids of sessions are the clients' own words, so that two projects can have the same. */
export function linkSession(id: string, project: string | null): string {
  return linkWith(`/sessions/${encodeStep(id)}`, { project: project ?? undefined })
}

function encodeStep(id: string): string {
  return encodeURIComponent(id).replaceAll('.', '%2E')
}

/** `path` with those members of `query` that are set. */
export function linkWith(path: string, query: Record<string, string | undefined>): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value) parameters.set(name, value)
  const text = parameters.toString()
  return text === '' ? path : `${path}?${text}`
}
