import assert from 'node:assert/strict'
import { it } from 'node:test'
import { GatewayError, isOperatorsBusiness, toGatewayError } from '../../server/errors.ts'
import { StoreError } from '../../server/store/engine/driver.ts'

it('a failing store is a 503 that may be tried again, and tells the client nothing of itself', () => {
  const thrown = new StoreError('disk_full', 'The disk of /secret/path is full.')
  const error = toGatewayError(thrown)
  assert.deepEqual([error.status, error.code, error.retryable], [503, 'store_unavailable', true])
  assert.doesNotMatch(JSON.stringify(error.toBody()), /secret/)
  assert.equal(isOperatorsBusiness(thrown, error), true)
})

it('a defect is a 500 that tells the client nothing', () => {
  for (const thrown of [new TypeError('secret'), 'secret', undefined, { status: 404 }]) {
    const error = toGatewayError(thrown)
    assert.deepEqual([error.status, error.code], [500, 'internal_error'])
    assert.doesNotMatch(JSON.stringify(error.toBody()), /secret/)
    assert.equal(isOperatorsBusiness(thrown, error), true)
  }
})

it('what was said to the client on purpose stays as it is', () => {
  const thrown = new GatewayError('not_found', 'There is none.')
  assert.equal(toGatewayError(thrown), thrown)
  assert.equal(isOperatorsBusiness(thrown, thrown), false)
})
