import assert from 'node:assert/strict'
import { it } from 'node:test'
import { idPrefix } from '../../translators/shared/ids.ts'

it('prefixes ids by the kind of item, also where objects have a member of that name', () => {
  assert.equal(idPrefix('message'), 'msg')
  for (const type of ['hologram', 'constructor', '__proto__', 'toString'])
    assert.equal(idPrefix(type), 'item')
})
