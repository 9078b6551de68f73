import type { CanonicalEvent, CanonicalResponse } from '../../translators/shared/canonical.ts'
import type { EventChunk, IdempotentAnswer } from '../store/state/state.ts'

/**
 * Where an answer goes: server-sent events or one JSON body. Written by server/http and server/jobs; the gateway only
 * knows this. Before `opened` a failure can still become another attempt or an ordinary HTTP error.
 */
export interface ResponseSink {
  readonly streaming: boolean
  /** The head has been sent to the client. */
  readonly opened: boolean
  /** The head that will be sent when the answer begins; the last call before that wins. */
  prepare(head: Record<string, string>): void
  /** Sends events, opening the answer first; never the terminal one. False: the client is behind, wait for `onDrain`. */
  write(events: readonly CanonicalEvent[]): boolean
  /** The listener to call each time a client that was behind has caught up. */
  onDrain(listener: () => void): void
  /** What has been sent so far, as server-sent events; empty where no transcript will be asked for. Default: never told. */
  sent?(): string
  /** Resolves when nothing of the answer is on its way into the store; waited for before `transcript`. Default: nothing ever is. */
  settled?(): Promise<void>
  /** What the answer comes to once `finish` is called with the same; for keeping it before it is sent. */
  transcript(ending: readonly CanonicalEvent[], final: CanonicalResponse): Transcript
  /** The answer is complete: sends the JSON body, or the last events and the end of the stream. */
  finish(ending: readonly CanonicalEvent[], final: CanonicalResponse): void
}

export interface Transcript {
  /** The events that have not been kept yet; null for a JSON answer. */
  events: EventChunk | null
  /** The whole answer as the client gets it, for a repeated call. */
  answer: IdempotentAnswer
}
