import assert from 'node:assert/strict'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { it } from 'node:test'
import type { Exchange } from '../../../server/gateway/exchange.ts'
import { createExchange } from '../../../server/gateway/exchange-life.ts'
import type { Transcript } from '../../../server/gateway/sink.ts'
import { createJsonSink, createSseSink } from '../../../server/http/sinks.ts'
import type { CanonicalResponse } from '../../../translators/shared/canonical.ts'

const final = {
  id: 'resp_1',
  object: 'response',
  status: 'completed',
  output: [],
} as unknown as CanonicalResponse
const delta = { type: 'response.output_text.delta', sequence_number: 0, delta: 'hi' }
const completed = { type: 'response.completed', sequence_number: 1, response: final }

/** Serves one request with `handle` and gives what a client got of it. */
async function serve(handle: (response: ServerResponse, exchange: Exchange) => void) {
  let exchange: Exchange | undefined
  const server = createServer((request, response) => {
    exchange = createExchange({
      headers: request.headers,
      clientAddress: '127.0.0.1',
      operation: 'responses.create',
    })
    handle(response, exchange)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, {
    headers: { 'x-request-id': 'my-id' },
  })
  const text = await answer.text()
  server.close()
  assert.ok(exchange)
  return { status: answer.status, headers: answer.headers, text, exchange }
}

it('writes events, the terminal one and [DONE], and captures and keeps exactly that', async () => {
  let kept: Transcript | undefined
  const { headers, text, exchange } = await serve((response, exchange) => {
    const sink = createSseSink({ response, exchange, captureLimit: 1000, record: true, pingSeconds: 15 })
    sink.prepare({ 'x-dragoman-provider': 'first' })
    sink.prepare({ 'x-dragoman-provider': 'second' })
    assert.equal(sink.opened, false)
    sink.write([delta])
    assert.equal(sink.opened, true)
    kept = sink.transcript([completed], final)
    sink.finish([completed], final)
  })
  assert.equal(
    text,
    `event: ${delta.type}\ndata: ${JSON.stringify(delta)}\n\nevent: response.completed\ndata: ${JSON.stringify(completed)}\n\ndata: [DONE]\n\n`,
  )
  assert.equal(headers.get('content-type'), 'text/event-stream; charset=utf-8')
  assert.equal(headers.get('x-dragoman-provider'), 'second')
  assert.equal(headers.get('x-request-id'), 'my-id')
  assert.match(headers.get('server-timing') ?? '', /^gateway;dur=[\d.]+, upstream;dur=[\d.]+$/)
  assert.equal(exchange.clientResponse.chunks.join(''), text)
  assert.deepEqual(kept, {
    events: { first: 0, count: 2, text: text.replace('data: [DONE]\n\n', '') },
    answer: {
      status: 200,
      headers: {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-cache, no-transform',
        'x-accel-buffering': 'no',
        'x-dragoman-provider': 'second',
      },
      body: text,
    },
  })
})

it('opens the answer with a comment when nothing comes for too long', async () => {
  const { text, headers } = await serve((response, exchange) => {
    const sink = createSseSink({ response, exchange, captureLimit: 1000, record: false, pingSeconds: 0.02 })
    sink.prepare({ 'x-dragoman-provider': 'slow' })
    const wait = setInterval(() => {
      if (!sink.opened) return
      clearInterval(wait)
      sink.finish([completed], final)
    }, 5)
  })
  assert.match(text, /^(?:: ping\n\n)+event: response\.completed\n/)
  assert.equal(headers.get('x-dragoman-provider'), 'slow')
})

it('writes the finished object as JSON with its length', async () => {
  const { status, headers, text, exchange } = await serve((response, exchange) => {
    const sink = createJsonSink({ response, exchange, captureLimit: 1000 })
    sink.prepare({ 'x-dragoman-adaptations': 'dropped:user' })
    assert.equal(sink.write([delta]), true)
    sink.finish([], { ...final, model: 'é' })
  })
  assert.equal(status, 200)
  assert.deepEqual(JSON.parse(text), { ...final, model: 'é' })
  assert.equal(headers.get('content-length'), String(Buffer.byteLength(text)))
  assert.equal(headers.get('x-dragoman-adaptations'), 'dropped:user')
  assert.equal(exchange.httpStatus, 200)
})
