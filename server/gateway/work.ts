/** What the attempts of one request share. */

import type { CanonicalRequest } from '../../translators/shared/canonical.ts'
import type { Context, EventDialect, UnsupportedPolicy } from '../../translators/shared/translator.ts'
import type { Runtime } from '../config/runtime.ts'
import type { UpstreamClient } from '../upstream/client.ts'
import type { createSseParser } from '../upstream/sse-parser.ts'
import type { AttemptPlan } from './attempt.ts'
import type { JobRun } from './background.ts'
import type { Candidate, ResolvedModel } from './candidates.ts'
import { captureLimit } from './capture.ts'
import { estimateUsage } from './estimate-usage.ts'
import type { Attempt, Exchange, Observer } from './exchange.ts'
import { createId } from './ids.ts'
import type { ReadyPlan } from './plan-candidate.ts'
import type { ResponseSink } from './sink.ts'
import type { LocalTurns } from './state/history.ts'
import type { ClaimedKey } from './state/idempotency.ts'
import { keepsItems, type Turn, type TurnDependencies } from './state/turn.ts'
import type { TokenCounter } from './token-counter.ts'

export interface GatewayDependencies extends TurnDependencies {
  runtime(): Runtime
  resolveModel(runtime: Runtime, name: string): ResolvedModel | null
  client: UpstreamClient
  createSseParser: typeof createSseParser
  observer: Required<Observer>
  /** Counts what providers do not tell. */
  tokens: TokenCounter
  /** The gateway's own code threw while it read an answer; the provider is blamed towards the client. */
  onUnexpected(error: unknown, exchange: Exchange): void
}

export interface RespondOptions {
  exchange: Exchange
  request: CanonicalRequest
  /** Of the request or its key; null leaves it to each provider. */
  unsupported: UnsupportedPolicy | null
  events: EventDialect
  /** The claim on the request's idempotency key: completed with the turn. The caller releases it otherwise. */
  claim: ClaimedKey | null
  /** Passed on to providers that know such a header. */
  idempotencyKey: string | null
  sink: ResponseSink
  /** Aborts when the client goes away, or the job is cancelled. */
  signal: AbortSignal
  /** Turns of the client's connection. Default: none. */
  local?: LocalTurns | null
  /** False: the turn is checked and kept, and no model is asked. Default true. */
  generate?: boolean
  /** Set when the response runs without its client. */
  job?: JobRun | null
  /** False for what the gateway asks a model on its own account: nothing is kept. Default: as the request says. */
  keep?: boolean
}

export interface Work extends RespondOptions {
  dependencies: GatewayDependencies
  runtime: Runtime
  turn: Turn
  verify: Context['verify']
  /** Wakes the provider that is being read when the client has caught up. */
  resume: () => void
}

export function createWire({ dependencies, runtime, exchange, signal }: Work): AttemptPlan['wire'] {
  return {
    client: dependencies.client,
    createSseParser: dependencies.createSseParser,
    captureLimit: captureLimit(runtime, exchange),
    signal,
    onUnexpected: (error) => dependencies.onUnexpected(error, exchange),
  }
}

export function createContext(
  work: Work,
  candidate: Candidate,
  { sent, request }: ReadyPlan,
  attempt: Attempt,
): Context {
  const { turn, dependencies } = work
  const provider = candidate.provider.id
  const shown = work.request.include?.includes('reasoning.encrypted_content') === true
  return {
    ...createBaseContext(work, (adaptation) => attempt.adaptations.push(adaptation)),
    sent,
    options: candidate.target.options,
    verify: sent.guards.verifySchema === true ? work.verify : undefined,
    // Takes the place of the exact count, for which the end of the answer waits; see settle-usage.ts.
    estimateUsage(output) {
      attempt.usageSource = 'estimated'
      return estimateUsage(request, output)
    },
    seal(content, itemId) {
      // Whatever else is encrypted the client has to send back itself; reasoning it may ask for.
      const isShown = shown || !itemId.startsWith('rs_')
      if (!isShown && !keepsItems(turn)) return null
      const sealed = dependencies.sealer.seal(turn.project, { kind: 'content', provider, content })
      if (isShown) return sealed
      turn.hidden.set(itemId, sealed)
      return null
    },
  }
}

export function createBaseContext({ turn, events, job }: Work, note: Context['note']): Context {
  return {
    request: turn.request,
    sent: { guards: {}, toolNames: {} },
    options: {},
    responseId: turn.responseId,
    createdAt: Math.floor(turn.createdAt / 1000),
    echo: turn.echo,
    newId: createId,
    now: () => Math.floor(Date.now() / 1000),
    events,
    note,
    resume: job?.resume,
  }
}
