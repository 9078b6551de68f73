/** The pages' addresses, and the filters that stand in them. */

export type Route =
  | { page: 'overview'; query: URLSearchParams }
  | { page: 'requests'; query: URLSearchParams }
  | { page: 'request'; id: string; query: URLSearchParams }
  | { page: 'missing'; path: string }

export function parseRoute(path: string, search: string): Route {
  const query = new URLSearchParams(search)
  const trimmed = path.length > 1 ? path.replace(/\/+$/, '') : path
  if (trimmed === '/' || trimmed === '' || trimmed === '/index.html') return { page: 'overview', query }
  if (trimmed === '/requests') return { page: 'requests', query }
  const id = /^\/requests\/([^/]+)$/.exec(trimmed)?.[1]
  if (id !== undefined) {
    try {
      return { page: 'request', id: decodeURIComponent(id), query }
    } catch {
      return { page: 'missing', path } // a stray % in the address
    }
  }
  return { page: 'missing', path }
}

/** A dot is encoded too: the server takes a path that ends like `.js` for a file. */
export function linkRequest(id: string): string {
  return `/requests/${encodeURIComponent(id).replaceAll('.', '%2E')}`
}

/** `path` with those members of `query` that are set. */
export function linkWith(path: string, query: Record<string, string | undefined>): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value) parameters.set(name, value)
  const text = parameters.toString()
  return text === '' ? path : `${path}?${text}`
}

/** Names of the filters of the list, as in its address and in the admin API. */
export const filterNames = ['project', 'model', 'provider', 'status'] as const

export type FilterName = (typeof filterNames)[number]

export type Filters = Partial<Record<FilterName, string>>

export function readFilters(query: URLSearchParams, names: readonly FilterName[] = filterNames): Filters {
  const filters: Filters = {}
  for (const name of names) {
    const value = query.get(name)
    if (value) filters[name] = value
  }
  return filters
}

/** Time ranges of the overview, in seconds. */
export const ranges = [
  { id: '15m', label: '15 m', words: '15 minutes', seconds: 900 },
  { id: '1h', label: '1 h', words: 'hour', seconds: 3600 },
  { id: '24h', label: '24 h', words: '24 hours', seconds: 86_400 },
  { id: '7d', label: '7 d', words: '7 days', seconds: 604_800 },
] as const

export type Range = (typeof ranges)[number]

export function readRange(query: URLSearchParams): Range {
  return ranges.find(({ id }) => id === query.get('range')) ?? ranges[1]
}
