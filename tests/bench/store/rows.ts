/**
 * Rows of a company's traffic over some months, made up but shaped like it: few busy projects and many quiet ones, days
 * and nights, sessions, failures with their codes, long tails of latency and tokens. The same seed, the same rows.
 */
import type { CostKind } from '../../../server/gateway/money/cost.ts'
import { packCost } from '../../../server/gateway/money/pack-cost.ts'
import { keyAt } from '../../../server/store/engine/keys.ts'
import type { RequestRow } from '../../../server/store/log/records.ts'
import { createRandom, type Random } from '../../crash/random.ts'

export interface MadeRow extends RequestRow {
  key: number
}

export interface RowsPlan {
  rows: number
  /** Unix milliseconds of the newest. */
  now: number
  days: number
  seed: number
}

const numbered = (name: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${name}-${String(index + 1).padStart(2, '0')}`)

export const projects = numbered('project', 20)
/** Of each project, the first more than the last. */
const keysOf = (project: number) => (project < 10 ? 3 : 2)
export const models = Array.from({ length: 30 }, (_, index) => ({
  model: `org-${1 + (index % 7)}/model-${String(index + 1).padStart(2, '0')}`,
  provider: `provider-${1 + (index % 7)}`,
  /** Nano-dollars per token; null: no price is known. */
  price: index === 29 ? null : { input: 50 * (1 + (index % 9)), output: 400 * (1 + (index % 9)) },
}))
export const teams = numbered('team', 12)

const failures = [
  { origin: 'upstream', code: 'rate_limit_exceeded', status: 'failed', http: 429, type: 'too_many_requests' },
  { origin: 'upstream', code: 'server_error', status: 'failed', http: 502, type: 'server_error' },
  { origin: 'upstream', code: 'timeout', status: 'failed', http: 504, type: 'server_error' },
  { origin: 'client', code: 'invalid_request', status: 'failed', http: 400, type: 'invalid_request' },
  { origin: 'client', code: 'client_closed_request', status: 'cancelled', http: 499, type: 'server_error' },
  { origin: 'gateway', code: 'gateway_restarted', status: 'failed', http: 500, type: 'server_error' },
] as const

/** Falls off as in most companies: each is asked for half as often as the one at a third of its place. */
function pickSkewed<T>(random: Random, values: readonly T[]): T {
  const draw = random.integer(0, 999_999) / 1_000_000
  return values[Math.floor(values.length * draw ** 2.2)] as T
}

/** A long tail: most near `middle`, one in a hundred ten times as much. */
function drawTail(random: Random, middle: number): number {
  const draw = random.integer(1, 999_999) / 1_000_000
  return Math.max(1, Math.round(middle * (-Math.log(1 - draw) * 0.6 + draw ** 30 * 12 + 0.2)))
}

const hex = (random: Random, digits: number) => {
  let text = ''
  while (text.length < digits) text += random.integer(0, 0xffffff).toString(16).padStart(6, '0')
  return text.slice(0, digits)
}

/** In the order of their keys. */
export function* makeRows({ rows, now, days, seed }: RowsPlan): Generator<MadeRow> {
  const random = createRandom(seed)
  const start = now - days * 86_400_000
  const step = (days * 86_400_000) / rows
  let previous = 0
  let session: { id: string; project: number; left: number } | null = null
  for (let index = 0; index < rows; index++) {
    const createdAt = Math.floor(atDaytime(start + index * step))
    const key = Math.max(previous + 1, keyAt(createdAt))
    previous = key
    if (session === null || session.left === 0) {
      const project = projects.indexOf(pickSkewed(random, projects))
      session = { id: `resp_${hex(random, 24)}`, project, left: random.integer(1, 12) }
    }
    const inSession = random.chance(0.3)
    if (inSession) session.left -= 1
    const project = inSession ? session.project : projects.indexOf(pickSkewed(random, projects))
    yield makeRow({ random, key, createdAt, project, sessionId: inSession ? session.id : null })
  }
}

/** Moves a moment of an even stream towards working hours, without changing the order: three quarters of a day's traffic within its middle half. */
function atDaytime(time: number): number {
  const day = Math.floor(time / 86_400_000) * 86_400_000
  const share = (time - day) / 86_400_000
  const warped =
    share < 0.125
      ? share * 2
      : share > 0.875
        ? 0.75 + (share - 0.875) * 2
        : 0.25 + ((share - 0.125) / 0.75) * 0.5
  return day + warped * 86_400_000
}

interface Draw {
  random: Random
  key: number
  createdAt: number
  project: number
  sessionId: string | null
}

function makeRow({ random, key, createdAt, project, sessionId }: Draw): MadeRow {
  const { model, provider, price } = pickSkewed(random, models)
  const failure = random.chance(0.04) ? random.pick(failures) : null
  const stream = random.chance(0.7)
  const input = drawTail(random, 1800)
  const output = failure === null ? drawTail(random, 350) : 0
  const cached = random.chance(0.3) ? Math.floor(input * 0.6) : 0
  const latency = drawTail(random, 2_400_000)
  const estimated = failure?.code === 'client_closed_request'
  const tokens = failure === null || estimated
  const cost = tokens && price !== null ? input * price.input + output * price.output : null
  const unpriced = tokens && price === null
  const responseId = failure?.origin === 'client' ? null : `resp_0${createdAt.toString(16)}${hex(random, 36)}`
  return {
    key,
    id: `req_0${createdAt.toString(16)}${hex(random, 36)}`,
    client_request_id: null,
    operation: 'responses.create',
    created_at: createdAt,
    project: projects[project] ?? null,
    key_name: `${projects[project]}/${random.integer(1, keysOf(project))}`,
    model,
    provider,
    upstream_model: model,
    status: failure?.status ?? 'completed',
    http_status: failure?.http ?? 200,
    stream,
    background: false,
    input_tokens: tokens ? input : null,
    cached_tokens: tokens ? cached : null,
    output_tokens: tokens ? output : null,
    reasoning_tokens: tokens ? Math.floor(output * 0.3) : null,
    total_tokens: tokens ? input + output : null,
    cache_write_tokens: null,
    usage_source: tokens ? (estimated ? 'estimated' : 'provider') : null,
    usage_estimator: estimated ? 'gpt-tokenizer/o200k_base' : null,
    cost_nano: unpriced ? null : (cost ?? 0),
    cost_reason: unpriced ? 'unknown_model' : null,
    cost_detail: cost === null ? null : explain({ provider, model, input, output, price, cost, estimated }),
    session_id: sessionId,
    conversation_id: null,
    previous_response_id: null,
    user_id: random.chance(0.4) ? `user-${random.integer(1, 5000)}` : null,
    service_tier: null,
    metadata: random.chance(0.25)
      ? JSON.stringify({ team: random.pick(teams), run: `run-${random.integer(1, 20_000)}` })
      : null,
    instance: null,
    latency_us: latency,
    ttft_us: failure === null && stream ? Math.floor(latency * 0.2) : null,
    upstream_us: Math.floor(latency * 0.99),
    overhead_us: drawTail(random, 1500),
    attempts: failure?.origin === 'client' && failure.http === 400 ? 0 : 1,
    response_id: responseId,
    trace_id: random.chance(0.5) ? hex(random, 32) : null,
    error_type: failure?.type ?? null,
    error_code: failure?.code ?? null,
    error_message: failure === null ? null : `It failed: ${failure.code}.`,
    error_param: null,
    error_origin: failure?.origin ?? null,
    adaptations: random.chance(0.2)
      ? '[{"field":"store","action":"dropped","detail":"kept by the gateway"}]'
      : null,
  }
}

interface Explained {
  provider: string
  model: string
  input: number
  output: number
  price: { input: number; output: number } | null
  cost: number
  estimated: boolean
}

function explain({ provider, model, input, output, price, cost, estimated }: Explained): string {
  const part = (kind: CostKind, quantity: number, each: number) => ({
    kind,
    quantity,
    rate: each * 1_000_000,
    nanos: quantity * each,
  })
  return packCost([
    {
      attempt: 1,
      provider,
      variant: 'openai',
      upstream_model: model,
      reported_model: model,
      service_tier: null,
      price: 'bench-2026-01-01',
      usage: estimated ? 'estimated' : 'provider',
      used: { input, cached_input: 0, cache_write: 0, output, reasoning: 0, images: 0 },
      nanos: cost,
      reason: null,
      parts: [part('input', input, price?.input ?? 0), part('output', output, price?.output ?? 0)],
    },
  ])
}
