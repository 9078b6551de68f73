/** Jobs as the gateway's runner and the state store (state.ts) hand them to each other. */

import type { EventChunk, IdempotentAnswer } from './state.ts'

export interface JobAccept {
  id: string
  project: string
  createdAt: number
  expiresAt: number | null
  previousId: string | null
  conversation: string | null
  streamed: boolean
  model: string
  include: string[]
  input: string
  inputIds: readonly string[]
  /** The response object, `queued`, with `"output":[]`. */
  body: string
  /** What the runner needs to run it in another process: JSON, opaque to the store. */
  request: string
  /** The first events (`response.created`, `response.queued`), for a stream. */
  events: EventChunk | null
  idempotency: { key: string; answer: IdempotentAnswer } | null
}

/** A job that this instance has taken. */
export interface TakenJob {
  id: string
  project: string
  createdAt: number
  expiresAt: number | null
  previousId: string | null
  conversation: string | null
  streamed: boolean
  request: string
  /** Times that it has been taken, this one included, without those of which no run came: more than 1 after a gateway died with it. */
  takes: number
  /** What `noteJob` said last: JSON, opaque to the store. */
  note: string | null
}

/** What a cancelled job came to. */
export interface JobCancellation {
  /** The response object, `cancelled`, with `"output":[]`. */
  body: string
  /** JSON array of the items that there were. */
  output: string
  outputIds: readonly string[]
  /** The last events of a stream. */
  events: EventChunk | null
}
