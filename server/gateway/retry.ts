import type { UpstreamFailure } from '../../translators/shared/translator.ts'

/** Longest wait for a provider's own Retry-After before the gateway gives up on that target. */
const longestWaitMs = 10_000
const firstBackoffMs = 250

/** A time-out has cost its whole allowance already; refused credentials and quotas stay refused. */
const notOnTheSameTarget = new Set([
  'upstream_timeout',
  'upstream_authentication_failed',
  'upstream_quota_exceeded',
  'upstream_model_not_found',
])

export interface RetryQuestion {
  failure: UpstreamFailure
  /** Tries made on this target so far, from 1. */
  tries: number
  /** Tries allowed per target, the first included. */
  allowed: number
  /** The configuration lets an answer that broke its schema be asked for once more. */
  retryBrokenSchema: boolean
  /** Another target can serve the request: no use in waiting long for this one. */
  hasNextTarget: boolean
}

/**
 * Whether to call the same target again before any output was sent.
 * @returns milliseconds to wait first, or null to go on to the next target.
 */
export function planRetry({
  failure,
  tries,
  allowed,
  retryBrokenSchema,
  hasNextTarget,
}: RetryQuestion): number | null {
  if (isBrokenSchema(failure)) return retryBrokenSchema && tries === 1 ? 0 : null
  if (!failure.retryable || tries >= allowed || notOnTheSameTarget.has(failure.code)) return null
  if (failure.retryAfterSeconds !== null) {
    const wait = failure.retryAfterSeconds * 1000
    return wait > longestWaitMs || (hasNextTarget && wait > firstBackoffMs) ? null : wait
  }
  return firstBackoffMs * 2 ** (tries - 1)
}

/** The answer came whole and broke the strict json_schema that was asked. */
export function isBrokenSchema({ code }: { code: string }): boolean {
  return code === 'invalid_structured_output'
}
