/** What the whole gateway shows only after minutes, or not at all: pings, and a gateway that is stopping. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { WebSocket } from 'ws'
import { loadConfig } from '../../../server/config/load.ts'
import { GatewayError } from '../../../server/errors.ts'
import type { Exchange } from '../../../server/gateway/exchange.ts'
import { combineObservers } from '../../../server/gateway/observe.ts'
import { createHttpServer, type HttpServer } from '../../../server/http/create-server.ts'
import { createWebSockets } from '../../../server/http/websocket.ts'
import { openRefused, openSocket } from '../../support/socket-client.ts'

const runtime = loadConfig({
  config: { providers: { openai: { variant: 'openai', baseUrl: 'http://127.0.0.1:1/v1', apiKey: 'x' } } },
  source: 'test',
  env: {},
})
const handshake =
  'GET /v1/responses HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n' +
  'sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'

describe('WebSockets below the gateway', () => {
  const pingInterval = 40
  let server: HttpServer
  let origin: string
  let isDraining = false
  let respond: () => Promise<void> = async () => {}
  let answer: RequestListener = (_, response) => response.end('plain')
  const unexpected: unknown[] = []
  const finished: Exchange[] = []
  before(async () => {
    const webSockets = createWebSockets({
      runtime: () => runtime,
      draining: () => isDraining,
      gateway: { respond: () => respond() },
      observer: combineObservers([{ finished: (exchange) => finished.push(exchange) }], assert.ifError),
      onUnexpected: (error) => unexpected.push(error),
      pingInterval,
    })
    const limits = { keepAliveTimeout: 5000, headersTimeout: 5000 }
    server = createHttpServer({
      limits,
      handler: (request, response) => answer(request, response),
      webSockets,
    })
    await new Promise<void>((resolve) => server.server.listen(0, '127.0.0.1', resolve))
    origin = `http://127.0.0.1:${(server.server.address() as AddressInfo).port}`
  })
  after(async () => {
    server.closeAll()
    await new Promise((resolve) => server.server.close(resolve))
  })

  /** A connection that has been upgraded, of which `frames` tells what came after that, also with it. */
  async function openRaw(): Promise<{ socket: Socket; frames: () => Buffer }> {
    const socket = connect(Number(new URL(origin).port), '127.0.0.1')
    let received = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
    })
    socket.write(handshake)
    while (!received.includes('\r\n\r\n')) await once(socket, 'data')
    const start = received.indexOf('\r\n\r\n') + 4
    return { socket, frames: () => received.subarray(start) }
  }

  it('are cut off when nobody answers pings, and stay open while somebody does', async () => {
    const alive = await openSocket(origin)
    let pings = 0
    alive.socket.on('ping', () => {
      pings += 1
    })
    const { socket: dead, frames } = await openRaw()
    if (!dead.closed) await once(dead, 'close')
    assert.match(frames().toString('hex'), /^(?:8904.{8}){2}$/, 'two pings, then the end without a word')
    assert.ok(pings >= 2)
    while (pings < 8) await once(alive.socket, 'ping')
    assert.equal(alive.socket.readyState, WebSocket.OPEN)
    await alive.close()
  })
  it('are cut off when pongs come unasked, while nobody reads', async () => {
    const { socket: deaf } = await openRaw()
    // Its end may find a pong on its way, which resets the connection.
    deaf.on('error', () => {})
    const unasked = Buffer.from('8a8000000000', 'hex')
    const timer = setInterval(() => deaf.write(unasked), 5)
    if (!deaf.closed) await new Promise((resolve) => deaf.once('close', resolve))
    clearInterval(timer)
  })
  it('are refused while the gateway stops, and so are turns on those that are open', async () => {
    const client = await openSocket(origin)
    isDraining = true
    try {
      const refused = await openRefused(origin)
      assert.equal(refused.status, 503)
      assert.equal(JSON.parse(refused.body).error.code, 'shutting_down')
      const frame = await client.fail({ type: 'response.create', model: 'x', input: 'hi' })
      assert.deepEqual([frame.status, frame.error.code], [503, 'shutting_down'])
    } finally {
      isDraining = false
    }
    server.closeIdle()
    assert.deepEqual(await client.closed, { code: 1001, reason: 'shutting down' })
  })
  it('tell a defect as an error that says nothing of it, and go on', async () => {
    const client = await openSocket(origin)
    respond = () => Promise.reject(new Error('a secret of the code'))
    const broken = await client.fail({ type: 'response.create', model: 'x', input: 'hi' })
    assert.deepEqual([broken.status, broken.error.code], [500, 'internal_error'])
    assert.doesNotMatch(JSON.stringify(broken), /a secret of the code/)
    assert.match(String(unexpected.at(-1)), /a secret of the code/)
    respond = () =>
      Promise.reject(new GatewayError('conversation_locked', 'Locked.', { retryAfterSeconds: 1 }))
    const locked = await client.fail({ type: 'response.create', model: 'x', input: 'hi' })
    assert.equal(locked.headers?.['retry-after'], '1')
    await client.close()
  })
  it('are not opened on a connection that owes an answer', async () => {
    const asked = Promise.withResolvers<() => void>()
    const late: RequestListener = (_, response) => asked.resolve(() => response.end('late'))
    const plain = answer
    answer = late
    const socket = connect(Number(new URL(origin).port), '127.0.0.1')
    try {
      socket.write('GET /late HTTP/1.1\r\nhost: localhost\r\n\r\n')
      const finish = await asked.promise
      answer = plain
      let received = ''
      socket.on('data', (chunk) => {
        received += chunk
      })
      socket.end(handshake)
      // Whatever comes of the handshake comes with it, or before.
      await once(server.server, 'request')
      assert.equal(received, '')
      finish()
      await once(socket, 'close')
      assert.match(received, /^HTTP\/1\.1 200 OK\r\n[\s\S]*late[\s\S]*HTTP\/1\.1 200 OK\r\n[\s\S]*plain/)
    } finally {
      answer = plain
      socket.destroy()
    }
  })
  it('are the only thing that is upgraded, also where Node asks for everything', async () => {
    // Older versions of Node.js know no `shouldUpgradeCallback`.
    const socket = connect(Number(new URL(origin).port), '127.0.0.1')
    const accepted = once(server.server, 'connection')
    await once(socket, 'connect')
    const [transport] = (await accepted) as [Socket]
    const answer = once(socket, 'data')
    const request = { method: 'GET', url: '/v1/models', headers: { upgrade: 'h2c' }, socket: transport }
    server.server.emit('upgrade', request, transport, Buffer.alloc(0))
    const [text] = (await answer) as [Buffer]
    assert.match(text.toString(), /^HTTP\/1\.1 400 Bad Request\r\n[\s\S]*"invalid_request"/)
    assert.equal(finished.at(-1)?.httpStatus, 400)
    socket.destroy()
  })
})
