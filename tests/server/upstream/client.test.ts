import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { sendCall, withServer } from './raw-server.ts'

const ok = (body: string) => `HTTP/1.1 200 OK\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
const chunk = (text: string) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
const chunkedHead = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n'

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
