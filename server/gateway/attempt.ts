/** One attempt: send what the translator made, read what comes, hand on legal events. */
import type { CanonicalEvent, CanonicalResponse } from '../../translators/shared/canonical.ts'
import type {
  Context,
  StreamTranslator,
  Target,
  Translator,
  UpstreamFacts,
  UpstreamFailure,
  UpstreamRequest,
  WireEvent,
} from '../../translators/shared/translator.ts'
import type { ProviderRuntime } from '../config/runtime.ts'
import type { GatewayError } from '../errors.ts'
import type { Attempt } from './exchange.ts'
import { callUpstream, type UpstreamCallPlan, type UpstreamReply } from './upstream-reply.ts'

export type AttemptOutcome =
  /** The terminal event was delivered; `final` may be failed when output had been sent before. */
  | { kind: 'answered'; final: CanonicalResponse }
  /** Nothing was delivered. */
  | { kind: 'failed'; failure: UpstreamFailure }
  /** The client went away. */
  | { kind: 'aborted' }

export interface AttemptPlan {
  wire: Pick<UpstreamCallPlan, 'client' | 'createSseParser' | 'captureLimit' | 'signal'>
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
}

/** Runs the attempt to its end. Never rejects for anything that a provider does. */
export async function runAttempt(plan: AttemptPlan): Promise<AttemptOutcome> {
  const { provider, context, attempt } = plan
  const translator: Translator = provider.translator
  const machine = translator.stream(context)
  let reply = await callUpstream({
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
  for (let polls = 0; ; polls++) {
    if (reply.kind !== 'body' || reply.status >= 300) return concludeReply(plan, machine, reply)
    const parsed = parseJson(reply.text)
    if (parsed === undefined) return failed(invalidBody(reply))
    const result = translator.response(parsed, context)
    if (result.pending === null) return concludeBody(plan, result)
    const next = await poll(plan, result.pending.id, polls)
    if (next === null) return { kind: 'aborted' }
    if ('failure' in next) return failed(next.failure)
    reply = next
  }
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
  if (batch.length > 0) ready = plan.deliver(batch)
  if (machine.failure !== null || machine.final !== null) return 'stop'
  return ready ? 'go' : 'pause'
}

function concludeReply(plan: AttemptPlan, machine: StreamTranslator, reply: UpstreamReply): AttemptOutcome {
  if (reply.kind === 'error') {
    if (reply.error.code === 'client_closed_request') return { kind: 'aborted' }
    const failure = transportFailure(reply.error)
    if (!reply.midStream) return failed(failure)
    return concludeStream(plan, machine, { code: failure.code, message: failure.message })
  }
  if (reply.kind === 'stream') return concludeStream(plan, machine)
  return failed(
    plan.provider.translator.failure(reply.status, reply.headers, parseJson(reply.text) ?? reply.text),
  )
}

function concludeStream(
  plan: AttemptPlan,
  machine: StreamTranslator,
  cut?: { code: string; message: string },
): AttemptOutcome {
  if (machine.final === null && machine.failure === null) {
    const events = machine.end(cut)
    if (events.length > 0) plan.deliver(events)
  }
  recordFacts(plan.attempt, machine.final, machine.facts)
  if (machine.final !== null) return { kind: 'answered', final: machine.final }
  return failed(machine.failure ?? noAnswer)
}

function concludeBody(plan: AttemptPlan, result: ReturnType<Translator['response']>): AttemptOutcome {
  recordFacts(plan.attempt, result.final, result.facts)
  if (result.failure !== null) return failed(result.failure)
  if (result.final === null) return failed(noAnswer)
  plan.deliver(result.events)
  return { kind: 'answered', final: result.final }
}

function recordFacts(attempt: Attempt, final: CanonicalResponse | null, facts: UpstreamFacts): void {
  attempt.facts = facts
  attempt.usage = final?.usage ?? null
}

/** Asks once more for a response that is not finished. Null: the client went away while waiting. */
async function poll(
  plan: AttemptPlan,
  upstreamId: string,
  polls: number,
): Promise<UpstreamReply | { failure: UpstreamFailure } | null> {
  const schedule = plan.provider.translator.poll
  if (schedule === undefined) {
    return {
      failure: upstreamFailure(
        'upstream_invalid_response',
        'The provider answered with an unfinished response and has no way to ask for the rest.',
      ),
    }
  }
  const delay = schedule.delays[Math.min(polls, schedule.delays.length - 1)] ?? 2000
  if (performance.now() - plan.attempt.startedAt + delay > plan.provider.timeouts.total) {
    return {
      failure: upstreamFailure(
        'upstream_timeout',
        'The provider did not finish the response in the time allowed.',
        504,
      ),
    }
  }
  if (!(await waitFor(delay, plan.wire.signal))) return null
  const { url, headers } = schedule.request(upstreamId, plan.target)
  return callUpstream({
    ...plan.wire,
    attempt: plan.attempt,
    method: 'GET',
    url,
    headers,
    body: null,
    timeouts: plan.provider.timeouts,
    maxConnections: plan.provider.maxConnections,
    onEvents: () => 'stop',
    onResumable: () => {},
  })
}

/** Waits, unless the signal aborts first. @returns whether the wait was whole. */
export function waitFor(milliseconds: number, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return Promise.resolve(false)
  return new Promise((resolve) => {
    const onAbort = () => {
      clearTimeout(timer)
      resolve(false)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort)
      resolve(true)
    }, milliseconds)
    signal.addEventListener('abort', onAbort, { once: true })
  })
}

function transportFailure({ status, code, message }: GatewayError): UpstreamFailure {
  return upstreamFailure(code, message, status)
}

function upstreamFailure(code: string, message: string, status = 502): UpstreamFailure {
  return { status, code, message, param: null, retryable: true, retryAfterSeconds: null, origin: 'upstream' }
}

const noAnswer = upstreamFailure(
  'upstream_disconnected',
  'The provider closed the connection without an answer.',
)

function invalidBody(reply: { text: string }): UpstreamFailure {
  const what = reply.text.trim() === '' ? 'an empty answer' : 'an answer that is not JSON'
  return upstreamFailure('upstream_invalid_response', `The provider sent ${what}.`)
}

function failed(failure: UpstreamFailure): AttemptOutcome {
  return { kind: 'failed', failure }
}

/** Undefined when the text is no JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
