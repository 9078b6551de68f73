/** Who calls: keys are compared by their SHA-256 in constant time and never stand in a message. */
import { timingSafeEqual } from 'node:crypto'
import { hashKey, OPEN_PROJECT } from '../config/build-projects.ts'
import type { KeyRuntime, Runtime } from '../config/runtime.ts'
import { GatewayError } from '../errors.ts'
import type { Caller } from '../gateway/exchange.ts'

export interface Credentials {
  runtime: Runtime
  /** The `Authorization` header. */
  authorization?: string | undefined
  /** The `X-Admin-Key` header. */
  adminKey?: string | undefined
  /** The `X-Project-ID` header. */
  projectHeader?: string | undefined
}

export interface Authenticated {
  caller: Caller
  /** The key's own settings; null for the admin key and while no key is configured. */
  key: KeyRuntime | null
}

/** Compared against when nothing was found, so that a miss takes as long as a hit. */
const NO_KEY = Buffer.alloc(32)

/**
 * The caller of `/v1/*`. An admin key that is presented decides alone, since SDKs always send some Bearer key as well.
 * @throws GatewayError `invalid_api_key` (401), `project_mismatch` (403), `not_found` (404) for an unknown project,
 * `invalid_request` (400) for an admin key without `X-Project-ID`.
 */
export function authenticate({
  runtime,
  authorization,
  adminKey,
  projectHeader,
}: Credentials): Authenticated {
  const isOpen = runtime.keys.size === 0
  if (adminKey !== undefined && !(isOpen && runtime.admin.keyHash === null)) {
    requireAdminKey(runtime, adminKey)
    return { caller: { projectId: requireProject(runtime, projectHeader), keyName: 'admin' }, key: null }
  }
  if (isOpen) {
    // Whatever Bearer comes is not looked at: SDKs cannot do without sending one.
    const projectId = projectHeader === undefined ? OPEN_PROJECT : requireProject(runtime, projectHeader)
    return { caller: { projectId, keyName: 'open' }, key: null }
  }
  const key = findKey(runtime, authorization)
  if (projectHeader !== undefined && projectHeader !== key.projectId) {
    throw new GatewayError(
      'project_mismatch',
      'X-Project-ID names another project than the one this key belongs to. Leave the header out, or use a key of that project.',
    )
  }
  return { caller: { projectId: key.projectId, keyName: key.name }, key }
}

/**
 * The operator: `/admin/*`, the dashboard's data. Open while no admin key is configured, which the configuration
 * allows on loopback only.
 * @throws GatewayError `invalid_api_key` (401).
 */
export function authenticateAdmin({
  runtime,
  adminKey,
}: {
  runtime: Runtime
  adminKey?: string | undefined
}): void {
  if (runtime.admin.keyHash !== null) requireAdminKey(runtime, adminKey)
}

function requireAdminKey(runtime: Runtime, adminKey: string | undefined): void {
  const expected = runtime.admin.keyHash
  if (adminKey === undefined || adminKey === '') {
    throw new GatewayError('invalid_api_key', 'This needs the admin key. Send it as X-Admin-Key.')
  }
  const isEqual = timingSafeEqual(hashKey(adminKey), expected ?? NO_KEY)
  if (expected === null) {
    throw new GatewayError(
      'invalid_api_key',
      'No admin key is configured here (admin.key). Call with a project key as Authorization: Bearer, without X-Admin-Key.',
    )
  }
  if (!isEqual) throw new GatewayError('invalid_api_key', 'The admin key in X-Admin-Key is wrong.')
}

function requireProject(runtime: Runtime, projectHeader: string | undefined): string {
  if (projectHeader === undefined || projectHeader === '') {
    throw new GatewayError(
      'invalid_request',
      'A call with the admin key is made on behalf of a project. Name it in the header X-Project-ID.',
      { param: 'X-Project-ID' },
    )
  }
  const project = runtime.projects.get(projectHeader)
  if (project === undefined) {
    throw new GatewayError('not_found', 'There is no project with the id in X-Project-ID.', {
      param: 'X-Project-ID',
    })
  }
  return project.id
}

function findKey(runtime: Runtime, authorization: string | undefined): KeyRuntime {
  if (authorization === undefined || authorization === '') {
    throw new GatewayError(
      'invalid_api_key',
      'No API key was sent. Send a project key as Authorization: Bearer <key>.',
    )
  }
  const presented = /^Bearer +(\S+) *$/i.exec(authorization)?.[1]
  if (presented === undefined) {
    throw new GatewayError('invalid_api_key', 'The Authorization header must have the form: Bearer <key>.')
  }
  const digest = hashKey(presented)
  const candidates = getKeyIndex(runtime).get(toPrefix(digest.toString('hex'))) ?? [NO_CANDIDATE]
  const found = candidates.find((candidate) => timingSafeEqual(digest, candidate.digest))?.key ?? null
  if (found === null) throw new GatewayError('invalid_api_key', 'The API key is wrong: no project has it.')
  return found
}

interface Candidate {
  digest: Buffer
  key: KeyRuntime | null
}

const NO_CANDIDATE: Candidate = { digest: NO_KEY, key: null }
const keyIndexes = new WeakMap<Runtime, ReadonlyMap<string, readonly Candidate[]>>()

/** By the first 8 bytes of the digest; the rest is compared in constant time. */
function getKeyIndex(runtime: Runtime): ReadonlyMap<string, readonly Candidate[]> {
  const known = keyIndexes.get(runtime)
  if (known !== undefined) return known
  const candidates = [...runtime.keys].map(([hex, key]) => ({ digest: Buffer.from(hex, 'hex'), key }))
  const index = Map.groupBy(candidates, ({ digest }) => toPrefix(digest.toString('hex')))
  keyIndexes.set(runtime, index)
  return index
}

function toPrefix(hex: string): string {
  return hex.slice(0, 16)
}
