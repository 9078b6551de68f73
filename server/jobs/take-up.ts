/** How a job begins that was taken: anew, where an earlier run of it stopped, or not at all. */
import type { Tool } from '../../translators/shared/canonical.ts'
import { GatewayError } from '../errors.ts'
import type { JobRun, UpstreamJob } from '../gateway/background.ts'
import type { Exchange } from '../gateway/exchange.ts'
import { isRunning } from '../gateway/state/stored-view.ts'
import type { TakenJob } from '../store/state/state.ts'
import type { JobsDependencies } from './dependencies.ts'
import { type KeptRequest, upstreamKey } from './kept-request.ts'
import { planTargets, previewJob } from './plan-job.ts'

export type Beginning =
  | { kind: 'run'; body: string; resume: JobRun['resume']; upstream: UpstreamJob | null }
  /** An earlier run broke off, and cannot be made up for. */
  | { kind: 'broken'; body: string; error: GatewayError }
  /** It has ended, or was deleted. */
  | { kind: 'gone' }

/** Runs of one job at most: one that takes the gateway down with it must not do so for ever. */
const mostRuns = 3
/** Takes of one that had not begun, or that runs at its provider: what took the gateway down was probably another one. */
const mostTakes = 10

/** Events of a stream before its first output: `response.created` and `response.queued`. */
export const eventsBefore = 2

export interface TakeUpOptions {
  taken: TakenJob
  kept: KeptRequest
  exchange: Exchange
  /** The response object of a job that was accepted in this process and never run; null for any other. */
  accepted: string | null
}

export async function takeUp(dependencies: JobsDependencies, options: TakeUpOptions): Promise<Beginning> {
  const { taken, accepted } = options
  const { id, project, streamed, note } = taken
  const resume = streamed ? { nextSequence: eventsBefore, created: true } : undefined
  const fresh = { kind: 'run' as const, resume, upstream: null }
  if (accepted !== null) return { ...fresh, body: accepted }
  const stored = await dependencies.state.getResponse(project, id)
  if (stored === null) {
    // It may have expired: nobody is shown it any more, and its job would be left.
    await dependencies.state.deleteResponse(project, id)
    return { kind: 'gone' }
  }
  if (!isRunning(stored)) return { kind: 'gone' }
  const { body } = stored
  if (taken.takes > mostTakes) return { kind: 'broken', body, error: takenTooOften() }
  if (stored.status === 'queued') return { ...fresh, body }
  if (note !== null) return { ...fresh, body, upstream: JSON.parse(note) as UpstreamJob }
  if (await mayRunAgain(dependencies, options)) return { ...fresh, body }
  return { kind: 'broken', body, error: restarted() }
}

/** Not when output was told, which another run would not repeat, nor when a second call to the provider may do harm. */
async function mayRunAgain(dependencies: JobsDependencies, options: TakeUpOptions): Promise<boolean> {
  const { id, project, streamed, takes } = options.taken
  if (takes > mostRuns) return false
  if (streamed) {
    const told = await dependencies.state.readEvents(project, id, eventsBefore - 1)
    if (told.length > 0) return false
  }
  return isRepeatable(dependencies, options)
}

/** Tools that run at the provider may have effects; a provider that knows the key of the call does not make it twice. */
async function isRepeatable(
  dependencies: JobsDependencies,
  { taken: { id, createdAt }, kept, exchange }: TakeUpOptions,
): Promise<boolean> {
  const { request } = kept
  // What a provider's own prompt brings along is not known here.
  const isKnown = !request.prompt || kept.isPrompted
  if (isKnown && (request.tools ?? []).every(isClientTool)) return true
  const key = upstreamKey(kept, id)
  try {
    const work = await previewJob(dependencies, { exchange, kept, responseId: id, createdAt })
    return planTargets(work).every(({ headers }) => Object.values(headers).includes(key))
  } catch (error) {
    // It cannot be sent any more: the run tells why.
    if (error instanceof GatewayError) return true
    throw error
  }
}

function isClientTool({ type, tools }: Tool): boolean {
  if (type === 'namespace') return Array.isArray(tools) && (tools as Tool[]).every(isClientTool)
  return type === 'function' || type === 'custom'
}

function takenTooOften(): GatewayError {
  return new GatewayError(
    'gateway_restarted',
    `The gateway stopped ${mostTakes} times while it had this response in hand, so it is not tried again. Create it anew.`,
  )
}

function restarted(): GatewayError {
  return new GatewayError(
    'gateway_restarted',
    'The gateway stopped while this response ran, and running it again could repeat what was done already. Create it anew if that is fine.',
  )
}
