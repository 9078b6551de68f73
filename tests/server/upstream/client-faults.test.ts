import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { GatewayError } from '../../../server/errors.ts'
import { createUpstreamClient } from '../../../server/upstream/client.ts'
import { sendCall, startRawServer, withServer } from './raw-server.ts'

const ok = (body: string) => `HTTP/1.1 200 OK\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
const chunk = (text: string) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
const chunkedHead = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n'

/** Nothing may follow the end of a call. */
const settle = () => delay(30)

describe('a provider that vanishes', () => {
  it('is told when nobody listens, without its address', async () => {
    const server = await startRawServer(() => {})
    await server.close()
    const client = createUpstreamClient()
    const { error, calls } = await sendCall(client, server.url).done
    assert.deepEqual(calls, ['error'])
    assert.ok(error instanceof GatewayError)
    assert.equal(error.kind, 'connect_failed')
    assert.equal(error.code, 'upstream_unreachable')
    assert.equal(error.sent, false)
    assert.match(error.message, /ECONNREFUSED/)
    assert.doesNotMatch(error.message, /127|\d{4}/)
    await client.destroy()
  })

  it('is told when its name does not resolve or its URL is none', async () => {
    const client = createUpstreamClient()
    const unknown = await sendCall(client, 'http://does-not-exist.invalid/').done
    assert.equal(unknown.error?.kind, 'connect_failed')
    const broken = await sendCall(client, 'not a url').done
    assert.equal(broken.error?.kind, 'protocol')
    assert.equal(broken.error?.sent, false)
    const header = await sendCall(client, 'http://127.0.0.1:9/', { headers: { a: 'b\r\nc: d' } }).done
    assert.equal(header.error?.kind, 'protocol')
    await client.destroy()
  })

  for (const [name, answer] of [
    ['closes', 'end'],
    ['resets', 'resetAndDestroy'],
  ] as const) {
    it(`${name} before the head`, () =>
      withServer(
        (socket) => socket[answer](),
        async ({ server, client }) => {
          const { error, calls } = await sendCall(client, server.url).done
          assert.deepEqual(calls, ['error'])
          assert.equal(error?.kind, 'disconnected')
          assert.equal(error?.sent, true)
          assert.match(error?.message ?? '', /before it answered/)
          assert.equal(server.requests.length, 1, 'a request on a fresh socket is not repeated')
        },
      ))

    it(`${name} in the middle of a chunked body`, () =>
      withServer(
        (socket) => socket.write(chunkedHead + chunk('data: 1\n\n')),
        async ({ server, client }) => {
          const close = () => server.sockets[0]?.[answer]()
          const { error, body, calls } = await sendCall(client, server.url, {}, close).done
          assert.deepEqual(calls, ['head', 'data', 'error'])
          assert.equal(body, 'data: 1\n\n')
          assert.equal(error?.kind, 'disconnected')
          assert.match(error?.message ?? '', /middle/)
        },
      ))

    it(`${name} short of its content-length`, () =>
      withServer(
        (socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\nconnection: close\r\n\r\nhalf'),
        async ({ server, client }) => {
          const close = () => server.sockets[0]?.[answer]()
          const { error, calls } = await sendCall(client, server.url, {}, close).done
          assert.deepEqual(calls, ['head', 'data', 'error'])
          assert.equal(error?.kind, 'disconnected')
        },
      ))
  }

  it('ends a body without a length by closing', () =>
    withServer(
      (socket) => socket.end('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nall of it'),
      async ({ server, client }) => {
        const { body, calls } = await sendCall(client, server.url).done
        assert.deepEqual(calls, ['head', 'data', 'end'])
        assert.equal(body, 'all of it')
      },
    ))

  it('closes in order before the last chunk', () =>
    withServer(
      (socket) => {
        socket.write(`${chunkedHead.replace('\r\n', '\r\nconnection: close\r\n')}${chunk('data: 1\n\n')}`)
        setTimeout(() => socket.end(), 20)
      },
      async ({ server, client }) => {
        const { error, calls } = await sendCall(client, server.url).done
        assert.deepEqual(calls, ['head', 'data', 'error'])
        assert.equal(error?.kind, 'disconnected')
      },
    ))

  for (const [name, bytes] of [
    ['text', 'SSH-2.0-OpenSSH_9.6\r\n'],
    ['a broken head', 'HTTP/1.1 banana\r\n\r\n'],
    ['a broken chunk', `${chunkedHead}zz\r\n`],
    ['an endless head', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(40_000)}`],
    ['an upgrade nobody asked for', 'HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'],
  ] as const) {
    it(`sends ${name} instead of HTTP`, () =>
      withServer(
        (socket) => socket.write(bytes),
        async ({ server, client }) => {
          const { error } = await sendCall(client, server.url).done
          assert.equal(error?.kind, 'protocol')
          assert.equal(error?.code, 'upstream_invalid_response')
          assert.equal(server.requests.length, 1)
        },
      ))
  }

  it('answers more than was asked, and the next call is not confused by it', () =>
    withServer(
      (socket) => socket.write(ok('one') + ok('two')),
      async ({ server, client }) => {
        assert.equal((await sendCall(client, server.url).done).body, 'one')
        await settle()
        assert.equal((await sendCall(client, server.url).done).body, 'one')
      },
    ))
})

describe('a kept-alive connection that the provider closes', () => {
  it('is replaced without anyone noticing when it closed between requests', () =>
    withServer(
      (socket) => {
        socket.write(ok('x'))
        setTimeout(() => socket.end(), 5)
      },
      async ({ server, client }) => {
        for (let count = 0; count < 4; count += 1) {
          assert.equal((await sendCall(client, server.url).done).error, null)
          // The client closes its end when it has noticed.
          while (!server.sockets.every(({ closed }) => closed)) await delay(5)
        }
        assert.equal(server.requests.length, 4)
      },
    ))

  for (const closing of ['destroy', 'resetAndDestroy'] as const) {
    it(`is replaced once when it closes on the request (${closing})`, () =>
      withServer(
        (socket, requestOnSocket) => {
          if (requestOnSocket === 1) socket.write(ok('x'))
          else socket[closing]()
        },
        async ({ server, client }) => {
          await sendCall(client, server.url).done
          const { error, body, calls } = await sendCall(client, server.url).done
          assert.equal(error, null)
          assert.equal(body, 'x')
          assert.deepEqual(calls, ['head', 'data', 'end'])
          assert.equal(server.requests.length, 3)
        },
      ))
  }

  it('is not repeated once a byte of the answer was there', () =>
    withServer(
      (socket, requestOnSocket) => {
        if (requestOnSocket === 1) socket.write(ok('x'))
        else socket.write('HTTP/1.1 200', () => setTimeout(() => socket.destroy(), 10))
      },
      async ({ server, client }) => {
        await sendCall(client, server.url).done
        const { error } = await sendCall(client, server.url).done
        assert.equal(error?.kind, 'disconnected')
        assert.equal(server.requests.length, 2)
      },
    ))

  it('is not repeated a second time', () =>
    withServer(
      (socket, requestOnSocket, request) => {
        if (requestOnSocket === 1 && !request.includes('last')) socket.write(ok('x'))
        else socket.destroy()
      },
      async ({ server, client }) => {
        await sendCall(client, server.url).done
        const { error } = await sendCall(client, server.url, { body: '"last"' }).done
        assert.equal(error?.kind, 'disconnected')
        assert.equal(server.requests.length, 3)
      },
    ))
})
