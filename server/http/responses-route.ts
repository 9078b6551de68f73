/** `POST /v1/responses`: the hot route. Reads and writes the Node objects directly; Koa only led here. */

import type { BackgroundJobs } from '../gateway/background.ts'
import { captureLimit } from '../gateway/capture.ts'
import type { Gateway } from '../gateway/respond.ts'
import { followedResponse, type Idempotency } from '../gateway/state/idempotency.ts'
import { isStored } from '../gateway/state/turn.ts'
import { validateRequest } from '../gateway/validate-request.ts'
import { answerInBackground, type FollowedAnswer, sendFollowed } from './background-answer.ts'
import { noteReplay, replayedHeader, sendIdempotentAnswer } from './idempotent-answer.ts'
import { claimKey } from './request-options.ts'
import {
  admit,
  type DirectRoute,
  type ServeDependencies,
  type Served,
  serveExchange,
} from './serve-exchange.ts'
import { createJsonSink, createSseSink } from './sinks.ts'

export interface ResponsesRouteDependencies extends ServeDependencies {
  gateway: Gateway
  idempotency: Idempotency
  jobs: BackgroundJobs
}

export function createResponsesRoute(dependencies: ResponsesRouteDependencies): DirectRoute {
  return serveExchange(dependencies, 'responses.create', (served) => answer(dependencies, served))
}

/** @returns whether a job goes on with the exchange. */
async function answer(dependencies: ResponsesRouteDependencies, served: Served): Promise<boolean> {
  const { exchange, response, signal } = served
  const { runtime, caller, options, raw, body } = await admit(dependencies, served, validateRequest)
  const project = caller.projectId
  const common = { response, exchange, captureLimit: captureLimit(runtime, exchange) }
  const { idempotency } = dependencies
  const claimed = await claimKey({ ...options, idempotency, runtime, exchange, project, body: raw, signal })
  if (claimed?.kind === 'repeated') {
    const { answer } = claimed
    const responseId = followedResponse(answer)
    if (responseId === null) await sendIdempotentAnswer({ ...common, answer, signal })
    else await repeatFollowed(dependencies, { ...common, project, responseId, headers: answer.headers })
    return false
  }
  const claim = claimed?.claim ?? null
  const idempotencyKey = claim?.providerKey ?? null
  const asked = { exchange, request: body, ...options, claim, idempotencyKey }
  try {
    if (body.background === true) {
      await answerInBackground(dependencies, { ...asked, caller }, response)
      return true
    }
    const record = claim !== null || isStored(runtime, project, body)
    const sink = exchange.stream
      ? createSseSink({ ...common, record, pingSeconds: runtime.pingSeconds })
      : createJsonSink(common)
    await dependencies.gateway.respond({ ...asked, sink, signal })
    return false
  } finally {
    await claim?.release()
  }
}

/** The events of a background response that the first call with the same key began; its own row tells how it ends. */
async function repeatFollowed(
  dependencies: ResponsesRouteDependencies,
  followed: FollowedAnswer,
): Promise<void> {
  noteReplay(followed.exchange, 'completed')
  await sendFollowed(dependencies, { ...followed, headers: { ...followed.headers, ...replayedHeader } })
}
