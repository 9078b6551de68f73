/** A context as a text, written by the model itself. */
import {
  type CanonicalRequest,
  type CanonicalResponse,
  type Item,
  isToolCallItem,
} from '../../translators/shared/canonical.ts'
import { concatenateOutputText } from '../../translators/shared/response-object.ts'
import { GatewayError } from '../errors.ts'
import { nameTruncation, shorten } from './fit-context.ts'
import type { Gateway } from './respond.ts'
import type { ResponseSink } from './sink.ts'
import { truncateInput } from './state/truncate.ts'
import { itemsOf } from './state/turn.ts'
import type { Work } from './work.ts'

/** What is summed up, and on whose behalf. */
export type SummaryWork = Pick<Work, 'turn' | 'exchange' | 'unsupported' | 'events' | 'signal'>

export interface Summary {
  text: string
  response: CanonicalResponse
  /** Headers that say who wrote it. */
  head: Record<string, string>
}

const instruction = `Stop here and do not answer the last message. Write a handover of this conversation. It will replace everything above except the latest of the user's own messages, and whoever continues will see nothing else, so leave out nothing that the work still depends on.

Cover, each where there is something to say:
- Goal: what the user wants in the end, and how they want it done (constraints, preferences, style, language).
- Decisions: what was decided or ruled out, by whom, and why.
- Facts: names, identifiers, paths, addresses, numbers, versions, dates, error messages and short quotes, exactly as they were given.
- Tool results: what the calls found or changed that still matters, with the values themselves.
- State: what is done, what is half done, what failed and must not be tried again.
- Open: questions without an answer, promises made, and the very next step.

If the conversation begins with an earlier summary, carry over what still holds. State only what stands in the conversation; mark what is uncertain. Write in the conversation's language, as plain text without a greeting. Call no tools.`

/** Times that a context is shortened because it is too long to be summed up whole. */
const maxCuts = 3

/**
 * Asks the model as any response is asked for: with its targets, retries and adaptations, and with nothing kept. A
 * context that is too long is what most ask to compact: its oldest turns are left out then, and that is named.
 * @throws GatewayError when no target wrote anything.
 */
export async function summarize(gateway: Gateway, work: SummaryWork): Promise<Summary> {
  const whole = askForSummary(work.turn.resolved)
  let request = whole
  for (let cuts = 0; ; cuts++) {
    try {
      const summary = await ask(gateway, work, request)
      const dropped = itemsOf(whole.input).length - itemsOf(request.input).length
      if (dropped > 0) work.exchange.adaptations.push(nameTruncation(dropped))
      return summary
    } catch (error) {
      const isTooLong = error instanceof GatewayError && error.code === 'context_length_exceeded'
      const { items, dropped } = truncateInput(request, shorten(request))
      if (!isTooLong || dropped === 0 || cuts >= maxCuts) throw error
      request = { ...request, input: [...items] }
    }
  }
}

async function ask(gateway: Gateway, work: SummaryWork, request: CanonicalRequest): Promise<Summary> {
  const { exchange, unsupported, events, signal } = work
  const sink = createSink()
  await gateway.respond({
    exchange,
    request,
    unsupported,
    events,
    claim: null,
    idempotencyKey: null,
    sink,
    signal,
    keep: false,
  })
  const { response, head } = sink.read()
  const text = response === null ? '' : concatenateOutputText(response.output).trim()
  if (response === null || text === '')
    throw new GatewayError(
      'upstream_invalid_response',
      'The model wrote no summary of the conversation. Try again, or compact with another model.',
    )
  return { text, response, head }
}

function askForSummary({ model, input, ...members }: CanonicalRequest): CanonicalRequest {
  const { instructions, prompt_cache_key, service_tier } = members
  const question: Item = {
    type: 'message',
    role: 'user',
    content: [{ type: 'input_text', text: instruction }],
  }
  return {
    model,
    ...(instructions ? { instructions } : {}),
    ...(prompt_cache_key ? { prompt_cache_key } : {}),
    ...(service_tier ? { service_tier } : {}),
    input: [...closeCalls(itemsOf(input)), question],
  }
}

/** Providers take no call without its output, and need no thoughts to sum up what came of them. */
function closeCalls(items: readonly Item[]): Item[] {
  const answered = new Set(items.filter(({ type }) => type.endsWith('_output')).map(({ call_id: id }) => id))
  return items.flatMap((item) => {
    if (item.type === 'reasoning') return []
    if (!isToolCallItem(item.type) || typeof item.call_id !== 'string' || answered.has(item.call_id))
      return [item]
    const type = `${item.type}_output`
    const isText = item.type === 'function_call' || item.type === 'custom_tool_call'
    return isText ? [item, { type, call_id: item.call_id, output: 'No result yet.' }] : []
  })
}

/** Takes the finished response where a client would be. */
function createSink(): ResponseSink & {
  read(): { response: CanonicalResponse | null; head: Record<string, string> }
} {
  let head: Record<string, string> = {}
  let response: CanonicalResponse | null = null
  return {
    streaming: false,
    opened: false,
    prepare(next) {
      head = next
    },
    write: () => true,
    onDrain: () => {},
    transcript: (_ending, final) => ({
      events: null,
      answer: { status: 200, headers: {}, body: JSON.stringify(final) },
    }),
    finish(_ending, final) {
      response = final
    },
    read: () => ({ response, head }),
  }
}
