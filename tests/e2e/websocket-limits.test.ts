/** The edges of a WebSocket: who may open one, how much it takes, and how it ends. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { connect, type Socket } from 'node:net'
import { after, before, describe, it } from 'node:test'
import type { AdminRequest, AdminRequestList } from '../../server/http/admin/contract.ts'
import {
  completed,
  delta,
  openAnswer,
  opening,
  response,
  sse,
  startRawGateway,
} from '../support/raw-provider.ts'
import { type Frame, openRefused, openSocket } from '../support/socket-client.ts'
import { startGateway, type TestGateway } from '../support/start-gateway.ts'

const model = 'gpt-5-mini'
const create = { type: 'response.create', model, input: 'hi' }

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 60_000
  while (!(await condition())) {
    assert.ok(performance.now() < end, 'it did not come to pass')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** Calls with a bare request, as no WebSocket client would. */
function call(
  origin: string,
  path: string,
  options: { method?: string; headers: Record<string, string>; body?: string },
): Promise<{ status: number; headers: IncomingMessage['headers']; body: string }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(`${origin}${path}`, options, (answer) => {
      let body = ''
      answer.on('data', (chunk) => {
        body += chunk
      })
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body }))
    })
    request.on('upgrade', () => reject(new Error('it was upgraded')))
    request.on('error', reject)
    request.end(options.body)
  })
}

function assertError({ headers, body }: { headers: IncomingMessage['headers']; body: string }, code: string) {
  assert.equal(headers['content-type'], 'application/json')
  assert.ok(headers['x-request-id'])
  const { error } = JSON.parse(body) as { error: Record<string, unknown> }
  assert.deepEqual(Object.keys(error).sort(), ['code', 'message', 'param', 'type'])
  assert.equal(error.code, code)
}

describe('an upgrade', () => {
  let gateway: TestGateway
  let guarded: TestGateway
  before(async () => {
    gateway = await startGateway()
    guarded = await startGateway({
      configure: (config) => ({
        ...config,
        projects: {
          acme: { name: 'Acme', keys: ['acme-key-1'] },
          other: { name: 'Other', keys: ['other-key-1'] },
        },
      }),
    })
  })
  after(async () => {
    await gateway.close()
    await guarded.close()
  })

  it('needs what every call needs, and is recorded when it is refused', async () => {
    const none = await openRefused(guarded.origin, { headers: { 'x-request-id': 'no-key' } })
    assert.equal(none.status, 401)
    assertError(none, 'invalid_api_key')
    assert.equal(none.headers['x-request-id'], 'no-key')
    assert.equal(none.headers['www-authenticate'], 'Bearer')
    const wrong = await openRefused(guarded.origin, { headers: { authorization: 'Bearer nobody-knows' } })
    assert.equal(wrong.status, 401)
    assert.doesNotMatch(wrong.body, /nobody-knows/)
    const choice = await openRefused(gateway.origin, { headers: { 'x-dragoman-unsupported': 'perhaps' } })
    assert.equal(choice.status, 400)
    assertError(choice, 'invalid_request')
    const elsewhere = await openRefused(gateway.origin, { origin: 'https://evil.example' })
    assert.equal(elsewhere.status, 403)
    assertError(elsewhere, 'permission_denied')
    await guarded.app.flush()
    const row = await guarded.admin<AdminRequest>('/admin/requests/no-key')
    assert.deepEqual([row.status, row.http_status, row.error?.code], ['failed', 401, 'invalid_api_key'])
  })
  it('keeps projects apart', async () => {
    const acme = await openSocket(guarded.origin, { headers: { authorization: 'Bearer acme-key-1' } })
    const other = await openSocket(guarded.origin, { headers: { authorization: 'Bearer other-key-1' } })
    const stored = await acme.ask({ model, input: 'hi' })
    const local = await acme.ask({ model, input: 'hi', store: false })
    for (const id of [stored.id, local.id]) {
      const { error } = await other.fail({ ...create, previous_response_id: id })
      assert.equal(error.code, 'previous_response_not_found')
    }
    const row = await guarded.admin<AdminRequest>(`/admin/requests/${local.id}`)
    assert.equal(row.project, 'acme')
    await Promise.all([acme.close(), other.close()])
  })
  it('that is no WebSocket handshake is refused, to anything else ignored', async () => {
    const headers = { connection: 'upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' }
    const bare = await call(gateway.origin, '/v1/responses', { headers })
    assert.equal(bare.status, 400)
    assertError(bare, 'invalid_request')
    assert.match(bare.body, /Sec-WebSocket-Key/)
    const old = { ...headers, 'sec-websocket-version': '7', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' }
    assert.equal(
      (await call(gateway.origin, '/v1/responses', { headers: old })).headers['sec-websocket-version'],
      '13',
    )
    const offer = { connection: 'upgrade, http2-settings', upgrade: 'h2c', 'http2-settings': '' }
    const posted = await call(gateway.origin, '/v1/responses', {
      method: 'POST',
      headers: { ...offer, 'content-type': 'application/json' },
      body: JSON.stringify({ model, input: 'hi' }),
    })
    assert.equal(posted.status, 200)
    assert.equal((await call(gateway.origin, '/v1/models', { headers: offer })).status, 200)
    const nowhere = await call(gateway.origin, '/v1/nowhere', { headers })
    assert.equal(nowhere.status, 404)
    assertError(nowhere, 'not_found')
    assert.equal((await call(gateway.origin, '/v1/responses', { headers: offer })).status, 405)
  })
})

describe('turns on one connection', () => {
  let gateway: TestGateway
  before(async () => {
    gateway = await startGateway({
      configure: (config) => ({ ...config, webSocket: { maxQueuedTurns: 2, maxFrameBytes: 20_000 } }),
    })
  })
  after(() => gateway.close())

  it('run one at a time, in order, and only so many wait', async () => {
    const client = await openSocket(gateway.origin)
    const lanes = ['a', 'b', 'c', 'd']
    for (const stream_id of lanes)
      client.send({ ...create, input: stream_id === 'a' ? '/slow 20 /count 8' : '/count 2', stream_id })
    const frames: Frame[] = []
    const endsTurn = ({ type, status }: Frame) => type === 'response.completed' || status !== undefined
    while (frames.filter(endsTurn).length < lanes.length) frames.push(await client.next())
    const refused = frames.find(({ status }) => status !== undefined)
    assert.deepEqual(
      [refused?.status, refused?.error?.code, refused?.stream_id],
      [429, 'too_many_queued_turns', 'd'],
    )
    const order = frames.filter((frame) => frame !== refused).map(({ stream_id }) => stream_id)
    assert.deepEqual(order, [...order].sort(), 'nothing is interleaved')
    assert.deepEqual([...new Set(order)], ['a', 'b', 'c'])
    const { data } = await gateway.admin<AdminRequestList>('/admin/requests?limit=4')
    assert.deepEqual(data.map(({ status }) => status).sort(), [
      'completed',
      'completed',
      'completed',
      'failed',
    ])
    for (const row of data) assert.ok((row.upstream_ms ?? 0) <= (row.latency_ms ?? 0))
    // All came at once, so they ended in the order of their latencies.
    const [first, second] = data
      .filter(({ status }) => status === 'completed')
      .sort((left, right) => (left.latency_ms ?? 0) - (right.latency_ms ?? 0))
    assert.ok((second?.upstream_ms ?? 0) > (first?.latency_ms ?? 0) / 2, 'waiting is no time of the gateway')
    await client.close()
  })
  it('wait only while they are not too large together', async () => {
    const client = await openSocket(gateway.origin)
    const large = { ...create, metadata: {}, instructions: 'x'.repeat(15_000) }
    client.send({ ...create, input: '/slow 20 /count 8' })
    client.send({ ...large, stream_id: 'b' })
    client.send({ ...large, stream_id: 'c' })
    const frames: Frame[] = []
    while (frames.filter(({ type }) => type === 'response.completed').length < 2)
      frames.push(await client.next())
    assert.deepEqual(
      frames.filter(({ status }) => status === 429).map(({ stream_id }) => stream_id),
      ['c'],
    )
    await client.close()
  })
  it('end with a message that is too large, which is told', async () => {
    const client = await openSocket(gateway.origin)
    client.send({ ...create, instructions: 'x'.repeat(20_000) })
    const frame = await client.next()
    assert.deepEqual([frame.type, frame.status, frame.error?.code], ['error', 413, 'body_too_large'])
    const { code, reason } = await client.closed
    assert.equal(code, 1009)
    assert.match(reason, /webSocket\.maxFrameBytes/)
  })
  it('that are running end with it too', async () => {
    const client = await openSocket(gateway.origin)
    client.send({ ...create, input: '/slow 600000 /count 9' })
    await until(async () => {
      const { data } = await gateway.admin<AdminRequestList>('/admin/requests?status=in_progress')
      return data.length === 1
    })
    client.send('x'.repeat(20_001))
    assert.equal((await client.closed).code, 1009)
    await until(async () => {
      const { data } = await gateway.admin<AdminRequestList>('/admin/requests?limit=1')
      return data[0]?.status === 'cancelled'
    })
  })
  it('survive two thousand messages of garbage', async () => {
    const client = await openSocket(gateway.origin)
    const garbage: (string | Buffer)[] = [
      '',
      '{',
      'null',
      '[1]',
      '{}',
      '\u0000',
      '{"type":7}',
      Buffer.of(0, 255),
    ]
    garbage.push('{"type":"response.create"}', `{"type":"${'x'.repeat(500)}"}`, '['.repeat(5000))
    for (let count = 0; count < 2000; count++) client.socket.send(garbage[count % garbage.length] as string)
    for (let count = 0; count < 2000; count++) {
      const frame = await client.next()
      assert.equal(frame.type, 'error')
      assert.ok(frame.status === 400 || frame.error?.code === 'too_many_queued_turns', JSON.stringify(frame))
    }
    assert.equal((await client.ask({ model, input: 'hi' })).status, 'completed')
    assert.equal((await gateway.post({ model, input: 'hi' })).status, 200)
    assert.deepEqual(client.pending(), [])
    await client.close()
  })
  it('end with bytes that are no frames', async () => {
    for (const bytes of [
      Buffer.alloc(4096, 0xff),
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      Buffer.of(0x81, 0x82, 0, 0, 0, 0, 0xc3, 0x28),
    ]) {
      const client = await openSocket(gateway.origin)
      const transport = (client.socket as unknown as { _socket: Socket })._socket
      transport.write(bytes)
      const frame = await client.next()
      assert.equal(frame.error?.code, 'invalid_request')
      assert.ok([1002, 1007].includes((await client.closed).code))
    }
    assert.equal((await gateway.post({ model, input: 'hi' })).status, 200)
  })
})

describe('a client', () => {
  it('that vanishes takes its running turn along, and those that wait', async () => {
    const gateway = await startRawGateway()
    try {
      for (const farewell of ['terminate', 'close'] as const) {
        const called = new Promise<Socket>((resolve) =>
          gateway.script((socket) => {
            openAnswer(socket)
            socket.write(opening + delta('hel'), () => resolve(socket))
          }),
        )
        const client = await openSocket(gateway.origin, { headers: { 'x-request-id': farewell } })
        client.send({ ...create, model: 'raw/model' })
        for (let count = 0; count < 3; count++) client.send({ ...create, model: 'raw/model' })
        const upstream = await called
        await client.next()
        const cut = once(upstream, 'close')
        client.socket[farewell]()
        await cut
        await until(async () => {
          const { data } = await gateway.admin<AdminRequestList>('/admin/requests?limit=4')
          return data.length === 4 && data.every(({ status }) => status === 'cancelled')
        })
        const { data } = await gateway.admin<AdminRequestList>('/admin/requests?limit=4')
        assert.deepEqual(data.map(({ attempts }) => attempts).sort(), [0, 0, 0, 1])
        assert.ok(data.every(({ http_status }) => http_status === 499))
      }
      assert.equal(gateway.providers[0]?.requests.length, 2, 'what waited was never asked')
    } finally {
      await gateway.close()
    }
  })
  it('that reads slowly slows the provider, and gets all in the end', async () => {
    const gateway = await startRawGateway()
    const text = 'x'.repeat(16 * 1024)
    const count = 1500
    let sent = 0
    gateway.script((socket) => {
      openAnswer(socket)
      socket.write(opening)
      const more = () => {
        while (sent < count && !socket.destroyed) {
          sent += 1
          if (!socket.write(delta(text))) return
        }
        if (sent === count) {
          sent += 1
          socket.end(sse({ type: 'response.completed', response: response({ output: [] }) }))
        }
      }
      socket.on('drain', more)
      more()
    })
    try {
      const client = await openSocket(gateway.origin)
      client.send({ ...create, model: 'raw/model', store: false })
      await client.next()
      client.socket.pause()
      let before = -1
      // It has stopped when nothing was sent for a while.
      for (let still = 0; still < 20; still = sent === before ? still + 1 : 0) {
        before = sent
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
      // How much the kernel holds on the way is its own business, and differs; without a brake all of it would be taken.
      assert.ok(sent < count, `${sent} of ${count} were taken while nobody read`)
      client.socket.resume()
      const frames = await client.turn()
      assert.equal(frames.filter(({ type }) => type === 'response.output_text.delta').length, count)
      await client.close()
    } finally {
      await gateway.close()
    }
  })
  it('that asks on without reading is not read from either', async () => {
    const gateway = await startGateway({
      configure: (config) => ({ ...config, webSocket: { maxQueuedTurns: 0 } }),
    })
    try {
      const client = await openSocket(gateway.origin)
      const transport = (client.socket as unknown as { _socket: Socket })._socket
      client.socket.pause()
      const message = JSON.stringify({ type: 'x'.repeat(200), stream_id: 'y'.repeat(256) })
      const settle = async () => {
        for (let before = -1; before !== transport.writableLength; ) {
          before = transport.writableLength
          await new Promise((resolve) => setTimeout(resolve, 25))
        }
      }
      let sent = 0
      // The kernel holds some megabytes for each side; what is sent past them has to stay with the client.
      for (; transport.writableLength === 0; sent += 2000) {
        assert.ok(sent < 60_000, `${sent} messages were taken while no answer was read`)
        for (let count = 0; count < 2000; count++) client.socket.send(message)
        await settle()
      }
      client.socket.resume()
      for (let count = 0; count < sent; count++) assert.equal((await client.next()).type, 'error')
      assert.equal((await client.ask({ model, input: 'hi' })).status, 'completed')
      await client.close()
    } finally {
      await gateway.close()
    }
  })
})

describe('the end of a connection', () => {
  it('comes after its time, with an error, once its running turn has ended', async () => {
    const gateway = await startRawGateway({ config: { webSocket: { maxMinutes: 0.1 } } })
    const called = new Promise<Socket>((resolve) => gateway.script(resolve))
    try {
      const busy = await openSocket(gateway.origin)
      const idle = await openSocket(gateway.origin)
      busy.send({ ...create, model: 'raw/model' })
      busy.send({ ...create, model: 'raw/model', stream_id: 'late' })
      const upstream = await called
      const told = await idle.next()
      const code = 'websocket_connection_limit_reached'
      assert.deepEqual([told.type, told.status, told.error?.code], ['error', 400, code])
      assert.deepEqual(await idle.closed, { code: 1001, reason: code })
      openAnswer(upstream)
      upstream.end(opening + delta('hello') + completed)
      const frames = await busy.turn()
      assert.equal(frames.at(-1)?.type, 'response.completed')
      const late = await busy.next()
      assert.deepEqual([late.status, late.error?.code, late.stream_id], [400, code, 'late'])
      const last = await busy.next()
      assert.deepEqual([last.error?.code, last.stream_id], [code, undefined])
      assert.deepEqual(await busy.closed, { code: 1001, reason: code })
      gateway.script((socket) => {
        openAnswer(socket)
        socket.end(opening + delta('hello') + completed)
      })
      const again = await openSocket(gateway.origin)
      assert.equal((await again.ask({ model: 'raw/model', input: 'hi' })).status, 'completed')
      again.socket.terminate()
    } finally {
      await gateway.close()
    }
  })
  it('comes with the process, which lets running turns end', async () => {
    const gateway = await startRawGateway()
    const called = new Promise<Socket>((resolve) =>
      gateway.script((socket) => {
        openAnswer(socket)
        socket.write(opening + delta('hel'), () => resolve(socket))
      }),
    )
    const idle = await openSocket(gateway.origin)
    const busy = await openSocket(gateway.origin)
    busy.send({ ...create, model: 'raw/model' })
    busy.send({ ...create, model: 'raw/model', stream_id: 'late' })
    const upstream = await called
    await busy.next()
    const stopped = gateway.app.close()
    assert.deepEqual(await idle.closed, { code: 1001, reason: 'shutting down' })
    upstream.end(delta('lo') + completed)
    assert.equal((await busy.turn()).at(-1)?.type, 'response.completed')
    const late = await busy.next()
    assert.deepEqual([late.status, late.error?.code, late.stream_id], [503, 'shutting_down', 'late'])
    assert.equal((await busy.closed).code, 1001)
    await stopped
    await gateway.providers[0]?.close()
    await gateway.sandbox.close()
  })
  it('is forced when the time to drain is over', async () => {
    const gateway = await startRawGateway({
      config: { limits: { drainTimeout: 200 } },
    })
    const called = new Promise<void>((resolve) => gateway.script(() => resolve()))
    const client = await openSocket(gateway.origin)
    client.send({ ...create, model: 'raw/model' })
    await called
    const stopped = gateway.app.close()
    assert.equal((await client.closed).code, 1006)
    await stopped
    await gateway.providers[0]?.close()
    await gateway.sandbox.close()
  })
  it('does not wait longer for a client that says nothing any more', async () => {
    const gateway = await startGateway({
      configure: (config) => ({ ...config, limits: { drainTimeout: 200 } }),
    })
    const socket = connect(Number(new URL(gateway.origin).port), '127.0.0.1')
    socket.write(
      'GET /v1/responses HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n' +
        'sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    )
    const [head] = (await once(socket, 'data')) as [Buffer]
    assert.match(head.toString(), /^HTTP\/1\.1 101 /)
    assert.match(head.toString(), /^x-request-id: req_/m)
    await Promise.all([gateway.close(), once(socket, 'close')])
  })
})
