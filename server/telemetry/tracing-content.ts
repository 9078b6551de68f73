/**
 * Prompts and answers as the GenAI conventions shape them (`gen_ai.input.messages` and its kin), for those who opted
 * in. They are read from the bodies kept for the log: what was not kept, or only in part, is left out.
 */
import type { Attributes } from '@opentelemetry/api'
import { type CanonicalResponse, isObject, type JsonObject } from '../../translators/shared/canonical.ts'
import type { CapturedBody, Exchange } from '../gateway/exchange.ts'
import { readFinishReason } from '../gateway/finish-reason.ts'

interface Message {
  role: string
  parts: JsonObject[]
  finish_reason?: string
}

export function describeContent(exchange: Exchange): Attributes {
  const request = parse(readBody(exchange.clientRequest))
  const response = readResponse(exchange)
  const attributes: Attributes = {}
  function set(name: string, value: unknown[] | null): void {
    if (value !== null && value.length > 0) attributes[name] = JSON.stringify(value)
  }
  if (isObject(request)) {
    const { instructions, input, tools } = request
    set('gen_ai.system_instructions', typeof instructions === 'string' ? [text(instructions)] : null)
    set(
      'gen_ai.input.messages',
      typeof input === 'string' ? [{ role: 'user', parts: [text(input)] }] : toMessages(input),
    )
    set('gen_ai.tool.definitions', Array.isArray(tools) ? tools : null)
  }
  if (response !== null) {
    const reason = finishReason(response)
    set(
      'gen_ai.output.messages',
      toMessages(response.output).map((message) => ({ ...message, finish_reason: reason })),
    )
  }
  return attributes
}

/** Null unless all of it was kept. */
function readBody(body: CapturedBody): string | null {
  if (body.truncated) return null
  return Buffer.concat(body.chunks.map((chunk) => Buffer.from(chunk))).toString('utf8')
}

function parse(json: string | null): unknown {
  try {
    return json === null ? null : JSON.parse(json)
  } catch {
    return null
  }
}

/** The response object: the whole body, or the one in the stream's terminal event. */
function readResponse(exchange: Exchange): JsonObject | null {
  const body = readBody(exchange.clientResponse)
  if (!exchange.stream) {
    const response = parse(body)
    return isObject(response) ? response : null
  }
  for (const line of body?.split('\n').reverse() ?? []) {
    if (!line.startsWith('data: {')) continue
    const event = parse(line.slice('data: '.length))
    if (isObject(event) && isObject(event.response)) return event.response
  }
  return null
}

/** In the word that the schema of messages has for it, which is not that of the span. */
function finishReason(response: JsonObject): string {
  const reason = readFinishReason(response as unknown as CanonicalResponse)
  if (reason === 'tool_calls') return 'tool_call'
  // A compaction has no status; what was cancelled came to no end of its own.
  return reason ?? (response.status === undefined ? 'stop' : 'error')
}

/** Items of one role that follow each other are one message. */
function toMessages(items: unknown): Message[] {
  const messages: Message[] = []
  if (!Array.isArray(items)) return messages
  for (const item of items) {
    if (!isObject(item)) continue
    const message = toMessage(item)
    const last = messages.at(-1)
    if (last?.role === message.role) last.parts.push(...message.parts)
    else messages.push(message)
  }
  return messages
}

function toMessage(item: JsonObject): Message {
  const type = typeof item.type === 'string' ? item.type : 'message'
  if (type === 'message') return { role: String(item.role ?? 'user'), parts: toParts(item.content) }
  if (type === 'function_call' || type === 'custom_tool_call') {
    const { call_id: id, name, arguments: args, input } = item
    const given = args ?? input
    return {
      role: 'assistant',
      parts: [{ type: 'tool_call', id, name, arguments: parse(String(given)) ?? given }],
    }
  }
  if (type.endsWith('_call_output'))
    return { role: 'tool', parts: [{ type: 'tool_call_response', id: item.call_id, response: item.output }] }
  if (type === 'reasoning')
    return {
      role: 'assistant',
      parts: toParts(item.content ?? item.summary).map((part) => ({ ...part, type: 'reasoning' })),
    }
  return { role: 'assistant', parts: [item] }
}

function toParts(content: unknown): JsonObject[] {
  if (typeof content === 'string') return [text(content)]
  if (!Array.isArray(content)) return []
  return content.filter(isObject).map((part) => {
    if (typeof part.text === 'string') return text(part.text)
    if (typeof part.refusal === 'string') return text(part.refusal)
    if (typeof part.image_url === 'string') return { type: 'uri', modality: 'image', uri: part.image_url }
    return part
  })
}

function text(content: string): JsonObject {
  return { type: 'text', content }
}
