/** The story of one request: candidates in order, each tried until it answers, before anything has been sent. */
import type { CanonicalRequest, CanonicalResponse } from '../../translators/shared/canonical.ts'
import { createEmitter } from '../../translators/shared/emitter.ts'
import type {
  Context,
  EventDialect,
  Refusal,
  UnsupportedPolicy,
  UpstreamFailure,
  UpstreamRequest,
} from '../../translators/shared/translator.ts'
import type { Runtime } from '../config/runtime.ts'
import { GatewayError } from '../errors.ts'
import type { UpstreamClient } from '../upstream/client.ts'
import type { createSseParser } from '../upstream/sse-parser.ts'
import { renderAnswerHead } from './answer-head.ts'
import { type AttemptOutcome, type AttemptPlan, runAttempt } from './attempt.ts'
import { beginAttempt, captureLimit, concludeExchange, endAttempt } from './attempt-life.ts'
import { type Candidate, type ResolvedModel, selectCandidates } from './candidates.ts'
import { createDelivery } from './delivery.ts'
import { estimateUsage } from './estimate-usage.ts'
import type { Attempt, Exchange, Observer } from './exchange.ts'
import { failExchange } from './exchange-life.ts'
import { failureError, failureOf, failureOfError } from './failures.ts'
import { createId } from './ids.ts'
import { nameLostState, refuseState } from './refuse-state.ts'
import { isBrokenSchema, planRetry } from './retry.ts'
import type { ResponseSink } from './sink.ts'
import { createSchemaVerifier } from './verify-schema.ts'
import { waitFor } from './wait.ts'

export interface GatewayDependencies {
  runtime(): Runtime
  resolveModel(runtime: Runtime, name: string): ResolvedModel | null
  client: UpstreamClient
  createSseParser: typeof createSseParser
  observer: Required<Observer>
  /** The gateway's own code threw while it read an answer; the provider is blamed towards the client. */
  onUnexpected(error: unknown, exchange: Exchange): void
}

export interface RespondOptions {
  exchange: Exchange
  request: CanonicalRequest
  /** Of the request or its key; null leaves it to each provider. */
  unsupported: UnsupportedPolicy | null
  events: EventDialect
  idempotencyKey: string | null
  sink: ResponseSink
  /** Aborts when the client goes away. */
  signal: AbortSignal
}

export interface Gateway {
  /**
   * Answers through `sink` and fills `exchange`.
   * @throws GatewayError when nothing could be answered and the sink is not open.
   */
  respond(options: RespondOptions): Promise<void>
}

/** Everything of one request that its attempts share. */
interface Work extends RespondOptions {
  dependencies: GatewayDependencies
  runtime: Runtime
  responseId: string
  createdAt: number
  verify: Context['verify']
  /** Wakes the provider that is being read when the client has caught up. */
  resume: () => void
}

export function createGateway(dependencies: GatewayDependencies): Gateway {
  return {
    async respond(options) {
      const runtime = dependencies.runtime()
      const { request, exchange } = options
      refuseState(request)
      exchange.adaptations.push(...nameLostState(request))
      const work: Work = {
        ...options,
        dependencies,
        runtime,
        responseId: createId('resp'),
        createdAt: Math.floor(exchange.createdAt / 1000),
        verify: createSchemaVerifier(request.text?.format) ?? undefined,
        resume: () => {},
      }
      options.sink.onDrain(() => work.resume())
      try {
        await tryCandidates(work)
      } catch (error) {
        if (
          !options.sink.opened ||
          !(error instanceof GatewayError) ||
          error.code === 'client_closed_request'
        )
          throw error
        failOpenStream(work, error)
      }
    },
  }
}

async function tryCandidates(work: Work): Promise<void> {
  const { runtime, request, exchange, dependencies } = work
  const candidates = selectCandidates({
    runtime,
    request,
    resolved: dependencies.resolveModel(runtime, request.model),
    projectId: exchange.caller?.projectId ?? '',
    unsupported: work.unsupported,
    idempotencyKey: work.idempotencyKey,
  })
  let failure: UpstreamFailure | null = null
  let refusal: Refusal | null = null
  for (const [position, candidate] of candidates.entries()) {
    const sent = candidate.provider.translator.request(request, candidate.target)
    if (!sent.ok) {
      refusal ??= sent
      continue
    }
    failure = await tryCandidate(work, candidate, sent, position + 1 < candidates.length)
    if (failure === null) return
    if (!mayGoOn(runtime, failure)) break
  }
  if (failure !== null) throw failureError(failure)
  throw new GatewayError('unsupported_parameter', refusal?.message ?? 'No target can serve this request.', {
    param: refusal?.field ?? null,
  })
}

/** An answer that broke its schema was made and paid for; another one only where the configuration says so. */
function mayGoOn({ structuredOutput }: Runtime, failure: UpstreamFailure): boolean {
  return structuredOutput.retry || !isBrokenSchema(failure)
}

/** Calls one target until it answers (null) or is given up (its last failure). */
async function tryCandidate(
  work: Work,
  candidate: Candidate,
  sent: UpstreamRequest,
  hasNextTarget: boolean,
): Promise<UpstreamFailure | null> {
  const { exchange, dependencies, runtime } = work
  const body = sent.body === null ? '' : JSON.stringify(sent.body)
  for (let tries = 1; ; tries++) {
    const attempt = beginAttempt(exchange, candidate, sent, body, captureLimit(runtime))
    const outcome = await callOnce(work, candidate, sent, body, attempt)
    const failure = outcome.kind === 'failed' ? outcome.failure : null
    const wait =
      failure === null
        ? null
        : planRetry({
            failure,
            tries,
            allowed: candidate.provider.attempts,
            retryBrokenSchema: runtime.structuredOutput.retry,
            hasNextTarget,
          })
    endAttempt(attempt, outcome)
    work.resume = () => {}
    const willRetry = failure !== null && (wait !== null || (hasNextTarget && mayGoOn(runtime, failure)))
    dependencies.observer.attemptEnded(exchange, attempt, willRetry)
    if (outcome.kind === 'aborted') throw clientGone()
    if (failure === null || wait === null) return failure
    const waitedFrom = performance.now()
    const isWhole = await waitFor(wait, work.signal)
    exchange.upstreamMs += performance.now() - waitedFrom
    if (!isWhole) throw clientGone()
  }
}

function clientGone(): GatewayError {
  return new GatewayError('client_closed_request', 'The client closed the connection.')
}

/** Makes one attempt, and sends its answer on when there is one. */
async function callOnce(
  work: Work,
  candidate: Candidate,
  sent: UpstreamRequest,
  body: string,
  attempt: Attempt,
): Promise<AttemptOutcome> {
  const { exchange, dependencies, sink, runtime } = work
  const headers = { ...sent.headers }
  dependencies.observer.attemptStarted(exchange, attempt, headers)
  attempt.requestHeaders = headers
  sink.prepare(renderAnswerHead(candidate, [...exchange.adaptations, ...attempt.adaptations]))
  const delivery = createDelivery({
    exchange,
    attempt,
    sink,
    observer: dependencies.observer,
    hold: sent.guards.verifySchema === true && runtime.structuredOutput.retry,
  })
  const outcome = await runAttempt({
    wire: createWire(work),
    attempt,
    provider: candidate.provider,
    target: candidate.target,
    sent,
    body,
    headers,
    context: createContext(work, candidate, sent, attempt),
    deliver: delivery.deliver,
    onResumable: (resume) => {
      work.resume = resume
    },
  })
  if (outcome.kind === 'aborted') {
    attempt.usage = estimateUsage(work.request, delivery.partialOutput())
    attempt.usageSource = 'estimated'
  }
  if (outcome.kind !== 'answered') return outcome
  if (outcome.final.status === 'failed' && !delivery.sentToClient())
    return { kind: 'failed', failure: failureOf(outcome.final) }
  delivery.release()
  finishAnswer(work, candidate, attempt, outcome.final)
  return outcome
}

function finishAnswer(
  { exchange, sink }: Work,
  candidate: Candidate,
  attempt: Attempt,
  final: CanonicalResponse,
): void {
  concludeExchange(exchange, attempt, final)
  sink.prepare(renderAnswerHead(candidate, exchange.adaptations))
  sink.finish(final)
}

function createWire({ dependencies, runtime, exchange, signal }: Work): AttemptPlan['wire'] {
  return {
    client: dependencies.client,
    createSseParser: dependencies.createSseParser,
    captureLimit: captureLimit(runtime),
    signal,
    onUnexpected: (error) => dependencies.onUnexpected(error, exchange),
  }
}

function createContext(work: Work, candidate: Candidate, sent: UpstreamRequest, attempt: Attempt): Context {
  return {
    ...createBaseContext(work, (adaptation) => attempt.adaptations.push(adaptation)),
    sent,
    options: candidate.target.options,
    verify: sent.guards.verifySchema === true ? work.verify : undefined,
    estimateUsage(output) {
      attempt.usageSource = 'estimated'
      return estimateUsage(work.request, output)
    },
  }
}

function createBaseContext(work: Work, note: Context['note']): Context {
  return {
    request: work.request,
    sent: { guards: {}, toolNames: {} },
    options: {},
    responseId: work.responseId,
    createdAt: work.createdAt,
    // Nothing is kept yet, and a client that relies on `store` must be able to see that.
    echo: { store: false, background: false },
    newId: createId,
    now: () => Math.floor(Date.now() / 1000),
    events: work.events,
    note,
  }
}

/** The head was sent (a ping came before any output), so the failure is told as events. */
function failOpenStream(work: Work, error: GatewayError): void {
  const { exchange, sink } = work
  const emitter = createEmitter(
    createBaseContext(work, (adaptation) => exchange.adaptations.push(adaptation)),
  )
  emitter.failAloud(failureOfError(error))
  failExchange(exchange, error)
  exchange.responseId = work.responseId
  sink.write(emitter.take())
  if (emitter.final !== null) sink.finish(emitter.final)
}
