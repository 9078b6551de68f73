/** Asking for a response that the provider has taken on and not finished. */
import type { UpstreamFailure } from '../../translators/shared/translator.ts'
import type { AttemptPlan } from './attempt.ts'
import { makeUpstreamFailure } from './failures.ts'
import { callUpstream, type UpstreamReply } from './upstream-reply.ts'
import { waitFor } from './wait.ts'

/** Polls in a row that may fail for reasons that pass: the response is being made and paid for, whatever they say. */
const toleratedFailures = 3
/** Milliseconds between polls where the variant names none. */
const usualDelay = 2000

/**
 * Waits and asks once, again when that fails for a passing reason.
 * @param polls polls made for this response before.
 * @returns an answer with a good status, what went wrong, or null when the client went away.
 */
export async function pollResponse(
  plan: AttemptPlan,
  upstreamId: string,
  polls: number,
): Promise<Extract<UpstreamReply, { kind: 'body' }> | { kind: 'failed'; failure: UpstreamFailure } | null> {
  const { provider, attempt, wire } = plan
  const schedule = provider.translator.poll
  if (schedule === undefined) return { kind: 'failed', failure: noWayToAsk }
  let failure: UpstreamFailure | null = null
  for (let tries = 0; tries < toleratedFailures; tries++) {
    const delay = schedule.delays[Math.min(polls + tries, schedule.delays.length - 1)] ?? usualDelay
    const left = provider.timeouts.total - (performance.now() - attempt.startedAt) - delay
    if (left <= 0) return { kind: 'failed', failure: tooLate }
    if (!(await waitFor(delay, wire.signal))) return null
    const reply = await ask(plan, upstreamId, Math.ceil(left))
    if (reply.kind === 'body' && reply.status < 300) return reply
    if (reply.kind === 'error' && reply.error.code === 'client_closed_request') return null
    failure = failureOfPoll(plan, reply)
    if (!failure.retryable) break
  }
  return { kind: 'failed', failure: failure ?? tooLate }
}

function ask(plan: AttemptPlan, upstreamId: string, total: number): Promise<UpstreamReply> {
  const { provider, target, attempt, wire } = plan
  const { url, headers } = provider.translator.poll?.request(upstreamId, target) ?? { url: '', headers: {} }
  const { traceparent, tracestate } = plan.headers
  return callUpstream({
    ...wire,
    attempt,
    method: 'GET',
    url,
    // A poll is a part of the call that began the response, so also of its trace.
    headers: {
      ...headers,
      ...(traceparent === undefined ? {} : { traceparent }),
      ...(tracestate === undefined ? {} : { tracestate }),
    },
    body: null,
    timeouts: { ...provider.timeouts, total },
    maxConnections: provider.maxConnections,
    onEvents: () => 'stop',
    onResumable: () => {},
  })
}

/** The poll is the gateway's own: what is wrong with it is never the client's fault. */
function failureOfPoll({ provider }: AttemptPlan, reply: UpstreamReply): UpstreamFailure {
  if (reply.kind === 'stream') return noWayToAsk
  if (reply.kind === 'error')
    return makeUpstreamFailure(reply.error.code, reply.error.message, reply.error.status)
  const failure = provider.translator.failure(reply.status, reply.headers, reply.body)
  if (failure.origin === 'upstream') return failure
  return {
    ...makeUpstreamFailure(
      'upstream_invalid_response',
      `The provider lost the response that it had begun (status ${reply.status}).`,
    ),
    retryable: false,
  }
}

const noWayToAsk = makeUpstreamFailure(
  'upstream_invalid_response',
  'The provider answered with an unfinished response and has no way to ask for the rest.',
)

const tooLate = makeUpstreamFailure(
  'upstream_timeout',
  'The provider did not finish the response in the time allowed.',
  504,
)
