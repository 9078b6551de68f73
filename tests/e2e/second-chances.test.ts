/** Answers that take more than one call: polls, and a second try for JSON that breaks its schema. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { after, before, describe, it } from 'node:test'
import type { AdminRequest } from '../../server/http/admin/contract.ts'
import type { CanonicalEvent } from '../../translators/shared/canonical.ts'
import { assertLegalStream } from '../support/legal-stream.ts'
import {
  delta,
  openAnswer,
  opening,
  patientTimeouts,
  type RawGateway,
  readStream,
  respond,
  response,
  sse,
  startRawGateway,
} from '../support/raw-provider.ts'

describe('a response that has to be polled', () => {
  let gateway: RawGateway
  before(async () => {
    gateway = await startRawGateway({ variant: 'deployment' })
  })
  after(() => gateway.close())
  const pending = JSON.stringify(response({ status: 'queued', output: [] }))

  /** Answers 202 to the request and with `poll` to each poll, counted from 1. */
  function whenPolled(poll: (socket: Socket, count: number) => void, at = gateway): void {
    let polls = 0
    at.script((socket, _, request) => {
      if (request.startsWith('POST')) return respond(socket, pending, 'application/json', '202 Accepted')
      assert.match(request, /^GET \/v1\/responses\/resp_upstream HTTP/)
      assert.match(request, /authorization: Bearer provider-key-123456/i)
      poll(socket, ++polls)
    })
  }
  const ask = (id: string, stream = false) =>
    gateway.post({ model: 'raw/model', input: 'hi', stream }, { 'x-request-id': id })

  it('is asked again when a poll fails for a passing reason, and made only once', async () => {
    whenPolled((socket, count) => {
      if (count === 1) respond(socket, '{}', 'application/json', '503 Busy')
      else respond(socket, JSON.stringify(response()))
    })
    const { events, done } = readStream(await (await ask('passing', true)).text())
    assert.ok(done)
    assertLegalStream(events as unknown as CanonicalEvent[])
    const row = await gateway.admin<AdminRequest>('/admin/requests/passing')
    assert.deepEqual([row.status, row.attempts, row.usage_source], ['completed', 1, 'provider'])
  })
  it('that the provider has lost is not called the client’s mistake', async () => {
    whenPolled((socket) =>
      respond(socket, '{"error":{"message":"no such response"}}', 'application/json', '404 No'),
    )
    const answer = await ask('lost')
    assert.equal(answer.status, 502)
    const row = await gateway.admin<AdminRequest>('/admin/requests/lost')
    assert.deepEqual([row.error?.code, row.error?.origin], ['upstream_invalid_response', 'upstream'])
  })
  it('that is never finished ends within the total time', async (t) => {
    const timeouts = { ...patientTimeouts, total: 2000 }
    const brief = await startRawGateway({ variant: 'deployment', provider: { timeouts } })
    t.after(() => brief.close())
    whenPolled((socket) => respond(socket, pending), brief)
    const answer = await brief.post({ model: 'raw/model', input: 'hi' })
    assert.equal(answer.status, 504)
    const { error } = (await answer.json()) as { error: { code: string } }
    assert.equal(error.code, 'upstream_timeout')
  })
  it('is left alone when the client goes', async () => {
    const polled = new Promise<Socket>((resolve) => whenPolled(resolve))
    const hangUp = new AbortController()
    const answer = fetch(`${gateway.origin}/v1/responses`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-request-id': 'gone' },
      body: JSON.stringify({ model: 'raw/model', input: 'hi' }),
      signal: hangUp.signal,
    })
    const socket = await polled
    hangUp.abort()
    await assert.rejects(answer)
    await once(socket, 'close')
  })
})

for (const retry of [true, false]) {
  describe(`JSON that breaks its schema (structuredOutput.retry: ${retry})`, () => {
    let gateway: RawGateway
    before(async () => {
      gateway = await startRawGateway({
        providers: 2,
        variant: 'open-responses',
        config: { structuredOutput: { retry } },
      })
    })
    after(() => gateway.close())
    const schema = {
      type: 'object',
      properties: { a: { type: 'number' } },
      required: ['a'],
      additionalProperties: false,
    }
    const text = { format: { type: 'json_schema', name: 'n', strict: true, schema } }
    /** One text per call; the first of them without usage. */
    function answerWith(texts: string[]): void {
      let calls = 0
      gateway.script((socket) => {
        const answer = texts[Math.min(calls, texts.length - 1)] ?? ''
        const usage = calls === 0 ? null : { input_tokens: 3, output_tokens: 2, total_tokens: 5 }
        calls += 1
        const content = [{ type: 'output_text', text: answer }]
        const output = [{ id: 'msg_upstream', type: 'message', role: 'assistant', content }]
        openAnswer(socket)
        socket.end(
          sse({ type: 'response.created', response: { id: 'resp_upstream', status: 'in_progress' } }) +
            opening.slice(opening.indexOf('\n\n') + 2) +
            delta(answer) +
            sse({ type: 'response.completed', response: response({ usage, output }) }),
        )
      })
    }

    for (const stream of [false, true]) {
      it(`is ${retry ? 'asked for once more' : 'failed at once'} (stream: ${stream})`, async () => {
        answerWith(['{"a":"wrong"}', '{"a":1}'])
        const id = `schema-${stream}`
        const answer = await gateway.post(
          { model: 'raw/model', input: 'hi', stream, text },
          { 'x-request-id': id },
        )
        const body = await answer.text()
        const row = await gateway.admin<AdminRequest>(`/admin/requests/${id}`)
        if (stream && answer.status === 200) {
          const { events, done } = readStream(body)
          assert.ok(done)
          assertLegalStream(events as unknown as CanonicalEvent[])
          assert.equal(events.at(-1)?.type, retry ? 'response.completed' : 'response.failed')
        }
        if (retry) {
          assert.doesNotMatch(body, /wrong/)
          assert.deepEqual([row.status, row.attempts], ['completed', 2])
          assert.deepEqual([row.usage_source, row.total_tokens], ['provider', 5])
        } else {
          assert.equal(answer.status, stream ? 200 : 502)
          assert.deepEqual([row.status, row.attempts], ['failed', 1])
          assert.equal(row.usage_source, 'estimated')
          assert.ok((row.total_tokens ?? 0) > 0)
        }
        const first = row.attempt_list[0]
        assert.equal(first?.error?.code, 'invalid_structured_output')
        assert.equal(gateway.providers[1]?.requests.length, 0, 'the next target is not paid for it')
      })
    }
    if (retry) {
      it('is given up after the second try of each target', async () => {
        answerWith(['{"a":"wrong"}'])
        gateway.script((socket) => respond(socket, '{"output":"{}","status":"completed"}'), 1)
        const answer = await gateway.post({ model: 'raw/model', input: 'hi', stream: true, text })
        assert.equal(answer.status, 502)
        const { error } = (await answer.json()) as { error: { code: string } }
        assert.equal(error.code, 'invalid_structured_output')
      })
    }
  })
}

describe('a second try at a provider that knows idempotency keys', () => {
  const schema = { type: 'object', properties: { a: { type: 'number' } }, required: ['a'] }
  const text = { format: { type: 'json_schema', name: 'n', strict: true, schema } }
  let gateway: RawGateway
  before(async () => {
    gateway = await startRawGateway({
      variant: 'general-augment',
      provider: { attempts: 2 },
      config: { structuredOutput: { retry: true } },
    })
  })
  after(() => gateway.close())

  /** The keys of the two calls that one request takes; the first is answered with a text, or fails. */
  async function keysOf(first: string | null): Promise<(string | undefined)[]> {
    const keys: (string | undefined)[] = []
    gateway.script((socket, _, request) => {
      keys.push(/^x-idempotency-key: (.+)$/im.exec(request)?.[1])
      const answer = keys.length === 1 ? first : '{"a":1}'
      if (answer === null) return respond(socket, '{}', 'application/json', '503 Busy')
      const content = [{ type: 'output_text', text: answer }]
      const output = [{ id: 'msg_upstream', type: 'message', role: 'assistant', content }]
      respond(socket, JSON.stringify(response({ output })))
    })
    const headers = { 'idempotency-key': `key-${first}`.replaceAll(/\W/g, '') }
    const answer = await gateway.post({ model: 'raw/model', input: 'hi', text }, headers)
    assert.equal(answer.status, 200, await answer.text())
    assert.equal(keys.length, 2)
    return keys
  }

  it('repeats a call that failed: it may have been made', async () => {
    const [busy, again] = await keysOf(null)
    assert.ok(busy)
    assert.equal(again, busy)
  })
  it('asks anew for what must not be answered alike', async () => {
    const [wrong, right] = await keysOf('{"a":"wrong"}')
    assert.ok(wrong)
    assert.equal(right, `${wrong}.again`)
  })
})
