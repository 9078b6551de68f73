import type { CanonicalRequest } from '../../translators/shared/canonical.ts'
import type { Adaptation } from '../../translators/shared/translator.ts'
import { GatewayError } from '../errors.ts'

/**
 * Refuses what needs state that the gateway does not hold: ids of responses and items are its own, so no provider
 * could resolve them, and an answer that ignored them would be wrong without a sign.
 * @throws GatewayError 400 naming the field
 */
export function refuseState(request: CanonicalRequest): void {
  if (typeof request.previous_response_id === 'string') {
    throw new GatewayError(
      'previous_response_not_found',
      'No response with this id is stored: this gateway does not keep responses yet. Send the earlier items in input.',
      { param: 'previous_response_id' },
    )
  }
  if (request.background === true) {
    throw new GatewayError(
      'unsupported_parameter',
      'background: true is not supported by this gateway yet. Leave it out, and stream for long answers.',
      { param: 'background' },
    )
  }
  if (!Array.isArray(request.input)) return
  const index = request.input.findIndex((item) => item.type === 'item_reference')
  if (index >= 0) {
    throw new GatewayError(
      'unsupported_parameter',
      'item_reference cannot be resolved: this gateway does not keep items yet. Send the item itself (with @ai-sdk/openai: store: false).',
      { param: `input[${index}]` },
    )
  }
}

/**
 * What a client asked of state that the answer does without. `store: true` may be honoured by a provider, under an id
 * that the client never sees, so for the client it is lost.
 */
export function nameLostState(request: CanonicalRequest): Adaptation[] {
  if (request.store !== true) return []
  return [{ field: 'store', action: 'dropped', detail: 'responses are not kept yet' }]
}
