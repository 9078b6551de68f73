/** Events that are written without a provider: a stream closed for another, or told once more. */
import type { CanonicalEvent, CanonicalResponse, Item, JsonObject } from './canonical.ts'
import type { LaneCore } from './emitter-parts.ts'
import { makeErrorEvent } from './failures.ts'
import { type StreamedMember, streamedMember } from './item-kinds.ts'
import type { EventDialect, UpstreamFailure } from './translator.ts'

/** Numbers the events it is given, and knows the few that both ways of writing need. */
export class EventLog implements LaneCore {
  readonly events: CanonicalEvent[] = []
  readonly context: { readonly events: EventDialect }
  private sequence: number

  constructor(dialect: EventDialect, firstSequence = 0) {
    this.context = { events: dialect }
    this.sequence = firstSequence
  }

  nextSequence(): number {
    return this.sequence++
  }

  push(event: CanonicalEvent): void {
    this.events.push(event)
  }

  add(type: string, members: JsonObject): void {
    this.push({ type, sequence_number: this.nextSequence(), ...members })
  }

  error(failure: UpstreamFailure): void {
    this.push(makeErrorEvent(failure, this.context.events, this.nextSequence()))
  }

  /** The streamed member of a call as a whole; the specification's list has only the arguments of functions. */
  memberDone(item: Item, outputIndex: number, value: string): void {
    const streamed = this.sendableMember(item.type)
    if (streamed === null) return
    this.add(`${streamed.event}.done`, {
      item_id: item.id,
      output_index: outputIndex,
      ...(item.type === 'function_call' ? { name: item.name } : {}),
      [streamed.member]: value,
    })
  }

  /** The member that streams in this dialect, or null. */
  sendableMember(type: string): StreamedMember | null {
    return type === 'function_call' || this.context.events === 'openai' ? streamedMember(type) : null
  }

  /**
   * The last event. A cancelled response ends in `response.incomplete`, with an object that says `cancelled`: the contract
   * has no event of that name, and OpenAI's SDKs throw on one. `response.failed` would tell clients of a failure that was none.
   */
  terminal(final: CanonicalResponse): void {
    const type = final.status === 'cancelled' ? 'incomplete' : final.status
    this.add(`response.${type}`, { response: final })
  }
}
