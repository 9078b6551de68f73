import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { GatewayError } from '../../../server/errors.ts'
import { createUpstreamClient } from '../../../server/upstream/client.ts'
import { patient, sendCall, socketClosed, withServer } from './raw-server.ts'

const ok = (body: string) => `HTTP/1.1 200 OK\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
const chunk = (text: string) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
const chunkedHead = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n'

/** Nothing may follow the end of a call. */
const settle = () => delay(30)

describe('backpressure and abort', () => {
  it('stops reading from a provider that is faster than the client', () =>
    withServer(
      (socket) => {
        socket.write('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n')
        const more = () => {
          while (!socket.destroyed && socket.write(Buffer.alloc(65_536))) {}
        }
        socket.on('drain', more)
        more()
      },
      async ({ server, client }) => {
        let received = 0
        const sending = sendCall(client, server.url, {}, (data) => {
          received += data.length
          sending.control.pause()
        })
        while (received === 0) await delay(5)
        const before = received
        await delay(100)
        assert.equal(received, before, 'nothing comes while paused')
        sending.control.resume()
        while (received === before) await delay(5)
        sending.control.abort()
      },
    ))

  it('may pause and resume at once, from within any callback', () =>
    withServer(
      (socket) => socket.write(ok('x'.repeat(300_000))),
      async ({ server, client }) => {
        const other = sendCall(client, server.url, {}, () => other.control.pause())
        const sending = sendCall(client, server.url, {}, () => {
          sending.control.pause()
          sending.control.resume()
          other.control.resume()
        })
        assert.equal((await sending.done).body.length, 300_000)
        const timer = setInterval(() => other.control.resume(), 1)
        assert.equal((await other.done).body.length, 300_000)
        clearInterval(timer)
      },
    ))

  for (const [name, answer, wait] of [
    ['before the head', '', 20],
    ['in the middle of the body', chunkedHead + chunk('1'), 20],
  ] as const) {
    it(`closes the provider's socket ${name}`, () =>
      withServer(
        (socket) => answer === '' || socket.write(answer),
        async ({ server, client }) => {
          const sending = sendCall(client, server.url)
          while (server.requests.length === 0) await delay(5)
          await delay(wait)
          sending.control.abort()
          assert.equal(sending.outcome.error?.kind, 'aborted')
          await socketClosed(server)
          sending.control.abort()
          sending.control.resume()
          await settle()
          assert.equal(sending.outcome.calls.filter((call) => call === 'error').length, 1)
          assert.equal(sending.outcome.calls.at(-1), 'error')
        },
      ))
  }

  it('closes it while paused', () =>
    withServer(
      (socket) => socket.write(chunkedHead + chunk('1')),
      async ({ server, client }) => {
        const sending = sendCall(client, server.url, {}, () => sending.control.pause())
        while (sending.outcome.body === '') await delay(5)
        sending.control.abort()
        await socketClosed(server)
      },
    ))

  it('sends nothing when aborted before the connection is open', () =>
    withServer(
      (socket) => socket.write(ok('x')),
      async ({ server, client }) => {
        const sending = sendCall(client, server.url)
        sending.control.abort()
        assert.equal(sending.outcome.error?.kind, 'aborted')
        assert.equal(sending.outcome.error?.sent, false)
        await settle()
        assert.deepEqual(server.requests, [])
        assert.equal((await sendCall(client, server.url).done).body, 'x')
      },
    ))

  it('leaves the connection to others when aborted while waiting for it', () => {
    const gate = Promise.withResolvers<void>()
    return withServer(
      (socket) => gate.promise.then(() => socket.write(ok('x'))),
      async ({ server, client }) => {
        const [first, second, third] = [1, 2, 3].map(() =>
          sendCall(client, server.url, { maxConnections: 1 }),
        )
        while (server.requests.length === 0) await delay(5)
        second?.control.abort()
        gate.resolve()
        assert.equal((await first?.done)?.body, 'x')
        assert.equal((await third?.done)?.body, 'x')
        assert.equal(second?.outcome.error?.sent, false)
        assert.equal(server.requests.length, 2)
        assert.equal(server.sockets.length, 1)
      },
    )
  })

  it('may be aborted from within onData', () =>
    withServer(
      (socket) => socket.write(chunkedHead + chunk('1') + chunk('2')),
      async ({ server, client }) => {
        const sending = sendCall(client, server.url, {}, () => sending.control.abort())
        const { calls, body } = await sending.done
        assert.deepEqual(calls, ['head', 'data', 'error'])
        assert.equal(body, '1')
      },
    ))

  it('ends the call when a handler throws', () =>
    withServer(
      (socket) => socket.write(chunkedHead + chunk('1')),
      async ({ server, client }) => {
        const { error } = await sendCall(client, server.url, {}, () => {
          throw new GatewayError('upstream_invalid_response', 'too long an event')
        }).done
        assert.equal(error?.kind, 'protocol')
        assert.equal(error?.message, 'too long an event')
        await socketClosed(server)
      },
    ))

  it('calls no handler before send has returned', async () => {
    const client = createUpstreamClient()
    await client.close()
    let returned = false
    await new Promise<void>((resolve) => {
      client.send(
        { method: 'GET', url: 'http://127.0.0.1:9/', headers: {}, body: null, timeouts: patient },
        {
          onHead: () => {},
          onData: () => {},
          onEnd: () => {},
          onError: (error) => {
            assert.equal(returned, true)
            assert.equal(error.kind, 'connect_failed')
            resolve()
          },
        },
      )
      returned = true
    })
  })

  it('lets calls in flight end on close', () =>
    withServer(
      (socket) => setTimeout(() => socket.write(ok('late')), 60),
      async ({ server, client }) => {
        const { done } = sendCall(client, server.url)
        while (server.requests.length === 0) await delay(5)
        await client.close()
        assert.equal((await done).body, 'late')
      },
    ))

  it('fails calls in flight on destroy', () =>
    withServer(
      () => {},
      async ({ server, client }) => {
        const { done } = sendCall(client, server.url)
        while (server.requests.length === 0) await delay(5)
        await client.destroy()
        assert.equal((await done).error?.kind, 'disconnected')
      },
    ))
})
