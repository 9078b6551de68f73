import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { GatewayError } from '../../../server/errors.ts'
import { createUpstreamClient } from '../../../server/upstream/client.ts'
import { patient, sendCall, socketClosed, startRawServer, withServer } from './raw-server.ts'

const ok = (body: string) => `HTTP/1.1 200 OK\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
const chunk = (text: string) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
const chunkedHead = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n'

/** Nothing may follow the end of a call. */
const settle = () => delay(30)

describe('the upstream client', () => {
  it('sends method, path, headers and body, and hands the answer on', () =>
    withServer(
      (socket) =>
        socket.write(
          'HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nX-A: 1\r\nX-A: 2\r\ncontent-length: 2\r\n\r\nno',
        ),
      async ({ server, client }) => {
        const { done } = sendCall(client, `${server.url}/v1/responses?a=b`, {
          headers: { authorization: 'Bearer k', 'content-type': 'application/json' },
          body: '{"x":"ü"}',
        })
        const { head, body, calls } = await done
        assert.deepEqual(calls, ['head', 'data', 'end'])
        assert.equal(head?.status, 429)
        assert.equal(head?.headers['retry-after'], '7')
        assert.equal(head?.headers['x-a'], '1, 2')
        assert.equal(body, 'no')
        const request = server.requests[0] ?? ''
        assert.match(request, /^POST \/v1\/responses\?a=b HTTP\/1.1\r\n/)
        assert.match(request, /authorization: Bearer k\r\n/)
        assert.match(request, /accept-encoding: identity\r\n/)
        assert.match(request, /content-length: 10\r\n/)
        assert.equal(Buffer.from(request.split('\r\n\r\n')[1] ?? '', 'latin1').toString(), '{"x":"ü"}')
      },
    ))

  it('keeps connections and uses them again', () =>
    withServer(
      (socket) => socket.write(ok('x')),
      async ({ server, client }) => {
        for (let count = 0; count < 5; count += 1) await sendCall(client, server.url).done
        assert.equal(server.requests.length, 5)
        assert.equal(server.sockets.length, 1)
      },
    ))

  it('opens no more connections than allowed; further calls wait', () =>
    withServer(
      (socket) => setTimeout(() => socket.write(ok('x')), 20),
      async ({ server, client }) => {
        const calls = Array.from(
          { length: 6 },
          () => sendCall(client, server.url, { maxConnections: 2 }).done,
        )
        for (const { error } of await Promise.all(calls)) assert.equal(error, null)
        assert.equal(server.sockets.length, 2)
      },
    ))

  it('sends GET without a body', () =>
    withServer(
      (socket) => socket.write(ok('{}')),
      async ({ server, client }) => {
        await sendCall(client, `${server.url}/v1/responses/r1`, { method: 'GET', body: null }).done
        assert.match(server.requests[0] ?? '', /^GET \/v1\/responses\/r1 HTTP/)
        assert.doesNotMatch(server.requests[0] ?? '', /content-length/)
      },
    ))

  it('delivers a stream chunk by chunk', () =>
    withServer(
      async (socket) => {
        socket.write(chunkedHead)
        for (const text of ['data: 1\n\n', 'data: 2\n\n']) {
          await delay(10)
          socket.write(chunk(text))
        }
        socket.write('0\r\n\r\n')
      },
      async ({ server, client }) => {
        const chunks: string[] = []
        const { done } = sendCall(client, server.url, {}, (data) => chunks.push(Buffer.from(data).toString()))
        assert.deepEqual((await done).calls, ['head', 'data', 'end'])
        assert.deepEqual(chunks, ['data: 1\n\n', 'data: 2\n\n'])
      },
    ))

  it('follows no redirect', () =>
    withServer(
      (socket) =>
        socket.write('HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n'),
      async ({ server, client }) => {
        const { head, calls } = await sendCall(client, server.url).done
        assert.equal(head?.status, 302)
        assert.deepEqual(calls, ['head', 'end'])
      },
    ))

  it('passes over informational answers', () =>
    withServer(
      (socket) => socket.write(`HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n${ok('x')}`),
      async ({ server, client }) => {
        const { head, calls } = await sendCall(client, server.url).done
        assert.equal(head?.status, 200)
        assert.deepEqual(calls, ['head', 'data', 'end'])
      },
    ))
})

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
        async (socket) => {
          socket.write(chunkedHead + chunk('data: 1\n\n'))
          await delay(20)
          socket[answer]()
        },
        async ({ server, client }) => {
          const { error, body, calls } = await sendCall(client, server.url).done
          assert.deepEqual(calls, ['head', 'data', 'error'])
          assert.equal(body, 'data: 1\n\n')
          assert.equal(error?.kind, 'disconnected')
          assert.match(error?.message ?? '', /middle/)
        },
      ))

    it(`${name} short of its content-length`, () =>
      withServer(
        async (socket) => {
          socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\nconnection: close\r\n\r\nhalf')
          await delay(20)
          socket[answer]()
        },
        async ({ server, client }) => {
          const { error, calls } = await sendCall(client, server.url).done
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
          await delay(15)
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

describe('time-outs', () => {
  it('ends a call that gets no connection', () =>
    withServer(
      () => {},
      async ({ server, client }) => {
        const first = sendCall(client, server.url, { maxConnections: 1 })
        const waiting = sendCall(client, server.url, {
          maxConnections: 1,
          timeouts: { ...patient, connect: 20_000 },
        })
        const timeouts = { ...patient, connect: 30 }
        const holder = sendCall(client, server.url, { maxConnections: 1, timeouts })
        const { error, calls } = await sendCall(client, server.url, { maxConnections: 1, timeouts }).done
        assert.deepEqual(calls, ['error'])
        assert.equal(error?.kind, 'connect_timeout')
        assert.equal(error?.code, 'upstream_timeout')
        assert.equal(error?.status, 504)
        assert.equal(error?.sent, false)
        for (const call of [first, waiting, holder]) call.control.abort()
      },
    ))

  it('ends a call whose answer does not begin, and closes the socket', () =>
    withServer(
      () => {},
      async ({ server, client }) => {
        const { error } = await sendCall(client, server.url, { timeouts: { ...patient, firstByte: 40 } }).done
        assert.equal(error?.kind, 'first_byte_timeout')
        assert.equal(error?.sent, true)
        await socketClosed(server)
      },
    ))

  it('ends a call whose headers drip', () =>
    withServer(
      async (socket) => {
        for (const byte of 'HTTP/1.1 200 OK\r\nx: yyyyyyyyyyyyyyyyyyyyyyyy') {
          socket.write(byte)
          await delay(5)
        }
      },
      async ({ server, client }) => {
        const { error } = await sendCall(client, server.url, { timeouts: { ...patient, firstByte: 60 } }).done
        assert.equal(error?.kind, 'first_byte_timeout')
      },
    ))

  it('ends a stream that stops', () =>
    withServer(
      (socket) => socket.write(chunkedHead + chunk('data: 1\n\n')),
      async ({ server, client }) => {
        const { error, calls } = await sendCall(client, server.url, { timeouts: { ...patient, idle: 40 } })
          .done
        assert.deepEqual(calls, ['head', 'data', 'error'])
        assert.equal(error?.kind, 'idle_timeout')
        await socketClosed(server)
      },
    ))

  it('lets a stream go on that keeps moving, until its total time', () =>
    withServer(
      (socket) => {
        socket.write(chunkedHead)
        const timer = setInterval(() => socket.write(chunk('x')), 10)
        socket.on('close', () => clearInterval(timer))
      },
      async ({ server, client }) => {
        const { error, body } = await sendCall(client, server.url, {
          timeouts: { ...patient, idle: 2000, total: 300 },
        }).done
        assert.equal(error?.kind, 'total_timeout')
        assert.ok(body.length > 3)
      },
    ))

  it('does not count the time that the reader is paused', () =>
    withServer(
      (socket) => {
        socket.write(chunkedHead + chunk('1'))
        setTimeout(() => socket.write(`${chunk('2')}0\r\n\r\n`), 30)
      },
      async ({ server, client }) => {
        const sending = sendCall(
          client,
          server.url,
          { timeouts: { ...patient, idle: 80 } },
          (_data, { body }) => {
            if (body === '1') sending.control.pause()
          },
        )
        await delay(250)
        assert.equal(sending.outcome.error, null)
        assert.equal(sending.outcome.body, '1')
        sending.control.resume()
        const { calls, body } = await sending.done
        assert.deepEqual(calls, ['head', 'data', 'end'])
        assert.equal(body, '12')
      },
    ))

  it('counts again once the reader goes on', () =>
    withServer(
      (socket) => socket.write(chunkedHead + chunk('1')),
      async ({ server, client }) => {
        const sending = sendCall(client, server.url, { timeouts: { ...patient, idle: 40 } }, () => {
          sending.control.pause()
        })
        await delay(120)
        assert.equal(sending.outcome.error, null)
        sending.control.resume()
        assert.equal((await sending.done).error?.kind, 'idle_timeout')
      },
    ))
})

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
        await delay(150)
        const before = received
        await delay(100)
        assert.equal(received, before, 'nothing comes while paused')
        sending.control.resume()
        await delay(50)
        assert.ok(received > before)
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

describe('a compressed answer', () => {
  const text = 'data: héllo\n\n'.repeat(2000)
  for (const [encoding, compress] of [
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
    ['deflate', deflateSync],
    ['zstd', zstdCompressSync],
    ['GZIP', gzipSync],
  ] as const) {
    it(`is decoded: ${encoding}`, () =>
      withServer(
        async (socket) => {
          const bytes = compress(Buffer.from(text))
          socket.write(
            `HTTP/1.1 200 OK\r\ncontent-encoding: ${encoding}\r\ncontent-length: ${bytes.length}\r\n\r\n`,
          )
          for (const byte of bytes.subarray(0, 20)) socket.write(Uint8Array.of(byte))
          await delay(5)
          socket.write(bytes.subarray(20))
        },
        async ({ server, client }) => {
          const { head, body, calls } = await sendCall(client, server.url).done
          assert.deepEqual(calls, ['head', 'data', 'end'])
          assert.equal(body, text)
          assert.equal(head?.headers['content-encoding'], undefined)
          assert.equal(head?.headers['content-length'], undefined)
        },
      ))
  }

  it('is decoded: deflate without its wrapper', () =>
    withServer(
      (socket) => {
        const bytes = deflateRawSync(Buffer.from(text))
        socket.write(
          `HTTP/1.1 200 OK\r\ncontent-encoding: deflate\r\ncontent-length: ${bytes.length}\r\n\r\n`,
        )
        socket.write(bytes)
      },
      async ({ server, client }) => {
        assert.equal((await sendCall(client, server.url).done).body, text)
      },
    ))

  it('obeys pause', () =>
    withServer(
      (socket) => {
        const bytes = gzipSync(Buffer.alloc(20_000_000))
        socket.write(`HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: ${bytes.length}\r\n\r\n`)
        socket.write(bytes)
      },
      async ({ server, client }) => {
        let received = 0
        const sending = sendCall(client, server.url, {}, (data) => {
          received += data.length
          if (received < 100_000) sending.control.pause()
        })
        await delay(100)
        assert.ok(received < 100_000, `${received}`)
        const timer = setInterval(() => sending.control.resume(), 1)
        assert.deepEqual((await sending.done).calls, ['head', 'data', 'end'])
        clearInterval(timer)
        assert.equal(received, 20_000_000)
      },
    ))

  for (const [name, encoding, body] of [
    ['is not what it says', 'gzip', Buffer.from('plain text')],
    ['ends too early', 'gzip', gzipSync(Buffer.from(text)).subarray(0, 40)],
    ['uses an encoding nobody knows', 'lzma', Buffer.from('x')],
  ] as const) {
    it(`is an error when it ${name}`, () =>
      withServer(
        (socket) => {
          socket.write(
            `HTTP/1.1 200 OK\r\ncontent-encoding: ${encoding}\r\ncontent-length: ${body.length}\r\n\r\n`,
          )
          socket.write(body)
        },
        async ({ server, client }) => {
          const { error, calls } = await sendCall(client, server.url).done
          assert.equal(error?.kind, 'protocol')
          assert.equal(calls.filter((call) => call === 'error' || call === 'end').length, 1)
        },
      ))
  }

  it('may be empty', () =>
    withServer(
      (socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 0\r\n\r\n'),
      async ({ server, client }) => {
        assert.deepEqual((await sendCall(client, server.url).done).calls, ['head', 'end'])
      },
    ))
})
