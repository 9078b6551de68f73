/** `POST /v1/responses`: the hot route. Reads and writes the Node objects directly; Koa only led here. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type CanonicalRequest, isObject } from '../../translators/shared/canonical.ts'
import type { Runtime } from '../config/runtime.ts'
import { type GatewayError, isOperatorsBusiness, toGatewayError } from '../errors.ts'
import { captureLimit } from '../gateway/attempt-life.ts'
import type { BackgroundJobs } from '../gateway/background.ts'
import { captureChunk } from '../gateway/capture.ts'
import type { Exchange, Observer } from '../gateway/exchange.ts'
import { createExchange, failExchange, finishExchange } from '../gateway/exchange-life.ts'
import { readSettings } from '../gateway/read-settings.ts'
import type { Gateway } from '../gateway/respond.ts'
import { followedResponse, type Idempotency } from '../gateway/state/idempotency.ts'
import { isStored } from '../gateway/state/turn.ts'
import { validateRequest } from '../gateway/validate-request.ts'
import { type AdmittedCaller, admitCaller, noteAsked } from './admit-caller.ts'
import { answerInBackground, type FollowedAnswer, sendFollowed } from './background-answer.ts'
import { noteReplay, replayedHeader, sendIdempotentAnswer } from './idempotent-answer.ts'
import { parseBody } from './parse-body.ts'
import { readBody } from './read-body.ts'
import { renderError } from './render-error.ts'
import { claimKey } from './request-options.ts'
import { sendHead } from './send-head.ts'
import { publicRequestId, serverTiming } from './server-timing.ts'
import { createJsonSink, createSseSink } from './sinks.ts'

export interface ResponsesRouteDependencies {
  runtime(): Runtime
  gateway: Gateway
  idempotency: Idempotency
  jobs: BackgroundJobs
  observer: Required<Observer>
  /** True once the process has been told to stop. */
  draining(): boolean
  /** Something threw that is not a GatewayError: a defect. `exchange` is null outside of requests that have a row. */
  onUnexpected(error: unknown, exchange: Exchange | null): void
}

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
      if (isOperatorsBusiness(thrown, error)) dependencies.onUnexpected(thrown, exchange)
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
  const { runtime, caller, options, raw, body } = await admit(dependencies, exchange, request)
  const project = caller.projectId
  const common = { response, exchange, captureLimit: captureLimit(runtime) }
  const { idempotency } = dependencies
  const claimed = await claimKey({ ...options, idempotency, runtime, exchange, project, body: raw, signal })
  if (claimed?.kind === 'repeated') {
    const { answer } = claimed
    const responseId = followedResponse(answer)
    if (responseId === null) await sendIdempotentAnswer({ ...common, answer, signal })
    else await repeatFollowed(dependencies, { ...common, project, responseId, headers: answer.headers })
    return false
  }
  const claim = claimed?.claim ?? null
  const asked = { exchange, request: body, ...options, claim }
  try {
    if (body.background === true) {
      await answerInBackground(dependencies, { ...asked, caller }, response)
      return true
    }
    const record = claim !== null || isStored(runtime, project, body)
    const sink = exchange.stream
      ? createSseSink({ ...common, record, pingSeconds: runtime.pingSeconds })
      : createJsonSink(common)
    await dependencies.gateway.respond({ ...asked, sink, signal })
    return false
  } finally {
    await claim?.release()
  }
}

/** The events of a background response that was begun by the first call with the same key. */
async function repeatFollowed(
  dependencies: ResponsesRouteDependencies,
  followed: FollowedAnswer,
): Promise<void> {
  noteReplay(followed.exchange)
  followed.exchange.responseId = followed.responseId
  followed.exchange.status = 'queued'
  await sendFollowed(dependencies, { ...followed, headers: { ...followed.headers, ...replayedHeader } })
}

interface Admitted extends AdmittedCaller {
  /** The body as it was sent, but for its content-encoding. */
  raw: Buffer
  body: CanonicalRequest
}

/** Who calls, and a body that is valid. */
async function admit(
  dependencies: ResponsesRouteDependencies,
  exchange: Exchange,
  request: IncomingMessage,
): Promise<Admitted> {
  const { headers } = request
  const { runtime, caller, options } = admitCaller(dependencies, exchange, headers)
  const raw = await readBody(request, {
    limit: runtime.limits.bodyBytes,
    idleTimeout: runtime.limits.bodyIdleTimeout,
  })
  captureChunk(exchange.clientRequest, raw, captureLimit(runtime))
  const parsed = parseBody(raw, headers['content-type'])
  if (isObject(parsed)) noteAsked(exchange, parsed)
  const body = validateRequest(parsed)
  exchange.settings = readSettings(body)
  return { runtime, caller, options, raw, body }
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
