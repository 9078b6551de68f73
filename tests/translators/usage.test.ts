import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readUsage, toContractUsage } from '../../translators/shared/usage.ts'

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
    // Of what they are the total is not known, and the kinds do not cost the same.
    { total_tokens: 500 },
    { input_tokens: 0, output_tokens: 0, total_tokens: 500 },
  ]) {
    assert.equal(readUsage(value), null)
  }
})

test('odd numbers become whole ones, never negative', () => {
  assert.deepEqual(flat({ input_tokens: '12', output_tokens: 3.7, total_tokens: -1 }), [12, 0, 3, 0, 15])
  assert.deepEqual(flat({ input_tokens: -5, output_tokens: 3, total_tokens: Number.NaN }), [0, 0, 3, 0, 3])
})

test('counts that no model can come to are nothing told, whatever stands beside them', () => {
  for (const count of [1e300, 9e18, '1e30', 1e12 + 1]) {
    assert.equal(readUsage({ input_tokens: count, output_tokens: 3 }), null)
    assert.equal(readUsage({ input_tokens: 3, output_tokens: 3, total_tokens: count }), null)
    assert.equal(readUsage({ input_tokens: 3, output_tokens: 3, cache_read_input_tokens: count }), null)
  }
  assert.deepEqual(flat({ input_tokens: 1e12, output_tokens: 3 }), [1e12, 0, 3, 0, 1e12 + 3])
})

test('tokens written to a cache are read in every spelling, as a part of the input', () => {
  const spellings = [
    { cache_creation_input_tokens: 30 },
    { input_tokens_details: { cached_tokens: 0, cache_write_tokens: 30 } },
    { prompt_tokens_details: { cache_creation_tokens: 30 } },
  ]
  for (const spelling of spellings) {
    const usage = readUsage({ input_tokens: 100, output_tokens: 5, total_tokens: 105, ...spelling })
    assert.deepEqual(usage?.input_tokens_details, { cached_tokens: 0, cache_write_tokens: 30 })
    assert.equal(usage?.input_tokens, 100)
  }
})

test('reads and writes of a cache that were counted apart are added in, each once', () => {
  const cache = { cache_read_input_tokens: 100, cache_creation_input_tokens: 50 }
  assert.deepEqual(flat({ input_tokens: 10, output_tokens: 5, ...cache }), [160, 100, 5, 0, 165])
  assert.deepEqual(
    flat({ input_tokens: 400, output_tokens: 5, total_tokens: 555, ...cache }),
    [550, 100, 5, 0, 555],
  )
  assert.deepEqual(
    flat({ input_tokens: 400, output_tokens: 5, total_tokens: 405, ...cache }),
    [400, 100, 5, 0, 405],
  )
  assert.deepEqual(
    flat({ input_tokens: 20, output_tokens: 5, cache_creation_input_tokens: 50 }),
    [70, 0, 5, 0, 75],
  )
})

test('the contract has no place for tokens written to a cache', () => {
  const told = readUsage({ input_tokens: 100, output_tokens: 5, cache_creation_input_tokens: 30 })
  assert.ok(told)
  assert.deepEqual(toContractUsage(told), { ...told, input_tokens_details: { cached_tokens: 0 } })
})
