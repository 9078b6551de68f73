import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { validateRequest } from '../../../server/gateway/validate-request.ts'

import { base, functionTool, refusal, user } from './validate-request-refusal.ts'

describe('what real clients send', () => {
  const clients: { [name: string]: object } = {
    'the AI SDK: references to earlier items, calls without id': {
      input: [
        { role: 'user', content: [{ type: 'input_text', text: 'x' }] },
        { type: 'item_reference', id: 'msg_1' },
        { type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' },
        { type: 'function_call_output', call_id: 'c', output: 'x' },
      ],
    },
    'Codex: namespaces, web_search, ids everywhere, reasoning with null content': {
      instructions: 'x'.repeat(17_000),
      input: [
        { type: 'message', id: 'm1', role: 'developer', content: [{ type: 'input_text', text: 'x' }] },
        { type: 'reasoning', id: 'r1', summary: [], content: null, encrypted_content: 'x' },
        {
          type: 'message',
          id: 'm2',
          role: 'assistant',
          content: [{ type: 'output_text', text: 'x' }],
          phase: 'final_answer',
        },
      ],
      tools: [
        { type: 'namespace', name: 'n', tools: [functionTool] },
        { type: 'web_search' },
        { type: 'custom', name: 'apply_patch', format: {} },
      ],
      tool_choice: 'auto',
      parallel_tool_calls: false,
      reasoning: { effort: 'medium', summary: 'auto' },
      store: false,
      stream: true,
      include: ['reasoning.encrypted_content'],
      prompt_cache_key: 'c0ffee',
      client_metadata: { 'x-codex': '1' },
    },
    'LangChain: text {}, strict null': { text: {}, tools: [{ ...functionTool, strict: null }] },
    'OpenAI Agents: empty lists, stream false': {
      tools: [],
      include: [],
      stream: false,
      input: [user],
      metadata: {},
    },
    '@ai-sdk/open-responses: tool_choice without tools': { tool_choice: 'auto' },
    'opencode and pi: many output tokens': { max_output_tokens: 32_000 },
    'everything null': Object.fromEntries(
      [
        'instructions',
        'tools',
        'tool_choice',
        'text',
        'reasoning',
        'metadata',
        'temperature',
        'top_p',
        'include',
        'stream',
        'store',
        'truncation',
        'service_tier',
        'user',
        'max_tool_calls',
        'background',
        'conversation',
        'prompt',
        'previous_response_id',
        'stream_options',
      ].map((name) => [name, null]),
    ),
  }
  for (const [name, body] of Object.entries(clients)) {
    it(name, () => void validateRequest({ ...base, ...body }))
  }

  it('LlamaIndex: an empty user, which stands for none', () => {
    assert.deepEqual(validateRequest({ ...base, user: '' }), base)
  })

  it('accepts a replayed output of every recording', (t) => {
    const recordings = join(import.meta.dirname, '../../../../shared/recordings')
    if (!existsSync(recordings)) return t.skip('the recordings are not on this machine')
    for (const name of [
      'openai-phase.1',
      'openai-web-search-tool.1',
      'openai-custom-tool.1',
      'openai-mcp-tool-approval.1',
      'openai-shell-tool.1',
      'openai-reasoning-encrypted-content.1',
      'lmstudio-tool-call.1',
      'openai-compaction.1',
    ]) {
      const { output } = JSON.parse(readFileSync(join(recordings, `${name}.json`), 'utf8'))
      validateRequest({ model: 'm', input: [user, ...output] })
    }
  })

  it('knows every field of the contract', (t) => {
    const file = join(import.meta.dirname, '../../../../shared/spec/open-responses-2026-04-24.openapi.json')
    if (!existsSync(file)) return t.skip('the specification is not on this machine')
    const { properties } = JSON.parse(readFileSync(file, 'utf8')).components.schemas.CreateResponseBody
    for (const field of Object.keys(properties)) {
      // No field takes a function-like object without members of its own but conversation; all refuse a wrong kind.
      const wrong = field === 'metadata' ? { a: 1 } : [{ not: 'this' }]
      assert.ok(refusal({ ...base, [field]: wrong }).param?.startsWith(field), field)
    }
  })
})
