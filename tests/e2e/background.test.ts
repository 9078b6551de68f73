/** Background responses over every variant: they run without their client, and are polled or read along. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import Database from 'better-sqlite3'
import type { CanonicalEvent } from '../../translators/shared/canonical.ts'
import { variantTargets } from '../conformance/targets.ts'
import { EventReader, followStream, pollFor, rowsOf } from '../support/background-calls.ts'
import { assertLegalStream } from '../support/legal-stream.ts'
import { readEvents } from '../support/read-stream.ts'
import { type RestartableGateway, startRestartable } from '../support/restartable-gateway.ts'

let own: RestartableGateway
before(async () => {
  own = await startRestartable()
})
after(() => own.close())

function isDone({ type }: CanonicalEvent): boolean {
  return /^response\.(?:completed|incomplete|failed)$/.test(type)
}

describe('a background response', { concurrency: true }, () => {
  for (const { variant, model } of variantTargets) {
    it(`is polled to its end, and continued (${variant})`, async () => {
      const { client } = own
      const queued = await client.responses.create({
        model,
        input: 'hello',
        background: true,
        metadata: { a: 'b' },
      })
      assert.equal(queued.status, 'queued')
      assert.equal(queued.background, true)
      assert.deepEqual(queued.output, [])
      const ended = await pollFor(client, queued.id, 'completed')
      assert.match(ended.output_text, /You said: hello/)
      assert.equal(ended.background, true)
      assert.deepEqual(ended.metadata, { a: 'b' })
      assert.equal(ended.created_at, queued.created_at)
      const next = await client.responses.create({
        model,
        input: '/history',
        previous_response_id: queued.id,
      })
      assert.match(next.output_text, /user: hello[\s\S]*assistant: You said: hello/)
      const rows = await rowsOf(own.gateway, queued.id)
      assert.equal(rows.length, 1)
      assert.equal(rows[0]?.status, 'completed')
      assert.equal(rows[0]?.attempts, 1)
      assert.equal(rows[0]?.http_status, 200)
      assert.equal(rows[0]?.total_tokens, ended.usage?.total_tokens)
    })
    it(`is streamed, and replayed from any event on (${variant})`, async () => {
      const { client, gateway } = own
      const answer = await gateway.post({ model, input: 'hello', background: true, stream: true })
      assert.equal(answer.status, 200)
      const text = await answer.text()
      const events = readEvents(text)
      const final = assertLegalStream(events)
      assert.deepEqual(
        events.slice(0, 3).map(({ type }) => type),
        ['response.created', 'response.queued', 'response.in_progress'],
      )
      assert.deepEqual(await client.responses.retrieve(final.id), final)
      assert.equal((await (await followStream(gateway.origin, final.id)).toEnd()).text, text)
      for (const position of [0, 2, events.length - 2, events.length - 1]) {
        const rest = await (await followStream(gateway.origin, final.id, position)).toEnd()
        assert.deepEqual(rest.events, events.slice(position + 1))
      }
      const seen: number[] = []
      const stream = client.responses.stream({ response_id: final.id, starting_after: 3 })
      for await (const event of stream) seen.push(event.sequence_number)
      assert.deepEqual(
        seen,
        events.slice(4).map((event) => event.sequence_number),
      )
      assert.equal((await stream.finalResponse()).output_text, final.output_text)
      const [row, ...more] = await rowsOf(own.gateway, final.id)
      assert.equal(more.length, 0)
      assert.equal(row?.status, 'completed')
      assert.ok((row?.ttft_ms ?? -1) >= 0)
    })
  }
})

describe('a background request is refused as any other, and nothing is kept', () => {
  const call = { id: 'fc_1', type: 'function_call_output', call_id: 'call_none', output: 'x' }
  const refusals: [string, Record<string, unknown>, number, string, string | null][] = [
    ['of an unknown model', { model: 'nobody/has-this' }, 404, 'model_not_found', 'model'],
    ['of a provider without credentials', { model: 'lacking/m' }, 503, 'provider_not_configured', 'model'],
    ['without store', { store: false }, 400, 'invalid_request', 'store'],
    [
      'that continues nothing',
      { previous_response_id: 'resp_none' },
      400,
      'previous_response_not_found',
      'previous_response_id',
    ],
    ['on no conversation', { conversation: 'conv_none' }, 404, 'conversation_not_found', 'conversation'],
    ['of an output without its call', { input: [call] }, 400, 'invalid_request', 'input[0].call_id'],
    ['of a prompt that is not there', { prompt: { id: 'pmpt_none' } }, 400, 'prompt_not_found', 'prompt.id'],
    ['with a field of the wrong type', { temperature: 'hot' }, 400, 'invalid_request', 'temperature'],
  ]
  for (const [what, members, status, code, param] of refusals) {
    for (const stream of [false, true]) {
      it(`${what}${stream ? ', streamed' : ''}`, async () => {
        const answer = await own.gateway.post({
          model: 'gated/m',
          input: 'hi',
          background: true,
          stream,
          ...members,
        })
        const { error } = (await answer.json()) as { error: { code: string; param: string } }
        assert.deepEqual([answer.status, error.code, error.param], [status, code, param])
      })
    }
  }
  after(() => {
    const database = new Database(own.storeFile, { readonly: true })
    const { left } = database.prepare('SELECT count(*) AS left FROM jobs WHERE owner IS NULL').get() as {
      left: number
    }
    database.close()
    assert.equal(left, 0)
    assert.equal(own.gated.calls.length, 0)
  })
})

describe('a streamed background response', () => {
  it('survives its client, which reads on from where it was', async () => {
    const { gateway, gated } = own
    const first = new EventReader(
      await gateway.post({ model: 'gated/m', input: 'hi', background: true, stream: true }),
    )
    const call = await gated.next()
    call.begin('one two')
    await first.until('response.content_part.added')
    await first.hangUp()
    const seen = first.events.at(-1)?.sequence_number ?? -1
    const id = first.responseId
    const second = await followStream(gateway.origin, id, seen)
    assert.equal(call.isOpen, true)
    call.answer('one two')
    await second.toEnd()
    assertLegalStream([...first.events, ...second.events])
    assert.ok(second.text.endsWith('data: [DONE]\n\n'))
  })
  it('is read along by many, each from its own place, with the same bytes', async () => {
    const { gateway, gated } = own
    const reader = new EventReader(
      await gateway.post({ model: 'gated/m', input: 'hi', background: true, stream: true }),
    )
    const call = await gated.next()
    await reader.until('response.queued')
    const id = reader.responseId
    const others = await Promise.all(
      [-1, -1, 0, 1, 3].map((after) => followStream(gateway.origin, id, after)),
    )
    call.begin('one two')
    await Promise.all(others.slice(0, 2).map((other) => other.until('response.content_part.added')))
    const late = await followStream(gateway.origin, id, 2)
    call.answer('one two')
    await Promise.all([reader, late, ...others].map((one) => one.toEnd()))
    assertLegalStream(reader.events)
    assert.equal(others[0]?.text, reader.text)
    assert.equal(others[1]?.text, reader.text)
    const from = (position: number) => reader.events.slice(position)
    assert.deepEqual(
      others.slice(2).map(({ events }) => events),
      [from(1), from(2), from(4)],
    )
    assert.deepEqual(late.events, from(3))
  })
  it('goes on for one whose reader does not read', async () => {
    const { gateway, gated } = own
    const lazy = await gateway.post({ model: 'gated/m', input: 'hi', background: true, stream: true })
    const call = await gated.next()
    const words = 'word '.repeat(200_000)
    call.answer(words)
    const id = (await new EventReader(lazy.clone()).until('response.created')).responseId
    const ended = await pollFor(own.client, id, 'completed')
    assert.equal(ended.output_text, words)
    assertLegalStream(readEvents(await lazy.text()))
  })
  it('tells a failure of its provider legally', async () => {
    const { gateway, gated } = own
    for (const begun of [false, true]) {
      const reader = new EventReader(
        await gateway.post({ model: 'gated/m', input: 'hi', background: true, stream: true }),
      )
      const call = await gated.next()
      if (begun) call.begin('some')
      const fail = {
        type: 'error',
        error: { type: 'server_error', code: 'server_error', message: 'Broken.' },
      }
      if (!begun) call.json(500, fail)
      else {
        await reader.until('response.content_part.added')
        call.cut()
      }
      await reader.toEnd()
      const final = assertLegalStream(reader.events)
      assert.equal(final.status, 'failed')
      assert.deepEqual(await own.client.responses.retrieve(final.id), final)
      const [row, ...more] = await rowsOf(own.gateway, final.id)
      assert.deepEqual([row?.status, row?.error?.code, more.length], ['failed', final.error?.code, 0])
      assert.ok(reader.events.some(isDone))
    }
  })
})
