import type { Attempt, Exchange, ExchangeError } from '../../../server/gateway/exchange.ts'
import type { Usage } from '../../../translators/shared/canonical.ts'

const noBody = () => ({ chunks: [], bytes: 0, truncated: false })

export function makeUsage(input: number, cached: number, output: number, reasoning: number): Usage {
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: cached },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: reasoning },
    total_tokens: input + output,
  }
}

export function makeError(change: Partial<ExchangeError> = {}): ExchangeError {
  return {
    type: 'server_error',
    code: 'upstream_error',
    message: 'broken',
    param: null,
    origin: 'upstream',
    ...change,
  }
}

/** A call that took 400 ms from `startedAt` 1010 and told its usage. */
export function makeAttempt(change: Partial<Attempt> = {}): Attempt {
  return {
    index: 1,
    provider: 'alpha',
    variant: 'open-responses',
    upstreamModel: 'gpt-oss-120b',
    url: 'https://alpha.example:8443/v1/responses',
    startedAt: 1010,
    headAt: 1100,
    firstOutputAt: 1210,
    endedAt: 1410,
    httpStatus: 200,
    error: null,
    requestHeaders: {},
    responseHeaders: {},
    request: noBody(),
    response: noBody(),
    adaptations: [],
    usage: makeUsage(100, 40, 20, 5),
    usageSource: 'provider',
    usageEstimator: null,
    images: 0,
    serviceTier: null,
    taken: false,
    facts: { responseId: 'resp_up', model: 'gpt-oss-120b-2026', metadata: null, serviceTier: 'default' },
    finishReason: 'stop',
    events: 11,
    ownMs: 1,
    ...change,
  }
}

/** A finished stream: 412 ms in all, 400 of them at the provider. */
export function makeExchange(change: Partial<Exchange> = {}): Exchange {
  return {
    id: 'req_1',
    receivedId: null,
    clientRequestId: null,
    operation: 'responses.create',
    createdAt: 1_800_000_000_000,
    startedAt: 1000,
    firstOutputAt: 1211,
    endedAt: 1412,
    caller: { projectId: 'acme', keyName: 'acme/1' },
    clientAddress: '127.0.0.1',
    userAgent: 'test/1',
    model: 'openai/gpt-oss-120b',
    stream: true,
    background: false,
    handedOver: false,
    traceHeaders: {},
    traceId: null,
    attempts: [makeAttempt()],
    adaptations: [],
    responseId: 'resp_1',
    itemIds: [],
    status: 'completed',
    httpStatus: 200,
    error: null,
    usage: makeUsage(100, 40, 20, 5),
    usageEstimator: null,
    cost: null,
    session: null,
    usageSource: 'provider',
    upstreamMs: 400,
    secrets: ['sk-secret-key'],
    settings: null,
    clientRequest: noBody(),
    clientRequestHeaders: { authorization: 'Bearer sk-secret-key' },
    clientResponseHeaders: {},
    clientResponse: noBody(),
    ...change,
  }
}
