/** Which of OpenTelemetry's GenAI conventions are spoken, and what of them spans and metrics share. */

/**
 * `released`: v1.41, the last release that holds the GenAI names. `latest`: those of their own repository since, which
 * no release has yet. At least one of them.
 */
export interface Conventions {
  released: boolean
  latest: boolean
}

/**
 * As `OTEL_SEMCONV_STABILITY_OPT_IN` (a list, separated by commas) asks for: `gen_ai_latest_experimental` for the latest
 * names instead of the released ones, `gen_ai_latest_experimental/dup` for both. Default: the released ones.
 */
export function readConventions(env: Readonly<Record<string, string | undefined>>): Conventions {
  const asked = (env.OTEL_SEMCONV_STABILITY_OPT_IN ?? '').split(',').map((name) => name.trim())
  if (asked.includes('gen_ai_latest_experimental/dup')) return { released: true, latest: true }
  const latest = asked.includes('gen_ai_latest_experimental')
  return { released: !latest, latest }
}

/** `gen_ai.operation.name`: the conventions' word where they have one, else our own. */
export type OperationName = 'chat' | 'compact' | 'count_tokens'

/** What a call to a provider asks for, by its URL: a compaction by summary is a chat, whatever its client asked for. */
export function nameOperation(url: string): OperationName {
  if (/\/responses\/compact(?:\?|$)/.test(url)) return 'compact'
  return /\/responses\/input_tokens(?:\?|$)/.test(url) ? 'count_tokens' : 'chat'
}
