/** `POST /v1/responses`: the hot route. Reads and writes the Node objects directly; Koa only led here. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { isObject } from '../../translators/shared/canonical.ts'
import type { EventDialect, UnsupportedPolicy } from '../../translators/shared/translator.ts'
import type { KeyRuntime, Runtime } from '../config/runtime.ts'
import { GatewayError, toGatewayError } from '../errors.ts'
import { captureLimit } from '../gateway/attempt-life.ts'
import type { BackgroundJobs } from '../gateway/background.ts'
import { captureChunk } from '../gateway/capture.ts'
import type { Exchange, Observer } from '../gateway/exchange.ts'
import { createExchange, failExchange, finishExchange } from '../gateway/exchange-life.ts'
import { readSettings } from '../gateway/read-settings.ts'
import type { Gateway } from '../gateway/respond.ts'
import type { ClaimedKey } from '../gateway/state/idempotency.ts'
import { isStored } from '../gateway/state/turn.ts'
import { validateRequest } from '../gateway/validate-request.ts'
import { authenticate } from './authenticate.ts'
import { answerInBackground } from './background-answer.ts'
import { guardOrigin } from './guard-origin.ts'
import { parseBody } from './parse-body.ts'
import { readBody } from './read-body.ts'
import { renderError } from './render-error.ts'
import { sendHead } from './send-head.ts'
import { publicRequestId, serverTiming } from './server-timing.ts'
import { createJsonSink, createSseSink } from './sinks.ts'

export interface ResponsesRouteDependencies {
  runtime(): Runtime
  gateway: Gateway
  jobs: BackgroundJobs
  observer: Required<Observer>
  /** True once the process has been told to stop. */
  draining(): boolean
  /** Something threw that is not a GatewayError: a defect. `exchange` is null outside of requests that have a row. */
  onUnexpected(error: unknown, exchange: Exchange | null): void
}

/** Characters of a model's name; longer ones are refused. */
const longestModelName = 512

export type ResponsesRoute = (request: IncomingMessage, response: ServerResponse) => Promise<void>

export function createResponsesRoute(dependencies: ResponsesRouteDependencies): ResponsesRoute {
  return async function handleResponses(request, response) {
    const exchange = createExchange({
      headers: request.headers,
      clientAddress: request.socket.remoteAddress ?? '',
      operation: 'responses.create',
    })
    let handedOver = false
    const hangUp = new AbortController()
    response.once('close', () => {
      if (!response.writableFinished) hangUp.abort()
    })
    // A client that vanishes while it is written to must not be an uncaught error.
    response.on('error', () => hangUp.abort())
    dependencies.observer.started(exchange)
    try {
      handedOver = await answer(dependencies, exchange, request, response, hangUp.signal)
    } catch (thrown) {
      const error = toGatewayError(thrown)
      if (error.code === 'internal_error') dependencies.onUnexpected(thrown, exchange)
      concludeWithError(exchange, response, error)
    } finally {
      if (!handedOver) {
        finishExchange(exchange)
        dependencies.observer.finished(exchange)
      }
    }
  }
}

/** @returns whether a job goes on with the exchange. */
async function answer(
  dependencies: ResponsesRouteDependencies,
  exchange: Exchange,
  request: IncomingMessage,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<boolean> {
  const { headers } = request
  if (dependencies.draining()) {
    throw new GatewayError(
      'shutting_down',
      'This gateway is shutting down. Try again: another instance will answer.',
    )
  }
  const runtime = dependencies.runtime()
  guardOrigin(runtime, headers)
  const { caller, key } = authenticate({
    runtime,
    authorization: headers.authorization,
    adminKey: singleHeader(headers['x-admin-key']),
    projectHeader: singleHeader(headers['x-project-id']),
  })
  exchange.caller = caller
  const options = readOptions(headers, key)
  const raw = await readBody(request, {
    limit: runtime.limits.bodyBytes,
    idleTimeout: runtime.limits.bodyIdleTimeout,
  })
  const limit = captureLimit(runtime)
  captureChunk(exchange.clientRequest, raw, limit)
  const parsed = parseBody(raw, headers['content-type'])
  noteAsked(exchange, parsed)
  const body = validateRequest(parsed)
  exchange.settings = readSettings(body)
  const claim: ClaimedKey | null = null
  const asked = { exchange, request: body, ...options, claim }
  if (body.background === true) {
    await answerInBackground(dependencies, { ...asked, caller }, response, signal)
    return true
  }
  const common = { response, exchange, captureLimit: limit }
  const record = claim !== null || isStored(runtime, caller.projectId, body)
  const sink = exchange.stream
    ? createSseSink({ ...common, record, pingSeconds: runtime.pingSeconds })
    : createJsonSink(common)
  await dependencies.gateway.respond({ ...asked, sink, signal })
  return false
}

/** What the row names even of a request that turns out to be wrong. */
function noteAsked(exchange: Exchange, body: unknown): void {
  if (!isObject(body)) return
  if (typeof body.model === 'string') exchange.model = body.model.slice(0, longestModelName)
  exchange.stream = body.stream === true
}

/** The per-request headers, over what the key says. */
function readOptions(
  headers: IncomingMessage['headers'],
  key: KeyRuntime | null,
): { unsupported: UnsupportedPolicy | null; events: EventDialect; idempotencyKey: string | null } {
  return {
    unsupported:
      readChoice(headers, 'x-dragoman-unsupported', ['adapt', 'reject'] as const) ?? key?.unsupported ?? null,
    events:
      readChoice(headers, 'x-dragoman-events', ['openai', 'open-responses'] as const) ??
      key?.events ??
      'openai',
    idempotencyKey: readIdempotencyKey(headers),
  }
}

function readChoice<Choice extends string>(
  headers: IncomingMessage['headers'],
  name: string,
  choices: readonly Choice[],
): Choice | null {
  const value = singleHeader(headers[name])
  if (value === undefined) return null
  const found = choices.find((choice) => choice === value)
  if (found !== undefined) return found
  throw new GatewayError(
    'invalid_request',
    `The header ${name} must be ${choices.join(' or ')}, not '${value.slice(0, 40)}'.`,
    {
      param: name,
    },
  )
}

function readIdempotencyKey(headers: IncomingMessage['headers']): string | null {
  const key = singleHeader(headers['idempotency-key']) ?? singleHeader(headers['x-idempotency-key'])
  if (key === undefined || key === '') return null
  if (key.length <= 255 && /^[\x21-\x7e]+$/.test(key)) return key
  throw new GatewayError(
    'invalid_request',
    'The Idempotency-Key must be 1 to 255 visible ASCII characters.',
    {
      param: 'idempotency-key',
    },
  )
}

function singleHeader(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value
}

function concludeWithError(exchange: Exchange, response: ServerResponse, error: GatewayError): void {
  failExchange(exchange, error)
  if (error.code === 'client_closed_request') {
    response.destroy()
    return
  }
  if (!response.headersSent && !response.destroyed) {
    const { body, headers } = renderError(error, publicRequestId(exchange))
    captureChunk(exchange.clientResponse, body, body.length)
    sendHead(response, exchange, error.status, { ...headers, 'server-timing': serverTiming(exchange) })
    response.end(body)
  } else if (!response.writableEnded) {
    response.destroy()
  }
}
