import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { createHttpServer, type HttpServer } from '../../../server/http/create-server.ts'

const limits = { keepAliveTimeout: 5000, headersTimeout: 5000 }
/** Answers before it has read anything of the body. */
const refuse: RequestListener = (_, response) => {
  response.writeHead(401, { 'content-length': 2 })
  response.end('no')
}

describe('the server below the routes', () => {
  let made: HttpServer
  /** Gives a client next to no time to end its request. */
  let hasty: HttpServer
  before(async () => {
    made = createHttpServer({ limits, handler: refuse, linger: 60_000 })
    hasty = createHttpServer({ limits, handler: refuse, linger: 100 })
    for (const { server } of [made, hasty])
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  })
  after(() => {
    for (const { server } of [made, hasty]) server.close()
  })

  /**
   * Writes `pieces` and reads until the connection closes or `enough` is there. What is closed without being read to its
   * end is reset, behind whatever was answered.
   */
  function converse(
    pieces: (string | Uint8Array)[],
    { enough = /$^/, at = made }: { enough?: RegExp; at?: HttpServer } = {},
  ): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect((at.server.address() as AddressInfo).port, '127.0.0.1')
      let text = ''
      socket.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error)
      })
      socket.on('close', () => resolve(text))
      socket.on('data', (chunk) => {
        text += chunk
        if (enough.test(text)) socket.destroy()
      })
      for (const piece of pieces) socket.write(piece)
    })
  }
  const head = (length: number) => `POST / HTTP/1.1\r\nhost: x\r\ncontent-length: ${length}\r\n\r\n`

  it('reads the rest of an unread body, so that no answer is lost and the connection can be used again', async () => {
    const body = Buffer.alloc(5_000_000, 'x')
    const text = await converse([head(body.length), body, head(0)], {
      enough: /(HTTP\/1\.1 401[\s\S]*){2}no$/,
    })
    assert.equal(text.match(/HTTP\/1\.1 401/g)?.length, 2)
  })
  it('gives up on an unread body that does not end', async () => {
    assert.match(await converse([head(1000), 'x'], { at: hasty }), /401/)
  })
  it('ends connections that wait for a request, also for the first one', async (t) => {
    const sockets: Socket[] = []
    const remember = (socket: Socket) => sockets.push(socket)
    made.server.on('connection', remember)
    const answered = new Promise((resolve) =>
      made.server.once('request', (_, response) => response.once('finish', resolve)),
    )
    const fresh = converse([])
    const used = converse([head(0)])
    const begun = converse(['POST / HTTP/1.1\r\n'])
    await answered
    const read = () => sockets.map(({ bytesRead }) => bytesRead > 0).sort()
    await t.waitFor(() => assert.deepEqual(read(), [false, true, true]), { timeout: 60_000 })
    made.server.off('connection', remember)
    made.closeIdle()
    assert.equal(await fresh, '')
    assert.match(await used, /401/)
    made.server.closeAllConnections()
    await begun
  })
  it('answers what is no HTTP, and too large a head, in the form of every error', async () => {
    for (const [sent, status] of [
      ['nonsense\r\n\r\n', 400],
      [`GET / HTTP/1.1\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`, 431],
      ['POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n', 400],
    ] as const) {
      const text = await converse([sent])
      assert.match(text, new RegExp(`^HTTP/1.1 ${status} `))
      const [answerHead, body] = text.split('\r\n\r\n') as [string, string]
      assert.match(answerHead, /content-type: application\/json/)
      assert.match(answerHead, /x-request-id: req_/)
      assert.deepEqual(Object.keys(JSON.parse(body).error), ['message', 'type', 'param', 'code'])
    }
  })
})

describe('an answer that is larger than what the kernel holds', () => {
  const size = 60_000_000
  async function serve(unread: number) {
    const closed = Promise.withResolvers<boolean>()
    const made = createHttpServer({
      limits,
      unread,
      handler(_, response) {
        response.once('close', () => closed.resolve(response.writableFinished))
        response.end(Buffer.alloc(size))
      },
    })
    made.server.listen(0, '127.0.0.1')
    await once(made.server, 'listening')
    const client = connect((made.server.address() as AddressInfo).port, '127.0.0.1')
    client.on('error', () => undefined)
    client.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
    return { made, client, finished: closed.promise }
  }

  it('is given up when its client reads nothing', { timeout: 300_000 }, async (t) => {
    const { made, client, finished } = await serve(50)
    t.after(() => made.server.close())
    t.after(() => client.destroy())
    client.pause()
    assert.equal(await finished, false)
  })
  it('arrives whole at a client that reads slowly', { timeout: 300_000 }, async (t) => {
    const { made, client, finished } = await serve(3000)
    t.after(() => made.server.close())
    let read = 0
    client.on('data', (chunk) => {
      read += chunk.length
      client.pause()
      setTimeout(() => client.resume(), 1)
    })
    assert.equal(await finished, true)
    client.destroy()
    assert.ok(read > size / 4, `${read} bytes`)
  })
  it('leaves no time-out to an answer that takes long on the same connection', {
    timeout: 300_000,
  }, async (t) => {
    let count = 0
    const made = createHttpServer({
      limits,
      unread: 50,
      handler(_, response) {
        count += 1
        if (count === 1) response.end('one')
        else setTimeout(() => response.end('two'), 500)
      },
    })
    made.server.listen(0, '127.0.0.1')
    await once(made.server, 'listening')
    t.after(() => made.server.close())
    const client = connect((made.server.address() as AddressInfo).port, '127.0.0.1')
    // Both at once, so that the second is under way when the first ends.
    client.write('GET / HTTP/1.1\r\nhost: x\r\n\r\nGET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')
    let text = ''
    for await (const chunk of client) text += chunk
    assert.match(text, /one[\s\S]*two/)
  })
})
