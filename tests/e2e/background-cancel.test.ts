/** Cancelling background responses: in every moment there is one end, the same for all who ask. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import OpenAI from 'openai'
import type { Response } from 'openai/resources/responses/responses'
import { EventReader, followStream, pollFor, rowsOf } from '../support/background-calls.ts'
import { startGatedProvider } from '../support/gated-provider.ts'
import { assertLegalStream } from '../support/legal-stream.ts'
import { type RestartableGateway, startRestartable } from '../support/restartable-gateway.ts'
import { startGateway } from '../support/start-gateway.ts'

let own: RestartableGateway
before(async () => {
  own = await startRestartable({ config: { state: { backgroundJobs: 2 } } })
})
// A poll may be on its way still when its response has been cancelled: it is no call of the next test.
beforeEach(() => own.gated.forget())
after(() => own.close())

const create = (more: Record<string, unknown> = {}): Promise<Response> =>
  own.client.responses.create({ model: 'gated/m', input: 'hi', background: true, stream: false, ...more })
const stream = async (more: Record<string, unknown> = {}): Promise<EventReader> =>
  new EventReader(
    await own.gateway.post({ model: 'gated/m', input: 'hi', background: true, stream: true, ...more }),
  )
/** The provider's way to its own response. */
const native = (status: string) => ({ id: 'resp_native', object: 'response', status, model: 'm', output: [] })

describe('a background response is cancelled', () => {
  it('while it waits for its turn', async () => {
    const running = [await create(), await create()]
    const calls = [await own.gated.next(), await own.gated.next()]
    const waiting = await create()
    const streamed = await stream()
    await streamed.until('response.queued')
    assert.equal((await own.client.responses.retrieve(waiting.id)).status, 'queued')
    const cancelled = await own.client.responses.cancel(waiting.id)
    assert.equal(cancelled.status, 'cancelled')
    assert.deepEqual(cancelled.output, [])
    assert.deepEqual(await own.client.responses.retrieve(waiting.id), cancelled)
    assert.equal((await own.client.responses.cancel(streamed.responseId)).status, 'cancelled')
    await streamed.toEnd()
    assert.equal(assertLegalStream(streamed.events).status, 'cancelled')
    for (const call of calls) call.answer()
    for (const { id } of running) await pollFor(own.client, id, 'completed')
    assert.equal(own.gated.calls.length, 2, 'the provider never heard of them')
    for (const id of [waiting.id, streamed.responseId])
      assert.deepEqual(
        (await rowsOf(own.gateway, id)).map(({ status, attempts }) => [status, attempts]),
        [['cancelled', 0]],
      )
  })
  it('while its provider is asked, whose call is ended', async () => {
    const { id } = await create()
    const call = await own.gated.next()
    const cancelled = await own.client.responses.cancel(id)
    assert.equal(cancelled.status, 'cancelled')
    await call.closed
    assert.deepEqual(await own.client.responses.retrieve(id), cancelled)
    const [row, ...more] = await rowsOf(own.gateway, id)
    assert.deepEqual([row?.status, row?.error, more.length], ['cancelled', null, 0])
  })
  it('in the middle of its stream, which is closed with what there was', async () => {
    const reader = await stream()
    const call = await own.gated.next()
    call.begin('one two')
    await reader.until('response.output_text.delta')
    const id = reader.responseId
    const other = await followStream(own.gateway.origin, id, 2)
    const cancelled = await own.client.responses.cancel(id)
    await call.closed
    await Promise.all([reader.toEnd(), other.toEnd()])
    const final = assertLegalStream(reader.events)
    assert.equal(final.status, 'cancelled')
    assert.deepEqual(cancelled, final)
    assert.deepEqual(other.events, reader.events.slice(3))
    assert.deepEqual(await own.client.responses.retrieve(id), final)
    assert.equal((await (await followStream(own.gateway.origin, id)).toEnd()).text, reader.text)
    const read = own.client.responses.stream({ response_id: id })
    assert.equal((await read.finalResponse()).status, 'cancelled')
    assert.deepEqual(
      (await rowsOf(own.gateway, id)).map(({ status }) => status),
      ['cancelled'],
    )
  })
  it('in the spelling that its stream was begun in', async () => {
    const answer = await own.gateway.post(
      { model: 'gated/m', input: 'hi', background: true, stream: true },
      { 'x-dragoman-events': 'open-responses' },
    )
    const reader = new EventReader(answer)
    const call = await own.gated.next()
    call.begin('one two')
    await reader.until('response.output_text.delta')
    await own.client.responses.cancel(reader.responseId)
    await reader.toEnd()
    assert.equal(assertLegalStream(reader.events, { dialect: 'open-responses' }).status, 'cancelled')
    await call.closed
  })
  it('at a provider that runs it in its own background, which is told', async () => {
    const { id } = await create({ model: 'keyed/m' })
    const post = await own.gated.next()
    assert.equal(post.body.background, true)
    assert.equal(post.headers['idempotency-key'], id)
    post.json(200, native('queued'))
    const poll = await own.gated.next()
    poll.json(200, native('in_progress'))
    const cancelled = await own.client.responses.cancel(id)
    assert.equal(cancelled.status, 'cancelled')
    let told = await own.gated.next()
    while (told.method === 'GET') told = await own.gated.next()
    assert.deepEqual([told.method, told.path], ['POST', '/v1/responses/resp_native/cancel'])
    told.json(200, native('cancelled'))
    assert.equal((await rowsOf(own.gateway, id))[0]?.status, 'cancelled')
  })
  it('at its provider only, which takes longer than it may', async (t) => {
    const gated = await startGatedProvider()
    t.after(() => gated.close())
    const provider = { variant: 'openai', baseUrl: gated.url, apiKey: 'provider-key-123456', attempts: 1 }
    const gateway = await startGateway({
      configure: ({ providers, ...config }) => ({
        ...config,
        providers: { ...(providers as object), brief: { ...provider, timeouts: { total: 5000 } } },
      }),
    })
    t.after(() => gateway.close())
    const answer = await gateway.post({ model: 'brief/m', input: 'hi', background: true })
    const { id } = (await answer.json()) as { id: string }
    const post = await gated.next()
    post.json(200, native('queued'))
    let told = await gated.next()
    while (told.method === 'GET') {
      told.json(200, native('in_progress'))
      told = await gated.next()
    }
    assert.deepEqual([told.method, told.path], ['POST', '/v1/responses/resp_native/cancel'])
    told.json(200, native('cancelled'))
    const client = new OpenAI({ baseURL: `${gateway.origin}/v1`, apiKey: 'none', maxRetries: 0 })
    const { error } = await pollFor(client, id, 'failed')
    assert.equal(error?.code, 'upstream_timeout')
  })
  it('once: later calls give the same', async () => {
    const { id } = await create()
    const call = await own.gated.next()
    const answers = await Promise.all([1, 2, 3].map(() => own.client.responses.cancel(id)))
    for (const answer of answers) assert.deepEqual(answer, answers[0])
    assert.deepEqual(await own.client.responses.cancel(id), answers[0])
    await call.closed
  })
})

describe('what cannot be cancelled', () => {
  it('a response that has ended stays as it is', async () => {
    const { id } = await create()
    ;(await own.gated.next()).answer('done')
    const ended = await pollFor(own.client, id, 'completed')
    assert.deepEqual(await own.client.responses.cancel(id), ended)
    assert.deepEqual(await own.client.responses.retrieve(id), ended)
  })
  it('one that does not run in the background is refused', async () => {
    const { id } = await own.client.responses.create({ model: 'gpt-4o', input: 'hi' })
    await assert.rejects(own.client.responses.cancel(id), { status: 400, code: 'invalid_request' })
  })
  it('an unknown one is not found', async () => {
    await assert.rejects(own.client.responses.cancel('resp_none'), { status: 404, code: 'not_found' })
  })
})

describe('a race between a cancellation and the end', () => {
  for (const streamed of [false, true]) {
    it(`has one winner${streamed ? ', told in the stream as well' : ''}`, async () => {
      const seen = new Set<string>()
      for (let round = 0; round < 24; round++) {
        const reader = streamed ? await stream() : null
        const id = reader === null ? (await create()).id : (await reader.until('response.queued')).responseId
        const call = await own.gated.next()
        call.answer('one two three')
        // The moments between the call and the end, each a little later.
        for (let step = 0; step < round; step++) await pause(1)
        const answer = await own.client.responses.cancel(id)
        const status = String(answer.status)
        seen.add(status)
        assert.ok(['cancelled', 'completed'].includes(status), status)
        assert.deepEqual(await own.client.responses.retrieve(id), answer)
        if (reader !== null) assert.deepEqual(assertLegalStream((await reader.toEnd()).events), answer)
        const [row, ...more] = await rowsOf(own.gateway, id)
        assert.deepEqual([row?.status, more.length], [status, 0])
      }
      assert.ok(seen.size > 0)
    })
  }
})

describe('a running response is deleted', () => {
  for (const streamed of [false, true]) {
    it(`and its call ended${streamed ? ', its readers told' : ''}`, async () => {
      const reader = streamed ? await stream() : null
      const id = reader === null ? (await create()).id : (await reader.until('response.queued')).responseId
      const call = await own.gated.next()
      if (reader !== null) {
        call.begin()
        await reader.until('response.output_text.delta')
      }
      await own.client.responses.delete(id)
      await call.closed
      await assert.rejects(own.client.responses.retrieve(id), { status: 404 })
      await assert.rejects(own.client.responses.cancel(id), { status: 404 })
      if (reader !== null) assert.equal(assertLegalStream((await reader.toEnd()).events).status, 'cancelled')
      assert.deepEqual(
        (await rowsOf(own.gateway, id)).map(({ status }) => status),
        ['cancelled'],
      )
    })
  }
})
