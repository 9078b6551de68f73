/** Ending a background response before it has ended by itself. */
import { setTimeout as pause } from 'node:timers/promises'
import type { EventDialect } from '../../translators/shared/translator.ts'
import { GatewayError } from '../errors.ts'
import { idsOf } from '../gateway/state/commit-turn.ts'
import { isRunning, responseNotFound, viewResponse } from '../gateway/state/stored-view.ts'
import { bodyOf } from '../gateway/state/turn.ts'
import type { StoredResponse } from '../store/state/state.ts'
import type { JobsContext } from './dependencies.ts'
import { buildEnd } from './end-job.ts'
import { readKeptRequest } from './kept-request.ts'
import type { JobRunner } from './runner.ts'

/** Milliseconds until the next try, and how many there are: a client waits. */
const retryPause = 50
const mostTries = 100

/**
 * The store decides between this and the end of the run, so that there is one of the two.
 * @returns the response as it is then: `cancelled` with the output that it had, or as it had ended before.
 * @throws GatewayError 404 for an unknown one, 400 for one that does not run in the background.
 */
export async function cancelResponse(
  context: JobsContext,
  runner: JobRunner,
  { project, responseId }: { project: string; responseId: string },
): Promise<StoredResponse> {
  for (let tries = 1; ; tries++) {
    const stored = await context.state.getResponse(project, responseId)
    if (stored === null) throw responseNotFound(responseId)
    if (!stored.background) throw notInBackground(responseId)
    if (!isRunning(stored) || tries > mostTries) return stored
    if (!(await tryToCancel(context, runner, { project, stored }))) await pause(retryPause)
  }
}

/** @returns false when it is about to end by itself, or told more meanwhile: then with what there is now. */
async function tryToCancel(
  context: JobsContext,
  runner: JobRunner,
  { project, stored }: { project: string; stored: StoredResponse },
): Promise<boolean> {
  const { id, streamed, body } = stored
  const log = runner.get(id)?.log ?? null
  await log?.hold()
  try {
    const dialect = runner.get(id)?.kept.events ?? (streamed ? await keptDialect(context, id) : 'openai')
    const { final, events } = await buildEnd(context.state, {
      project,
      responseId: id,
      streamed,
      dialect,
      body,
      error: null,
    })
    // The run has told an error already, and ends with it.
    if (final.status !== 'cancelled') return false
    const isCancelled = await context.state.cancelJob(project, id, {
      body: bodyOf(final),
      output: JSON.stringify(final.output),
      outputIds: idsOf(final.output),
      events,
    })
    if (!isCancelled) return false
    if (events === null) context.hub.change(id)
    else context.hub.publish(id, events, true)
    runner.get(id)?.stop('cancelled')
    runner.drop(id)
    return true
  } finally {
    log?.release()
  }
}

/** Of a stream that does not run here. */
async function keptDialect({ state }: JobsContext, id: string): Promise<EventDialect> {
  const kept = await state.jobRequest(id)
  return kept === null ? 'openai' : readKeptRequest(kept).events
}

/** The object as JSON text. */
export function renderCancelled(stored: StoredResponse): string {
  return JSON.stringify(viewResponse(stored, []))
}

function notInBackground(id: string): GatewayError {
  return new GatewayError(
    'invalid_request',
    `The response '${id.slice(0, 80)}' does not run in the background: only one created with background: true can be cancelled. To stop another one, close its connection.`,
    { param: 'response_id' },
  )
}
