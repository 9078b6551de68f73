/** Cutting runs of server-sent events. Each event ends with an empty line, and has none inside: its data is one line of JSON. */

import type { EventChunk } from './state.ts'

const end = '\n\n'

/** Characters after which a run is cut, so that a part of a long stream is read without the rest. */
const chunkSize = 262_144

/** The same events in runs of about `size` characters. */
export function splitEvents(chunk: EventChunk, size = chunkSize): EventChunk[] {
  if (chunk.text.length <= size) return chunk.count > 0 ? [chunk] : []
  const chunks: EventChunk[] = []
  let start = 0
  let count = 0
  let first = chunk.first
  for (let position = 0; position < chunk.text.length; ) {
    const found = chunk.text.indexOf(end, position)
    position = found === -1 ? chunk.text.length : found + end.length
    count += 1
    if (position - start < size && position < chunk.text.length) continue
    chunks.push({ first, count, text: chunk.text.slice(start, position) })
    first += count
    start = position
    count = 0
  }
  return chunks
}

/** The events after the sequence number `after`; null when there are none. */
export function skipEvents(chunk: EventChunk, after: number): EventChunk | null {
  const skipped = after + 1 - chunk.first
  if (skipped <= 0) return chunk
  if (skipped >= chunk.count) return null
  let position = 0
  for (let index = 0; index < skipped; index += 1) {
    const found = chunk.text.indexOf(end, position)
    if (found === -1) return null
    position = found + end.length
  }
  return { first: after + 1, count: chunk.count - skipped, text: chunk.text.slice(position) }
}
