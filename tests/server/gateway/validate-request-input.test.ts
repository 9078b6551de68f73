import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { validateRequest } from '../../../server/gateway/validate-request.ts'

import { base, refusal, user } from './validate-request-refusal.ts'

describe('input', () => {
  it('is needed unless something else is there to answer to', () => {
    for (const input of [undefined, null, '', []]) {
      assert.equal(refusal({ model: 'm', input }).param, 'input')
      validateRequest({ model: 'm', input, instructions: 'go' })
      validateRequest({ model: 'm', input, prompt: { id: 'p' } })
      validateRequest({ model: 'm', input, previous_response_id: 'resp_1' })
      validateRequest({ model: 'm', input, conversation: 'conv_1' })
    }
  })

  it('holds 10 485 760 characters at most, as a string or in all parts together', () => {
    const max = 10_485_760
    const half = 'x'.repeat(max / 2)
    validateRequest({ model: 'm', input: half + half })
    assert.match(
      refusal({ model: 'm', input: `${half}${half}x` }).message,
      /10485760 characters of text; got 10485761/,
    )
    const parts = (...texts: string[]) => [
      { role: 'user', content: texts.map((text) => ({ type: 'input_text', text })) },
    ]
    validateRequest({ model: 'm', input: parts(half, half) })
    assert.equal(refusal({ model: 'm', input: parts(half, half, 'x') }).param, 'input')
    assert.equal(
      refusal({ model: 'm', input: [...parts(half), { role: 'user', content: `${half}x` }] }).param,
      'input',
    )
    validateRequest({ model: 'm', input: '🦎'.repeat(max) })
    validateRequest({ model: 'm', input: parts('🦎'.repeat(max / 2), '🦎'.repeat(max / 2)) })
  })

  it('holds 20 000 items at most', () => {
    const items = (count: number) => Array.from({ length: count }, () => ({ role: 'user', content: 'x' }))
    validateRequest({ model: 'm', input: items(20_000) })
    const refused = refusal({ model: 'm', input: items(20_001) })
    assert.equal(refused.param, 'input')
    assert.match(refused.message, /20000 items; got 20001/)
  })

  it('accepts every kind of item, known or not, whole', () => {
    const input = [
      { type: 'message', role: 'user', content: 'x' },
      { type: 'message', role: 'system', content: [{ type: 'input_text', text: 'x' }] },
      { type: 'message', role: 'developer', content: [] },
      {
        type: 'message',
        role: 'assistant',
        id: 'msg_1',
        status: 'completed',
        phase: 'commentary',
        content: [
          { type: 'output_text', text: 'x', annotations: [], logprobs: [] },
          { type: 'refusal', refusal: 'no' },
        ],
      },
      {
        type: 'message',
        role: 'user',
        content: [
          { type: 'input_image', image_url: 'data:x', detail: 'low' },
          { type: 'input_image', file_id: 'f' },
          { type: 'input_file', file_data: 'x', filename: 'a' },
          { type: 'input_audio', input_audio: {} },
        ],
      },
      { type: 'function_call', call_id: 'c1', name: 'f', arguments: '{}' },
      { type: 'function_call_output', call_id: 'c1', output: 'x', id: 'fco_1', status: 'completed' },
      { type: 'function_call', call_id: 'c2', name: 'f', arguments: 'not json', id: null },
      { type: 'function_call_output', call_id: 'c2', output: [{ type: 'input_text', text: 'x' }] },
      { type: 'reasoning', id: 'rs_1', summary: [], content: null, encrypted_content: 'x' },
      {
        type: 'reasoning',
        summary: [{ type: 'summary_text', text: 'x' }],
        content: [{ type: 'reasoning_text', text: 'x' }],
      },
      { type: 'web_search_call', id: 'ws_1', status: 'completed', action: { type: 'search' } },
      { type: 'local_shell_call', call_id: 'l', action: {} },
      { type: 'local_shell_call_output', output: 'x' },
      { type: 'mcp_approval_response', approve: true },
      { type: 'custom_tool_call_output', call_id: 'c', output: 'x' },
      { type: 'acme:thing', content: 7 },
    ]
    const body = { model: 'm', input }
    assert.equal(validateRequest(body), body)
  })

  const refused: [string, unknown, string][] = [
    ['an item that is no object', 'x', 'input[1]'],
    ['an item without type or role', { content: 'x' }, 'input[1].type'],
    ['an empty type', { type: '' }, 'input[1].type'],
    ['an unknown role', { role: 'bot', content: 'x' }, 'input[1].role'],
    ['a message without role', { type: 'message', content: 'x' }, 'input[1].role'],
    ['a message without content', { role: 'user' }, 'input[1].content'],
    ['content null', { role: 'user', content: null }, 'input[1].content'],
    ['a part that is a string', { role: 'user', content: ['x'] }, 'input[1].content[0]'],
    ['a part without type', { role: 'user', content: [{ text: 'x' }] }, 'input[1].content[0].type'],
    [
      'text that is no string',
      { role: 'user', content: [{ type: 'input_text', text: 1 }] },
      'input[1].content[0].text',
    ],
    ['text that is missing', { role: 'user', content: [{ type: 'input_text' }] }, 'input[1].content[0].text'],
    [
      'an image of nothing',
      { role: 'user', content: [{ type: 'input_image' }] },
      'input[1].content[0].image_url',
    ],
    [
      'an image in chat form',
      { role: 'user', content: [{ type: 'input_image', image_url: { url: 'x' } }] },
      'input[1].content[0].image_url',
    ],
    ['a file of nothing', { role: 'user', content: [{ type: 'input_file' }] }, 'input[1].content[0]'],
    ['a call without call_id', { type: 'function_call', name: 'f', arguments: '{}' }, 'input[1].call_id'],
    ['a call without name', { type: 'function_call', call_id: 'c', arguments: '{}' }, 'input[1].name'],
    [
      'arguments as an object',
      { type: 'function_call', call_id: 'c', name: 'f', arguments: {} },
      'input[1].arguments',
    ],
    ['an output without call_id', { type: 'function_call_output', output: 'x' }, 'input[1].call_id'],
    [
      'an output that is an object',
      { type: 'function_call_output', call_id: 'c', output: {} },
      'input[1].output',
    ],
    [
      'an output without its call',
      { type: 'function_call_output', call_id: 'c', output: 'x' },
      'input[1].call_id',
    ],
    ['a reference to nothing', { type: 'item_reference' }, 'input[1].id'],
    ['reasoning with text as content', { type: 'reasoning', summary: [], content: 'x' }, 'input[1].content'],
    ['an id that is a number', { role: 'user', content: 'x', id: 1 }, 'input[1].id'],
  ]
  for (const [name, item, param] of refused) {
    it(`refuses ${name}, naming it`, () => {
      assert.equal(refusal({ model: 'm', input: [user, item] }).param, param)
    })
  }

  it('refuses input of another kind', () => {
    for (const input of [1, true, { role: 'user' }])
      assert.equal(refusal({ model: 'm', input }).param, 'input')
  })

  it('says how to send the result of a tool', () => {
    assert.match(
      refusal({ model: 'm', input: [{ role: 'tool', content: 'x' }] }).message,
      /function_call_output/,
    )
  })

  it('takes an output whose call is elsewhere', () => {
    const output = { type: 'function_call_output', call_id: 'c', output: 'x' }
    validateRequest({ model: 'm', input: [output], previous_response_id: 'resp_1' })
    validateRequest({ model: 'm', input: [output], conversation: 'conv_1' })
    validateRequest({ model: 'm', input: [{ type: 'item_reference', id: 'fc_1' }, output] })
    validateRequest({ model: 'm', input: [{ type: 'compaction', encrypted_content: 'x' }, output] })
  })

  it('writes out what clients leave out, without touching what they sent', () => {
    const input = [
      user,
      { id: 'msg_1' },
      { type: 'reasoning', id: 'rs_1' },
      { type: 'message', role: 'user', content: 'x' },
    ]
    const body = { model: 'm', input }
    const before = JSON.stringify(body)
    const request = validateRequest(body)
    assert.deepEqual(request.input, [
      { type: 'message', role: 'user', content: 'hi' },
      { type: 'item_reference', id: 'msg_1' },
      { type: 'reasoning', id: 'rs_1', summary: [] },
      { type: 'message', role: 'user', content: 'x' },
    ])
    assert.equal(request.input?.[3], input[3])
    assert.equal(JSON.stringify(body), before)
  })

  it('passes items of kinds that it does not know, whatever they hold', () => {
    for (const members of [{ content: [null, 1, 'x'] }, { output: [null] }, { content: { text: [null] } }]) {
      const item = { type: 'hologram', ...members }
      assert.deepEqual(validateRequest({ ...base, input: [item, user] }).input?.[0], item)
    }
  })

  it('does not allow two kinds of state at once', () => {
    assert.equal(
      refusal({ ...base, previous_response_id: 'r', conversation: 'c' }).param,
      'previous_response_id',
    )
  })
})
