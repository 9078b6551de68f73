/** The end of a job that its run did not bring: failed or cancelled, with a legal end of its stream. */
import type { CanonicalResponse } from '../../translators/shared/canonical.ts'
import { closeEvents } from '../../translators/shared/close-events.ts'
import { buildCancelled, buildFinal } from '../../translators/shared/response-object.ts'
import type { EventDialect } from '../../translators/shared/translator.ts'
import type { GatewayError } from '../errors.ts'
import { failureOfError } from '../gateway/failures.ts'
import { idsOf } from '../gateway/state/commit-turn.ts'
import { bodyOf, expiryOf } from '../gateway/state/turn.ts'
import { waitFor } from '../gateway/wait.ts'
import type { EventChunk, StateStore, TakenJob } from '../store/state/state.ts'
import type { JobsContext } from './dependencies.ts'
import { encodeEvents, readKeptEvents } from './kept-events.ts'
import type { KeptRequest } from './kept-request.ts'

export interface JobEnd {
  final: CanonicalResponse
  /** The last events of a stream. */
  events: EventChunk | null
}

export interface EndOptions {
  project: string
  responseId: string
  streamed: boolean
  dialect: EventDialect
  /** The response object so far, as JSON text. */
  body: string
  /** Null: it is cancelled. */
  error: GatewayError | null
}

/** What a response comes to that ends now. What of its stream has been kept stands in it; call it while nothing is on its way. */
export async function buildEnd(
  state: Pick<StateStore, 'readEvents'>,
  { project, responseId, streamed, dialect, body, error }: EndOptions,
): Promise<JobEnd> {
  const failure = error === null ? null : failureOfError(error)
  if (streamed) {
    const { events, final } = closeEvents(await readKeptEvents(state, project, responseId), {
      dialect,
      failure,
    })
    return { final, events: encodeEvents(events) }
  }
  const response = JSON.parse(body) as CanonicalResponse
  if (failure === null) return { final: buildCancelled(response), events: null }
  const { code, message } = failure
  const final = buildFinal(response, {
    status: 'failed',
    output: [],
    usage: null,
    error: { code, message },
    incompleteReason: null,
    completedAt: null,
    serviceTier: null,
  })
  return { final, events: null }
}

export interface FailJobOptions {
  taken: TakenJob
  kept: KeptRequest
  /** The response object so far, as JSON text. */
  body: string
  error: GatewayError
  /** Aborts the tries. */
  signal: AbortSignal
}

/** Milliseconds between two tries to keep a failure. */
const failPause = 1000

/**
 * Ends a job as failed, as soon as the store takes it.
 * @returns `superseded` when it is not this instance's any more, or something that its end needs is gone.
 */
export async function failJob(
  context: JobsContext,
  options: FailJobOptions,
): Promise<'failed' | 'superseded' | 'stopped'> {
  const { hub, onTrouble } = context
  const { taken, signal } = options
  while (!signal.aborted) {
    try {
      const events = await commitFailure(context, options)
      if (events === 'superseded') return events
      if (events === null) hub.change(taken.id)
      else hub.publish(taken.id, events, true)
      return 'failed'
    } catch (error) {
      onTrouble(error, null)
      await waitFor(failPause, signal)
    }
  }
  return 'stopped'
}

async function commitFailure(
  { state, runtime }: JobsContext,
  { taken, kept, body, error }: FailJobOptions,
): Promise<EventChunk | null | 'superseded'> {
  const { id, project, createdAt, previousId, conversation, streamed } = taken
  const { request } = kept
  const { final, events } = await buildEnd(state, {
    project,
    responseId: id,
    streamed,
    dialect: kept.events,
    body,
    error,
  })
  const input = Array.isArray(request.input) ? request.input : []
  const result = await state.commitTurn({
    keep: true,
    id,
    project,
    kind: 'response',
    createdAt,
    expiresAt: expiryOf(runtime(), project, createdAt),
    previousId,
    conversation,
    status: 'failed',
    background: true,
    streamed,
    model: final.model,
    provider: null,
    include: request.include ?? [],
    input: JSON.stringify(input),
    inputIds: idsOf(input),
    output: JSON.stringify(final.output),
    outputIds: idsOf(final.output),
    body: bodyOf(final),
    events,
    conversationItems: null,
    idempotency: null,
  })
  return result === 'superseded' ? result : events
}
