import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { createSchemaVerifier } from '../../../server/gateway/verify-schema.ts'
import { checkSchema } from '../../../server/gateway/verify-schema-check.ts'
import { evaluateSchema, TooComplexError } from '../../../server/gateway/verify-schema-evaluate.ts'
import { matchPattern } from '../../../server/gateway/verify-schema-pattern.ts'
import type { Item, JsonObject } from '../../../translators/shared/canonical.ts'

const fits = (schema: JsonObject, value: unknown) => evaluateSchema(schema, value) === null
const message = (text: string, extra: object = {}): Item => ({
  type: 'message',
  role: 'assistant',
  status: 'completed',
  content: [{ type: 'output_text', text, annotations: [], logprobs: [] }],
  ...extra,
})
const person = {
  type: 'object',
  properties: { name: { type: 'string' }, tags: { type: 'array', items: { type: 'string' } } },
  required: ['name', 'tags'],
  additionalProperties: false,
}
const verifyPerson = createSchemaVerifier({ type: 'json_schema', name: 'p', schema: person, strict: true })

describe('the verifier of structured output', () => {
  const verify = (...output: Item[]) => verifyPerson?.(output) ?? null

  it('is none where nothing was promised', () => {
    for (const format of [null, undefined, { type: 'text' as const }])
      assert.equal(createSchemaVerifier(format), null)
  })

  it('passes what fits', () => {
    assert.equal(verify(message('{"name":"a","tags":["b"]}')), null)
    assert.equal(verify(message(' {"name":"a",\n"tags":[]} ')), null)
    assert.equal(verify({ type: 'reasoning', summary: [] }, message('{"name":"a","tags":[]}')), null)
  })

  const wrong: [string, RegExp][] = [
    ['secret text', /not valid JSON/],
    ['{"name":"secret"', /not valid JSON/],
    ['', /not valid JSON/],
    ['```json\n{"name":"secret","tags":[]}\n```', /not valid JSON/],
    ['{"tags":[]}', /name is required/],
    ['{"name":"secret","tags":["x",7]}', /tags\[1\] must be of type string/],
    ['{"name":"x","tags":[],"secret":1}', /the value has a property that the schema does not allow/],
    ['["secret"]', /the value must be of type object/],
  ]
  for (const [text, expected] of wrong) {
    it(`tells where ${JSON.stringify(text)} is wrong, not what it says`, () => {
      const problem = verify(message(text))
      assert.equal(problem?.code, 'invalid_structured_output')
      assert.match(problem?.message ?? '', expected)
      assert.doesNotMatch(problem?.message ?? '', /secret/)
    })
  }

  it('joins the parts of a message and checks every message', () => {
    const part = (text: string) => ({ type: 'output_text', text, annotations: [], logprobs: [] })
    assert.equal(verify(message('', { content: [part('{"name":"a",'), part('"tags":[]}')] })), null)
    assert.notEqual(verify(message('{"name":"a","tags":[]}'), message('so be it')), null)
  })

  it('does not check what is no final output', () => {
    const call = { type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' }
    assert.equal(verify(call), null)
    assert.equal(verify(message('I will look'), call), null)
    assert.equal(verify(message('', { content: [{ type: 'refusal', refusal: 'no' }] })), null)
    assert.equal(verify(message('{"na', { status: 'incomplete' })), null)
    assert.equal(
      verify(message('thinking', { phase: 'commentary' }), message('{"name":"a","tags":[]}')),
      null,
    )
  })

  it('misses a text that should be there', () => {
    assert.match(verify({ type: 'reasoning', summary: [] })?.message ?? '', /no text/)
    assert.match(verify({ type: 'web_search_call', id: 'w' })?.message ?? '', /no text/)
  })

  it('wants an object for json_object', () => {
    const verifyObject = createSchemaVerifier({ type: 'json_object' })
    assert.equal(verifyObject?.([message('{"a":1}')]), null)
    assert.match(verifyObject?.([message('[1]')])?.message ?? '', /type object/)
  })

  it('ends on a schema that doubles at every step', () => {
    const $defs: JsonObject = { d40: { type: 'string' } }
    for (let level = 0; level < 40; level += 1) {
      $defs[`d${level}`] = { anyOf: [{ $ref: `#/$defs/d${level + 1}` }, { $ref: `#/$defs/d${level + 1}` }] }
    }
    const schema = { $ref: '#/$defs/d0', $defs }
    assert.equal(checkSchema(schema), null)
    const verifyBomb = createSchemaVerifier({ type: 'json_schema', name: 'b', schema })
    assert.match(verifyBomb?.([message('1')])?.message ?? '', /too complex/)
  })

  it('ends on references that go round and on values nested without end', () => {
    assert.throws(() => evaluateSchema({ $ref: '#' }, 1), TooComplexError)
    const list = { type: 'array', items: { $ref: '#' } }
    const deep = JSON.parse('['.repeat(5000) + ']'.repeat(5000))
    assert.throws(() => evaluateSchema(list, deep), TooComplexError)
    assert.equal(evaluateSchema(list, JSON.parse('['.repeat(100) + ']'.repeat(100))), null)
  })
})

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

describe('a schema that cannot be enforced', () => {
  const broken: [JsonObject, RegExp][] = [
    [{ type: 'text' }, /#\/type/],
    [{ type: [] as unknown[], properties: [] }, /#\/properties/],
    [{ properties: { a: 'string' } }, /#\/properties\/a must be an object/],
    [{ items: 7 }, /#\/items/],
    [{ anyOf: [] }, /#\/anyOf/],
    [{ anyOf: {} }, /#\/anyOf/],
    [{ required: 'a' }, /#\/required/],
    [{ required: [1] }, /#\/required/],
    [{ enum: 'a' }, /#\/enum/],
    [{ minLength: -1 }, /#\/minLength/],
    [{ maximum: '3' }, /#\/maximum/],
    [{ pattern: 1 }, /#\/pattern/],
    [{ $ref: '#/$defs/none' }, /points to nothing/],
    [{ $ref: 'https://example.com/schema.json' }, /into the schema itself/],
    [{ properties: { a: { items: { $ref: '#none' } } } }, /#\/properties\/a\/items\/\$ref/],
  ]
  for (const [schema, expected] of broken) {
    it(JSON.stringify(schema), () => assert.match(checkSchema(schema) ?? 'accepted', expected))
  }

  it('is too deep or too large', () => {
    let deep: JsonObject = {}
    for (let level = 0; level < 101; level += 1) deep = { items: deep }
    assert.match(checkSchema(deep) ?? '', /100 levels/)
    assert.match(checkSchema({ anyOf: Array(20_001).fill({}) }) ?? '', /20000 parts/)
    assert.equal(checkSchema({ anyOf: Array(10_000).fill({}) }), null)
  })
})

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
