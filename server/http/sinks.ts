/** Where answers are written: server-sent events and JSON, both straight to the Node response. */
import type { ServerResponse } from 'node:http'
import type { CanonicalEvent, CanonicalResponse } from '../../translators/shared/canonical.ts'
import { captureChunk } from '../gateway/capture.ts'
import { createEventEncoder } from '../gateway/encode-event.ts'
import type { Exchange } from '../gateway/exchange.ts'
import type { ResponseSink } from '../gateway/sink.ts'
import { sendHead } from './send-head.ts'
import { publicRequestId, serverTiming } from './server-timing.ts'

export interface SinkOptions {
  response: ServerResponse
  exchange: Exchange
  /** Bytes of the answer kept for the log. */
  captureLimit: number
  /** Whether `transcript` will be asked for: the stream's text is then held until its end. */
  record: boolean
}

const streamHead = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
}
const done = 'data: [DONE]\n\n'

/**
 * Writes the contract's event stream: LF line ends, each event whole in one write, one write per batch, a comment
 * after `pingSeconds` of silence (which opens the answer, since a client or proxy may wait no longer), `[DONE]` last.
 */
export function createSseSink({
  response,
  exchange,
  captureLimit,
  record,
  pingSeconds,
}: SinkOptions & { pingSeconds: number }): ResponseSink {
  const encode = createEventEncoder()
  let head: Record<string, string> = {}
  let opened = false
  /** An event has been sent. */
  let begun = false
  const sent: string[] = []
  let ended: readonly CanonicalEvent[] | null = null
  let tail = ''
  const ping = setTimeout(sendPing, pingSeconds * 1000)
  response.once('close', () => clearTimeout(ping))

  function open(): void {
    opened = true
    sendHead(response, exchange, 200, {
      ...streamHead,
      'x-request-id': publicRequestId(exchange),
      ...head,
      'server-timing': serverTiming(exchange),
    })
  }
  function sendPing(): void {
    if (response.writableEnded || response.destroyed) return
    if (!opened) open()
    if (!response.writableNeedDrain) response.write(': ping\n\n')
    ping.refresh()
  }
  function encodeAll(events: readonly CanonicalEvent[]): string {
    let text = ''
    for (const event of events) text += encode(event)
    return text
  }
  /** The last events as text, made once for the record and the client. */
  function encodeEnding(ending: readonly CanonicalEvent[]): string {
    if (ended !== ending) {
      ended = ending
      tail = encodeAll(ending)
    }
    return tail
  }
  return {
    streaming: true,
    get opened() {
      return opened
    },
    prepare(next) {
      // A ping sent the head of an attempt that failed since: who answers instead is told in a comment.
      if (opened && !begun && renderComments(next) !== renderComments(head))
        response.write(`${renderComments(next)}\n`)
      head = next
    },
    write(events) {
      if (!opened) open()
      begun = true
      if (events.length === 0) return true
      const text = encodeAll(events)
      if (record) sent.push(text)
      ping.refresh()
      captureChunk(exchange.clientResponse, text, captureLimit)
      return response.write(text)
    },
    onDrain(listener) {
      response.on('drain', listener)
    },
    sent: () => sent.join(''),
    transcript(ending) {
      const text = sent.join('') + encodeEnding(ending)
      const count = (ending.at(-1)?.sequence_number ?? -1) + 1
      const headers = { ...streamHead, ...head }
      return { events: { first: 0, count, text }, answer: { status: 200, headers, body: text + done } }
    },
    finish(ending) {
      clearTimeout(ping)
      if (!opened) open()
      const text = encodeEnding(ending) + done
      captureChunk(exchange.clientResponse, text, captureLimit)
      response.end(text)
    },
  }
}

function renderComments(head: Record<string, string>): string {
  return Object.entries(head)
    .map(([name, value]) => `: ${name}: ${value}\n`)
    .join('')
}

/** Writes the finished response object as one JSON body. */
export function createJsonSink({
  response,
  exchange,
  captureLimit,
}: Omit<SinkOptions, 'record'>): ResponseSink {
  let head: Record<string, string> = {}
  let opened = false
  let written: CanonicalResponse | null = null
  let body = ''
  function encodeFinal(final: CanonicalResponse): string {
    if (written !== final) {
      written = final
      body = JSON.stringify(final)
    }
    return body
  }
  return {
    streaming: false,
    get opened() {
      return opened
    },
    prepare(next) {
      head = next
    },
    write: () => true,
    onDrain: () => {},
    transcript(_ending, final) {
      const headers = { 'content-type': 'application/json', ...head }
      return { events: null, answer: { status: 200, headers, body: encodeFinal(final) } }
    },
    finish(_ending, final) {
      opened = true
      const body = encodeFinal(final)
      captureChunk(exchange.clientResponse, body, captureLimit)
      sendHead(response, exchange, 200, {
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength(body)),
        'x-request-id': publicRequestId(exchange),
        ...head,
        'server-timing': serverTiming(exchange),
      })
      response.end(body)
    },
  }
}
