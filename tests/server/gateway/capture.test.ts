import assert from 'node:assert/strict'
import { it } from 'node:test'
import { captureChunk, createCapture } from '../../../server/gateway/capture.ts'

function text(body: ReturnType<typeof createCapture>): string {
  return Buffer.concat(body.chunks.map((chunk) => Buffer.from(chunk as Uint8Array))).toString()
}

it('keeps chunks up to the limit, cuts the one that crosses it, and counts all', () => {
  const body = createCapture()
  captureChunk(body, 'abcd', 6)
  assert.deepEqual([body.bytes, body.truncated], [4, false])
  captureChunk(body, Buffer.from('efgh'), 6)
  captureChunk(body, 'ij', 6)
  assert.equal(text(body), 'abcdef')
  assert.deepEqual([body.bytes, body.truncated], [10, true])
})

it('counts bytes, not characters', () => {
  const body = createCapture()
  captureChunk(body, 'é€', 100)
  assert.equal(body.bytes, 5)
})

it('keeps nothing when the limit is 0', () => {
  const body = createCapture()
  captureChunk(body, 'abc', 0)
  assert.deepEqual([body.chunks.length, body.bytes, body.truncated], [0, 3, true])
})
