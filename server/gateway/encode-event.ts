import type { CanonicalEvent, JsonObject } from '../../translators/shared/canonical.ts'

/** Writes an event as text: as JSON, or as its `event:` and `data:` lines and the blank line. */
export type EventEncoder = (event: CanonicalEvent) => string

const echoedMembers = new Set(['tools', 'instructions', 'text', 'metadata', 'reasoning'])

/** An encoder for the events of one response as they stand in a stream of server-sent events. */
export function createEventEncoder(): EventEncoder {
  const encode = createJsonEncoder()
  return (event) => frameEvent(event, encode(event))
}

/** The event's JSON as one server-sent event. */
export function frameEvent({ type }: CanonicalEvent, json: string): string {
  return `event: ${type}\ndata: ${json}\n\n`
}

const dataMark = '\ndata: '

/** The events of a text that `createEventEncoder` wrote. */
export function decodeEvents(text: string): CanonicalEvent[] {
  return text
    .split('\n\n')
    .filter((part) => part !== '')
    .map((part) => JSON.parse(part.slice(part.indexOf(dataMark) + dataMark.length)) as CanonicalEvent)
}

/**
 * An encoder for the events of one response, as JSON. The response object stands in `created`, `in_progress` and the terminal
 * event and echoes all tools and instructions each time (35 KB for a coding agent): those members keep their identity
 * through a response, so their text is made once.
 */
export function createJsonEncoder(): EventEncoder {
  const texts = new Map<unknown, string>()

  function encodeEcho(value: unknown): string {
    let text = texts.get(value)
    if (text === undefined) {
      text = JSON.stringify(value)
      texts.set(value, text)
    }
    return text
  }
  function encodeResponse(response: JsonObject): string {
    let text = ''
    for (const key of Object.keys(response)) {
      const value = response[key]
      if (value === undefined) continue
      const member = echoedMembers.has(key) && value !== null ? encodeEcho(value) : JSON.stringify(value)
      text += `${text === '' ? '{' : ','}"${key}":${member}`
    }
    return `${text}}`
  }
  return (event) => {
    if (event.response === undefined) return JSON.stringify(event)
    const { type, sequence_number, response } = event as CanonicalEvent & { response: JsonObject }
    return `{"type":"${type}","sequence_number":${sequence_number},"response":${encodeResponse(response)}}`
  }
}
