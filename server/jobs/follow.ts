/** Reading the events of a response along: those that are kept, then those that come, without a gap or a double. */
import { GatewayError } from '../errors.ts'
import type { BackgroundJobs } from '../gateway/background.ts'
import { isRunning, responseNotFound } from '../gateway/state/stored-view.ts'
import { waitFor } from '../gateway/wait.ts'
import type { EventChunk, StoredResponse } from '../store/state/state.ts'
import type { JobsContext } from './dependencies.ts'
import type { Feed } from './event-hub.ts'
import type { JobRunner } from './runner.ts'

type FollowOptions = Parameters<BackgroundJobs['follow']>[0]

interface Follower extends FollowOptions {
  context: JobsContext
  runner: JobRunner
  feed: Feed
  /** The sequence number of the event that is to be sent next. */
  next: number
  /** Milliseconds until the next look, while the job runs in another process. */
  farLook: number
}

/**
 * Milliseconds between two looks into the store: for a job that runs in another process while it tells something, and
 * when it does not for a while; and for one that runs here.
 */
const busyFarLook = 200
const idleFarLook = 1000
const nearLook = 15_000

/** Milliseconds between two tries to read a store that is away, and how many there are: the job goes on meanwhile. */
const awayPause = 500
const awayTries = 60

export async function followResponse(
  context: JobsContext,
  runner: JobRunner,
  options: FollowOptions,
): Promise<StoredResponse | null> {
  const { responseId, startingAfter } = options
  // Opened before the store is read, so that nothing is missed in between.
  const feed = context.hub.open(responseId)
  const follower = { ...options, context, runner, feed, next: startingAfter + 1, farLook: busyFarLook }
  try {
    return await followToEnd(follower)
  } finally {
    feed.close()
  }
}

async function followToEnd(follower: Follower): Promise<StoredResponse | null> {
  const { signal, runner, responseId } = follower
  for (;;) {
    // Asked before the store is: a run that has ended here has been kept by then.
    const isLeft = runner.stopping && runner.get(responseId) === null
    const stored = await requireResponse(follower)
    // After the status: what an ended response has is whole by then.
    const { next } = follower
    if (stored.streamed) await sendKept(follower)
    follower.farLook = follower.next > next ? busyFarLook : Math.min(2 * follower.farLook, idleFarLook)
    if (signal.aborted) return null
    if (!isRunning(stored)) return stored.streamed ? null : stored
    if (isLeft) throw stopping()
    if ((await sendLive(follower)) === 'ended' || signal.aborted) return null
  }
}

async function sendKept(follower: Follower): Promise<void> {
  const { context, project, responseId, signal } = follower
  while (!signal.aborted) {
    const chunks = await readPatiently(follower, () =>
      context.state.readEvents(project, responseId, follower.next - 1),
    )
    if (chunks.length === 0) return
    for (const chunk of chunks) {
      if (signal.aborted) return
      await send(follower, chunk)
    }
  }
}

/** Sends what comes, for as long as it goes on where the follower is. */
async function sendLive(follower: Follower): Promise<'ended' | 'look'> {
  const { feed, runner, responseId, signal } = follower
  while (!signal.aborted) {
    const news = await feed.next(runner.get(responseId) === null ? follower.farLook : nearLook, signal)
    if (news.kind === 'changed') return 'look'
    const { chunk, last } = news
    const isKnown = chunk.first + chunk.count <= follower.next
    if (!isKnown && chunk.first !== follower.next) return 'look'
    if (!isKnown) await send(follower, chunk)
    if (last) return 'ended'
  }
  return 'ended'
}

async function send(follower: Follower, { first, count, text }: EventChunk): Promise<void> {
  await follower.onText(text)
  follower.next = first + count
}

async function requireResponse(follower: Follower): Promise<StoredResponse> {
  const { context, project, responseId } = follower
  const stored = await readPatiently(follower, () => context.state.getResponse(project, responseId))
  if (stored === null) throw responseNotFound(responseId)
  return stored
}

/** Who reads along has been promised a stream: it pauses while the store is away, and is cut only when that takes long. */
async function readPatiently<T>({ signal, runner }: Follower, read: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await read()
    } catch (error) {
      const isAway = error instanceof Error && error.name === 'StoreError'
      if (!isAway || tries === awayTries || runner.stopping || !(await waitFor(awayPause, signal)))
        throw error
    }
  }
}

function stopping(): GatewayError {
  return new GatewayError(
    'shutting_down',
    'This gateway is shutting down. Ask again: another instance will go on with the response.',
  )
}
