import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { it, type TestContext } from 'node:test'
import {
  type EventStreamOptions,
  eventStreamHeaders,
  writeEvents,
} from '../../../server/http/event-stream.ts'

interface Serving {
  /** The answer as the client gets it. */
  answer: Promise<IncomingMessage>
  /** What became of `writeEvents`: null, or what it rejected with. */
  outcome: Promise<unknown>
}

/** One request to a server that answers with `writeEvents`. */
async function serve(
  test: TestContext,
  produce: EventStreamOptions['produce'],
  pingSeconds = 60,
): Promise<Serving> {
  const { promise, resolve } = Promise.withResolvers<unknown>()
  const server = createServer((_, response: ServerResponse) => {
    const open = () => {
      response.writeHead(200, eventStreamHeaders)
    }
    writeEvents({ response, pingSeconds, open, produce }).then(() => resolve(null), resolve)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  test.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const asked = get({ host: '127.0.0.1', port })
  // A cut connection is an event of the answer as well.
  asked.on('error', () => {})
  const answer = once(asked, 'response').then(([response]) => response as IncomingMessage)
  return { answer, outcome: promise }
}

it('sends the events, then the end', async (test) => {
  const { answer, outcome } = await serve(test, async (write) => {
    await write('event: a\ndata: {}\n\n')
    await write('event: b\ndata: {}\n\n')
  })
  const response = await answer
  assert.equal(response.headers['content-type'], 'text/event-stream; charset=utf-8')
  assert.equal(await text(response), 'event: a\ndata: {}\n\nevent: b\ndata: {}\n\ndata: [DONE]\n\n')
  assert.equal(await outcome, null)
})

it('sends the end alone when there are no events', async (test) => {
  const { answer } = await serve(test, async () => {})
  assert.equal(await text(await answer), 'data: [DONE]\n\n')
})

it('waits for a client that reads slowly', async (test) => {
  const part = `data: ${'x'.repeat(1_000_000)}\n\n`
  let written = 0
  const waiting = Promise.withResolvers<void>()
  const { answer, outcome } = await serve(test, async (write) => {
    for (; written < 40; written += 1) {
      const isWritten = write(part)
      // Once a write is not taken at once the client is behind.
      if (
        (await Promise.race([isWritten, new Promise((resolve) => setTimeout(resolve, 100, 'later'))])) ===
        'later'
      )
        waiting.resolve()
      await isWritten
    }
  })
  const response = await answer
  await waiting.promise
  assert.ok(written < 40, 'not everything is in memory')
  const whole = await text(response)
  assert.equal(whole, `${part.repeat(40)}data: [DONE]\n\n`)
  assert.equal(await outcome, null)
})

it('comments on silence, also before the first event', async (test) => {
  const pinged = Promise.withResolvers<void>()
  const { answer } = await serve(
    test,
    async (write) => {
      await pinged.promise
      await write('data: late\n\n')
    },
    0.01,
  )
  const response = await answer
  let read = ''
  response.setEncoding('utf8')
  for await (const part of response) {
    read += part
    if (read.startsWith(': ping\n\n: ping\n\n')) pinged.resolve()
  }
  assert.match(read, /^(?:: ping\n\n)+data: late\n\n(?:: ping\n\n)*data: \[DONE\]\n\n$/)
})

it('stops when the client goes', async (test) => {
  const { answer, outcome } = await serve(test, async (write, signal) => {
    await write('data: first\n\n')
    if (!signal.aborted) await once(signal, 'abort')
    await write('data: for nobody\n\n')
  })
  ;(await answer).destroy()
  assert.equal(await outcome, null)
})

it('sends the head at once, whenever the first event comes', async (test) => {
  const seen = Promise.withResolvers<void>()
  const { answer } = await serve(test, async (write) => {
    await seen.promise
    await write('data: first\n\n')
  })
  const response = await answer
  assert.equal(response.statusCode, 200)
  seen.resolve()
  assert.equal(await text(response), 'data: first\n\ndata: [DONE]\n\n')
})

it('cuts the connection for a failure, so that the stream does not look ended', async (test) => {
  const failure = new Error('later')
  const { answer, outcome } = await serve(test, async (write) => {
    await write('data: first\n\n')
    throw failure
  })
  let read = ''
  await assert.rejects(async () => {
    for await (const part of await answer) read += part
  })
  assert.equal(read.includes('[DONE]'), false)
  assert.equal(await outcome, failure)
})
