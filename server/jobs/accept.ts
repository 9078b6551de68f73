/** Taking a background request on: checked as a foreground one, then kept, then answered. */
import type { CanonicalResponse } from '../../translators/shared/canonical.ts'
import { buildEcho } from '../../translators/shared/response-object.ts'
import { GatewayError } from '../errors.ts'
import { renderAdaptations } from '../gateway/answer-head.ts'
import type { AcceptedJob, AcceptOptions } from '../gateway/background.ts'
import { createEventEncoder } from '../gateway/encode-event.ts'
import type { Exchange } from '../gateway/exchange.ts'
import { createId } from '../gateway/ids.ts'
import { idsOf } from '../gateway/state/commit-turn.ts'
import { followAnswer } from '../gateway/state/idempotency.ts'
import { bodyOf, expiryOf, isStored, type Turn } from '../gateway/state/turn.ts'
import { createBaseContext, type Work } from '../gateway/work.ts'
import type { EventChunk, IdempotentAnswer, JobAccept } from '../store/state/state.ts'
import type { JobsDependencies } from './dependencies.ts'
import { type KeptRequest, writeKeptRequest } from './kept-request.ts'
import { planTargets, previewJob } from './plan-job.ts'
import type { JobRunner } from './runner.ts'

/** @throws GatewayError as a foreground request would, and `store_unavailable`; then nothing was kept. */
export async function acceptJob(
  dependencies: JobsDependencies,
  runner: JobRunner,
  options: AcceptOptions,
): Promise<AcceptedJob> {
  const { exchange, request, caller, unsupported, events, claim, idempotencyKey } = options
  const runtime = dependencies.runtime()
  if (!isStored(runtime, caller.projectId, request)) throw needsStore()
  const responseId = createId('resp')
  const { createdAt, traceHeaders } = exchange
  const received = pickReceived(exchange)
  const isPrompted = false
  const kept = { request, caller, unsupported, events, idempotencyKey, isPrompted, traceHeaders, received }
  const work = await previewJob(dependencies, { exchange, kept, responseId, createdAt })
  planTargets(work)
  const { turn } = work
  exchange.model = turn.request.model
  exchange.session ??= turn.conversation ?? turn.root
  exchange.responseId = responseId
  const queued = queuedResponse(work)
  const body = JSON.stringify(queued)
  const headers = renderAdaptations(turn.adaptations)
  const job: JobAccept = {
    ...describeTurn(turn, queued, exchange.stream),
    request: writeKeptRequest(keepRequest({ ...kept, session: exchange.session }, turn)),
    events: exchange.stream ? beginStream(queued) : null,
    idempotency:
      claim === null
        ? null
        : { key: claim.key, answer: idempotentAnswer(exchange.stream, responseId, body, headers) },
  }
  // Before it is kept: it may be taken in the very moment in which it is.
  runner.expect(responseId, { exchange, body: job.body })
  await dependencies.state.acceptJob(job).catch((error: unknown) => {
    runner.withdraw(responseId)
    throw storeUnavailable(error)
  })
  exchange.httpStatus = 200
  claim?.complete()
  runner.offer(responseId)
  return { responseId, body, headers }
}

/** As it is run: what its prompt says stands in it, and later versions of the prompt change nothing. */
function keepRequest(kept: KeptRequest, turn: Turn): KeptRequest {
  const isPrompted = turn.request.prompt != null && turn.resolved.prompt == null
  return { ...kept, request: { ...turn.request, input: turn.input, store: true }, isPrompted }
}

function pickReceived({ id, clientRequestId, clientAddress, userAgent }: Exchange): KeptRequest['received'] {
  return { id, clientRequestId, clientAddress, userAgent }
}

function queuedResponse(work: Work): CanonicalResponse {
  return { ...buildEcho(createBaseContext(work, () => {})), status: 'queued' }
}

function describeTurn(
  turn: Turn,
  queued: CanonicalResponse,
  streamed: boolean,
): Omit<JobAccept, 'request' | 'events' | 'idempotency'> {
  const { responseId: id, project, createdAt, runtime, request, conversation, input } = turn
  return {
    id,
    project,
    createdAt,
    expiresAt: expiryOf(runtime, project, createdAt),
    previousId: request.previous_response_id ?? null,
    conversation,
    streamed,
    model: request.model,
    include: request.include ?? [],
    input: JSON.stringify(input),
    inputIds: idsOf(input),
    body: bodyOf(queued),
  }
}

/** The events that a background stream begins with. */
function beginStream(response: CanonicalResponse): EventChunk {
  const encode = createEventEncoder()
  const types = ['response.created', 'response.queued']
  const text = types.map((type, index) => encode({ type, sequence_number: index, response })).join('')
  return { first: 0, count: types.length, text }
}

function idempotentAnswer(
  stream: boolean,
  responseId: string,
  body: string,
  headers: Record<string, string>,
): IdempotentAnswer {
  if (stream) return followAnswer(responseId, headers)
  return { status: 200, headers: { ...headers, 'content-type': 'application/json' }, body }
}

function needsStore(): GatewayError {
  return new GatewayError(
    'invalid_request',
    'A background response is asked for later, so it has to be stored. Send store: true, or leave background out.',
    { param: 'store' },
  )
}

function storeUnavailable(cause: unknown): GatewayError {
  return new GatewayError(
    'store_unavailable',
    'The background response could not be taken on: the store cannot be written. Nothing was kept; try again.',
    { retryAfterSeconds: 1, cause },
  )
}
