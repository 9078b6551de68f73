import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { evaluateSchema } from '../../../server/gateway/verify-schema-evaluate.ts'
import { matchPattern } from '../../../server/gateway/verify-schema-pattern.ts'
import type { JsonObject } from '../../../translators/shared/canonical.ts'

const fits = (schema: JsonObject, value: unknown) => evaluateSchema(schema, value) === null

describe('patterns of clients', () => {
  const known: [string, string, boolean][] = [
    ['^[a-z]+$', 'abc', true],
    ['^[a-z]+$', 'abC', false],
    ['^\\d{4}-\\d{2}-\\d{2}$', '2026-11-21', true],
    ['^(red|green|blue)$', 'green', true],
    ['^[^@\\s]+@[^@\\s]+\\.[a-z]{2,}$', 'a@b.de', true],
    ['^(\\d{3}-)+\\d+$', '123-456-7', true],
    ['^-?\\d+(\\.\\d+)?$', '-1.5', true],
    ['\\-', '-', true],
    ['^\\p{L}+$', 'grüß', true],
    ['a|^b', 'xa', true],
    ['[|(*]', '(', true],
  ]
  for (const [pattern, text, expected] of known) {
    it(`${pattern} is matched`, () => assert.equal(matchPattern(pattern, text), expected))
  }

  for (const pattern of [
    '^(a+)+$',
    '(a*)*b',
    '(a|a)*$',
    '(?=a)b',
    '(a)\\1',
    '(a?){30}',
    '(?i)abc',
    '[a',
    'a)',
    `${'a?'.repeat(40)}`,
  ]) {
    it(`${pattern.slice(0, 30)} is not`, () =>
      assert.equal(matchPattern(pattern, `${'a'.repeat(40)}!`), null))
  }

  it('depends on the length of the text where the cost does', () => {
    const pattern = '^.*a.*b.*c$'
    assert.equal(matchPattern(pattern, 'xaxbxc'), true)
    assert.equal(matchPattern(pattern, 'a'.repeat(10_000)), null)
  })

  it('that cannot be told do not fail an output', () => {
    assert.ok(fits({ pattern: '^(a+)+$' }, 'b'))
    assert.ok(
      fits({ patternProperties: { '^(a+)+$': { type: 'string' } }, additionalProperties: false }, { b: 1 }),
    )
  })
})
