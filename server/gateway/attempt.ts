/** One attempt: send what the translator made, read what comes, hand on legal events. */
import type { CanonicalEvent, CanonicalResponse } from '../../translators/shared/canonical.ts'
import type {
  Context,
  StreamTranslator,
  Target,
  Translator,
  UpstreamFailure,
  UpstreamRequest,
  WireEvent,
} from '../../translators/shared/translator.ts'
import type { ProviderRuntime } from '../config/runtime.ts'
import type { Attempt } from './exchange.ts'
import { makeUpstreamFailure } from './failures.ts'
import { readFinishReason } from './finish-reason.ts'
import { hideCredentials, hideInFailure } from './hide-credentials.ts'
import { countImages } from './money/price-exchange.ts'
import { pollResponse } from './poll.ts'
import { callUpstream, type UpstreamCallPlan, type UpstreamReply } from './upstream-reply.ts'

export type AttemptOutcome =
  /** The terminal event was delivered; `final` may be failed when output had been sent before. */
  | { kind: 'answered'; final: CanonicalResponse }
  /** Nothing was delivered. */
  | { kind: 'failed'; failure: UpstreamFailure }
  /** The client went away. */
  | { kind: 'aborted' }

export interface AttemptPlan {
  wire: Pick<UpstreamCallPlan, 'client' | 'createSseParser' | 'captureLimit' | 'signal' | 'onUnexpected'>
  attempt: Attempt
  provider: ProviderRuntime
  target: Target
  sent: UpstreamRequest
  /** `sent.body` as text. */
  body: string
  /** With what observers added. */
  headers: Record<string, string>
  context: Context
  /** Takes output events in order; false: the client is behind. */
  deliver(events: CanonicalEvent[]): boolean
  onResumable(resume: () => void): void
  /** The provider's id of a response that it has taken on already: it is asked for at once, and nothing is sent. */
  taken: string | null
  /** The provider has taken the response on and is asked for it from now on. */
  onTaken(id: string): Promise<void>
}

/** Runs the attempt to its end. Never rejects for anything that a provider does. */
export async function runAttempt(plan: AttemptPlan): Promise<AttemptOutcome> {
  const { provider, context, attempt } = plan
  const machine = provider.translator.stream(context)
  attempt.taken = plan.taken !== null
  let reply = plan.taken === null ? await callFirst(plan, machine) : await pollResponse(plan, plan.taken, 0)
  if (reply === null) return { kind: 'aborted' }
  for (let polls = 0; ; polls++) {
    if (reply.kind === 'failed') return failed(plan, reply.failure)
    if (reply.kind !== 'body' || reply.status >= 300) return concludeReply(plan, machine, reply)
    if (reply.body === '') return failed(plan, emptyBody)
    const result = provider.translator.response(reply.body, context)
    if (result.pending === null) return concludeBody(plan, result)
    attempt.taken = true
    if (polls === 0 && plan.taken === null) await plan.onTaken(result.pending.id)
    reply = await pollResponse(plan, result.pending.id, polls)
    if (reply === null) return { kind: 'aborted' }
  }
}

function callFirst(plan: AttemptPlan, machine: StreamTranslator): Promise<UpstreamReply> {
  const { provider, attempt } = plan
  return callUpstream({
    ...plan.wire,
    attempt,
    method: plan.sent.method,
    url: plan.sent.url,
    headers: plan.headers,
    body: plan.body,
    timeouts: provider.timeouts,
    maxConnections: provider.maxConnections,
    onEvents: (events) => pushEvents(plan, machine, events),
    onResumable: plan.onResumable,
  })
}

function pushEvents(
  plan: AttemptPlan,
  machine: StreamTranslator,
  wire: WireEvent[],
): 'go' | 'pause' | 'stop' {
  let ready = true
  const batch: CanonicalEvent[] = []
  for (const event of wire) {
    for (const canonical of machine.push(event)) batch.push(canonical)
    if (machine.failure !== null || machine.final !== null) break
  }
  if (batch.length > 0) ready = deliver(plan, batch, machine.final)
  if (machine.failure !== null || machine.final !== null) return 'stop'
  return ready ? 'go' : 'pause'
}

function deliver(plan: AttemptPlan, events: CanonicalEvent[], final: CanonicalResponse | null): boolean {
  if (final?.status === 'failed') hideInFailure(events, final, plan.target.credentials)
  return plan.deliver(events)
}

function concludeReply(plan: AttemptPlan, machine: StreamTranslator, reply: UpstreamReply): AttemptOutcome {
  if (reply.kind === 'stream') return concludeStream(plan, machine)
  if (reply.kind === 'body')
    return failed(plan, plan.provider.translator.failure(reply.status, reply.headers, reply.body))
  const { code, message, status } = reply.error
  if (code === 'client_closed_request') {
    recordFacts(plan.attempt, machine)
    return { kind: 'aborted' }
  }
  if (reply.midStream) return concludeStream(plan, machine, { code, message })
  return failed(plan, makeUpstreamFailure(code, message, status))
}

function concludeStream(
  plan: AttemptPlan,
  machine: StreamTranslator,
  cut?: { code: string; message: string },
): AttemptOutcome {
  if (machine.final === null && machine.failure === null) {
    const events = machine.end(cut)
    if (events.length > 0) deliver(plan, events, machine.final)
  }
  recordFacts(plan.attempt, machine)
  if (machine.final !== null) return { kind: 'answered', final: machine.final }
  return failed(plan, machine.failure ?? noAnswer)
}

function concludeBody(plan: AttemptPlan, result: ReturnType<Translator['response']>): AttemptOutcome {
  recordFacts(plan.attempt, result)
  if (result.failure !== null) return failed(plan, result.failure)
  if (result.final === null) return failed(plan, noAnswer)
  deliver(plan, result.events, result.final)
  return { kind: 'answered', final: result.final }
}

function recordFacts(
  attempt: Attempt,
  { final, usage, facts }: Pick<StreamTranslator, 'final' | 'usage' | 'facts'>,
): void {
  attempt.facts = facts
  attempt.finishReason = final === null ? null : readFinishReason(final)
  // What was told before a failure, or before the client left, was used all the same.
  attempt.usage = usage ?? final?.usage ?? null
  if (attempt.usage !== null) attempt.usageSource ??= 'provider'
  attempt.images = countImages(final?.output ?? [])
}

function failed({ target }: AttemptPlan, failure: UpstreamFailure): AttemptOutcome {
  const message = hideCredentials(failure.message, target.credentials)
  return { kind: 'failed', failure: { ...failure, message } }
}

const noAnswer = makeUpstreamFailure(
  'upstream_disconnected',
  'The provider closed the connection without an answer.',
)

const emptyBody = makeUpstreamFailure('upstream_invalid_response', 'The provider sent an empty answer.')
