import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { validateRequest } from '../../../server/gateway/validate-request.ts'

import { base, pairs, refusal, schemaFormat } from './validate-request-refusal.ts'

describe('limits of single fields, from both sides', () => {
  /** [field, values that pass, values that are refused]. */
  const limits: [string, unknown[], unknown[]][] = [
    ['model', ['m', 'org/name', 'm'.repeat(512)], ['', 'm'.repeat(513), 7, null, undefined]],
    ['instructions', ['', 'x'.repeat(100_000)], [1, {}, ['x']]],
    ['max_output_tokens', [1, 15, 16, 1_000_000], [0, -1, 1.5, '16', true]],
    ['max_tool_calls', [0, 1, 500], [-1, 0.5, '1']],
    ['temperature', [0, 0.7, 2], [-0.01, 2.01, '1']],
    ['top_p', [0, 0.5, 1], [-0.01, 1.01, '1']],
    ['presence_penalty', [-2, 0, 2], [-2.1, 2.1, 'x']],
    ['frequency_penalty', [-2, 0, 2], [-2.1, 2.1, 'x']],
    ['top_logprobs', [0, 20], [-1, 21, 1.5, '1']],
    ['parallel_tool_calls', [true, false], ['true', 0]],
    ['stream', [true, false], ['true', 1]],
    ['store', [true, false], ['false', 0]],
    ['background', [true, false], ['true', 1]],
    ['truncation', ['auto', 'disabled'], ['on', true]],
    ['service_tier', ['auto', 'priority', 'anything-else', 'x'.repeat(64)], ['', 'x'.repeat(65), 1]],
    ['safety_identifier', ['', 'x'.repeat(64), '🦎'.repeat(64)], ['x'.repeat(65), 1]],
    ['prompt_cache_key', ['x'.repeat(64)], ['x'.repeat(65), 1]],
    ['user', ['u', 'x'.repeat(200), ''], ['x'.repeat(201), 5]],
    ['previous_response_id', ['resp_1'], ['', 5]],
    ['conversation', ['conv_1', { id: 'conv_1' }], ['', 5, {}, { id: 5 }, { id: null }, { id: '' }]],
    [
      'prompt',
      [{ id: 'p' }, { id: 'p', version: '2', variables: { a: 1 } }],
      ['p', {}, { id: 'p', variables: [] }],
    ],
    ['include', [[], ['reasoning.encrypted_content', 'something.new']], ['x', [1], [null]]],
    [
      'metadata',
      [{}, pairs(16, 512), { ['k'.repeat(64)]: 'v' }],
      [pairs(17), pairs(1, 513), { ['k'.repeat(65)]: 'v' }, []],
    ],
    ['metadata', [{ a: '1' }], [{ a: 1 }, { a: true }, { a: null }, { a: {} }]],
    [
      'stream_options',
      [{}, { include_obfuscation: false }, { other: 1 }],
      ['x', { include_obfuscation: 'no' }],
    ],
    [
      'reasoning',
      [{}, { effort: null }, { effort: 'xhigh', summary: 'auto' }],
      ['high', { effort: 'huge' }, { summary: 'long' }],
    ],
    ['reasoning_effort', ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'], ['ultra', 1]],
    [
      'text',
      [{}, { verbosity: 'low' }, { format: null }, { format: { type: 'text' } }],
      ['x', { verbosity: 'loud' }],
    ],
    [
      'text',
      [{ format: { type: 'json_object' } }],
      [{ format: { type: 'yaml' } }, { format: {} }, { format: 'text' }],
    ],
  ]
  for (const [field, accepted, refused] of limits) {
    it(`${field} accepts ${accepted.length} values and refuses ${refused.length}`, () => {
      for (const value of accepted) validateRequest({ ...base, [field]: value })
      for (const value of refused) {
        const { param, message } = refusal({ ...base, [field]: value })
        assert.ok(
          param === field || param?.startsWith(`${field}.`) || param?.startsWith(`${field}[`),
          `${param}`,
        )
        assert.match(message, new RegExp(field))
      }
    })
    if (field !== 'model') it(`${field} may be null`, () => void validateRequest({ ...base, [field]: null }))
  }

  it('lets a prompt bring the model, but not a wrong one', () => {
    const request = { prompt: { id: 'p' } }
    assert.deepEqual(validateRequest(request), request)
    assert.deepEqual(validateRequest({ ...request, model: null }), { ...request, model: null })
    assert.equal(refusal({ ...request, model: '' }).param, 'model')
    assert.equal(refusal({ input: 'x', prompt: null }).param, 'model')
  })

  it('names the limit and what was sent', () => {
    assert.equal(
      refusal({ ...base, temperature: 3 }).message,
      'temperature must be a number from 0 to 2; got the number 3.',
    )
    assert.equal(
      refusal({ ...base, safety_identifier: 'x'.repeat(70) }).message,
      'safety_identifier must have at most 64 characters; got 70.',
    )
    assert.match(refusal({ ...base, reasoning: { effort: 'huge' } }).message, /none, minimal, .*; got "huge"/)
    assert.match(refusal({ ...base, metadata: { a: 1 } }).message, /Send it as text/)
  })

  it('never shows content', () => {
    const secret = `s3cret${'x'.repeat(60)}`
    for (const body of [
      { ...base, instructions: [secret] },
      { ...base, metadata: { a: secret.repeat(10) } },
      { ...base, input: [{ role: 'user', content: { secret } }] },
      { ...base, temperature: secret },
      { ...base, safety_identifier: secret },
    ]) {
      assert.doesNotMatch(refusal(body).message, /s3cret/)
    }
  })

  it('refuses a body that is no object', () => {
    for (const body of [null, [], 'x', 1, true]) assert.equal(refusal(body).param, null)
  })

  it('refuses a body that is too deep to be written again', () => {
    const nested = (levels: number) => JSON.parse(`${'[{"a":'.repeat(levels)}1${'}]'.repeat(levels)}`)
    validateRequest({ ...base, x: nested(200) })
    assert.match(refusal({ ...base, x: nested(20_000) }).message, /500 levels/)
  })

  it('accepts unknown fields of any kind and passes them on', () => {
    const body = { ...base, client_metadata: { a: [1] }, thinking: { budget: 1 }, x: null }
    assert.equal(validateRequest(body), body)
  })
})

describe('structured output', () => {
  it('accepts schemas, strict ones only when they can be enforced', () => {
    validateRequest({ ...base, ...schemaFormat({}) })
    validateRequest({ ...base, ...schemaFormat({ strict: null, description: null }) })
    validateRequest({ ...base, ...schemaFormat({ strict: true }) })
    validateRequest({ ...base, ...schemaFormat({ schema: { type: 'nonsense' } }) })
    const { param, message } = refusal({
      ...base,
      ...schemaFormat({ strict: true, schema: { properties: { a: { type: 'nonsense' } } } }),
    })
    assert.equal(param, 'text.format.schema')
    assert.match(message, /#\/properties\/a\/type/)
  })

  for (const [extra, param] of [
    [{ name: undefined }, 'text.format.name'],
    [{ name: '' }, 'text.format.name'],
    [{ name: 'a b' }, 'text.format.name'],
    [{ name: 'x'.repeat(65) }, 'text.format.name'],
    [{ schema: undefined }, 'text.format.schema'],
    [{ schema: [] }, 'text.format.schema'],
    [{ schema: undefined, json_schema: { schema: {} } }, 'text.format.schema'],
    [{ strict: 'yes' }, 'text.format.strict'],
    [{ description: 1 }, 'text.format.description'],
  ] as const) {
    it(`refuses ${JSON.stringify(extra)}`, () => {
      assert.equal(refusal({ ...base, ...schemaFormat(extra) }).param, param)
    })
  }
})

describe('reasoning_effort, as General Augment documents it', () => {
  it('becomes reasoning.effort', () => {
    const request = validateRequest({ ...base, reasoning_effort: 'low', reasoning: { summary: 'auto' } })
    assert.deepEqual(request.reasoning, { summary: 'auto', effort: 'low' })
    assert.equal('reasoning_effort' in request, false)
    assert.deepEqual(validateRequest({ ...base, reasoning_effort: 'high' }).reasoning, { effort: 'high' })
  })
  it('gives way to reasoning.effort, and to null', () => {
    assert.deepEqual(
      validateRequest({ ...base, reasoning_effort: 'low', reasoning: { effort: 'high' } }).reasoning,
      { effort: 'high' },
    )
    assert.equal(validateRequest({ ...base, reasoning_effort: null }).reasoning, undefined)
  })
})
