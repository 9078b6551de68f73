/** A small admin API over canned records, which serves the built dashboard as strictly as the gateway does. */

import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join } from 'node:path'
import type { AdminRequest, AdminRequestRow, AdminStatus } from '../../server/http/admin/contract.ts'
import { makeFacets, makeOverview, makeRequest, makeRows, makeStatus } from './fixtures.ts'

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
  if (url.pathname === '/admin/requests') return { status: 200, body: listRows(fake.rows, query) }
  if (url.pathname === '/admin/overview') {
    const [from, to] = [Date.parse(query.get('from')!), Date.parse(query.get('to')!)]
    return { status: 200, body: makeOverview(from, to, fake.idle) }
  }
  const id = decodeURIComponent(url.pathname.slice('/admin/requests/'.length))
  const found = fake.requests.get(id) ?? fake.rows.find((row) => row.id === id)
  if (!found) return fail(404, 'not_found', 'No request has this id.')
  return { status: 200, body: 'attempt_list' in found ? found : makeRequest(found) }
}

function fail(status: number, code: string, message: string): Answer {
  return { status, body: { error: { message, type: 'server_error', param: null, code } } }
}

function listRows(rows: AdminRequestRow[], query: URLSearchParams) {
  const matching = rows.filter(
    (row) =>
      (['model', 'project', 'provider'] as const).every(
        (name) => !query.has(name) || row[name] === query.get(name),
      ) &&
      (!query.has('status') ||
        (query.get('status') === 'error' ? row.error !== null : row.status === query.get('status'))),
  )
  const before = query.get('before')
  const start = before === null ? 0 : matching.findIndex(({ id }) => id === before) + 1
  const data = matching.slice(start, start + Number(query.get('limit') ?? 50))
  const more = start + data.length < matching.length
  return { data, next: more ? data[data.length - 1]!.id : null }
}
