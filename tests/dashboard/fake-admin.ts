/** A small admin API over canned records, which serves the built dashboard as strictly as the gateway does. */

import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join } from 'node:path'
import type {
  AdminOverview,
  AdminRequest,
  AdminRequestList,
  AdminRequestRow,
  AdminStatus,
} from '../../server/http/admin/contract.ts'
import { followRows } from './fake-tail.ts'
import { makeFacets, makeOverview, makeRequest, makeRows, makeStatus } from './fixtures.ts'
import { makeSession, makeSessions, makeSpend, picture } from './money-fixtures.ts'

const root = join(import.meta.dirname, '../..')
const dist = join(root, 'dashboard/dist')

/** As in the gateway, model output must find no way to run. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types lit-html"

const types: Record<string, string> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

const hour = 3_600_000

export interface FakeAdmin {
  origin: string
  /** Newest first; tests change it. */
  rows: AdminRequestRow[]
  status: AdminStatus
  /** Whole records that are not made from their rows. */
  requests: Map<string, AdminRequest>
  /** When set, calls without it are answered with 401. */
  adminKey: string | null
  /** When set, every call is answered with this status. */
  failure: number | null
  idle: boolean
  /** Changes the figures of the overview. */
  retell: (overview: AdminOverview) => AdminOverview
  /** False: there is no live tail, so that the list asks again and again. */
  tail: boolean
  /** When set, a search is cut short there. */
  searchedTo: string | null
  /** Paths with queries, as they came. */
  calls: string[]
  close(): Promise<void>
}

/** Builds the dashboard first when that has not been done. */
export async function startFakeAdmin(now = Date.now()): Promise<FakeAdmin> {
  if (!existsSync(join(dist, 'index.html')))
    execFileSync(process.execPath, [join(root, 'dashboard/build.ts')])
  const server = createServer((request, response) => answer(fake, request, response))
  const fake: FakeAdmin = {
    origin: '',
    rows: makeRows(now),
    status: makeStatus(now - 3_600_000),
    requests: new Map(),
    adminKey: null,
    failure: null,
    idle: false,
    retell: (overview) => overview,
    tail: true,
    searchedTo: null,
    calls: [],
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  fake.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return fake
}

function answer(fake: FakeAdmin, request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url!, 'http://localhost')
  if (url.pathname.startsWith('/admin/')) {
    fake.calls.push(url.pathname + url.search)
    const isAllowed = fake.adminKey === null || request.headers['x-admin-key'] === fake.adminKey
    if (url.pathname === '/admin/requests/tail' && fake.tail && fake.failure === null && isAllowed) {
      followRows(fake, response)
      return
    }
    if (url.pathname === `/admin/media/${picture.hash}`) {
      response.writeHead(200, { 'content-type': 'image/png' })
      response.end(picture.content)
      return
    }
    if (url.pathname === '/admin/requests/export' || url.searchParams.get('format') === 'csv') {
      response.writeHead(200, { 'content-type': 'text/plain' })
      response.end(`exported ${url.search}\n`)
      return
    }
    const { status, body } = callAdmin(fake, url, request.headers['x-admin-key'])
    response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
    response.end(JSON.stringify(body))
    return
  }
  const file = join(dist, url.pathname)
  const asset = extname(url.pathname) !== '' && file.startsWith(dist) && existsSync(file)
  response.writeHead(asset || extname(url.pathname) === '' ? 200 : 404, {
    'content-type': asset ? types[extname(file)]! : 'text/html; charset=utf-8',
    'content-security-policy': policy,
  })
  response.end(readFileSync(asset ? file : join(dist, 'index.html')))
}

interface Answer {
  status: number
  body: unknown
}

function callAdmin(fake: FakeAdmin, url: URL, key: unknown): Answer {
  if (fake.failure !== null) return fail(fake.failure, 'internal_error', 'The store is not there.')
  if (fake.adminKey !== null && key !== fake.adminKey) {
    return fail(401, 'invalid_api_key', 'The admin API needs X-Admin-Key.')
  }
  const { searchParams: query } = url
  if (url.pathname === '/admin/status') return { status: 200, body: fake.status }
  if (url.pathname === '/admin/facets') return { status: 200, body: makeFacets(fake.rows) }
  if (url.pathname === '/admin/requests') return { status: 200, body: listRows(fake, query) }
  if (url.pathname === '/admin/overview') {
    let [from, to] = [Date.parse(query.get('from')!), Date.parse(query.get('to')!)]
    // As where minutes are not kept any more.
    if (to - from > 7 * 86_400_000) [from, to] = [Math.floor(from / hour) * hour, Math.ceil(to / hour) * hour]
    return { status: 200, body: fake.retell(makeOverview(from, to, fake.idle)) }
  }
  if (url.pathname === '/admin/sessions') return { status: 200, body: makeSessions(query.get('before')) }
  if (url.pathname === '/admin/spend') return { status: 200, body: makeSpend(query) }
  if (url.pathname.startsWith('/admin/sessions/')) {
    const session = makeSession(decodeURIComponent(url.pathname.slice('/admin/sessions/'.length)))
    return session ? { status: 200, body: session } : fail(404, 'not_found', 'No session has this id.')
  }
  const id = decodeURIComponent(url.pathname.slice('/admin/requests/'.length))
  const found = fake.requests.get(id) ?? fake.rows.find((row) => row.id === id)
  if (!found) return fail(404, 'not_found', 'No request has this id.')
  return { status: 200, body: 'attempt_list' in found ? found : makeRequest(found) }
}

function fail(status: number, code: string, message: string): Answer {
  return { status, body: { error: { message, type: 'server_error', param: null, code } } }
}

function matches(row: AdminRequestRow, query: URLSearchParams): boolean {
  const isEqual = (['model', 'project', 'provider', 'key'] as const).every(
    (name) => !query.has(name) || row[name] === query.get(name),
  )
  const status = query.get('status')
  const hasStatus = status === null || (status === 'error' ? row.error !== null : row.status === status)
  const isSlow = Number(row.latency_ms) >= Number(query.get('min_latency_ms') ?? 0)
  const inSession = !query.has('session') || row.session_id === query.get('session')
  const hasTicket = !query.has('metadata[ticket]') || row.metadata.ticket === query.get('metadata[ticket]')
  const isFound = !query.has('q') || row.model?.includes(query.get('q')!) === true
  return isEqual && hasStatus && isSlow && inSession && hasTicket && isFound
}

/** Cursors are ids of rows. */
function listRows({ rows, searchedTo }: FakeAdmin, query: URLSearchParams): AdminRequestList {
  const matching = rows.filter((row) => matches(row, query))
  const find = (name: string) => matching.findIndex(({ id }) => id === query.get(name))
  const limit = Number(query.get('limit') ?? 50)
  const newest = find('after')
  const start = newest === -1 ? find('before') + 1 : Math.max(0, newest - limit)
  const data = matching.slice(start, newest === -1 ? start + limit : newest)
  const more = start + data.length < matching.length
  const cut = query.has('q') && !query.has('before') ? searchedTo : null
  return {
    data,
    next: more || cut !== null ? (data.at(-1)?.id ?? 'kempty') : null,
    previous: start > 0 ? (data[0]?.id ?? null) : null,
    searched_to: cut,
  }
}
