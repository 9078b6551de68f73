/** `POST /v1/responses/compact` and `POST /v1/responses/input_tokens`: one JSON body in, one out, each with its row. */
import type { CanonicalRequest } from '../../translators/shared/canonical.ts'
import { captureChunk, captureLimit } from '../gateway/capture.ts'
import { readCompactRequest } from '../gateway/compact.ts'
import type { Exchange } from '../gateway/exchange.ts'
import { readCountRequest } from '../gateway/input-tokens.ts'
import type { SideGateway } from '../gateway/side-gateway.ts'
import type { SideOptions } from '../gateway/side-request.ts'
import type { Idempotency } from '../gateway/state/idempotency.ts'
import type { IdempotentAnswer } from '../store/state/state.ts'
import { sendIdempotentAnswer } from './idempotent-answer.ts'
import { claimKey } from './request-options.ts'
import { sendHead } from './send-head.ts'
import {
  admit,
  type DirectRoute,
  type ServeDependencies,
  type Served,
  serveExchange,
} from './serve-exchange.ts'
import { publicRequestId, serverTiming } from './server-timing.ts'

export interface SideRouteDependencies extends ServeDependencies {
  sides: SideGateway
  idempotency: Idempotency
}

/** By path; each takes POST. */
export function createSideRoutes(dependencies: SideRouteDependencies): ReadonlyMap<string, DirectRoute> {
  const { sides } = dependencies
  const serve = (operation: Exchange['operation'], side: Side) =>
    serveExchange(dependencies, operation, (served) => answer(dependencies, side, served))
  return new Map([
    [
      '/v1/responses/compact',
      serve('responses.compact', { read: readCompactRequest, run: (options) => sides.compact(options) }),
    ],
    [
      '/v1/responses/input_tokens',
      serve('responses.input_tokens', {
        read: readCountRequest,
        run: (options) => sides.countInput(options),
      }),
    ],
  ])
}

interface Side {
  read(body: unknown): CanonicalRequest
  run(options: SideOptions): Promise<IdempotentAnswer>
}

async function answer(
  dependencies: SideRouteDependencies,
  { read, run }: Side,
  served: Served,
): Promise<false> {
  const { exchange, response, signal } = served
  const { runtime, caller, options, raw, body } = await admit(dependencies, served, read)
  // Whatever the body says: the answer is one object.
  exchange.stream = false
  const project = caller.projectId
  const { idempotency } = dependencies
  const limit = captureLimit(runtime, exchange)
  const claimed = await claimKey({ ...options, idempotency, runtime, exchange, project, body: raw, signal })
  if (claimed?.kind === 'repeated') {
    await sendIdempotentAnswer({ response, exchange, answer: claimed.answer, captureLimit: limit, signal })
    return false
  }
  const claim = claimed?.claim ?? null
  try {
    const idempotencyKey = claim?.providerKey ?? null
    const asked = { exchange, request: body, ...options, claim, idempotencyKey, signal }
    send(served, await run(asked), limit)
  } finally {
    await claim?.release()
  }
  return false
}

function send(
  { response, exchange }: Served,
  { status, headers, body }: IdempotentAnswer,
  limit: number,
): void {
  captureChunk(exchange.clientResponse, body, limit)
  sendHead(response, exchange, status, {
    ...headers,
    'content-length': String(Buffer.byteLength(body)),
    'x-request-id': publicRequestId(exchange),
    'server-timing': serverTiming(exchange),
  })
  response.end(body)
}
