import type { CanonicalEvent, CanonicalResponse } from '../../translators/shared/canonical.ts'

/**
 * Where an answer goes: server-sent events or one JSON body. Written by server/http; the gateway only knows this.
 * Before `opened` a failure can still become another attempt or an ordinary HTTP error.
 */
export interface ResponseSink {
  readonly streaming: boolean
  /** The head has been sent to the client. */
  readonly opened: boolean
  /** The head that will be sent when the answer begins; the last call before that wins. */
  prepare(head: Record<string, string>): void
  /** Sends events, opening the answer first. False: the client is behind, wait for `onDrain`. */
  write(events: readonly CanonicalEvent[]): boolean
  /** The listener to call each time a client that was behind has caught up. */
  onDrain(listener: () => void): void
  /** The answer is complete: sends the JSON body, or ends the stream after its terminal event. */
  finish(final: CanonicalResponse): void
}
