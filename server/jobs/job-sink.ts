/** Where the answer of a job goes: into the store, from where its client gets it, now or later. */
import type { CanonicalEvent } from '../../translators/shared/canonical.ts'
import { captureChunk } from '../gateway/capture.ts'
import { createEventEncoder } from '../gateway/encode-event.ts'
import type { Exchange } from '../gateway/exchange.ts'
import type { ResponseSink } from '../gateway/sink.ts'
import type { EventChunk, IdempotentAnswer } from '../store/state/state.ts'
import type { EventHub } from './event-hub.ts'
import type { JobEventLog } from './event-log.ts'

export interface JobSink extends ResponseSink {
  /** The end has been kept and told. */
  readonly finished: boolean
}

export interface JobSinkOptions {
  responseId: string
  exchange: Exchange
  /** Bytes of the answer kept for the log. */
  captureLimit: number
  hub: EventHub
  /** Null for a response without a stream. */
  log: JobEventLog | null
}

/** A claim was completed when the job was accepted: no answer is kept for one. */
const noAnswer: IdempotentAnswer = { status: 200, headers: {}, body: '' }

export function createJobSink(options: JobSinkOptions): JobSink {
  return options.log === null ? createPlainSink(options) : createStreamSink(options, options.log)
}

/** Never `opened`: what fails is told by the runner, which knows what has been kept. */
function createStreamSink(
  { responseId, exchange, captureLimit, hub }: JobSinkOptions,
  log: JobEventLog,
): JobSink {
  const encode = createEventEncoder()
  let finished = false
  let last: EventChunk | null = null
  function encodeAll(events: readonly CanonicalEvent[]): string {
    const text = events.map(encode).join('')
    captureChunk(exchange.clientResponse, text, captureLimit)
    return text
  }
  return {
    streaming: true,
    opened: false,
    get finished() {
      return finished
    },
    prepare() {},
    write: (events) => (events.length === 0 ? true : log.write(encodeAll(events), events.length)),
    onDrain: (listener) => log.onDrain(listener),
    settled: () => log.settle(),
    transcript(ending) {
      if (last === null) {
        const rest = log.rest()
        last = { ...rest, count: rest.count + ending.length, text: rest.text + encodeAll(ending) }
      }
      return { events: last, answer: noAnswer }
    },
    finish() {
      finished = true
      if (last !== null) hub.publish(responseId, last, true)
    },
  }
}

function createPlainSink({ responseId, exchange, captureLimit, hub }: JobSinkOptions): JobSink {
  let finished = false
  return {
    streaming: false,
    opened: false,
    get finished() {
      return finished
    },
    prepare() {},
    write: () => true,
    onDrain() {},
    transcript: () => ({ events: null, answer: noAnswer }),
    finish(_ending, final) {
      finished = true
      captureChunk(exchange.clientResponse, JSON.stringify(final), captureLimit)
      hub.change(responseId)
    },
  }
}
