/** How the conformance suite asks: one request both ways, as JSON and as a stream, through OpenAI's own client. */
import assert from 'node:assert/strict'
import type OpenAI from 'openai'
import type {
  Response,
  ResponseCreateParams,
  ResponseStreamEvent,
} from 'openai/resources/responses/responses'
import type { CanonicalEvent } from '../../translators/shared/canonical.ts'
import { assertLegalStream } from '../support/legal-stream.ts'

export interface Answer {
  /** Of the JSON answer. */
  response: Response
  /** Of the stream's terminal event, as the SDK put it together. */
  streamed: Response
  events: ResponseStreamEvent[]
  /** `x-dragoman-adaptations` of the JSON answer, split. */
  adaptations: string[]
}

/** Asks as JSON and as a stream, proves that the stream is legal and that both end in the same object. */
export async function ask(client: OpenAI, params: Omit<ResponseCreateParams, 'stream'>): Promise<Answer> {
  const { data: response, response: head } = await client.responses
    .create({ ...params, stream: false } as ResponseCreateParams & { stream: false })
    .withResponse()
  const events: ResponseStreamEvent[] = []
  const stream = client.responses.stream(params as Parameters<OpenAI['responses']['stream']>[0])
  for await (const event of stream) events.push(event)
  const streamed = (await stream.finalResponse()) as unknown as Response
  assertLegalStream(events as unknown as CanonicalEvent[])
  const last = events.at(-1) as { response?: Response }
  assert.ok(last.response, 'the stream ends with a response')
  assert.deepEqual(comparable(last.response), comparable(response))
  return {
    response,
    streamed,
    events,
    adaptations: (head.headers.get('x-dragoman-adaptations') ?? '').split(', ').filter((part) => part !== ''),
  }
}

/** A response without what differs from one run to the next: ids and times. */
export function comparable(response: Response): unknown {
  const ids = new Map<string, string>()
  return JSON.parse(
    JSON.stringify(response, (key, value) => {
      if (key === 'created_at' || key === 'completed_at') return typeof value
      if ((key === 'id' || key === 'call_id' || key === 'item_id') && typeof value === 'string') {
        const known = ids.get(value) ?? `${value.split('_')[0]}#${ids.size}`
        ids.set(value, known)
        return known
      }
      return value
    }),
  )
}

/** The text of all message items. */
export function textOf(response: Response): string {
  return response.output
    .flatMap((item) => (item.type === 'message' ? item.content : []))
    .map((part) => (part.type === 'output_text' ? part.text : ''))
    .join('')
}

/** The function calls, in order. */
export function callsOf(response: Response): { name: string; arguments: string; call_id: string }[] {
  return response.output.flatMap((item) =>
    item.type === 'function_call'
      ? [{ name: item.name, arguments: item.arguments, call_id: item.call_id }]
      : [],
  )
}
