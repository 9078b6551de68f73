/** What the tests of request validation share. */

import assert from 'node:assert/strict'
import { GatewayError } from '../../../server/errors.ts'
import { validateRequest } from '../../../server/gateway/validate-request.ts'

export const base = { model: 'm', input: 'hello' }
export const user = { role: 'user', content: 'hi' }

export function refusal(body: unknown): GatewayError {
  try {
    validateRequest(body)
  } catch (error) {
    assert.ok(error instanceof GatewayError, String(error))
    assert.equal(error.status, 400)
    assert.equal(error.code, 'invalid_request')
    return error
  }
  assert.fail(`accepted: ${JSON.stringify(body).slice(0, 200)}`)
}

export const functionTool = { type: 'function', name: 'f', parameters: { type: 'object' } }
export const schemaFormat = (extra: object) => ({
  text: { format: { type: 'json_schema', name: 'n', schema: { type: 'object' }, ...extra } },
})
export const pairs = (count: number, length = 1) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'v'.repeat(length)]))
