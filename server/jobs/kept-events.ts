/** The events of a response as they are kept, read back. */
import type { CanonicalEvent } from '../../translators/shared/canonical.ts'
import { createEventEncoder, decodeEvents } from '../gateway/encode-event.ts'
import type { EventChunk, StateStore } from '../store/state/state.ts'

/** All events that are kept so far. */
export async function readKeptEvents(
  state: Pick<StateStore, 'readEvents'>,
  project: string,
  responseId: string,
): Promise<CanonicalEvent[]> {
  const events: CanonicalEvent[] = []
  for (;;) {
    const last = events.at(-1)?.sequence_number ?? -1
    const chunks = await state.readEvents(project, responseId, last)
    if (chunks.length === 0) return events
    for (const { text } of chunks) for (const event of decodeEvents(text)) events.push(event)
  }
}

/** Null when there are none. */
export function encodeEvents(events: readonly CanonicalEvent[]): EventChunk | null {
  const [begin] = events
  if (begin === undefined) return null
  const encode = createEventEncoder()
  return {
    first: begin.sequence_number,
    count: events.length,
    text: events.map((event) => encode(event)).join(''),
  }
}
