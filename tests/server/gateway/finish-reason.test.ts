import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readFinishReason } from '../../../server/gateway/finish-reason.ts'
import type { CanonicalResponse } from '../../../translators/shared/canonical.ts'

const message = { type: 'message', role: 'assistant', content: [] }
const call = { type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' }
const searched = { type: 'web_search_call', id: 'ws_1', status: 'completed' }

for (const [name, response, reason] of [
  ['text', { status: 'completed', output: [message] }, 'stop'],
  ['a call that the client has to answer', { status: 'completed', output: [message, call] }, 'tool_calls'],
  ['a call that the provider answered itself', { status: 'completed', output: [searched, message] }, 'stop'],
  ['the limit of tokens', { status: 'incomplete', reason: 'max_output_tokens', output: [message] }, 'length'],
  [
    'the limit of calls',
    { status: 'incomplete', reason: 'max_tool_calls', output: [searched] },
    'tool_calls',
  ],
  ['a filter', { status: 'incomplete', reason: 'content_filter', output: [] }, 'content_filter'],
  ['a failure', { status: 'failed', output: [call] }, 'error'],
  ['a cancelled response', { status: 'cancelled', output: [message] }, null],
  ['one that runs', { status: 'in_progress', output: [] }, null],
] as const)
  test(`${name} → ${reason}`, () => {
    const details = 'reason' in response ? { reason: response.reason } : null
    const full = { ...response, incomplete_details: details } as unknown as CanonicalResponse
    assert.equal(readFinishReason(full), reason)
  })
