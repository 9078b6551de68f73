import type { AdminRequest } from '../../server/http/admin/contract.ts'
import { formatCount, formatDuration, formatInstant, unknown } from '../model/format.ts'
import { linkRequest, linkSession, linkWith } from '../model/location.ts'
import { describeUnknownCost, formatExact, formatMoney } from '../model/money.ts'
import { isReplayed, isRunning, isSocketTurn, readContinued, readReplayedId } from '../model/state.ts'

export interface Fact {
  name: string
  value: string
  note?: string
  /** An id or address. */
  mono?: boolean
  /** Of a page that says more. */
  href?: string
}

/** The head of a request's page, most asked for first. */
export function describeFacts(request: AdminRequest): Fact[] {
  return [
    ...describeRoute(request),
    ...describeKept(request),
    ...describeTimes(request),
    ...describeTokens(request),
    describeCost(request),
    ...describeIds(request),
  ]
}

function describeRoute(request: AdminRequest): Fact[] {
  return [
    { name: 'Time', value: formatInstant(request.created_at) },
    { name: 'Provider', value: request.provider ?? describeNone(request) },
    { name: 'Provider’s model', value: request.upstream_model ?? unknown },
    { name: 'HTTP status', value: request.http_status === null ? unknown : String(request.http_status) },
    { name: 'Asked for', value: describeAsked(request) },
    {
      name: 'Project',
      value: request.project ?? unknown,
      note: request.key === null ? undefined : `key ${request.key}`,
    },
  ]
}

function describeNone(request: AdminRequest): string {
  if (isReplayed(request)) return 'none was needed'
  return isRunning(request) ? 'none yet' : 'none was reached'
}

function describeAsked(request: AdminRequest): string {
  const { operation, stream, background } = request
  if (operation === 'responses.compact') return 'a compaction'
  if (operation === 'responses.input_tokens') return 'a count of tokens'
  if (isSocketTurn(request)) return 'a turn of a WebSocket'
  const form = stream ? 'a stream' : 'JSON'
  return background ? `${form}, in the background` : form
}

/** What it goes on from, and whose answer it was given. */
function describeKept(request: AdminRequest): Fact[] {
  const read = readContinued(request)
  const responseId = request.previous_response_id ?? read.responseId
  const conversationId = request.conversation_id ?? read.conversationId
  const key = request.client_request?.headers['idempotency-key'] ?? null
  const facts: Fact[] = []
  if (request.session_id !== null) facts.push(describeSession(request.session_id, request.project))
  if (responseId !== null) facts.push({ name: 'Goes on from', ...describeResponse(responseId) })
  if (conversationId !== null) facts.push(describeConversation(conversationId))
  if (key !== null) facts.push({ name: 'Idempotency key', value: key, mono: true })
  if (!isReplayed(request)) return facts
  const first = readReplayedId(request)
  const answer = first === null ? { value: 'an earlier call' } : describeResponse(first)
  return [...facts, { name: 'Replayed from', ...answer }]
}

function describeSession(id: string, project: string | null): Fact {
  return { name: 'Session', value: id, mono: true, href: linkSession(id, project) }
}

function describeConversation(id: string): Fact {
  return { name: 'Conversation', value: id, mono: true, href: linkWith('/requests', { conversation: id }) }
}

/** The request that made the response is found by the response's id. */
function describeResponse(id: string): Pick<Fact, 'value' | 'mono' | 'href'> {
  return { value: id, mono: true, href: linkRequest(id) }
}

function describeTimes(request: AdminRequest): Fact[] {
  return [
    { name: 'Latency', value: formatDuration(request.latency_ms) },
    { name: 'First token', value: formatDuration(request.ttft_ms) },
    { name: 'Waiting for providers', value: formatDuration(request.upstream_ms) },
    { name: 'Overhead', value: formatDuration(request.overhead_ms), note: 'the gateway’s own time' },
  ]
}

function describeCost(request: AdminRequest): Fact {
  const { cost_usd: cost, cost_reason: reason, cost: parts } = request
  if (cost === null) {
    const note = describeUnknownCost({ reason, isRunning: isRunning(request) })
    return { name: 'Cost', value: unknown, note }
  }
  return {
    name: 'Cost',
    value: formatMoney(cost),
    note: joinNotes(formatExact(cost), parts?.estimated ? 'partly estimated' : undefined),
  }
}

function describeTokens(request: AdminRequest): Fact[] {
  const estimated = describeEstimate(request)
  return [
    {
      name: 'Input tokens',
      value: formatCount(request.input_tokens),
      note: joinNotes(
        partOf(request.cached_tokens, 'cached'),
        partOf(request.cache_write_tokens || null, 'written to the cache'),
        estimated,
      ),
    },
    {
      name: 'Output tokens',
      value: formatCount(request.output_tokens),
      note: joinNotes(partOf(request.reasoning_tokens, 'reasoning'), estimated),
    },
    { name: 'All tokens', value: formatCount(request.total_tokens), note: estimated },
  ]
}

function describeEstimate({
  usage_source: source,
  usage_estimator: estimator,
}: AdminRequest): string | undefined {
  if (source !== 'estimated') return undefined
  return estimator === null ? 'estimated by the gateway' : `estimated by the gateway (${estimator})`
}

function describeIds(request: AdminRequest): Fact[] {
  const reported = request.attempt_list.findLast((attempt) => attempt.upstream_reported_model !== null)
  return [
    { name: 'Response id', value: request.response_id ?? 'none', mono: request.response_id !== null },
    { name: 'Model as reported', value: reported?.upstream_reported_model ?? unknown },
    { name: 'Trace id', value: request.trace_id ?? 'not traced', mono: request.trace_id !== null },
    ...describeNamed(request),
    { name: 'Client', value: request.user_agent ?? unknown },
    { name: 'Address', value: request.client_address ?? unknown, mono: request.client_address !== null },
  ]
}

/** What the client named beyond what every call has. */
function describeNamed({ user, service_tier: tier, client_request_id: id }: AdminRequest): Fact[] {
  const facts: Fact[] = []
  if (id !== null) facts.push({ name: 'Client’s request id', value: id, mono: true })
  if (user !== null) facts.push({ name: 'User', value: user, href: linkWith('/requests', { user }) })
  if (tier !== null) facts.push({ name: 'Service tier', value: tier })
  return facts
}

function partOf(count: number | null, word: string): string | undefined {
  return count === null ? undefined : `${formatCount(count)} ${word}`
}

function joinNotes(...notes: (string | undefined)[]): string | undefined {
  const told = notes.filter((note) => note !== undefined)
  return told.length === 0 ? undefined : told.join(', ')
}
