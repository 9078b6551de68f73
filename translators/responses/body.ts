/** A provider's JSON body → the same events and final object as a stream: it runs through the stream's machine. */
import { type CanonicalEvent, type CanonicalResponse, isObject, type Usage } from '../shared/canonical.ts'
import { makeFailure } from '../shared/failures.ts'
import type { Context, UpstreamFacts, UpstreamFailure } from '../shared/translator.ts'
import { isUnfinished } from './status.ts'
import { isErrorBody, ResponsesStream, type StreamHooks } from './stream.ts'

export interface TranslatedBody {
  events: CanonicalEvent[]
  final: CanonicalResponse | null
  failure: UpstreamFailure | null
  /** As the provider told it; null when it told none. */
  usage: Usage | null
  facts: UpstreamFacts
  /** The response is still being made: ask again with the provider's id. */
  pending: { id: string } | null
}

/**
 * Translates a finished response object, an error body, or one that says that the response is still to come.
 * @param body parsed JSON, or the text when it is none.
 */
export function translateResponsesBody(body: unknown, context: Context, hooks: StreamHooks): TranslatedBody {
  const machine = new ResponsesStream(context, hooks)
  const give = (pending: { id: string } | null, failure = machine.failure): TranslatedBody => ({
    events: machine.take(),
    final: machine.final,
    failure,
    usage: machine.usage,
    facts: machine.facts,
    pending,
  })
  if (!isObject(body)) {
    return give(
      null,
      makeFailure(
        'upstream_invalid_response',
        'The provider answered with something that is no JSON object.',
      ),
    )
  }
  if (isErrorBody(body)) {
    machine.failWith(body)
    return give(null)
  }
  if (isUnfinished(body.status) && typeof body.id === 'string' && body.id !== '' && !isObject(body.error)) {
    machine.facts.responseId = body.id
    return give({ id: body.id })
  }
  if (isUnfinished(body.status)) {
    return give(
      null,
      makeFailure(
        'upstream_invalid_response',
        'The provider answered with an unfinished response without an id.',
      ),
    )
  }
  if (!('output' in body) && !('output_text' in body) && typeof body.status !== 'string') {
    return give(
      null,
      makeFailure(
        'upstream_invalid_response',
        'The provider answered with something that is no response object.',
      ),
    )
  }
  machine.readBody(body)
  return give(null)
}
