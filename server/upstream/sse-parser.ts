/**
 * The only parser of server-sent events, after WHATWG HTML 9.2.6 "Interpreting an event stream", with one
 * deliberate difference: a last event without its blank line is dispatched at `end()`, because providers end
 * their streams that way.
 */

import type { WireEvent } from '../../translators/shared/translator.ts'
import { GatewayError } from '../errors.ts'

export interface SseParserOptions {
  /** Called synchronously from `push` and `end`, once per event. What it throws goes through to the caller of those. */
  onEvent(event: WireEvent): void
  /** Bytes of one event that are held at most. Default 16 MiB. */
  maxEventBytes?: number
}

export interface SseParser {
  /** Takes the next bytes, cut anywhere. The chunk may be kept until its line is complete: it must not be reused.
   * @throws GatewayError `upstream_invalid_response` when one event is longer than `maxEventBytes`. */
  push(chunk: Uint8Array): void
  /** The stream ended in order: dispatches what is left. After a cut connection, do not call it: half an event is none. */
  end(): void
}

const lineFeed = 10
const carriageReturn = 13

/**
 * Text is decoded only up to the last line end seen, so a UTF-8 sequence is never cut, however the chunks are;
 * an unfinished line waits as bytes and is joined once.
 */
export function createSseParser({ onEvent, maxEventBytes = 16 * 1024 * 1024 }: SseParserOptions): SseParser {
  let pending: Buffer[] = []
  let pendingBytes = 0
  let skipLineFeed = false
  let atStart = true
  let eventName = ''
  let data: string | null = null

  function checkLength(bytes: number): void {
    if (bytes <= maxEventBytes) return
    pending = []
    pendingBytes = 0
    data = null
    throw new GatewayError(
      'upstream_invalid_response',
      `The provider sent a stream event of more than ${maxEventBytes} bytes.`,
    )
  }

  function dispatch(): void {
    const event = data === null ? null : { event: eventName, data }
    data = null
    eventName = ''
    if (event === null) return
    checkLength(event.data.length)
    onEvent(event)
  }

  function takeLine(text: string, start: number, end: number): void {
    if (start === end) {
      dispatch()
      return
    }
    const colon = text.indexOf(':', start)
    if (colon === start) return
    const nameEnd = colon === -1 || colon > end ? end : colon
    let valueStart = Math.min(nameEnd + 1, end)
    if (valueStart < end && text.charCodeAt(valueStart) === 32) valueStart += 1
    const length = nameEnd - start
    if (length === 4 && text.startsWith('data', start)) {
      const value = text.slice(valueStart, end)
      data = data === null ? value : `${data}\n${value}`
    } else if (length === 5 && text.startsWith('event', start)) {
      eventName = text.slice(valueStart, end)
    }
  }

  function takeLines(bytes: Buffer): void {
    let text = bytes.toString('utf8')
    if (atStart) {
      atStart = false
      if (text.charCodeAt(0) === 0xfeff) text = text.slice(1)
    }
    if (text.includes('\r')) text = text.replace(/\r\n?/g, '\n')
    let start = 0
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', start)) {
      takeLine(text, start, end)
      start = end + 1
    }
  }

  function joinPending(last: Buffer): Buffer {
    if (pending.length === 0) return last
    pending.push(last)
    const joined = Buffer.concat(pending, pendingBytes + last.length)
    pending = []
    pendingBytes = 0
    return joined
  }

  return {
    push(chunk) {
      let bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
      if (skipLineFeed && bytes.length > 0) {
        skipLineFeed = false
        if (bytes[0] === lineFeed) bytes = bytes.subarray(1)
      }
      const complete = completeLength(bytes)
      if (complete > 0) {
        skipLineFeed = bytes[complete - 1] === carriageReturn && complete === bytes.length
        takeLines(joinPending(bytes.subarray(0, complete)))
      }
      if (complete < bytes.length) {
        pending.push(bytes.subarray(complete))
        pendingBytes += bytes.length - complete
      }
      checkLength(pendingBytes + (data === null ? 0 : data.length))
    },
    end() {
      const lineEnds = Buffer.from('\n\n')
      takeLines(joinPending(lineEnds))
    },
  }
}

/** Bytes up to and including the last line end; 0 when there is none. */
function completeLength(bytes: Buffer): number {
  const last = bytes[bytes.length - 1]
  if (last === lineFeed || last === carriageReturn) return bytes.length
  return Math.max(bytes.lastIndexOf(lineFeed), bytes.lastIndexOf(carriageReturn)) + 1
}
