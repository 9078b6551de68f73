/**
 * Span attributes as OpenTelemetry's GenAI conventions (v1.41, "Development") and HTTP conventions name them.
 * What is not known is left out: an attribute is never made up.
 */
import type { Attributes } from '@opentelemetry/api'
import type { Attempt, Exchange } from '../gateway/exchange.ts'
import { type Conventions, nameOperation } from './conventions.ts'

/** Drops null and undefined. */
function known(attributes: Record<string, Attributes[string] | null>): Attributes {
  const result: Attributes = {}
  for (const [name, value] of Object.entries(attributes))
    if (value !== null && value !== undefined) result[name] = value
  return result
}

/** Known when the call starts; a sampler may decide by them. */
export function describeCall(exchange: Exchange, attempt: Attempt, { latest }: Conventions): Attributes {
  const { settings } = exchange
  const { address, port, apiType } = describeUrl(attempt.url)
  return known({
    'gen_ai.operation.name': nameOperation(attempt.url),
    'gen_ai.provider.name': attempt.provider,
    'gen_ai.request.model': attempt.upstreamModel,
    'gen_ai.request.stream': exchange.stream ? true : null,
    'gen_ai.conversation.id': settings?.conversationId ?? null,
    'gen_ai.output.type': settings?.outputType ?? null,
    'gen_ai.request.max_tokens': settings?.maxOutputTokens ?? null,
    'gen_ai.request.temperature': settings?.temperature ?? null,
    'gen_ai.request.top_p': settings?.topP ?? null,
    'gen_ai.request.frequency_penalty': settings?.frequencyPenalty ?? null,
    'gen_ai.request.presence_penalty': settings?.presencePenalty ?? null,
    'gen_ai.request.previous_response.id': latest ? (settings?.previousResponseId ?? null) : null,
    'openai.api.type': apiType,
    'openai.request.service_tier': apiType === null ? null : (settings?.serviceTier ?? null),
    'server.address': address,
    'server.port': port,
    'dragoman.variant': attempt.variant,
    'dragoman.attempt': attempt.index,
  })
}

/** Known when the call is over. */
export function describeOutcome(
  exchange: Exchange,
  attempt: Attempt,
  { released, latest }: Conventions,
): Attributes {
  const { facts, firstOutputAt } = attempt
  const usage = attempt.usageSource === 'estimated' ? null : attempt.usage
  const written = usage?.input_tokens_details.cache_write_tokens ?? null
  // The latest conventions want a reason also where none came; in the released ones it is left out.
  const finish = attempt.finishReason ?? (latest && nameOperation(attempt.url) === 'chat' ? 'error' : null)
  const firstChunk =
    exchange.stream && firstOutputAt !== null ? (firstOutputAt - attempt.startedAt) / 1000 : null
  return known({
    'gen_ai.response.id': facts?.responseId ?? null,
    'gen_ai.response.model': facts?.model ?? null,
    'gen_ai.response.finish_reasons': finish === null ? null : [finish],
    'gen_ai.response.time_to_first_chunk': firstChunk,
    'gen_ai.usage.input_tokens': usage?.input_tokens ?? null,
    'gen_ai.usage.output_tokens': usage?.output_tokens ?? null,
    'gen_ai.usage.cache_read.input_tokens': usage?.input_tokens_details.cached_tokens ?? null,
    'gen_ai.usage.cache_creation.input_tokens': released ? written : null,
    'gen_ai.usage.cache_write.input_tokens': latest ? written : null,
    'gen_ai.usage.reasoning.output_tokens': usage?.output_tokens_details.reasoning_tokens ?? null,
    'openai.response.service_tier': facts?.serviceTier ?? null,
    'http.response.status_code': attempt.httpStatus,
    'error.type': attempt.error?.code ?? null,
  })
}

/** `{operation} {model}`, as the conventions name the span of a call. */
export function nameCall({ url, upstreamModel }: Attempt): string {
  return `${nameOperation(url)} ${upstreamModel}`
}

/** Where each operation is asked for. */
const routes = {
  'responses.create': '/v1/responses',
  'responses.compact': '/v1/responses/compact',
  'responses.input_tokens': '/v1/responses/input_tokens',
} as const satisfies Record<Exchange['operation'], string>

/** A turn of a WebSocket is asked for under the request that was upgraded. */
function isWebSocket({ clientRequestHeaders: { upgrade } }: Exchange): boolean {
  return upgrade?.toLowerCase() === 'websocket'
}

/** `{method} {route}`, as the conventions name the span of a request. */
export function nameRequest(exchange: Exchange): string {
  return `${isWebSocket(exchange) ? 'GET' : 'POST'} ${routes[exchange.operation]}`
}

/** The inbound request when it starts. */
export function describeRequest(exchange: Exchange): Attributes {
  const overWebSocket = isWebSocket(exchange)
  return known({
    'http.request.method': overWebSocket ? 'GET' : 'POST',
    'http.route': routes[exchange.operation],
    'url.path': routes[exchange.operation],
    'url.scheme': overWebSocket ? 'ws' : 'http',
    'network.protocol.name': overWebSocket ? 'websocket' : null,
    'client.address': exchange.clientAddress || null,
    'user_agent.original': exchange.userAgent || null,
    'dragoman.request.id': exchange.id,
  })
}

/** A response that a process goes on with which never got its request. */
export function describeResumption(exchange: Exchange): Attributes {
  return { 'dragoman.request.id': exchange.id }
}

/** The inbound request when it is over. */
export function describeAnswer(exchange: Exchange, { resumed }: { resumed: boolean }): Attributes {
  return known({
    'http.response.status_code': resumed ? null : exchange.httpStatus,
    'error.type': exchange.error?.code ?? null,
    'dragoman.project': exchange.caller?.projectId ?? null,
    'dragoman.model': exchange.model || null,
    'dragoman.stream': exchange.stream,
    'dragoman.background': exchange.background ? true : null,
    'dragoman.status': exchange.status,
    'dragoman.provider': exchange.attempts.at(-1)?.provider ?? null,
    'dragoman.attempts': exchange.attempts.length,
    'dragoman.response.id': exchange.responseId,
  })
}

interface CallUrl {
  address: string | null
  port: number | null
  apiType: 'responses' | 'chat_completions' | null
}

/** The provider's own host and port, and which of OpenAI's interfaces is asked there. */
function describeUrl(url: string): CallUrl {
  const parsed = URL.parse(url)
  if (parsed === null) return { address: null, port: null, apiType: null }
  const isResponses = /\/responses(?:\/(?:compact|input_tokens))?$/.test(parsed.pathname)
  const isChat = parsed.pathname.endsWith('/chat/completions')
  return {
    // An IPv6 address stands in brackets in a URL only.
    address: parsed.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: parsed.port === '' ? (parsed.protocol === 'http:' ? 80 : 443) : Number(parsed.port),
    apiType: isResponses ? 'responses' : isChat ? 'chat_completions' : null,
  }
}
