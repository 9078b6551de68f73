import assert from 'node:assert/strict'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { GatewayError } from '../../../server/errors.ts'
import { readBody } from '../../../server/http/read-body.ts'

const limit = 1000
let server: Server
let origin: string
/** Milliseconds. */
let idleTimeout = 60_000
/** What the last call of readBody came to. */
let outcome: Promise<Buffer | GatewayError>

before(async () => {
  server = createServer((request, response) => {
    outcome = readBody(request, { limit, idleTimeout }).catch((error) => error)
    outcome.then(() => response.end())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
after(() => server.close())

async function send(body: Uint8Array, headers: IncomingHttpHeaders = {}): Promise<Buffer | GatewayError> {
  await fetch(origin, {
    method: 'POST',
    body: new Uint8Array(body),
    headers: headers as Record<string, string>,
  }).catch(() => {})
  return outcome
}
function assertCode(result: Buffer | GatewayError, code: string): void {
  assert.ok(result instanceof GatewayError)
  assert.equal(result.code, code)
}

describe('readBody', () => {
  it('reads bodies up to the limit, in any of the encodings', async () => {
    const plain = Buffer.from('x'.repeat(limit))
    assert.deepEqual(await send(plain), plain)
    const encoded = {
      gzip: gzipSync(plain),
      deflate: deflateSync(plain),
      br: brotliCompressSync(plain),
      zstd: zstdCompressSync(plain),
    }
    for (const [encoding, body] of Object.entries(encoded)) {
      assert.deepEqual(await send(body, { 'content-encoding': encoding }), plain, encoding)
    }
  })
  it('refuses one byte more, and a small body that unpacks to more', async () => {
    assertCode(await send(Buffer.alloc(limit + 1)), 'body_too_large')
    assertCode(
      await send(gzipSync(Buffer.alloc(limit + 1)), { 'content-encoding': 'gzip' }),
      'body_too_large',
    )
  })
  it('refuses encodings it does not know and bodies that are not what they say', async () => {
    for (const encoding of ['lzma', 'gzip, gzip', 'constructor', '__proto__'])
      assertCode(await send(Buffer.from('x'), { 'content-encoding': encoding }), 'unsupported_media_type')
    assertCode(await send(Buffer.from('x'), { 'content-encoding': 'gzip' }), 'invalid_request')
  })
  it('gives up on a body that stops, and on a client that goes', async () => {
    idleTimeout = 50
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
    const head = 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc'
    const seen = new Promise<void>((resolve) => server.once('request', () => resolve()))
    socket.write(head)
    await seen
    assertCode(await outcome, 'request_timeout')
    socket.destroy()
    idleTimeout = 60_000
    const gone = connect((server.address() as AddressInfo).port, '127.0.0.1')
    const seenAgain = new Promise<void>((resolve) => server.once('request', () => resolve()))
    gone.write(head)
    await seenAgain
    gone.destroy()
    assertCode(await outcome, 'client_closed_request')
  })
})
