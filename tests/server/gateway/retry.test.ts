import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { planRetry } from '../../../server/gateway/retry.ts'
import type { UpstreamFailure } from '../../../translators/shared/translator.ts'

function failure(change: Partial<UpstreamFailure> = {}): UpstreamFailure {
  return {
    status: 503,
    code: 'upstream_error',
    message: 'down',
    param: null,
    retryable: true,
    retryAfterSeconds: null,
    origin: 'upstream',
    ...change,
  }
}
const question = { failure: failure(), tries: 1, allowed: 2, retryBrokenSchema: false, hasNextTarget: false }

describe('planRetry', () => {
  it('waits longer before each further try, up to the tries allowed', () => {
    assert.equal(planRetry(question), 250)
    assert.equal(planRetry({ ...question, tries: 2, allowed: 3 }), 500)
    assert.equal(planRetry({ ...question, tries: 2 }), null)
  })
  it('does not repeat what cannot succeed', () => {
    assert.equal(planRetry({ ...question, failure: failure({ retryable: false }) }), null)
    for (const code of ['upstream_timeout', 'upstream_authentication_failed', 'upstream_quota_exceeded']) {
      assert.equal(planRetry({ ...question, failure: failure({ code }) }), null, code)
    }
  })
  it('asks once more for an answer that broke its schema, only where that is configured', () => {
    const broken = failure({ code: 'invalid_structured_output' })
    assert.equal(planRetry({ ...question, failure: broken }), null)
    assert.equal(planRetry({ ...question, failure: broken, allowed: 1, retryBrokenSchema: true }), 0)
    assert.equal(
      planRetry({ ...question, failure: broken, tries: 2, allowed: 5, retryBrokenSchema: true }),
      null,
    )
  })
  it('keeps to Retry-After when that is short and nothing else can answer', () => {
    const limited = failure({ status: 429, retryAfterSeconds: 3 })
    assert.equal(planRetry({ ...question, failure: limited }), 3000)
    assert.equal(planRetry({ ...question, failure: limited, hasNextTarget: true }), null)
    assert.equal(planRetry({ ...question, failure: failure({ retryAfterSeconds: 60 }) }), null)
    assert.equal(
      planRetry({ ...question, failure: failure({ retryAfterSeconds: 0 }), hasNextTarget: true }),
      0,
    )
  })
})
