import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readUsage } from '../../translators/shared/usage.ts'

const flat = (value: unknown) => {
  const usage = readUsage(value)
  return (
    usage && [
      usage.input_tokens,
      usage.input_tokens_details.cached_tokens,
      usage.output_tokens,
      usage.output_tokens_details.reasoning_tokens,
      usage.total_tokens,
    ]
  )
}

test('both spellings, and details in either place', () => {
  const input_tokens_details = { cached_tokens: 4 }
  assert.deepEqual(flat({ input_tokens: 9, output_tokens: 3, input_tokens_details }), [9, 4, 3, 0, 12])
  const completion_tokens_details = { reasoning_tokens: 2 }
  assert.deepEqual(
    flat({ prompt_tokens: 9, completion_tokens: 3, completion_tokens_details }),
    [9, 0, 3, 2, 12],
  )
  const both = { cached_tokens: 4, reasoning_tokens: 2 }
  const sail = { input_tokens: 9, prompt_tokens: 9, output_tokens: 3, completion_tokens: 3, total_tokens: 12 }
  assert.deepEqual(
    flat({ ...sail, input_tokens_details: both, output_tokens_details: both }),
    [9, 4, 3, 2, 12],
  )
})

test('parts that were counted apart are added in', () => {
  const output_tokens_details = { reasoning_tokens: 50 }
  assert.deepEqual(
    flat({ input_tokens: 10, output_tokens: 5, total_tokens: 65, output_tokens_details }),
    [10, 0, 55, 50, 65],
  )
  assert.deepEqual(flat({ input_tokens: 10, output_tokens: 5, output_tokens_details }), [10, 0, 55, 50, 65])
  const input_tokens_details = { cached_tokens: 100 }
  assert.deepEqual(flat({ input_tokens: 10, output_tokens: 5, input_tokens_details }), [110, 100, 5, 0, 115])
})

test('nothing told is null, and so are zeros by default', () => {
  for (const value of [
    null,
    undefined,
    'x',
    [],
    {},
    { input_tokens: 0, output_tokens: 0, total_tokens: 0 },
  ]) {
    assert.equal(readUsage(value), null)
  }
})

test('odd numbers become whole ones, never negative', () => {
  assert.deepEqual(flat({ input_tokens: '12', output_tokens: 3.7, total_tokens: -1 }), [12, 0, 3, 0, 15])
  assert.deepEqual(flat({ input_tokens: -5, output_tokens: 3, total_tokens: Number.NaN }), [0, 0, 3, 0, 3])
})
