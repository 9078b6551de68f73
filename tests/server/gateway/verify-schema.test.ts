import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createSchemaVerifier } from '../../../server/gateway/verify-schema.ts'
import { checkSchema } from '../../../server/gateway/verify-schema-check.ts'
import { evaluateSchema, TooComplexError } from '../../../server/gateway/verify-schema-evaluate.ts'
import type { Item, JsonObject } from '../../../translators/shared/canonical.ts'

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
