import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Runtime } from '../../../server/config/runtime.ts'
import { GatewayError } from '../../../server/errors.ts'
import { guardOrigin } from '../../../server/http/guard-origin.ts'

const open = {
  keys: new Map(),
  admin: { keyHash: null },
  listen: { host: '127.0.0.1', port: 0 },
} as unknown as Runtime
const keyed = {
  ...open,
  keys: new Map([['hash', {}]]),
  admin: { keyHash: Buffer.alloc(32) },
} as unknown as Runtime

it('lets this machine in', () => {
  for (const host of ['localhost:8787', '127.0.0.1:8787', '127.0.0.2', '[::1]:8787', 'LOCALHOST']) {
    guardOrigin(open, { host })
    guardOrigin(open, { host, origin: 'http://localhost:8787' })
  }
})

it('keeps pages out that reach an open gateway by a name of their own or across origins', () => {
  const refused = [
    { host: 'evil.example' },
    { host: 'evil.example:8787' },
    { host: '127.0.0.1.evil.example' },
    { host: 'localhost:8787', origin: 'https://evil.example' },
    { host: 'localhost:8787', origin: 'null' },
    { host: 'bad host' },
    {},
  ]
  for (const headers of refused) {
    assert.throws(
      () => guardOrigin(open, headers),
      (error) => error instanceof GatewayError && error.status === 403,
      JSON.stringify(headers),
    )
  }
})

it('leaves it to the keys where there are keys, both of them', () => {
  guardOrigin(keyed, { host: 'gateway.example', origin: 'https://app.example' })
  const noAdminKey = { ...keyed, admin: { keyHash: null } } as Runtime
  assert.throws(() => guardOrigin(noAdminKey, { host: 'gateway.example' }), GatewayError)
})
