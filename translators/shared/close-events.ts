/** Ends a stream whose writer is gone, from its events alone. */
import {
  type CanonicalEvent,
  type CanonicalResponse,
  type Item,
  isObject,
  isTerminalEvent,
} from './canonical.ts'
import { EventLog } from './event-log.ts'
import { makeFailure } from './failures.ts'
import { OpenItem } from './open-item.ts'
import { buildCancelled, buildFinal } from './response-object.ts'
import type { EventDialect, UpstreamFailure } from './translator.ts'

export interface CloseOptions {
  /** As the stream was begun. */
  dialect: EventDialect
  /** Why it ends; null: it was cancelled. */
  failure: UpstreamFailure | null
}

export interface ClosedStream {
  /** What is still to be sent: parts and items that are open are closed as incomplete, then the stream ends. */
  events: CanonicalEvent[]
  /** As it stands in the last event. */
  final: CanonicalResponse
}

/**
 * What ends a stream legally that broke off, wherever that was. Pure. One that has ended gets no further event.
 * @param told all events so far, from `response.created` on.
 * @throws when there is no event with a response: such a stream has not begun and can be told from the start.
 */
export function closeEvents(
  told: readonly CanonicalEvent[],
  { dialect, failure }: CloseOptions,
): ClosedStream {
  const log = new EventLog(dialect, (told.at(-1)?.sequence_number ?? -1) + 1)
  const stream = readStream(told, log)
  if (stream.response === null)
    throw new Error(
      'closeEvents needs the events from response.created on. Begin a stream of its own instead.',
    )
  if (stream.ended) return { events: [], final: stream.response }
  for (const item of stream.open.values()) item.close()
  const output = stream.items.map((item) => item.whole)
  const final = endOf({ ...stream.response, output }, stream.error ?? failure)
  if (stream.error === null && failure !== null) log.error(failure)
  log.terminal(final)
  return { events: log.events, final }
}

function endOf(response: CanonicalResponse, failure: UpstreamFailure | null): CanonicalResponse {
  if (failure === null) return buildCancelled(response)
  const { code, message } = failure
  return buildFinal(response, {
    status: 'failed',
    output: response.output,
    usage: response.usage,
    error: { code, message },
    incompleteReason: null,
    completedAt: null,
    serviceTier: null,
  })
}

interface ReadStream {
  /** The last response object told. */
  response: CanonicalResponse | null
  /** In the order of their indexes. */
  items: OpenItem[]
  open: Map<unknown, OpenItem>
  /** An `error` event was the last thing told: the response has failed of it, whatever it is closed for. */
  error: UpstreamFailure | null
  ended: boolean
}

function readStream(told: readonly CanonicalEvent[], log: EventLog): ReadStream {
  const stream: ReadStream = { response: null, items: [], open: new Map(), error: null, ended: false }
  for (const event of told) {
    const { type, output_index: index } = event
    if (isObject(event.response)) stream.response = event.response as CanonicalResponse
    if (isTerminalEvent(event)) stream.ended = true
    else if (type === 'error') stream.error = readError(event)
    else if (type === 'response.output_item.added') {
      const item = new OpenItem(event.item as Item, Number(index), log)
      stream.items.push(item)
      stream.open.set(index, item)
    } else {
      stream.open.get(index)?.read(event)
      if (type === 'response.output_item.done') stream.open.delete(index)
    }
  }
  return stream
}

function readError(event: CanonicalEvent): UpstreamFailure {
  const { code, message } = isObject(event.error) ? event.error : event
  return makeFailure(String(code), String(message))
}
