/** The story of one request: candidates in order, each tried until it answers, before anything has been sent. */

import type { UpstreamFailure } from '../../translators/shared/translator.ts'
import type { Runtime } from '../config/runtime.ts'
import { GatewayError } from '../errors.ts'
import { renderAnswerHead } from './answer-head.ts'
import { type AttemptOutcome, runAttempt } from './attempt.ts'
import { beginAttempt, concludeExchange, endAttempt } from './attempt-life.ts'
import type { UpstreamJob } from './background.ts'
import type { Candidate } from './candidates.ts'
import { captureLimit } from './capture.ts'
import { compactTurn, listAskable } from './compact-turn.ts'
import { createDelivery } from './delivery.ts'
import type { Attempt } from './exchange.ts'
import { failureError, failureOf } from './failures.ts'
import { failOpenStream, finishAnswer } from './finish.ts'
import { createId } from './ids.ts'
import { keepPartial } from './keep-partial.ts'
import { listCandidates, planAnew, planCandidate, planShorter, type ReadyPlan } from './plan-candidate.ts'
import { readSettings } from './read-settings.ts'
import { isBrokenSchema, planRetry } from './retry.ts'
import { noteEstimate, settleUsage } from './settle-usage.ts'
import { conversationId } from './state/history.ts'
import { beginTurn, releaseTurn, type Turn } from './state/turn.ts'
import { createSchemaVerifier } from './verify-schema.ts'
import { waitFor } from './wait.ts'
import { warmUp } from './warm-up.ts'
import {
  createContext,
  createWire,
  type GatewayDependencies,
  type RespondOptions,
  type Work,
} from './work.ts'

export interface Gateway {
  /**
   * Answers through `sink` and fills `exchange`.
   * @throws GatewayError when nothing could be answered and the sink is not open.
   */
  respond(options: RespondOptions): Promise<void>
}

export function createGateway(dependencies: GatewayDependencies): Gateway {
  const gateway: Gateway = {
    async respond(options) {
      const runtime = dependencies.runtime()
      options.exchange.session ??= conversationId(options.request)
      const turn = await startTurn(dependencies, runtime, options)
      try {
        await options.job?.onBegin()
        await runTurn(gateway, dependencies, runtime, options, turn)
      } finally {
        await releaseTurn(turn)
      }
    },
  }
  return gateway
}

function startTurn(
  dependencies: GatewayDependencies,
  runtime: Runtime,
  { exchange, request, signal, local = null, job = null, keep }: RespondOptions,
): Promise<Turn> {
  return beginTurn(dependencies, {
    runtime,
    request,
    project: exchange.caller?.projectId ?? '',
    local,
    responseId: job?.responseId ?? createId('resp'),
    createdAt: job?.createdAt ?? exchange.createdAt,
    signal,
    isPrompted: job?.isPrompted,
    keep,
    patience: job === null ? runtime.state.conversationWait : null,
  })
}

async function runTurn(
  gateway: Gateway,
  dependencies: GatewayDependencies,
  runtime: Runtime,
  options: RespondOptions,
  turn: Turn,
): Promise<void> {
  options.exchange.model = turn.request.model
  options.exchange.session ??= turn.root
  if (turn.request.prompt) options.exchange.settings = readSettings(turn.request)
  options.exchange.adaptations.push(...turn.adaptations)
  const work: Work = {
    ...options,
    dependencies,
    runtime,
    turn,
    verify: createSchemaVerifier(turn.request.text?.format) ?? undefined,
    resume: () => {},
  }
  options.sink.onDrain(() => work.resume())
  try {
    await (options.generate === false ? warmUp(work) : answerTurn(gateway, work))
  } catch (error) {
    const isTold =
      options.sink.opened && error instanceof GatewayError && error.code !== 'client_closed_request'
    if (!isTold) throw error
    await failOpenStream(work, error)
  }
}

async function answerTurn(gateway: Gateway, work: Work): Promise<void> {
  const candidates = listAskable(work, listCandidates(work))
  await (candidates === null ? compactTurn(gateway, work) : tryCandidates(work, candidates))
}

async function tryCandidates(work: Work, candidates: readonly Candidate[]): Promise<void> {
  const { runtime, job } = work
  let failure: UpstreamFailure | null = null
  let refusal: GatewayError | null = null
  for (const [position, candidate] of candidates.entries()) {
    // What a provider has taken on is asked of it and of nobody else.
    if (job?.upstream && !hasTaken(job.upstream, candidate)) continue
    const plan = planCandidate(work, candidate)
    if (!plan.ok) {
      refusal ??= plan.error
      continue
    }
    failure = await tryCandidate(work, candidate, plan, position + 1 < candidates.length)
    if (failure === null) return
    if (!mayGoOn(runtime, failure)) break
  }
  if (failure !== null) throw failureError(failure)
  throw refusal ?? new GatewayError('unsupported_parameter', 'No target can serve this request.')
}

function hasTaken({ provider, model }: UpstreamJob, candidate: Candidate): boolean {
  return candidate.provider.id === provider && candidate.target.model === model
}

/** An answer that broke its schema was made and paid for; another one only where the configuration says so. */
function mayGoOn({ structuredOutput }: Runtime, failure: UpstreamFailure): boolean {
  return structuredOutput.retry || !isBrokenSchema(failure)
}

/** Calls one target until it answers (null) or is given up (its last failure). */
async function tryCandidate(
  work: Work,
  candidate: Candidate,
  first: ReadyPlan,
  hasNextTarget: boolean,
): Promise<UpstreamFailure | null> {
  const { exchange, dependencies, runtime } = work
  let plan = first
  let body = bodyText(plan)
  for (let tries = 1; ; tries++) {
    const attempt = beginAttempt(exchange, candidate, plan.sent, body, captureLimit(runtime, exchange))
    const outcome = await callOnce(work, candidate, plan, body, attempt)
    const failure = outcome.kind === 'failed' ? outcome.failure : null
    const shorter = failure && planShorter(work, candidate, plan, failure)
    const wait =
      shorter !== null
        ? 0
        : failure &&
          planRetry({
            failure,
            tries,
            allowed: candidate.provider.attempts,
            retryBrokenSchema: runtime.structuredOutput.retry,
            hasNextTarget,
          })
    endAttempt(attempt, failure)
    work.resume = () => {}
    const willRetry = failure !== null && (wait !== null || (hasNextTarget && mayGoOn(runtime, failure)))
    dependencies.observer.attemptEnded(exchange, attempt, willRetry)
    if (outcome.kind === 'aborted') throw clientGone()
    if (outcome.kind === 'answered') await outcome.finish()
    if (failure === null || wait === null) return failure
    const waitedFrom = performance.now()
    const isWhole = await waitFor(wait, work.signal)
    exchange.upstreamMs += performance.now() - waitedFrom
    if (!isWhole) throw clientGone()
    if (shorter === null && !isBrokenSchema(failure)) continue
    plan = shorter ?? planAnew(work, candidate, plan)
    body = bodyText(plan)
    if (shorter !== null) tries = 0
  }
}

function bodyText({ sent }: ReadyPlan): string {
  return sent.body === null ? '' : JSON.stringify(sent.body)
}

function clientGone(): GatewayError {
  return new GatewayError('client_closed_request', 'The client closed the connection.')
}

type CallOutcome =
  | Exclude<AttemptOutcome, { kind: 'answered' }>
  /** `finish` keeps the turn and sends the end. */
  | { kind: 'answered'; finish(): Promise<void> }

/** Makes one attempt, and sends its answer on when there is one, but for its end. */
async function callOnce(
  work: Work,
  candidate: Candidate,
  plan: ReadyPlan,
  body: string,
  attempt: Attempt,
): Promise<CallOutcome> {
  const { exchange, dependencies, sink, runtime, job } = work
  const { sent } = plan
  const { tokens } = dependencies
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
  const { provider, target } = candidate
  const outcome = await runAttempt({
    wire: createWire(work),
    attempt,
    provider,
    target,
    sent,
    body,
    headers,
    context: createContext(work, candidate, plan, attempt),
    deliver: delivery.deliver,
    onResumable: (resume) => {
      work.resume = resume
    },
    taken: job?.upstream?.id ?? null,
    onTaken: (id) => job?.onUpstream({ provider: provider.id, model: target.model, id }) ?? Promise.resolve(),
  })
  if (outcome.kind === 'aborted') {
    if (attempt.usage === null)
      await noteEstimate(tokens, { attempt, request: plan.request, output: delivery.partialOutput() })
    if (delivery.sentToClient()) await keepPartial(work, candidate)
  }
  if (outcome.kind !== 'answered') return outcome
  const { final } = outcome
  await settleUsage(tokens, { attempt, request: plan.request, final })
  if (final.status === 'failed' && !delivery.sentToClient())
    return { kind: 'failed', failure: failureOf(final) }
  delivery.release()
  concludeExchange(exchange, attempt, final)
  return { kind: 'answered', finish: () => finishAnswer(work, { events: delivery.ending, final, candidate }) }
}
