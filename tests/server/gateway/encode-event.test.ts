import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createEventEncoder } from '../../../server/gateway/encode-event.ts'
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

it('frames an event whose data is exactly what JSON.stringify would make of it', () => {
  const encode = createEventEncoder()
  const delta = { type: 'response.output_text.delta', sequence_number: 4, delta: 'a\n\nb' }
  assert.equal(encode(delta), `event: ${delta.type}\ndata: ${JSON.stringify(delta)}\n\n`)
  for (const status of ['in_progress', 'completed']) {
    const event = { type: 'response.created', sequence_number: 0, response: { ...response, status } }
    assert.equal(encode(event), `event: response.created\ndata: ${JSON.stringify(event)}\n\n`)
  }
})

it('does not take one value for another with the same text', () => {
  const encode = createEventEncoder()
  const event = (tools: object[]) => ({
    type: 'response.created',
    sequence_number: 0,
    response: { ...response, tools },
  })
  encode(event([{ type: 'a' }]))
  assert.match(encode(event([{ type: 'b' }])), /"tools":\[\{"type":"b"\}\]/)
})
