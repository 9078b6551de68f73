/** The end of an answer: the turn is kept first, then its last event leaves. */
import type { CanonicalEvent, CanonicalResponse } from '../../translators/shared/canonical.ts'
import { createEmitter } from '../../translators/shared/emitter.ts'
import { GatewayError } from '../errors.ts'
import { renderAnswerHead } from './answer-head.ts'
import type { Candidate } from './candidates.ts'
import { failExchange } from './exchange-life.ts'
import { failureOfError } from './failures.ts'
import { type CommitOutcome, commitTurn } from './state/commit-turn.ts'
import { waitFor } from './wait.ts'
import { createBaseContext, type Work } from './work.ts'

interface Ending {
  /** The terminal event, and what belongs before it. */
  events: readonly CanonicalEvent[]
  final: CanonicalResponse
  /** Who made it; null when nobody did. */
  candidate: Candidate | null
}

/**
 * Keeps the turn and sends the end of its answer.
 * @throws GatewayError `store_unavailable` when a turn that its conversation needs cannot be kept and nothing was sent.
 */
export async function finishAnswer(work: Work, ending: Ending): Promise<void> {
  const { sink, exchange } = work
  prepareHead(work, ending.candidate)
  const outcome = await keepTurn(work, ending)
  // Before the client knows of a failure, which it may answer with another try at once.
  if (work.claim !== null) await work.claim.release()
  if (outcome === 'superseded' && work.job) {
    exchange.status = 'cancelled'
    return
  }
  if (outcome === 'committed' || outcome === 'unkept') {
    sink.finish(ending.events, ending.final)
    return
  }
  const { events, final } = withoutKeeping(work, ending, outcome)
  prepareHead(work, ending.candidate)
  sink.finish(events, final)
}

/** The end of an answer that was not kept: said so, or, where the next turn would miss it, failed. */
function withoutKeeping(
  { exchange, turn, sink, job }: Work,
  ending: Ending,
  outcome: 'failed' | 'superseded',
): Pick<Ending, 'events' | 'final'> {
  if (outcome === 'failed')
    exchange.adaptations.push({ field: 'store', action: 'dropped', detail: 'the store cannot be written' })
  if (turn.conversation !== null || job) {
    const error = outcome === 'failed' ? storeUnavailable() : conversationGone()
    failExchange(exchange, error)
    if (!sink.opened) throw error
    return failInstead(ending, error)
  }
  const final = { ...ending.final, store: false }
  const events = ending.events.map((event) =>
    event.response === ending.final ? { ...event, response: final } : event,
  )
  return { events, final }
}

function prepareHead({ sink, exchange }: Work, candidate: Candidate | null): void {
  if (candidate !== null) sink.prepare(renderAnswerHead(candidate, exchange.adaptations))
}

/** Milliseconds between two tries to keep the answer of a job, and how many there are. Nobody waits, and it is paid for. */
const keepPause = 1000
const keepTries = 60

async function keepTurn(work: Work, { events, final, candidate }: Ending): Promise<CommitOutcome> {
  const { turn, sink, claim, dependencies, exchange, job, signal } = work
  await sink.settled?.()
  for (let tries = 1; ; tries++) {
    try {
      return await commitTurn(turn, {
        final,
        provider: candidate?.provider.id ?? null,
        streamed: sink.streaming,
        isJob: job != null,
        claim,
        transcript: () => sink.transcript(events, final),
      })
    } catch (error) {
      dependencies.onUnexpected(error, exchange)
      if (!job || tries === keepTries || !(await waitFor(keepPause, signal))) return 'failed'
    }
  }
}

function storeUnavailable(): GatewayError {
  return new GatewayError(
    'store_unavailable',
    'The answer could not be kept: the store cannot be written. Nothing of the turn was kept; try again.',
  )
}

function conversationGone(): GatewayError {
  return new GatewayError(
    'conversation_not_found',
    'The conversation was deleted while the response ran. Nothing of the turn was kept.',
    { param: 'conversation' },
  )
}

/** The terminal event of a turn that cannot be kept, in place of the one that it had. */
function failInstead(
  { events, final }: Ending,
  { code, message, type }: GatewayError,
): Pick<Ending, 'events' | 'final'> {
  const first = events.at(-1)?.sequence_number ?? 0
  const failed: CanonicalResponse = {
    ...final,
    store: false,
    status: 'failed',
    completed_at: null,
    incomplete_details: null,
    error: { code, message },
  }
  const error = { type, code, message, param: null }
  return {
    final: failed,
    events: [
      { type: 'error', sequence_number: first, code, message, param: null, error },
      { type: 'response.failed', sequence_number: first + 1, response: failed },
    ],
  }
}

/** The head was sent (a ping came before any output), so the failure is told as events. */
export async function failOpenStream(work: Work, error: GatewayError): Promise<void> {
  const { exchange, sink, turn } = work
  const emitter = createEmitter(
    createBaseContext(work, (adaptation) => exchange.adaptations.push(adaptation)),
  )
  emitter.failAloud(failureOfError(error))
  failExchange(exchange, error)
  exchange.responseId = turn.responseId
  const events = emitter.take()
  const { final } = emitter
  if (final === null) return
  sink.write(events.slice(0, -1))
  await finishAnswer(work, { events: events.slice(-1), final, candidate: null })
}
