import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { checkSchema } from '../../../server/gateway/verify-schema-check.ts'
import { evaluateSchema } from '../../../server/gateway/verify-schema-evaluate.ts'
import type { JsonObject } from '../../../translators/shared/canonical.ts'

const fits = (schema: JsonObject, value: unknown) => evaluateSchema(schema, value) === null

describe('evaluation of a schema', () => {
  /** [schema, values that fit, values that do not]. */
  const cases: [JsonObject, unknown[], unknown[]][] = [
    [{}, [null, 1, 'x', [], {}], []],
    [{ type: 'integer' }, [1, 1.0, -3], [1.5, '1', null]],
    [{ type: ['string', 'null'] }, ['x', null], [1, []]],
    [{ type: 'object' }, [{}], [[], null, 'x']],
    [{ type: 'array' }, [[]], [{}, null]],
    [{ const: { a: [1] } }, [{ a: [1] }], [{ a: [2] }, { a: [1], b: 1 }, null]],
    [{ enum: ['a', 1, null, [1]] }, ['a', 1, null, [1]], ['b', 2, [], {}]],
    [{ minLength: 2, maxLength: 3 }, ['ab', '🦎🦎', '🦎🦎🦎', 5], ['a', 'abcd', '🦎']],
    [{ pattern: '^a+$' }, ['aa', 5], ['b', '']],
    [{ minimum: 1, maximum: 3 }, [1, 3, 'x'], [0.9, 3.1]],
    [{ exclusiveMinimum: 1, exclusiveMaximum: 3 }, [2], [1, 3]],
    [{ multipleOf: 0.1 }, [0.3, 1, 0], [0.35]],
    [{ items: { type: 'number' }, minItems: 1, maxItems: 2 }, [[1], [1, 2]], [[], [1, 2, 3], ['x']]],
    [{ prefixItems: [{ type: 'string' }], items: false }, [['x'], []], [['x', 1], [1]]],
    [{ items: [{ type: 'string' }], additionalItems: false }, [['x']], [['x', 1], [1]]],
    [
      { uniqueItems: true },
      [[1, 2, '1']],
      [
        [1, 1],
        [
          { a: 1, b: 2 },
          { b: 2, a: 1 },
        ],
      ],
    ],
    [{ contains: { const: 1 } }, [[0, 1]], [[], [0]]],
    [{ contains: { const: 1 }, minContains: 0, maxContains: 1 }, [[], [1]], [[1, 1]]],
    [
      { properties: { a: { type: 'string' } }, required: ['b'] },
      [{ b: 1 }, { a: 'x', b: 1 }],
      [{}, { a: 1, b: 1 }],
    ],
    [{ required: ['toString'] }, [{ toString: 1 }], [{}]],
    [{ properties: { a: true, b: false } }, [{ a: 1 }], [{ b: 1 }]],
    [{ additionalProperties: { type: 'number' } }, [{ x: 1 }], [{ x: 'y' }]],
    [
      { patternProperties: { '^x': { type: 'number' } }, additionalProperties: false },
      [{ xa: 1 }],
      [{ xa: 'y' }, { y: 1 }],
    ],
    [{ propertyNames: { maxLength: 2 } }, [{ ab: 1 }], [{ abc: 1 }]],
    [{ minProperties: 1, maxProperties: 1 }, [{ a: 1 }], [{}, { a: 1, b: 2 }]],
    [{ dependentRequired: { a: ['b'] } }, [{ a: 1, b: 1 }, { b: 1 }, {}], [{ a: 1 }]],
    [{ dependentSchemas: { a: { required: ['b'] } } }, [{ a: 1, b: 1 }], [{ a: 1 }]],
    [{ allOf: [{ minimum: 1 }, { maximum: 2 }] }, [1], [0, 3]],
    [{ anyOf: [{ type: 'string' }, { type: 'null' }] }, ['x', null], [1]],
    [{ oneOf: [{ minimum: 1 }, { maximum: 2 }] }, [0, 3], [1.5]],
    [{ not: { type: 'string' } }, [1], ['x']],
    [JSON.parse('{"if":{"type":"string"},"then":{"minLength":2},"else":{"minimum":2}}'), ['ab', 2], ['a', 1]],
    [{ $ref: '#/$defs/a~1b', $defs: { 'a/b': { type: 'string' } } }, ['x'], [1]],
    [{ $ref: '#/definitions/a%20b', definitions: { 'a b': { type: 'string' } } }, ['x'], [1]],
    [{ $ref: '#x', $defs: { a: { $anchor: 'x', type: 'string' } } }, ['x'], [1]],
    [
      {
        type: 'object',
        properties: { value: { type: 'number' }, next: { anyOf: [{ $ref: '#' }, { type: 'null' }] } },
        required: ['value', 'next'],
      },
      [{ value: 1, next: { value: 2, next: null } }],
      [{ value: 1, next: { value: 'x', next: null } }, { value: 1 }],
    ],
    [{ format: 'date', type: 'string' }, ['not a date'], [1]],
  ]
  for (const [schema, good, bad] of cases) {
    it(JSON.stringify(schema).slice(0, 100), () => {
      assert.equal(checkSchema(schema), null)
      for (const value of good) assert.ok(fits(schema, value), `should fit: ${JSON.stringify(value)}`)
      for (const value of bad) assert.ok(!fits(schema, value), `should not fit: ${JSON.stringify(value)}`)
    })
  }

  it('takes long lists of words for long outputs', () => {
    const words = Array.from({ length: 1000 }, (_, index) => `word-${index}`)
    const schema = { type: 'object', properties: { list: { type: 'array', items: { enum: words } } } }
    const list = Array.from({ length: 5000 }, (_, index) => words[index % 1000])
    assert.ok(fits(schema, { list }))
    assert.ok(!fits(schema, { list: [...list, 'other'] }))
  })

  it('is not fooled by names of the prototype', () => {
    const value = JSON.parse('{"__proto__":1,"constructor":2}')
    assert.ok(!fits({ properties: {}, additionalProperties: false }, value))
    assert.ok(!fits({ properties: JSON.parse('{"__proto__":{"type":"string"}}') }, value))
  })

  it('judges as ajv does', () => {
    const { schema } = fc.letrec<{ schema: JsonObject }>((tie) => ({
      schema: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        fc.record(
          {
            type: fc.oneof(
              fc.constantFrom('string', 'number', 'integer', 'boolean', 'null', 'array', 'object'),
              fc.constantFrom(['string', 'null'], ['number', 'object'], ['array', 'integer']),
            ),
            minimum: fc.integer({ min: -2, max: 2 }),
            maxLength: fc.nat(3),
            enum: fc.array(fc.constantFrom<unknown>('a', 1, null, true, [1], {}), {
              minLength: 1,
              maxLength: 3,
            }),
          },
          { requiredKeys: [] },
        ) as fc.Arbitrary<JsonObject>,
        fc.record(
          {
            properties: fc.dictionary(fc.constantFrom('a', 'b'), tie('schema')),
            required: fc.uniqueArray(fc.constantFrom('a', 'b')),
            additionalProperties: fc.oneof(fc.boolean(), tie('schema')),
            items: tie('schema'),
            minItems: fc.nat(2),
            uniqueItems: fc.boolean(),
          },
          { requiredKeys: [] },
        ) as fc.Arbitrary<JsonObject>,
        fc.record(
          {
            anyOf: fc.array(tie('schema'), { minLength: 1, maxLength: 2 }),
            oneOf: fc.array(tie('schema'), { minLength: 1, maxLength: 2 }),
            not: tie('schema'),
          },
          { requiredKeys: [] },
        ) as fc.Arbitrary<JsonObject>,
      ),
    }))
    const value = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        fc.constantFrom('a', 'b', 'abcd', 0, 1, 1.5, -3, true, false, null),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('value')),
      ),
    })).value
    fc.assert(
      fc.property(schema, fc.array(value, { minLength: 5, maxLength: 10 }), (candidate, values) => {
        const validate = new Ajv2020({ strict: false, logger: false, validateFormats: false }).compile(
          candidate,
        )
        for (const entry of values) {
          const plain = JSON.parse(JSON.stringify(entry))
          assert.equal(fits(candidate, plain), validate(plain), JSON.stringify(plain))
        }
      }),
      { numRuns: 100 },
    )
  })
})
