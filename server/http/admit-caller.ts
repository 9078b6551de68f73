/** What every call of `/v1/responses` has to pass first, over HTTP and in each turn of a WebSocket. */
import type { IncomingHttpHeaders } from 'node:http'
import type { JsonObject } from '../../translators/shared/canonical.ts'
import type { Runtime } from '../config/runtime.ts'
import { GatewayError } from '../errors.ts'
import type { Caller, Exchange } from '../gateway/exchange.ts'
import { authenticate } from './authenticate.ts'
import { guardOrigin } from './guard-origin.ts'
import { type RequestOptions, readOptions, singleHeader } from './request-options.ts'

export interface AdmitDependencies {
  runtime(): Runtime
  /** True once the process has been told to stop. */
  draining(): boolean
}

export interface AdmittedCaller {
  /** The one that the request keeps to, whatever is configured meanwhile. */
  runtime: Runtime
  caller: Caller
  options: RequestOptions
}

/**
 * Who calls, and what the headers ask for; the caller is noted in the record.
 * @throws GatewayError `shutting_down` (503), and as guardOrigin, authenticate and readOptions do.
 */
export function admitCaller(
  { runtime: readRuntime, draining }: AdmitDependencies,
  exchange: Exchange,
  headers: IncomingHttpHeaders,
): AdmittedCaller {
  if (draining()) {
    throw new GatewayError(
      'shutting_down',
      'This gateway is shutting down. Try again: another instance will answer.',
    )
  }
  const runtime = readRuntime()
  guardOrigin(runtime, headers)
  const { caller, key } = authenticate({
    runtime,
    authorization: headers.authorization,
    // An empty header is none, as on every other route.
    adminKey: singleHeader(headers['x-admin-key']) || undefined,
    projectHeader: singleHeader(headers['x-project-id']) || undefined,
  })
  exchange.caller = caller
  return { runtime, caller, options: readOptions(headers, key) }
}

/** Characters of a model's name; longer ones are refused. */
const longestModelName = 512

/** What the row names even of a request that turns out to be wrong. */
export function noteAsked(exchange: Exchange, body: JsonObject): void {
  if (typeof body.model === 'string') exchange.model = body.model.slice(0, longestModelName)
  exchange.stream = body.stream === true
  exchange.background = body.background === true && exchange.operation === 'responses.create'
}
