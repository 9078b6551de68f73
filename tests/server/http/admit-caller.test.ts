import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createExchange } from '../../../server/gateway/exchange-life.ts'
import { admitCaller } from '../../../server/http/admit-caller.ts'
import { loadWith } from '../config/fixtures.ts'

const runtime = loadWith({ admin: { key: 'admin-key-1' }, projects: { acme: { keys: ['acme-key-1'] } } })

function admit(headers: Record<string, string>): string {
  const exchange = createExchange({ headers, clientAddress: '127.0.0.1', operation: 'responses.create' })
  return admitCaller({ runtime: () => runtime, draining: () => false }, exchange, headers).caller.projectId
}

it('takes an empty header for none', () => {
  const authorization = 'Bearer acme-key-1'
  assert.equal(admit({ authorization, 'x-admin-key': '', 'x-project-id': '' }), 'acme')
  assert.throws(() => admit({ 'x-admin-key': 'admin-key-1', 'x-project-id': '' }), { param: 'X-Project-ID' })
  assert.throws(() => admit({ authorization: '', 'x-admin-key': '' }), { code: 'invalid_api_key' })
})
