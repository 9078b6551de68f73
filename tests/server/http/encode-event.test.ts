import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createEncoder } from '../../../server/http/encode-event.ts'
import type { CanonicalResponse } from '../../../translators/shared/canonical.ts'

const response = {
  id: 'resp_1',
  object: 'response',
  instructions: 'line one\nline "two"',
  tools: [{ type: 'function', name: 'f', parameters: null }],
  metadata: {},
  reasoning: null,
  output: [],
  absent: undefined,
} as unknown as CanonicalResponse

it('writes a response exactly as JSON.stringify would', () => {
  const encoder = createEncoder()
  assert.equal(encoder.response(response), JSON.stringify(response))
  assert.equal(
    encoder.response({ ...response, status: 'completed' }),
    JSON.stringify({ ...response, status: 'completed' }),
  )
})

it('frames an event whose data is the event itself', () => {
  const encoder = createEncoder()
  const delta = { type: 'response.output_text.delta', sequence_number: 4, delta: 'a\n\nb' }
  assert.equal(encoder.event(delta), `event: ${delta.type}\ndata: ${JSON.stringify(delta)}\n\n`)
  const created = { type: 'response.created', sequence_number: 0, response }
  assert.equal(encoder.event(created), `event: response.created\ndata: ${JSON.stringify(created)}\n\n`)
})

it('does not take one value for another with the same text', () => {
  const encoder = createEncoder()
  encoder.response({ ...response, tools: [{ type: 'a' }] })
  assert.match(encoder.response({ ...response, tools: [{ type: 'b' }] }), /"tools":\[\{"type":"b"\}\]/)
})
