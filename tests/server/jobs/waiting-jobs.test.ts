import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { captureChunk } from '../../../server/gateway/capture.ts'
import type { Exchange } from '../../../server/gateway/exchange.ts'
import { createExchange } from '../../../server/gateway/exchange-life.ts'
import type { KeptRequest } from '../../../server/jobs/kept-request.ts'
import { recallRequest, WaitingJobs } from '../../../server/jobs/waiting-jobs.ts'

const limit = 1000
const text = 'x'.repeat(40)

function makeExchange(): Exchange {
  const exchange = createExchange({ headers: {}, clientAddress: '', operation: 'responses.create' })
  captureChunk(exchange.clientRequest, Buffer.from(text), limit)
  return exchange
}
const kept = { request: { model: 'm', input: 'hi' } } as unknown as KeptRequest
const heldBy = ({ clientRequest }: Exchange): string => clientRequest.chunks.join('')

describe('jobs that wait', () => {
  it('hold no more than so many bytes, and find the rest in the store', () => {
    // Two of 40 + 10.
    const waiting = new WaitingJobs(100)
    for (const id of ['one', 'two', 'three', 'four'])
      waiting.add(id, { exchange: makeExchange(), body: '0123456789' })
    assert.equal(waiting.size, 4)
    const [one, two, three] = ['one', 'two', 'three'].map((id) => waiting.take(id))
    assert.ok(one && two && three)
    assert.deepEqual([one.body, two.body, three.body], ['0123456789', '0123456789', null])
    assert.deepEqual([heldBy(one.exchange), heldBy(three.exchange)], [text, ''])
    assert.deepEqual(
      [three.exchange.clientRequest.bytes, three.exchange.clientRequest.truncated],
      [40, true],
      'a record that ends here says that something is missing',
    )
    recallRequest(three.exchange, kept, limit)
    assert.deepEqual(three.exchange.clientRequest, {
      chunks: ['{"model":"m","input":"hi"}'],
      bytes: 40,
      truncated: false,
    })
    assert.equal(waiting.take('one'), null)
    waiting.add('five', { exchange: makeExchange(), body: 'b' })
    assert.equal(waiting.take('five')?.body, 'b', 'there is room again')
    assert.deepEqual(waiting.ids(), ['four'])
  })
  it('leave what was recorded alone, and what is not to be recorded', () => {
    const exchange = makeExchange()
    recallRequest(exchange, kept, limit)
    assert.equal(heldBy(exchange), text)
    const unrecorded = createExchange({ headers: {}, clientAddress: '', operation: 'responses.create' })
    recallRequest(unrecorded, kept, 0)
    assert.equal(heldBy(unrecorded), '')
  })
})
