import type { CanonicalRequest } from '../../translators/shared/canonical.ts'
import type { RequestSettings } from './exchange.ts'

/** What spans and the record name of a valid request. */
export function readSettings(request: CanonicalRequest): RequestSettings {
  const { conversation } = request
  return {
    maxOutputTokens: request.max_output_tokens ?? null,
    temperature: request.temperature ?? null,
    topP: request.top_p ?? null,
    frequencyPenalty: request.frequency_penalty ?? null,
    presencePenalty: request.presence_penalty ?? null,
    serviceTier: request.service_tier ?? null,
    outputType: (request.text?.format?.type ?? 'text') === 'text' ? 'text' : 'json',
    conversationId: typeof conversation === 'string' ? conversation : (conversation?.id ?? null),
    previousResponseId: request.previous_response_id ?? null,
    userId: request.safety_identifier ?? request.user ?? null,
    metadata: request.metadata ?? null,
  }
}
