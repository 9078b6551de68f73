/** Finished JSON bodies in all their shapes, pending ones, and those that are errors. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertLegalStream } from '../support/legal-stream.ts'
import { runBody } from './support/translate.ts'

test('output may be a string, an object, an array of anything, or only output_text', () => {
  const part = { type: 'output_text', text: 'Hi' }
  const message = { type: 'message', role: 'assistant', content: [part] }
  for (const output of [
    'Hi',
    message,
    [message],
    [part],
    ['Hi'],
    { role: 'assistant', content: 'Hi' },
    [{ text: 'Hi' }],
  ]) {
    const final = assertLegalStream(runBody({ output }).events)
    assert.equal(final.output_text, 'Hi', JSON.stringify(output))
    assert.equal(final.output.length, 1)
  }
  assert.equal(runBody({ output: [], output_text: 'Hi' }).final?.output_text, 'Hi')
  assert.equal(
    runBody({ output: [message], output_text: 'HiHi' }).final?.output_text,
    'Hi',
    'only when output is empty',
  )
  assert.deepEqual(runBody({ status: 'completed', output: null }).final?.output, [])
})

test('both families of status words are known', () => {
  for (const status of ['queued', 'in_progress', 'pending', 'running']) {
    const { pending, events, failure } = runBody({ id: 'theirs', status, output: [] })
    assert.deepEqual([pending, events, failure], [{ id: 'theirs' }, [], null])
  }
  assert.equal(runBody({ status: 'queued', output: [] }).failure?.code, 'upstream_invalid_response')
  assert.equal(runBody({ id: 'x', status: 'completed', output: 'Hi' }).final?.status, 'completed')
  assert.equal(runBody({ id: 'x', status: 'cancelled', output: [] }).failure?.code, 'upstream_cancelled')
})

test('a failed response is a failure, with or without output', () => {
  const error = { code: 'server_error', message: 'It broke.' }
  for (const output of [[], 'half an answer']) {
    const { events, failure, final } = runBody({ id: 'x', status: 'failed', error, output })
    assert.deepEqual(
      [events, final, failure?.code, failure?.message],
      [[], null, 'server_error', 'It broke.'],
    )
  }
})

test('error bodies under a 200 are failures', () => {
  for (const body of [
    { error: { code: 'c', message: 'm' } },
    { object: 'error', code: 'c', message: 'm' },
    { detail: [{ loc: ['body'], msg: 'm', type: 't' }] },
    { error: 'm' },
  ]) {
    const { events, failure } = runBody(body)
    assert.deepEqual(events, [])
    assert.ok(failure, JSON.stringify(body))
  }
})

test('what is no response object is an invalid response', () => {
  for (const body of ['<html>', null, 42, [], {}, { hello: 'world' }]) {
    const { failure, events, pending } = runBody(body)
    assert.deepEqual(
      [failure?.code, failure?.status, events, pending],
      ['upstream_invalid_response', 502, [], null],
    )
  }
})

test('incomplete in its forms', () => {
  const details = { reason: 'content_filter' }
  const cases = [
    { status: 'incomplete', output: 'Hi', incomplete_details: details },
    { status: 'completed', output: 'Hi', incomplete_details: details },
    { status: 'incomplete', output: [], incomplete_details: details },
  ]
  for (const body of cases) {
    const final = assertLegalStream(runBody(body).events)
    assert.deepEqual([final.status, final.incomplete_details], ['incomplete', details])
  }
  const item = { type: 'message', status: 'incomplete', content: 'Hi' }
  const final = assertLegalStream(runBody({ status: 'completed', output: [item] }).events)
  assert.deepEqual([final.status, final.output[0]?.status], ['incomplete', 'incomplete'])
})

test('items come one after another, in the order of the provider', () => {
  const output = [
    { type: 'compaction', id: 'c', encrypted_content: 'x' },
    { type: 'message', content: 'Hi' },
    { type: 'unheard_of', id: 'u' },
    { type: 'function_call', call_id: 'a', name: 'f', arguments: '{}' },
  ]
  for (const status of ['completed', 'incomplete']) {
    const { events } = runBody({ status, output })
    const final = assertLegalStream(events)
    assert.deepEqual(
      final.output.map((item) => item.type),
      output.map((item) => item.type),
    )
    const brackets = events.filter((event) => event.type.startsWith('response.output_item'))
    assert.deepEqual(
      brackets.map((event) => event.output_index),
      [0, 0, 1, 1, 2, 2, 3, 3],
    )
    assert.equal(final.output[3]?.status, status)
  }
})

test('an incomplete answer keeps what it ends with', () => {
  const output = [
    { type: 'message', content: 'Hi' },
    { type: 'compaction', id: 'c', encrypted_content: 'x' },
  ]
  const final = assertLegalStream(runBody({ status: 'incomplete', output }).events)
  assert.deepEqual(
    final.output.map((item) => item.type),
    ['message', 'compaction'],
  )
})

test('arguments may be an object, names may be nested', () => {
  const output = [
    { type: 'function_call', call_id: 'a', name: 'f', arguments: { x: 1 } },
    { type: 'function_call', call_id: 'b', function: { name: 'g', arguments: '{}' } },
  ]
  const final = assertLegalStream(runBody({ output }).events)
  assert.deepEqual(
    final.output.map((item) => [item.name, item.arguments]),
    [
      ['f', '{"x":1}'],
      ['g', '{}'],
    ],
  )
})

test('nulls of the provider do not reach the client', () => {
  const output = [
    { type: 'reasoning', id: 'r', summary: [], content: null, encrypted_content: null, status: null },
    {
      type: 'message',
      id: 'm',
      phase: null,
      role: 'assistant',
      content: [{ type: 'output_text', text: 'Hi', annotations: null, logprobs: null }],
    },
    { type: 'function_call', id: null, call_id: 'c', name: 'f', arguments: null, namespace: null },
  ]
  const final = assertLegalStream(runBody({ output, metadata: null, text: null, usage: null }).events)
  assert.deepEqual(
    final.output.map(({ id, ...item }) => item),
    [
      { type: 'reasoning', status: 'completed', summary: [] },
      {
        type: 'message',
        status: 'completed',
        role: 'assistant',
        content: [{ type: 'output_text', text: 'Hi', annotations: [], logprobs: [] }],
      },
      { type: 'function_call', status: 'completed', call_id: 'c', name: 'f', arguments: '' },
    ],
  )
})

test('usage that the contract has no place for is told beside the final object, not in it', () => {
  const input_tokens_details = { cached_tokens: 2, cache_write_tokens: 3 }
  const usage = { input_tokens: 9, output_tokens: 1, total_tokens: 10, input_tokens_details }
  const told = runBody({ status: 'completed', output: 'Hi', usage })
  assert.deepEqual(told.usage?.input_tokens_details, input_tokens_details)
  assert.deepEqual(told.final?.usage?.input_tokens_details, { cached_tokens: 2 })
  const failed = runBody({ status: 'failed', output: [], usage, error: { code: 'x', message: 'no' } })
  assert.equal(failed.final, null)
  assert.equal(failed.usage?.total_tokens, 10, 'also of a failure')
})
