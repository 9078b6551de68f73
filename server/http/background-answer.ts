/** The answer of a background request: the queued response, or its events as they come. */
import type { ServerResponse } from 'node:http'
import type { Runtime } from '../config/runtime.ts'
import { GatewayError } from '../errors.ts'
import type { AcceptOptions, BackgroundJobs } from '../gateway/background.ts'
import type { Exchange } from '../gateway/exchange.ts'
import { eventStreamHeaders, writeEvents } from './event-stream.ts'
import { sendHead } from './send-head.ts'
import { publicRequestId, serverTiming } from './server-timing.ts'

export interface BackgroundAnswerDependencies {
  runtime(): Runtime
  jobs: BackgroundJobs
  onUnexpected(error: unknown, exchange: Exchange | null): void
}

/**
 * Takes the request on, and answers. Resolves when the answer is over, the response may still run; the exchange is the
 * job's then.
 * @throws GatewayError when the request is refused; nothing else, and nothing once it has been taken on.
 */
export async function answerInBackground(
  dependencies: BackgroundAnswerDependencies,
  asked: AcceptOptions,
  response: ServerResponse,
): Promise<void> {
  const { exchange, caller } = asked
  const { responseId, body, headers } = await dependencies.jobs.accept(asked)
  try {
    if (exchange.stream) {
      await sendFollowed(dependencies, { response, exchange, project: caller.projectId, responseId, headers })
      return
    }
    const length = String(Buffer.byteLength(body))
    sendAnswerHead(response, exchange, {
      'content-type': 'application/json',
      'content-length': length,
      ...headers,
    })
    response.end(body)
  } catch (error) {
    if (!(error instanceof GatewayError)) dependencies.onUnexpected(error, exchange)
    response.destroy()
  }
}

export interface FollowedAnswer {
  response: ServerResponse
  exchange: Exchange
  project: string
  responseId: string
  headers: Record<string, string>
}

/** The events of a response from the first one on, kept or still to come. Rejects as `BackgroundJobs.follow` does. */
export function sendFollowed(
  { runtime, jobs }: Omit<BackgroundAnswerDependencies, 'onUnexpected'>,
  { response, exchange, project, responseId, headers }: FollowedAnswer,
): Promise<void> {
  return writeEvents({
    response,
    pingSeconds: runtime().pingSeconds,
    open: () => sendAnswerHead(response, exchange, { ...eventStreamHeaders, ...headers }),
    produce: (onText, signal) => jobs.follow({ project, responseId, startingAfter: -1, onText, signal }),
  })
}

function sendAnswerHead(response: ServerResponse, exchange: Exchange, headers: Record<string, string>): void {
  sendHead(response, exchange, 200, {
    ...headers,
    'x-request-id': publicRequestId(exchange),
    'server-timing': serverTiming(exchange),
  })
}
