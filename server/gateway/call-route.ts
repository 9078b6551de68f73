/** A call of one of a provider's routes beside its responses: one JSON body, tried as often as the provider allows. */

import { type CanonicalRequest, type Item, isObject, type Usage } from '../../translators/shared/canonical.ts'
import type { UpstreamFacts, UpstreamFailure, UpstreamRequest } from '../../translators/shared/translator.ts'
import type { Runtime } from '../config/runtime.ts'
import { GatewayError } from '../errors.ts'
import { beginAttempt, endAttempt, takeUsage } from './attempt-life.ts'
import type { Candidate } from './candidates.ts'
import { captureLimit } from './capture.ts'
import type { Attempt, Exchange } from './exchange.ts'
import { makeUpstreamFailure } from './failures.ts'
import { hideCredentials } from './hide-credentials.ts'
import { planRetry } from './retry.ts'
import { noteEstimate } from './settle-usage.ts'
import { callUpstream, type UpstreamReply } from './upstream-reply.ts'
import { waitFor } from './wait.ts'
import type { GatewayDependencies } from './work.ts'

export type RouteResult<Value> =
  /** `usage`: what the provider says that the call used; null when it says nothing. */
  { ok: true; value: Value; usage: Usage | null } | { ok: false; failure: UpstreamFailure }

export interface RouteCall<Value> {
  dependencies: GatewayDependencies
  runtime: Runtime
  exchange: Exchange
  candidate: Candidate
  sent: UpstreamRequest
  /** Reads the body of an answer with a good status. */
  read(body: unknown): RouteResult<Value>
  /** From what the usage is counted when the provider tells none. Absent where no model runs. */
  estimate?(value: Value): { request: CanonicalRequest; output: readonly Item[] }
  /** Whether other attempts follow when this route fails. */
  hasFallback: boolean
  signal: AbortSignal
}

/** @throws GatewayError `client_closed_request` */
export async function callRoute<Value>(call: RouteCall<Value>): Promise<RouteResult<Value>> {
  const { dependencies, exchange, candidate, sent, hasFallback, signal } = call
  const { observer } = dependencies
  const body = JSON.stringify(sent.body)
  for (let tries = 1; ; tries++) {
    const attempt = beginAttempt(exchange, candidate, sent, body, captureLimit(call.runtime, exchange))
    const result = await callOnce(call, body, attempt)
    const failure = result.ok ? null : result.failure
    const wait =
      failure &&
      planRetry({
        failure,
        tries,
        allowed: candidate.provider.attempts,
        retryBrokenSchema: false,
        // Whoever can do without this route does not wait for it.
        hasNextTarget: true,
      })
    endAttempt(attempt, failure)
    if (result.ok) await noteUsage(call, attempt, result)
    observer.attemptEnded(exchange, attempt, failure !== null && (wait !== null || hasFallback))
    if (wait === null) return result
    const waitedFrom = performance.now()
    const isWhole = await waitFor(wait, signal)
    exchange.upstreamMs += performance.now() - waitedFrom
    if (!isWhole) throw clientGone()
  }
}

async function noteUsage<Value>(
  { exchange, dependencies, estimate }: RouteCall<Value>,
  attempt: Attempt,
  { value, usage }: Extract<RouteResult<Value>, { ok: true }>,
): Promise<void> {
  if (usage !== null) {
    attempt.usage = usage
    attempt.usageSource = 'provider'
  } else if (estimate !== undefined) {
    await noteEstimate(dependencies.tokens, { attempt, ...estimate(value) })
  } else return
  takeUsage(exchange, attempt)
}

async function callOnce<Value>(
  call: RouteCall<Value>,
  body: string,
  attempt: Attempt,
): Promise<RouteResult<Value>> {
  const { dependencies, runtime, exchange, candidate, sent, signal } = call
  const { client, createSseParser, observer, onUnexpected } = dependencies
  const { timeouts, maxConnections } = candidate.provider
  const headers = { ...sent.headers }
  observer.attemptStarted(exchange, attempt, headers)
  attempt.requestHeaders = headers
  const reply = await callUpstream({
    client,
    createSseParser,
    method: sent.method,
    url: sent.url,
    headers,
    body,
    timeouts,
    maxConnections,
    attempt,
    captureLimit: captureLimit(runtime, exchange),
    signal,
    onEvents: () => 'stop',
    onResumable: () => {},
    onUnexpected: (error) => onUnexpected(error, exchange),
  })
  if (reply.kind === 'error' && reply.error.code === 'client_closed_request') {
    observer.attemptEnded(exchange, attempt, false)
    throw clientGone()
  }
  const result = readReply(call, reply)
  // A call without facts is one that was given up.
  if (result.ok && reply.kind === 'body') attempt.facts = readFacts(reply.body)
  return result
}

function readFacts(body: unknown): UpstreamFacts {
  const { id, model } = isObject(body) ? body : {}
  return {
    responseId: typeof id === 'string' ? id : null,
    model: typeof model === 'string' ? model : null,
    metadata: null,
    serviceTier: null,
  }
}

function readReply<Value>({ candidate, read }: RouteCall<Value>, reply: UpstreamReply): RouteResult<Value> {
  const { translator } = candidate.provider
  if (reply.kind === 'stream') return failed(candidate, notJson)
  if (reply.kind === 'error') {
    const { code, message, status } = reply.error
    return failed(candidate, makeUpstreamFailure(code, message, status))
  }
  const { status, headers, body } = reply
  if (status >= 300) return failed(candidate, translator.failure(status, headers, body))
  const result = read(body)
  return result.ok ? result : failed(candidate, result.failure)
}

function failed({ target }: Candidate, failure: UpstreamFailure): { ok: false; failure: UpstreamFailure } {
  return { ok: false, failure: { ...failure, message: hideCredentials(failure.message, target.credentials) } }
}

const notJson = makeUpstreamFailure(
  'upstream_invalid_response',
  'The provider answered with a stream where a JSON body belongs.',
)

function clientGone(): GatewayError {
  return new GatewayError('client_closed_request', 'The client closed the connection.')
}
