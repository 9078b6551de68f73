/** Records of every kind for the dashboard's tests, hostile text included. */

import type {
  AdminAttempt,
  AdminError,
  AdminFacets,
  AdminMessage,
  AdminOverview,
  AdminOverviewPoint,
  AdminRequest,
  AdminRequestRow,
  AdminStatus,
} from '../../server/http/admin/contract.ts'
import { hostile } from './hostile.ts'
import { twoAttempts } from './money-fixtures.ts'

export const hostileId = 'req_<b>&"\'.js'

export function message(body: unknown, headers: Record<string, string> = {}): AdminMessage {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const type = typeof body === 'string' ? 'text/event-stream; charset=utf-8' : 'application/json'
  return {
    headers: { 'content-type': type, ...headers },
    body: { text, bytes: text.length, truncated: false, absent: null },
  }
}

export function row(id: string, createdAt: number, changes: Partial<AdminRequestRow> = {}): AdminRequestRow {
  return {
    id,
    created_at: new Date(createdAt).toISOString(),
    operation: 'responses.create',
    project: 'acme',
    key: 'acme/1',
    model: 'openai/gpt-oss-120b',
    provider: 'scaleway',
    upstream_model: 'gpt-oss-120b',
    status: 'completed',
    http_status: 200,
    stream: false,
    background: false,
    input_tokens: 1204,
    cached_tokens: 512,
    cache_write_tokens: null,
    output_tokens: 318,
    reasoning_tokens: 120,
    total_tokens: 1522,
    usage_source: 'provider',
    usage_estimator: null,
    cost_usd: '0.000412300',
    cost_reason: null,
    session_id: null,
    conversation_id: null,
    previous_response_id: null,
    user: null,
    service_tier: null,
    metadata: {},
    latency_ms: 1840.2,
    ttft_ms: 312.5,
    upstream_ms: 1836.9,
    overhead_ms: 1.42,
    attempts: 1,
    response_id: 'resp_0f3c9a1b2d',
    trace_id: null,
    error: null,
    adaptations: [],
    ...changes,
  }
}

const upstreamError: AdminError = {
  type: 'server_error',
  code: 'upstream_timeout',
  message: 'sail sent no byte within 30 s.',
  param: null,
  origin: 'upstream',
}

/** Sixty rows, newest first, one of each kind near the top. */
export function makeRows(now: number): AdminRequestRow[] {
  const kinds: Partial<AdminRequestRow>[] = [
    {
      status: 'in_progress',
      stream: true,
      http_status: null,
      latency_ms: null,
      ttft_ms: 401,
      upstream_ms: null,
      overhead_ms: null,
      input_tokens: null,
      cached_tokens: null,
      output_tokens: null,
      reasoning_tokens: null,
      total_tokens: null,
      usage_source: null,
      response_id: null,
      cost_usd: null,
    },
    {
      stream: true,
      attempts: 2,
      model: 'deepseek-ai/DeepSeek-V3.2',
      provider: 'sail',
      upstream_model: 'deepseek-ai/DeepSeek-V3.2',
      adaptations: [
        { field: 'presence_penalty', action: 'dropped', detail: 'the provider has no such field' },
        { field: 'max_output_tokens', action: 'clamped', detail: '8000' },
        { field: 'reasoning.effort', action: 'mapped', detail: 'high' },
      ],
      cost_usd: '0.012345678',
      session_id: 'agent-run-7f21',
      conversation_id: 'conv_0f3c9a1b2d',
      user: 'user-1',
      service_tier: 'priority',
      metadata: { ticket: 'A-12', '<b>team</b>': hostile },
    },
    {
      status: 'failed',
      http_status: 504,
      error: upstreamError,
      attempts: 3,
      provider: 'sail',
      input_tokens: null,
      cached_tokens: null,
      output_tokens: null,
      reasoning_tokens: null,
      total_tokens: null,
      usage_source: null,
      response_id: null,
      ttft_ms: null,
      latency_ms: 92_300,
    },
    {
      status: 'failed',
      http_status: 400,
      cost_usd: '0.000000000',
      model: null,
      provider: null,
      upstream_model: null,
      attempts: 0,
      latency_ms: 0.61,
      ttft_ms: null,
      upstream_ms: 0,
      overhead_ms: 0.61,
      input_tokens: null,
      cached_tokens: null,
      output_tokens: null,
      reasoning_tokens: null,
      total_tokens: null,
      usage_source: null,
      response_id: null,
      error: {
        type: 'invalid_request_error',
        code: 'invalid_request',
        message: `tools[2].name is longer than 64 characters: ${hostile}`,
        param: 'tools[2].name',
        origin: 'client',
      },
    },
    {
      status: 'incomplete',
      usage_source: 'estimated',
      usage_estimator: 'o200k_base',
      cached_tokens: null,
      reasoning_tokens: null,
      cost_usd: null,
      cost_reason: 'unknown_model',
    },
    { status: 'cancelled', http_status: 499, stream: true },
    { model: hostile, project: hostile, provider: 'augment', upstream_model: hostile },
  ]
  const rows = kinds.map((kind, index) => row(`req_kind_${index}`, now - index * 1300, kind))
  rows.push(row(hostileId, now - 10_000, { stream: true }), ...makeStateRows(now - 11_000))
  for (let index = rows.length; index < 120; index++) {
    const stream = index % 3 !== 0
    rows.push(
      row(`req_${String(index).padStart(4, '0')}`, now - index * 4100, {
        stream,
        ttft_ms: stream ? 180 + ((index * 37) % 400) : null,
        latency_ms: 700 + ((index * 131) % 4000),
        overhead_ms: 0.8 + ((index * 7) % 20) / 10,
        input_tokens: 200 + ((index * 97) % 9000),
        cost_usd: `0.00${String(100_000 + ((index * 7919) % 899_999))}0`,
        session_id: index % 2 === 0 ? 'agent-run-7f21' : `resp_${String(index).padStart(24, '0')}`,
        output_tokens: 40 + ((index * 53) % 1200),
        ...(index % 4 === 1
          ? {
              model: 'deepseek-ai/DeepSeek-V3.2',
              provider: 'sail',
              upstream_model: 'deepseek-ai/DeepSeek-V3.2',
            }
          : {}),
      }),
    )
  }
  return rows
}

const nothingUsed: Partial<AdminRequestRow> = {
  input_tokens: null,
  cached_tokens: null,
  output_tokens: null,
  reasoning_tokens: null,
  total_tokens: null,
  usage_source: null,
  cost_usd: '0.000000000',
}

/** Rows that have to do with kept state. */
function makeStateRows(at: number): AdminRequestRow[] {
  const done = (field: string, detail = '') => ({ field, action: 'emulated', detail })
  return [
    row('req_queued', at, {
      ...nothingUsed,
      status: 'queued',
      cost_usd: null,
      background: true,
      provider: null,
      upstream_model: null,
      http_status: null,
      attempts: 0,
      latency_ms: null,
      ttft_ms: null,
      upstream_ms: null,
      overhead_ms: null,
    }),
    row('req_stopped', at - 100, { status: 'cancelled', background: true, stream: true }),
    row('req_chain', at - 200, {
      adaptations: [
        done('previous_response_id'),
        { field: 'input.reasoning', action: 'dropped', detail: 'made by another provider' },
      ],
    }),
    row('req_replay', at - 300, {
      ...nothingUsed,
      provider: null,
      upstream_model: null,
      attempts: 0,
      response_id: null,
      adaptations: [done('idempotency', 'replayed')],
    }),
    row('req_compact', at - 400, {
      operation: 'responses.compact',
      adaptations: [done('conversation'), done('compaction', 'a summary by the model')],
    }),
    row('req_count', at - 500, { ...nothingUsed, operation: 'responses.input_tokens' }),
  ]
}

const clientBody = {
  model: 'deepseek-ai/DeepSeek-V3.2',
  instructions: 'You are a careful assistant. Answer in one sentence.',
  input: [
    {
      type: 'message',
      role: 'user',
      content: [{ type: 'input_text', text: `What is shown here? ${hostile}` }],
    },
    { type: 'message', role: 'user', content: 'And what follows from it?' },
  ],
  tools: Array.from({ length: 3 }, (_, index) => ({
    type: 'function',
    name: `lookup_${index}`,
    description: 'Looks a word up in the dictionary.',
    parameters: { type: 'object', properties: { word: { type: 'string' } }, required: ['word'] },
    strict: true,
  })),
  max_output_tokens: 100_000,
  presence_penalty: 0.5,
  reasoning: { effort: 'xhigh', summary: null },
  metadata: { ticket: 'A-12', __proto__: 'kept' },
  stream: true,
}

const { presence_penalty: _, ...taken } = clientBody

const upstreamBody = {
  ...taken,
  max_output_tokens: 8000,
  reasoning: { effort: 'high', summary: null },
  store: false,
}

function sse(events: { type: string; [key: string]: unknown }[]): string {
  return events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join('')
}

function answerEvents({ sparse }: { sparse: boolean }): { type: string; [key: string]: unknown }[] {
  const words = ['A ', 'gateway ', 'that ', 'translates ', 'between ', 'dialects ', hostile, '.']
  const part = { item_id: 'msg_1', output_index: 0, content_index: 0 }
  const response = { id: 'resp_0f3c9a1b2d', object: 'response', status: 'completed', output: [] }
  const deltas = words.map((delta) => ({ type: 'response.output_text.delta', ...part, delta }))
  if (sparse)
    return [{ type: 'response.created', response }, ...deltas, { type: 'response.completed', response }]
  return [
    { type: 'response.created', response: { ...response, status: 'in_progress' } },
    { type: 'response.in_progress', response: { ...response, status: 'in_progress' } },
    { type: 'response.output_item.added', output_index: 0, item: { type: 'message', id: 'msg_1' } },
    { type: 'response.content_part.added', ...part, part: { type: 'output_text', text: '' } },
    ...deltas,
    { type: 'response.output_text.done', ...part, text: words.join('') },
    { type: 'response.content_part.done', ...part, part: { type: 'output_text', text: words.join('') } },
    { type: 'response.output_item.done', output_index: 0, item: { type: 'message', id: 'msg_1' } },
    { type: 'response.completed', response },
  ]
}

const headers = { authorization: '[redacted]', 'user-agent': 'OpenAI/JS 7.55.0' }

function attempt(changes: Partial<AdminAttempt>): AdminAttempt {
  return {
    index: 1,
    provider: 'sail',
    variant: 'sail',
    upstream_model: 'deepseek-ai/DeepSeek-V3.2',
    url: 'https://api.sailresearch.com/v1/responses',
    http_status: 200,
    started_ms: 1.1,
    ttfb_ms: 180,
    ttft_ms: 305,
    duration_ms: 1500,
    upstream_response_id: 'resp_up_1',
    upstream_reported_model: 'DeepSeek-V3.2',
    error: null,
    adaptations: [],
    request: message(upstreamBody, headers),
    response: message(`: ping\n\n${sse(answerEvents({ sparse: true }))}data: [DONE]\n\n`),
    ...changes,
  }
}

const whole = {
  client_request_id: null,
  user_agent: 'OpenAI/JS 7.55.0',
  client_address: '127.0.0.1',
  bodies_absent: null,
  cost: null,
  matched_by: 'request' as const,
  matches: [],
}

/** A stream that needed two attempts and three adaptations. */
function makeStreamed(base: AdminRequestRow): AdminRequest {
  const second = attempt({ index: 2, started_ms: 262, adaptations: base.adaptations })
  const first = attempt({
    http_status: 429,
    duration_ms: 240,
    ttft_ms: null,
    ttfb_ms: 236,
    error: { ...upstreamError, code: 'rate_limit_exceeded', message: 'sail answered 429: slow down.' },
    response: message({ error: { message: 'slow down', type: 'rate_limit' } }),
    upstream_reported_model: null,
  })
  return {
    ...base,
    ...whole,
    client_request: message(clientBody, headers),
    upstream_request: second.request,
    upstream_response: second.response,
    client_response: message(`${sse(answerEvents({ sparse: false }))}data: [DONE]\n\n`),
    attempt_list: [first, second],
    cost: twoAttempts,
  }
}

/** One whole record for a row. */
export function makeRequest(base: AdminRequestRow): AdminRequest {
  if (base.adaptations.length > 0) return makeStreamed(base)
  const refused = base.attempts === 0
  const failed = base.error !== null && !refused
  const answer = base.error ? { error: base.error } : { id: base.response_id, object: 'response', output: [] }
  const only = attempt({
    provider: base.provider ?? '',
    upstream_model: base.upstream_model ?? '',
    ...(failed ? { error: base.error, http_status: null, ttfb_ms: null, ttft_ms: null } : {}),
    response: failed
      ? { headers: {}, body: { text: null, bytes: 0, truncated: false, absent: 'not_kept' as const } }
      : message({ ...answer, id: 'up_1', extra: true }),
  })
  return {
    ...base,
    ...whole,
    client_request: message({ ...clientBody, model: base.model }, headers),
    upstream_request: refused ? null : only.request,
    upstream_response: refused ? null : only.response,
    client_response: message(answer),
    attempt_list: refused ? [] : [only],
  }
}

export function makeFacets(rows: AdminRequestRow[]): AdminFacets {
  const count = (read: (row: AdminRequestRow) => string | null | undefined) => {
    const groups = Map.groupBy(rows, read)
    return [...groups]
      .flatMap(([value, members]) => (value ? [{ value, requests: members.length }] : []))
      .sort((one, other) => other.requests - one.requests)
  }
  const counts: AdminFacets['counts'] = {
    models: count((row) => row.model),
    projects: count((row) => row.project),
    keys: count((row) => row.key),
    providers: count((row) => row.provider),
    statuses: count((row) => row.status),
    error_codes: count((row) => row.error?.code),
    error_origins: count((row) => row.error?.origin),
  }
  const names = Object.entries(counts).map(([name, values]) => [
    name,
    values.map(({ value }) => value).sort(),
  ])
  return { ...Object.fromEntries(names), counts }
}

/** What the pages do not show. */
const unshown = { streams: 0, attempts: 0 }

/** What a point has when nothing came. */
const nothingCame = {
  cached_tokens: 0,
  cache_write_tokens: 0,
  reasoning_tokens: 0,
  estimated_input_tokens: 0,
  estimated_output_tokens: 0,
  cost_usd: '0.000000000',
  estimated_cost_usd: '0.000000000',
  unpriced: 0,
  ttft_p95_ms: null,
  overhead_p95_ms: null,
}
const ranked = (
  name: string,
  requests: number,
  errors: number,
  tokens: number,
  cost: string | null,
  unpriced = 0,
) => ({
  name,
  requests,
  errors,
  total_tokens: tokens,
  estimated_tokens: 0,
  cost_usd: cost,
  unpriced,
})

const dollars = (value: number) => value.toFixed(9)

function makePoint(at: number, index: number, empty: boolean): AdminOverviewPoint {
  const wave = Math.sin(index / 6) + 1.4 + ((index * 7919) % 13) / 22
  const requests = empty ? 0 : Math.round(wave * 46)
  const errors = empty ? 0 : Math.round(wave * ((index * 31) % 11 === 0 ? 9 : (index % 5) / 2))
  return {
    ...unshown,
    ...nothingCame,
    at: new Date(at).toISOString(),
    requests,
    errors,
    input_tokens: requests * (900 + ((index * 71) % 500)),
    output_tokens: requests * (260 + ((index * 43) % 160)),
    latency_p50_ms: empty ? null : 900 + wave * 240 + ((index * 97) % 130),
    latency_p95_ms: empty ? null : 2200 + wave * 620 + ((index * 197) % 560),
    ttft_p50_ms: empty ? null : 240 + wave * 60 + ((index * 57) % 50),
    overhead_p50_ms: empty ? null : 1.1 + wave * 0.14 + ((index * 13) % 9) / 40,
    overhead_p95_ms: empty ? null : 2.4 + wave * 0.4 + ((index * 17) % 9) / 20,
    cached_tokens: requests * (300 + ((index * 31) % 200)),
    reasoning_tokens: requests * (90 + ((index * 29) % 60)),
    estimated_input_tokens: index % 7 === 0 ? requests * 120 : 0,
    cost_usd: dollars(requests * (0.0004 + ((index * 17) % 9) / 30_000)),
    estimated_cost_usd: index % 7 === 0 ? dollars(requests * 0.00006) : '0.000000000',
    unpriced: index % 9 === 0 ? Math.round(requests / 20) : 0,
  }
}

/** Sixty buckets with a gap of no traffic in the middle, or with none at all. */
export function makeOverview(from: number, to: number, idle = false): AdminOverview {
  const width = (to - from) / 60
  const points = Array.from({ length: 60 }, (_, index) =>
    makePoint(from + index * width, index, idle || (index > 33 && index < 38)),
  )
  const sum = (
    key: 'requests' | 'errors' | 'input_tokens' | 'output_tokens' | 'estimated_input_tokens' | 'unpriced',
  ) => points.reduce((total, point) => total + point[key], 0)
  const known = <Value>(value: Value) => (idle ? null : value)
  return {
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    bucket_seconds: Math.round(width / 1000),
    incomplete_before: null,
    totals: {
      ...unshown,
      ...nothingCame,
      requests: sum('requests'),
      errors: sum('errors'),
      input_tokens: sum('input_tokens'),
      output_tokens: sum('output_tokens'),
      cached_tokens: idle ? 0 : 812_400,
      reasoning_tokens: idle ? 0 : 311_900,
      estimated_input_tokens: sum('estimated_input_tokens'),
      cost_usd: idle ? '0.000000000' : '1.934567891',
      estimated_cost_usd: idle ? '0.000000000' : '0.041200000',
      unpriced: sum('unpriced'),
      in_progress: idle ? 0 : 7,
      latency_p50_ms: known(1240),
      latency_p95_ms: known(3310),
      ttft_p50_ms: known(318),
      ttft_p95_ms: known(905),
      overhead_p50_ms: known(1.38),
      overhead_p95_ms: known(3.02),
    },
    points,
    errors: idle
      ? []
      : [
          { origin: 'upstream', code: 'rate_limit_exceeded', count: 61 },
          { origin: 'upstream', code: 'upstream_timeout', count: 19 },
          { origin: 'client', code: 'invalid_request', count: 12 },
          { origin: 'gateway', code: 'provider_not_configured', count: 2 },
        ],
    models: idle
      ? []
      : [
          ranked('openai/gpt-oss-120b', 2410, 31, 3_120_400, '0.734567891'),
          ranked('deepseek-ai/DeepSeek-V3.2', 1620, 60, 2_004_113, '1.200000000', 40),
          ranked(hostile, 21, 0, 9000, null, 21),
        ],
    providers: idle
      ? []
      : [
          ranked('scaleway', 2410, 31, 3_120_400, '0.734567891'),
          ranked('sail', 1620, 60, 2_004_113, '1.200000000', 40),
          ranked('former', 21, 0, 9000, null, 21),
        ],
    projects: idle
      ? []
      : [ranked('acme', 4030, 91, 5_124_513, '1.934567891', 61), ranked('beta', 21, 0, 9000, '0.000000000')],
    keys: idle ? [] : [ranked('acme/1', 3000, 80, 4_000_000, '1.500000000', 61)],
  }
}

export function makeStatus(startedAt: number): AdminStatus {
  const provider = (id: string, title: string, missing: string[] = []) => ({
    id,
    variant: id,
    title,
    base_url: `https://${id}.example/v1`,
    available: missing.length === 0,
    missing,
    document: `${id}.md`,
  })
  return {
    version: '0.1.0',
    config_source: 'config.json',
    sandbox: false,
    started_at: new Date(startedAt).toISOString(),
    log_rows_dropped: 0,
    store: {
      problem: null,
      warning: null,
      used_bytes: 4_294_967_296,
      limit_bytes: 10_000_000_000,
      oldest_row_at: new Date(startedAt - 90 * 86_400_000).toISOString(),
      oldest_body_at: new Date(startedAt - 7 * 86_400_000).toISOString(),
      rows_queued: 0,
      bodies_dropped: 0,
    },
    providers: [
      provider('scaleway', 'Scaleway Generative APIs'),
      provider('sail', 'Sail Research'),
      provider('sudo', 'Sudo', ['SUDO_API_KEY']),
    ],
    models: [
      { id: 'deepseek-ai/*', targets: [{ provider: 'sail', model: '*', available: true }] },
      {
        id: 'openai/gpt-oss-120b',
        targets: [{ provider: 'scaleway', model: 'gpt-oss-120b', available: true }],
      },
    ],
  }
}
