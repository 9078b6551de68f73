/** Where answers are written: server-sent events and JSON, both straight to the Node response. */
import type { ServerResponse } from 'node:http'
import { isTerminalEvent } from '../../translators/shared/canonical.ts'
import { captureChunk } from '../gateway/capture.ts'
import type { Exchange } from '../gateway/exchange.ts'
import type { ResponseSink } from '../gateway/sink.ts'
import { createEventEncoder } from './encode-event.ts'
import { sendHead } from './send-head.ts'
import { publicRequestId, serverTiming } from './server-timing.ts'

export interface SinkOptions {
  response: ServerResponse
  exchange: Exchange
  /** Bytes of the answer kept for the log. */
  captureLimit: number
}

/**
 * Writes the contract's event stream: LF line ends, each event whole in one write, one write per batch, a comment
 * after `pingSeconds` of silence (which opens the answer, since a client or proxy may wait no longer), `[DONE]` last.
 */
export function createSseSink({
  response,
  exchange,
  captureLimit,
  pingSeconds,
}: SinkOptions & { pingSeconds: number }): ResponseSink {
  const encode = createEventEncoder()
  let head: Record<string, string> = {}
  let opened = false
  /** An event has been sent. */
  let begun = false
  let tail = ''
  const ping = setTimeout(sendPing, pingSeconds * 1000)
  response.once('close', () => clearTimeout(ping))

  function open(): void {
    opened = true
    sendHead(response, exchange, 200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
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
      let text = ''
      for (const event of events) {
        if (isTerminalEvent(event)) tail += encode(event)
        else text += encode(event)
      }
      if (text === '') return true
      ping.refresh()
      captureChunk(exchange.clientResponse, text, captureLimit)
      return response.write(text)
    },
    onDrain(listener) {
      response.on('drain', listener)
    },
    finish() {
      clearTimeout(ping)
      tail += 'data: [DONE]\n\n'
      captureChunk(exchange.clientResponse, tail, captureLimit)
      response.end(tail)
    },
  }
}

function renderComments(head: Record<string, string>): string {
  return Object.entries(head)
    .map(([name, value]) => `: ${name}: ${value}\n`)
    .join('')
}

/** Writes the finished response object as one JSON body. */
export function createJsonSink({ response, exchange, captureLimit }: SinkOptions): ResponseSink {
  let head: Record<string, string> = {}
  let opened = false
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
    finish(final) {
      opened = true
      const body = JSON.stringify(final)
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
