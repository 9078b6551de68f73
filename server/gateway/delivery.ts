import { type CanonicalEvent, type Item, isTerminalEvent } from '../../translators/shared/canonical.ts'
import type { Attempt, Exchange, Observer } from './exchange.ts'
import type { ResponseSink } from './sink.ts'

export interface DeliveryOptions {
  exchange: Exchange
  attempt: Attempt
  sink: ResponseSink
  observer: Required<Observer>
  /** Keep the events back until `release`: what has been sent cannot be taken back for another try. */
  hold: boolean
}

/** The way of one attempt's events to the client, but for the terminal one, which waits until the turn is kept. */
export interface Delivery {
  /** False: the client is behind. */
  deliver(events: readonly CanonicalEvent[]): boolean
  /** Sends what was held back. */
  release(): void
  /** The terminal event; empty before it came. */
  readonly ending: readonly CanonicalEvent[]
  /** Whether the client has seen any of it, so that the attempt can no longer be replaced by another. */
  sentToClient(): boolean
  /** What the deltas came to so far as one message, for an estimate when the answer is never finished. */
  partialOutput(): Item[]
}

export function createDelivery({ exchange, attempt, sink, observer, hold }: DeliveryOptions): Delivery {
  const holding = hold && sink.streaming
  const held: CanonicalEvent[] = []
  const ending: CanonicalEvent[] = []
  let text = ''

  function send(events: readonly CanonicalEvent[]): boolean {
    if (attempt.firstOutputAt === null) {
      attempt.firstOutputAt = performance.now()
      if (sink.streaming) {
        exchange.firstOutputAt = attempt.firstOutputAt
        observer.firstOutput(exchange, attempt)
      }
    }
    return sink.write(events)
  }
  function splitEnding(events: readonly CanonicalEvent[]): readonly CanonicalEvent[] {
    const last = events.at(-1)
    if (last === undefined || !isTerminalEvent(last)) return events
    ending.push(last)
    return events.slice(0, -1)
  }
  return {
    ending,
    deliver(events) {
      attempt.events += events.length
      for (const event of events) if (typeof event.delta === 'string') text += event.delta
      const now = splitEnding(events)
      if (!holding) return now.length === 0 || send(now)
      for (const event of now) held.push(event)
      return true
    },
    release() {
      if (held.length > 0) send(held)
    },
    sentToClient: () => sink.streaming && !holding && attempt.firstOutputAt !== null,
    partialOutput: () => [{ type: 'message', role: 'assistant', content: [{ type: 'output_text', text }] }],
  }
}
