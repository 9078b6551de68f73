/**
 * A request as it fits the model's context, where that size is known: `truncation: "auto"` is done here for providers
 * that have none, and what cannot fit in any case is refused before it is sent.
 */
import type { CanonicalRequest } from '../../translators/shared/canonical.ts'
import type { Adaptation } from '../../translators/shared/translator.ts'
import { GatewayError } from '../errors.ts'
import type { Candidate } from './candidates.ts'
import { estimateInput, estimateTextInput } from './estimate-usage.ts'
import { truncateInput } from './state/truncate.ts'

export interface FitContextOptions {
  request: CanonicalRequest
  candidate: Candidate
  /** Tokens that the input may come to by our estimate, since the provider refused a longer one; null: it has not. */
  within: number | null
}

export type FittedContext =
  | { ok: true; request: CanonicalRequest; adaptations: Adaptation[] }
  | { ok: false; error: GatewayError }

/** Tokens kept free for the output of a request that does not say how long it may be; at most a quarter of the context. */
const usualOutput = 4096

/** An estimate may be wrong by this factor: only what is too long even then is refused unasked. */
const doubt = 2

export function fitContext(options: FitContextOptions): FittedContext {
  const { request, candidate } = options
  if (doesTruncate(request, candidate)) return truncate(options)
  const { contextTokens } = candidate
  const isProviders = request.truncation === 'auto'
  if (contextTokens === null || isProviders || !isSurelyTooLong(request, contextTokens))
    return { ok: true, request, adaptations: [] }
  const tokens = estimateInput(request)
  return refuse(
    `The input comes to about ${tokens} tokens, more than the ${contextTokens} that the model's context holds. ` +
      'Shorten it, compact it (POST /v1/responses/compact), or send truncation: "auto" to leave out the oldest turns.',
  )
}

/** Whether the gateway truncates this request for this target. */
export function doesTruncate({ truncation }: CanonicalRequest, { provider }: Candidate): boolean {
  return truncation === 'auto' && provider.translator.contract.fields.truncation?.support === 'emulated'
}

/**
 * Tokens for the next try after a provider has refused a request as too long. The estimate was too low, or the size of
 * the context is not known.
 */
export function shorten(request: CanonicalRequest): number {
  return Math.floor((estimateInput(request) * 3) / 4)
}

function isSurelyTooLong(request: CanonicalRequest, contextTokens: number): boolean {
  return estimateTextInput(request) > contextTokens * doubt
}

function truncate({ request, candidate, within }: FitContextOptions): FittedContext {
  const { contextTokens } = candidate
  const output = outputOf(request, candidate)
  if (contextTokens !== null && output >= contextTokens)
    return refuse(
      `max_output_tokens (${output}) leaves no room for any input in the model's context of ${contextTokens} tokens. Lower it.`,
      'max_output_tokens',
    )
  const room = contextTokens === null ? Infinity : contextTokens - output
  const budget = Math.min(room, within ?? Infinity)
  if (budget === Infinity) return { ok: true, request, adaptations: [] }
  const { items, dropped, tokens } = truncateInput(request, budget)
  if (tokens > room)
    return refuse(
      `The input comes to about ${tokens} tokens even without its older turns, more than the ${room} that the model's context of ` +
        `${contextTokens} tokens has beside ${output} for the output. What is left are the messages of the system and the last turn: shorten those.`,
    )
  if (dropped === 0) return { ok: true, request, adaptations: [] }
  return { ok: true, request: { ...request, input: [...items] }, adaptations: [nameTruncation(dropped)] }
}

export function nameTruncation(dropped: number): Adaptation {
  const detail = `dropped ${dropped} ${dropped === 1 ? 'item' : 'items'}`
  return { field: 'truncation', action: 'emulated', detail }
}

/** Tokens to keep free for the output. */
function outputOf({ max_output_tokens: asked }: CanonicalRequest, candidate: Candidate): number {
  if (asked == null) return Math.min(usualOutput, Math.ceil((candidate.contextTokens ?? Infinity) / 4))
  const { limit } = candidate.provider.translator.contract.fields.max_output_tokens ?? {}
  return Math.min(asked, limit?.max ?? Infinity)
}

function refuse(message: string, param = 'input'): FittedContext {
  return { ok: false, error: new GatewayError('context_length_exceeded', message, { param }) }
}
