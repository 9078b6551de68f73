/** Exchanges and stores for the tests of the record. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Attempt, CapturedBody, Exchange } from '../../../server/gateway/exchange.ts'
import { openStore, type Store, type StoreOptions } from '../../../server/store/store.ts'
import {
  createRequestLog,
  type RequestLog,
  type RequestLogOptions,
} from '../../../server/telemetry/request-log.ts'

export async function makeDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'dragoman-test-'))
  // A thread of a store that is closed later may make another file in it meanwhile.
  t.after(() => rm(directory, { recursive: true, force: true, maxRetries: 10 }))
  return directory
}

/** Milliseconds that answers may take which a test wants: a machine with too much to do must not refuse them for it. */
export const patient = { writeTimeout: 60_000, queryTimeout: 60_000 } as const satisfies Partial<StoreOptions>

/** A store on a real file that is closed and removed after the test. */
export async function openTestStore(
  t: TestContext,
  options: Partial<StoreOptions> & { path?: string } = {},
): Promise<Store & { path: string }> {
  const { path = join(await makeDirectory(t), 'log.db'), ...rest } = options
  const store = await openStore({ url: `sqlite:${path}`, ...patient, ...rest })
  t.after(() => store.close())
  return Object.assign(store, { path })
}

export const testLogSettings: RequestLogOptions['settings'] = {
  bodies: 'full',
  maxBodyBytes: 1_048_576,
  media: true,
  search: true,
  queueRows: 10_000,
  queueBytes: 134_217_728,
}

export function openTestLog(
  store: Store,
  {
    settings,
    ...rest
  }: Partial<Omit<RequestLogOptions, 'settings'>> & {
    settings?: Partial<RequestLogOptions['settings']>
  } = {},
): Promise<RequestLog> {
  return createRequestLog({
    store,
    providerSecrets: [],
    projects: new Map(),
    settings: { ...testLogSettings, ...settings },
    ...rest,
  })
}

export function captured(...chunks: (string | Uint8Array)[]): CapturedBody {
  return { chunks, bytes: chunks.reduce((sum, chunk) => sum + Buffer.byteLength(chunk), 0), truncated: false }
}

export function makeAttempt(changes: Partial<Attempt> = {}): Attempt {
  return {
    index: 1,
    provider: 'sail',
    variant: 'sail',
    upstreamModel: 'vendor/upstream',
    url: 'https://upstream.test/v1/responses',
    startedAt: 1002,
    headAt: 1010.5,
    firstOutputAt: 1012,
    endedAt: 1030,
    httpStatus: 200,
    error: null,
    requestHeaders: { 'content-type': 'application/json' },
    responseHeaders: { 'content-type': 'text/event-stream' },
    request: captured('{"model":"vendor/upstream"}'),
    response: captured('data: {"type":"response.completed"}\n\n'),
    adaptations: [],
    usage: null,
    usageSource: null,
    usageEstimator: null,
    images: 0,
    serviceTier: null,
    taken: false,
    facts: { responseId: 'up_1', model: 'vendor/upstream-2', metadata: null, serviceTier: null },
    finishReason: 'stop',
    events: 3,
    ownMs: 1.5,
    ...changes,
  }
}

let made = 0

/** A finished exchange, unless `changes` says otherwise. */
export function makeExchange(changes: Partial<Exchange> = {}): Exchange {
  made += 1
  return {
    id: `req_${made}`,
    receivedId: null,
    clientRequestId: null,
    operation: 'responses.create',
    createdAt: Date.UTC(2026, 0, 2, 3, 4, 5, 678) + made,
    startedAt: 1000,
    firstOutputAt: 1012.25,
    endedAt: 1032.5,
    caller: { projectId: 'acme', keyName: 'acme/1' },
    clientAddress: '127.0.0.1',
    userAgent: 'test/1',
    model: 'org/model',
    stream: true,
    background: false,
    handedOver: false,
    traceHeaders: {},
    traceId: 'f'.repeat(32),
    attempts: [makeAttempt()],
    adaptations: [{ field: 'temperature', action: 'clamped', detail: 'temperature=1' }],
    responseId: `resp_${made}`,
    itemIds: [],
    status: 'completed',
    httpStatus: 200,
    error: null,
    usage: {
      input_tokens: 10,
      input_tokens_details: { cached_tokens: 4 },
      output_tokens: 20,
      output_tokens_details: { reasoning_tokens: 5 },
      total_tokens: 30,
    },
    usageEstimator: null,
    cost: null,
    session: null,
    usageSource: 'provider',
    upstreamMs: 28,
    secrets: [],
    settings: null,
    clientRequest: captured('{"model":"org/model","input":"hello"}'),
    clientRequestHeaders: { 'content-type': 'application/json' },
    clientResponseHeaders: {},
    clientResponse: captured('data: {"type":"response.created"}\n\n', 'data: [DONE]\n\n'),
    ...changes,
  }
}
