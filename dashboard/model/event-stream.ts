/** A recorded SSE body as a readable list: for eyes, not for translation, so it never fails. */

export interface StreamEvent {
  /** `event:`, else the `type` in the data; `message` without both. */
  name: string
  /** The `data:` lines joined. */
  data: string
  /** The data parsed, undefined when it is no JSON. */
  json: unknown
}

/** Neighbouring events of one name; more than one only for deltas. */
export interface EventGroup {
  name: string
  events: StreamEvent[]
  /** Position of the first event in the body, from 1. */
  position: number
  /** The deltas' text joined, or a few words on what the event holds. */
  summary: string
}

export function looksLikeEventStream(text: string): boolean {
  return /^\uFEFF?(?::|event:|data:|id:|retry:)/.test(text)
}

export function parseEventStream(text: string): StreamEvent[] {
  const events: StreamEvent[] = []
  const lines = text.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n')
  for (const block of lines.split(/\n{2,}/)) {
    const fields = block.split('\n').map(splitField)
    const data = fields.filter(([name]) => name === 'data').map(([, value]) => value)
    const named = fields.find(([name]) => name === 'event')?.[1]
    if (data.length > 0 || named !== undefined) events.push(readEvent(named, data.join('\n')))
  }
  return events
}

function splitField(line: string): [string, string] {
  const colon = line.indexOf(':')
  if (colon === -1) return [line, '']
  return [line.slice(0, colon), line.slice(colon + 1).replace(/^ /, '')]
}

function readEvent(named: string | undefined, data: string): StreamEvent {
  let json: unknown
  try {
    json = JSON.parse(data)
  } catch {
    json = undefined // `[DONE]`, or cut off
  }
  const type = readText(json, 'type')
  return { name: named ?? type ?? (data === '[DONE]' ? '[DONE]' : 'message'), data, json }
}

/** Deltas of one stretch of text become one line; everything else stands alone. */
export function groupEvents(events: StreamEvent[]): EventGroup[] {
  const groups: EventGroup[] = []
  events.forEach((event, index) => {
    const group = groups[groups.length - 1]
    const joins = group?.name === event.name && isDelta(event) && samePart(group.events[0]!, event)
    if (joins) group.events.push(event)
    else groups.push({ name: event.name, events: [event], position: index + 1, summary: '' })
  })
  for (const group of groups) group.summary = summarise(group.events)
  return groups
}

function isDelta(event: StreamEvent): boolean {
  return readText(event.json, 'delta') !== null
}

function samePart(one: StreamEvent, other: StreamEvent): boolean {
  return ['item_id', 'output_index', 'content_index', 'summary_index'].every(
    (key) => readMember(one.json, key) === readMember(other.json, key),
  )
}

function summarise(events: StreamEvent[]): string {
  const first = events[0]!
  if (isDelta(first)) return events.map((event) => readText(event.json, 'delta') ?? '').join('')
  const { json } = first
  const error = readMember(json, 'error') ?? readMember(readMember(json, 'response'), 'error')
  const parts = [
    readText(readMember(json, 'item'), 'type'),
    readText(readMember(json, 'part'), 'type'),
    readText(readMember(json, 'response'), 'status'),
    readText(error, 'code'),
    readText(error, 'message'),
    readText(json, 'text') ?? readText(json, 'arguments') ?? readText(json, 'message'),
  ]
  const told = parts.filter((part) => part !== null && part !== '').join(' · ')
  return told === '' && json === undefined && first.data !== first.name ? first.data.slice(0, 200) : told
}

function readMember(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined
}

function readText(value: unknown, key: string): string | null {
  const member = readMember(value, key)
  return typeof member === 'string' ? member : null
}
