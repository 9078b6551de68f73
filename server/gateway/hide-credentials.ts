import {
  type CanonicalEvent,
  type CanonicalResponse,
  isObject,
  type JsonObject,
} from '../../translators/shared/canonical.ts'
import type { Target } from '../../translators/shared/translator.ts'

/** Characters from which a key is looked for; a shorter one ("none", "ollama") is an ordinary word. */
const shortestKey = 8

/** A provider's words without the keys that this gateway sent it: some repeat a refused key whole. */
export function hideCredentials(text: string, { apiKey, adminKey }: Target['credentials']): string {
  let clean = text
  for (const key of [apiKey, adminKey])
    if (key !== undefined && key.length >= shortestKey) clean = clean.replaceAll(key, '[redacted]')
  return clean
}

/** The same in the events that end a failed response. */
export function hideInFailure(
  events: readonly CanonicalEvent[],
  final: CanonicalResponse,
  credentials: Target['credentials'],
): void {
  for (const event of [...events, { error: final.error }] as JsonObject[])
    for (const told of [event, event.error, isObject(event.response) ? event.response.error : null])
      if (isObject(told) && typeof told.message === 'string')
        told.message = hideCredentials(told.message, credentials)
}
