/** What the routes of kept responses and conversations share: who calls, with what body, and the parts of the query. */
import type { Context } from 'koa'
import type { JsonObject } from '../../translators/shared/canonical.ts'
import type { KeyRuntime, Runtime } from '../config/runtime.ts'
import { checkBody, describeWord, refuse } from '../gateway/validate-request-checks.ts'
import { authenticate } from './authenticate.ts'
import { parseBody } from './parse-body.ts'
import { readBody } from './read-body.ts'

/** An authenticated call. */
export interface Call {
  runtime: Runtime
  project: string
  /** Null for the admin key and while no key is configured. */
  key: KeyRuntime | null
}

/** @throws GatewayError as `authenticate` does. */
export function authoriseCall(runtime: Runtime, ctx: Context): Call {
  const { caller, key } = authenticate({
    runtime,
    authorization: ctx.req.headers.authorization,
    adminKey: ctx.get('x-admin-key') || undefined,
    projectHeader: ctx.get('x-project-id') || undefined,
  })
  return { runtime, project: caller.projectId, key }
}

/**
 * The members of the body; none when there is no body, as SDKs send for calls that need none.
 * @throws GatewayError as `readBody` and `parseBody` do, and for what is not an object.
 */
export async function readMembers({ runtime }: Call, ctx: Context): Promise<JsonObject> {
  const { bodyBytes: limit, bodyIdleTimeout: idleTimeout } = runtime.limits
  const raw = await readBody(ctx.req, { limit, idleTimeout })
  return raw.length === 0 ? {} : checkBody(parseBody(raw, ctx.req.headers['content-type']))
}

/** Values of `include`, written `include[]=a&include[]=b`, `include[0]=a` or `include=a`. Any value passes. */
export function readInclude(query: URLSearchParams): string[] {
  return [...query].filter(([name]) => /^include(?:\[\d*\])?$/.test(name)).map(([, value]) => value)
}

export interface IntegerLimits {
  min: number
  max?: number
}

/** @throws GatewayError `invalid_request` (400) naming the parameter. */
export function readInteger(
  query: URLSearchParams,
  name: string,
  { min, max = Number.MAX_SAFE_INTEGER }: IntegerLimits,
) {
  const text = readParameter(query, name)
  if (text === null) return null
  const value = /^-?\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`
  return refuse(name, `${name} must be an integer ${range}; got ${describeWord(text)}.`)
}

/** @throws GatewayError `invalid_request` (400) naming the parameter. */
export function readWord<Word extends string>(
  query: URLSearchParams,
  name: string,
  words: readonly Word[],
): Word | null {
  const text = readParameter(query, name)
  if (text === null) return null
  const found = words.find((word) => word === text)
  return found ?? refuse(name, `${name} must be ${words.join(' or ')}; got ${describeWord(text)}.`)
}

/** A parameter of the query; null when it is absent or empty. */
export function readParameter(query: URLSearchParams, name: string): string | null {
  return query.get(name) || null
}

/** The query; not by way of `ctx.URL`, which needs a sane Host header. */
export function readQuery(ctx: Context): URLSearchParams {
  return new URLSearchParams(ctx.querystring)
}
