/** Where a PostgreSQL database is: the parts of its URL, checked. Plain data, for it goes to the store's threads. */

import { readFileSync } from 'node:fs'
import { StoreError } from './driver.ts'

export interface PostgresPlace {
  kind: 'postgres'
  /** Tried in order. `path`: of a Unix socket. */
  hosts: readonly ({ host: string; port: number } | { path: string })[]
  user: string | null
  password: string | null
  database: string | null
  /** Null: the first of the user's search path, which is `public` unless somebody changed it. */
  schema: string | null
  tls: PostgresTls
  applicationName: string
  /** The URL without user, password and options, as it may stand in messages. */
  location: string
}

/** As libpq has it: `require` encrypts without looking at the certificate; the last two look at it. */
export interface PostgresTls {
  mode: (typeof tlsModes)[number]
  /** PEM of the authorities to trust instead of the usual ones. */
  ca: string | null
}

const tlsModes = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full'] as const

const options = ['sslmode', 'sslrootcert', 'schema', 'application_name', 'host'] as const

const defaultPort = 5432

/** The authority is cut by hand: the URL class knows only one host in it. */
const pattern = /^postgres(?:ql)?:\/\/(?:([^@/?#]*)@)?([^@/?#]*)(?:\/([^/?#]*))?(?:\?([^#]*))?$/

/** Null when it is no PostgreSQL URL at all. Throws StoreError `bad_url`, without anything of the password. */
export function parsePostgresUrl(url: string): PostgresPlace | null {
  if (!/^postgres(ql)?:/.test(url)) return null
  const [, login, authority = '', database = '', query = ''] = pattern.exec(url) ?? refuse(unreadable)
  const parameters = new URLSearchParams(query)
  for (const name of parameters.keys()) {
    if (!options.some((option) => option === name)) {
      refuse(`"store.url" has the option "${name}", which is none of ${options.join(', ')}.`)
    }
  }
  const hosts = parseHosts(authority, parameters.get('host'))
  const [user = '', password = null] = login === undefined ? [] : splitOnce(login, ':')
  const name = decode(database)
  return {
    kind: 'postgres',
    hosts,
    user: decode(user) || null,
    password: password === null ? null : decode(password),
    database: name || null,
    schema: parseSchema(parameters.get('schema')),
    tls: parseTls(parameters),
    applicationName: parameters.get('application_name') ?? 'dragoman',
    location: `postgres://${hosts.map(nameHost).join(',')}/${name}`,
  }
}

const unreadable =
  '"store.url" must be "postgres://user:password@host:port/database". Write special characters of the user and the password as in a URL, such as %40 for @ and %2F for /.'

function parseHosts(authority: string, socket: string | null): PostgresPlace['hosts'] {
  if (socket !== null) {
    if (!socket.startsWith('/'))
      refuse('The option "host" of "store.url" must be the directory of a Unix socket.')
    return [{ path: `${socket}/.s.PGSQL.${parseHost(authority).port}` }]
  }
  return authority.split(',').map(parseHost)
}

function parseHost(text: string): { host: string; port: number } {
  const [, host, digits] = /^(\[[0-9a-f:.]+\]|[^:[\]]*)(?::(\d{1,5}))?$/i.exec(text) ?? refuse(unreadable)
  const port = digits === undefined ? defaultPort : Number(digits)
  if (port < 1 || port > 65_535) refuse(unreadable)
  return { host: decode(host ?? '').replace(/^\[|\]$/g, '') || 'localhost', port }
}

function parseSchema(schema: string | null): string | null {
  if (schema === null || /^[a-z_][a-z0-9_]{0,62}$/.test(schema)) return schema
  return refuse('The option "schema" of "store.url" must be of small letters, digits and underscores.')
}

function parseTls(parameters: URLSearchParams): PostgresTls {
  const file = parameters.get('sslrootcert')
  const given = parameters.get('sslmode') ?? (file === null ? 'prefer' : 'verify-full')
  const mode = tlsModes.find((known) => known === given)
  if (mode === undefined) {
    return refuse(`The option "sslmode" of "store.url" must be one of ${tlsModes.join(', ')}.`)
  }
  return { mode, ca: file === null || file === 'system' ? null : readAuthorities(file) }
}

function readAuthorities(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return refuse(`The file of the option "sslrootcert" of "store.url" cannot be read (${reason}).`)
  }
}

export function nameHost(host: PostgresPlace['hosts'][number]): string {
  if ('path' in host) return host.path
  return `${host.host.includes(':') ? `[${host.host}]` : host.host}:${host.port}`
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return refuse(unreadable)
  }
}

function splitOnce(text: string, separator: string): [string, string | null] {
  const at = text.indexOf(separator)
  return at === -1 ? [text, null] : [text.slice(0, at), text.slice(at + 1)]
}

function refuse(message: string): never {
  throw new StoreError('bad_url', message)
}
