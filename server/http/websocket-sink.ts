import type { CanonicalEvent, JsonObject } from '../../translators/shared/canonical.ts'
import { captureChunk } from '../gateway/capture.ts'
import { createJsonEncoder, frameEvent } from '../gateway/encode-event.ts'
import type { Exchange } from '../gateway/exchange.ts'
import type { ResponseSink } from '../gateway/sink.ts'
import { publicRequestId, serverTiming } from './server-timing.ts'
import { addMembers } from './websocket-frames.ts'
import type { FrameWriter } from './websocket-writer.ts'

export interface WebSocketSinkOptions {
  writer: FrameWriter
  exchange: Exchange
  /** Bytes of the answer kept for the log. */
  captureLimit: number
  /** Whether `transcript` will be asked for: the stream's text is then held until its end. */
  record: boolean
  /** Copied into every event. */
  streamId: string | null
}

interface Encoded {
  frames: string[]
  /** The same as server-sent events, without what only this connection is told. */
  text: string
}

/**
 * Writes each event of one turn as a text frame. The first one has the answer's headers as its member `headers`, since
 * a turn has no head of its own. The record and a later replay have the events as every other stream has them.
 */
export function createWebSocketSink({
  writer,
  exchange,
  captureLimit,
  record,
  streamId,
}: WebSocketSinkOptions): ResponseSink {
  const encode = createJsonEncoder()
  const extra: JsonObject = streamId === null ? {} : { stream_id: streamId }
  let head: Record<string, string> = {}
  let opened = false
  const sent: string[] = []
  let ended: readonly CanonicalEvent[] | null = null
  let tail: Encoded = { frames: [], text: '' }

  function encodeAll(events: readonly CanonicalEvent[]): Encoded {
    const frames: string[] = []
    let text = ''
    for (const event of events) {
      const json = encode(event)
      text += frameEvent(event, json)
      frames.push(addMembers(json, extra))
    }
    return { frames, text }
  }
  /** The last events, made once for the record and the client. */
  function encodeEnding(ending: readonly CanonicalEvent[]): Encoded {
    if (ended !== ending) {
      ended = ending
      tail = encodeAll(ending)
    }
    return tail
  }
  function send({ frames, text }: Encoded): boolean {
    if (!opened) open(frames)
    captureChunk(exchange.clientResponse, text, captureLimit)
    return writer.write(frames)
  }
  function open(frames: string[]): void {
    opened = true
    const headers = {
      'x-request-id': publicRequestId(exchange),
      ...head,
      'server-timing': serverTiming(exchange),
    }
    exchange.httpStatus = 200
    exchange.clientResponseHeaders = headers
    if (frames[0] !== undefined) frames[0] = addMembers(frames[0], { headers })
  }
  return {
    streaming: true,
    get opened() {
      return opened
    },
    prepare(next) {
      head = next
    },
    write(events) {
      if (events.length === 0) return true
      const encoded = encodeAll(events)
      if (record) sent.push(encoded.text)
      return send(encoded)
    },
    onDrain: writer.onDrain,
    sent: () => sent.join(''),
    transcript(ending) {
      const text = sent.join('') + encodeEnding(ending).text
      const count = (ending.at(-1)?.sequence_number ?? -1) + 1
      return { events: { first: 0, count, text }, answer: { status: 200, headers: head, body: text } }
    },
    finish(ending) {
      send(encodeEnding(ending))
    },
  }
}
