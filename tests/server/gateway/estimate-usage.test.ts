import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { estimateTokens, estimateUsage } from '../../../server/gateway/estimate-usage.ts'

const output = [
  { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'x'.repeat(40) }] },
]

describe('estimated usage', () => {
  it('counts about four characters a token, and one where a character is a word', () => {
    assert.equal(estimateTokens(''), 0)
    assert.equal(estimateTokens('a'), 1)
    assert.equal(estimateTokens('x'.repeat(400)), 100)
    assert.equal(estimateTokens('漢字かな한글'), 6)
    assert.equal(estimateTokens('漢字 abc'), 3)
  })

  it('adds up instructions, input, tools and output', () => {
    const plain = estimateUsage({ model: 'm', input: 'x'.repeat(400) }, output)
    assert.deepEqual(plain, {
      input_tokens: 104,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: 10,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: 114,
    })
    const more = estimateUsage(
      {
        model: 'm',
        input: 'x'.repeat(400),
        instructions: 'y'.repeat(40),
        tools: [{ type: 'function', name: 'f' }],
      },
      output,
    )
    assert.ok(more.input_tokens > plain.input_tokens + 10)
  })

  it('counts items of all kinds, reasoning apart', () => {
    const text = 'x'.repeat(40)
    const input = [
      { type: 'message', role: 'user', content: text },
      {
        type: 'message',
        role: 'user',
        content: [
          { type: 'input_text', text },
          { type: 'input_image', image_url: `data:${text.repeat(1000)}` },
        ],
      },
      { type: 'function_call', call_id: 'c', name: 'f', arguments: text },
      { type: 'function_call_output', call_id: 'c', output: text },
      { type: 'function_call_output', call_id: 'c', output: [{ type: 'input_text', text }] },
      { type: 'web_search_call', id: 'w' },
      { type: 'acme:item', content: 7 },
    ]
    const usage = estimateUsage({ model: 'm', input }, [
      {
        type: 'reasoning',
        summary: [{ type: 'summary_text', text }],
        content: [{ type: 'reasoning_text', text: text + text }],
      },
      { type: 'reasoning', summary: [{ type: 'summary_text', text }], content: null },
      ...output,
      { type: 'function_call', call_id: 'c', name: 'get_', arguments: '{}' },
    ])
    assert.equal(usage.input_tokens, 10 + 10 + 765 + 11 + 10 + 10 + 7 * 4)
    assert.equal(usage.output_tokens_details.reasoning_tokens, 30)
    assert.equal(usage.output_tokens, 30 + 10 + 2)
    assert.equal(usage.total_tokens, usage.input_tokens + usage.output_tokens)
  })

  it('survives what is absent', () => {
    const usage = estimateUsage({ model: 'm', input: null, tools: null, instructions: null }, [])
    assert.equal(usage.total_tokens, 0)
  })

  it('bounds a file by its size and not past a limit', () => {
    const file = (size: number) => [
      { type: 'message', role: 'user', content: [{ type: 'input_file', file_data: 'x'.repeat(size) }] },
    ]
    assert.equal(estimateUsage({ model: 'm', input: file(1600) }, []).input_tokens, 304)
    assert.equal(estimateUsage({ model: 'm', input: file(1_000_000) }, []).input_tokens, 20_004)
  })
})
