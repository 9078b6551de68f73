/** Silence and vanishing clients: what is sent meanwhile, what is stopped, and what the record says of it. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { connect, type Socket } from 'node:net'
import { after, before, describe, it } from 'node:test'
import type { AdminRequest, AdminRequestList } from '../../server/http/admin/contract.ts'
import type { CanonicalEvent } from '../../translators/shared/canonical.ts'
import { assertLegalStream } from '../support/legal-stream.ts'
import {
  completed,
  delta,
  openAnswer,
  opening,
  type RawGateway,
  readStream,
  respond,
  response,
  sse,
  startRawGateway,
  wholeStream,
} from '../support/raw-provider.ts'

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 60_000
  while (!(await condition())) {
    assert.ok(performance.now() < end, 'it did not come to pass')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

describe('a silent provider', () => {
  let gateway: RawGateway
  before(async () => {
    gateway = await startRawGateway({
      providers: 2,
      config: { stream: { pingSeconds: 0.05 } },
    })
  })
  after(() => gateway.close())

  /** What the client has read of its stream. */
  let text = ''
  let waiting: { seen: () => boolean; action: () => void }[] = []
  function goOn(): void {
    const due = waiting.filter(({ seen }) => seen())
    waiting = waiting.filter((one) => !due.includes(one))
    for (const { action } of due) action()
  }
  /** As soon as the client has read a ping, and before that what is said. */
  function afterPing(action: () => void, earlier = ''): void {
    const seen = () => text.includes(earlier) && text.slice(text.indexOf(earlier)).includes(': ping')
    waiting.push({ seen, action })
    goOn()
  }
  async function askStream() {
    text = ''
    const answer = await gateway.post({ model: 'raw/model', input: 'hi', stream: true })
    assert.equal(answer.status, 200)
    const decoder = new TextDecoder()
    for await (const chunk of answer.body as ReadableStream<Uint8Array>) {
      text += decoder.decode(chunk, { stream: true })
      goOn()
    }
    const read = readStream(text)
    assert.ok(read.done)
    assertLegalStream(read.events as unknown as CanonicalEvent[])
    return { ...read, head: answer.headers, types: read.events.map(({ type }) => type) }
  }

  it('is bridged by comments, before and within its answer', async () => {
    gateway.script((socket) =>
      afterPing(() => {
        openAnswer(socket)
        socket.write(opening + delta('hel'))
        afterPing(() => socket.end(delta('lo') + completed), '"hel"')
      }),
    )
    const { comments, types } = await askStream()
    assert.ok(comments.length >= 2)
    assert.equal(types.at(-1), 'response.completed')
  })
  it('that fails after a ping is told as events', async () => {
    for (const provider of [0, 1]) gateway.script((socket) => afterPing(() => socket.destroy()), provider)
    const { comments, types } = await askStream()
    assert.ok(comments.length >= 1)
    assert.deepEqual(types, ['response.created', 'response.in_progress', 'error', 'response.failed'])
  })
  it('that fails after a ping is followed by the next, and the stream says by whom', async () => {
    gateway.script((socket) => afterPing(() => socket.destroy()), 0)
    gateway.script((socket) => respond(socket, wholeStream, 'text/event-stream'), 1)
    const { comments, types, head } = await askStream()
    assert.equal(types.at(-1), 'response.completed')
    assert.equal(head.get('x-dragoman-provider'), 'raw1')
    assert.ok(comments.some((comment) => comment.includes(': x-dragoman-provider: raw2')))
    const { data } = await gateway.admin<AdminRequestList>('/admin/requests?limit=1')
    assert.deepEqual([data[0]?.provider, data[0]?.attempts], ['raw2', 2])
  })
  it('leaves a row in progress that can be seen meanwhile', async () => {
    const called = new Promise<Socket>((resolve) => gateway.script(resolve))
    const answer = gateway.post(
      { model: 'raw/model', input: 'hi', stream: true },
      { 'x-request-id': 'running' },
    )
    await until(async () => {
      const { data } = await gateway.admin<AdminRequestList>('/admin/requests?status=in_progress')
      return data.some(({ model, provider }) => model === 'raw/model' && provider === 'raw1')
    })
    respond(await called, wholeStream, 'text/event-stream')
    await (await answer).text()
    const row = await gateway.admin<AdminRequest>('/admin/requests/running')
    assert.equal(row.status, 'completed')
    assert.ok(row.ttft_ms !== null && row.latency_ms !== null && row.ttft_ms <= row.latency_ms)
    const parts = (row.upstream_ms ?? 0) + (row.overhead_ms ?? 0)
    assert.ok(Math.abs(parts - row.latency_ms) < 0.01)
  })
})

describe('a client that vanishes', () => {
  let gateway: RawGateway
  before(async () => {
    gateway = await startRawGateway({ provider: { attempts: 3 } })
  })
  after(() => gateway.close())

  function open(id: string, body: object) {
    const headers = { 'content-type': 'application/json', 'x-request-id': id }
    const call = httpRequest(`${gateway.origin}/v1/responses`, { method: 'POST', headers })
    call.on('error', () => {})
    call.end(JSON.stringify({ model: 'raw/model', input: 'hi', ...body }))
    return call
  }
  async function rowOf(id: string): Promise<AdminRequest> {
    await until(async () => {
      await gateway.app.flush()
      const answer = await fetch(`${gateway.origin}/admin/requests/${id}`)
      return answer.ok && ((await answer.json()) as AdminRequest).status !== 'in_progress'
    })
    return gateway.admin(`/admin/requests/${id}`)
  }
  function assertCancelled(row: AdminRequest): void {
    assert.deepEqual(
      [row.status, row.http_status, row.error?.code],
      ['cancelled', 499, 'client_closed_request'],
    )
    assert.equal(row.error?.origin, 'client')
  }

  for (const stream of [false, true]) {
    it(`while the provider is silent takes its call along (stream: ${stream})`, async () => {
      const called = new Promise<Socket>((resolve) => gateway.script(resolve))
      const call = open(`silent-${stream}`, { stream })
      const socket = await called
      call.destroy()
      await once(socket, 'close')
      const row = await rowOf(`silent-${stream}`)
      assertCancelled(row)
      assert.equal(row.usage_source, 'estimated')
      assert.equal(row.output_tokens, 0)
      assert.equal(row.ttft_ms, null)
    })
  }
  it('within a JSON answer takes the call along', async () => {
    const called = new Promise<Socket>((resolve) =>
      gateway.script((socket) => {
        openAnswer(socket, 'application/json')
        socket.write('{"output":[', () => resolve(socket))
      }),
    )
    const call = open('json', {})
    const socket = await called
    call.destroy()
    await once(socket, 'close')
    assertCancelled(await rowOf('json'))
  })
  it('between two tries ends the waiting', async () => {
    let tries = 0
    gateway.script((socket) => {
      tries += 1
      socket.write('HTTP/1.1 429 Slow\r\nretry-after: 9\r\ncontent-length: 2\r\n\r\n{}')
    })
    const call = open('between', {})
    // The first try is over, and the next comes in nine seconds.
    await until(async () => {
      const metrics = await (await fetch(`${gateway.origin}/metrics`)).text()
      return /^dragoman_attempts_total\{[^}]*rate_limit_exceeded[^}]*\} 1$/m.test(metrics)
    })
    call.destroy()
    const row = await rowOf('between')
    assertCancelled(row)
    assert.equal(tries, 1)
    assert.deepEqual([row.attempts, row.usage_source, row.total_tokens], [1, null, null])
    assert.equal(row.attempt_list[0]?.error?.code, 'rate_limit_exceeded')
    assert.ok((row.upstream_ms ?? 0) <= (row.latency_ms ?? 0))
  })
  it('before its body is whole is recorded too', async () => {
    const socket = connect(Number(new URL(gateway.origin).port), '127.0.0.1')
    const head = 'POST /v1/responses HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n'
    socket.write(`${head}x-request-id: partial\r\ncontent-length: 100\r\n\r\n{"model"`)
    await once(socket, 'ready')
    setTimeout(() => socket.destroy(), 50)
    const row = await rowOf('partial')
    assertCancelled(row)
    assert.deepEqual([row.attempts, row.usage_source], [0, null])
  })
})

describe('a slow client', () => {
  it('slows the provider instead of filling memory, and gets all in the end', async () => {
    const gateway = await startRawGateway()
    const text = 'x'.repeat(16 * 1024)
    // Much more than the system's own buffers take on the way, which may grow to several megabytes each.
    const count = 2000
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
      const answer = await gateway.post({ model: 'raw/model', input: 'hi', stream: true, store: false })
      const reader = (answer.body as ReadableStream<Uint8Array>).getReader()
      await reader.read()
      let before = -1
      // It has stopped when nothing was sent for a while.
      for (let still = 0; still < 20; still = sent === before ? still + 1 : 0) {
        before = sent
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
      assert.ok(sent < count * 0.75, `${sent} of ${count} were taken while nobody read`)
      let bytes = 0
      let last = ''
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        bytes += part.value.byteLength
        last = Buffer.from(part.value).toString().slice(-30)
      }
      assert.ok(bytes > count * text.length)
      assert.match(last, /data: \[DONE\]\n\n$/)
    } finally {
      await gateway.close()
    }
  })
})
