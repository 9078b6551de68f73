/** Background responses over the end of their process: none is lost, none runs twice at a time, none ends twice. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import Database from 'better-sqlite3'
import type { Response } from 'openai/resources/responses/responses'
import { EventReader, followStream, pollFor, rowsOf } from '../support/background-calls.ts'
import type { GatedCall } from '../support/gated-provider.ts'
import { assertLegalStream } from '../support/legal-stream.ts'
import { type RestartableGateway, startRestartable } from '../support/restartable-gateway.ts'

let own: RestartableGateway
beforeEach(async () => {
  own = await startRestartable({ config: { state: { backgroundJobs: 1 } } })
})
afterEach(() => own.close())

const create = (more: Record<string, unknown> = {}): Promise<Response> =>
  own.client.responses.create({ model: 'gated/m', input: 'hi', background: true, stream: false, ...more })
const stream = async (more: Record<string, unknown> = {}): Promise<EventReader> =>
  new EventReader(
    await own.gateway.post({ model: 'gated/m', input: 'hi', background: true, stream: true, ...more }),
  )
const native = (status: string) => ({ id: 'resp_native', object: 'response', status, model: 'm', output: [] })
/** Tools that run at the provider, where a second run may do something twice. */
const acting = [{ type: 'web_search' }]

async function restart(): Promise<void> {
  await own.stop()
  await own.start()
}
/** As if the process had been killed: what it had in hand is not given back in order. */
async function leaveAsKilled(id: string, change: string): Promise<void> {
  await own.stop()
  const database = new Database(own.storeFile)
  database.prepare(change).run(id)
  database.close()
  await own.start()
}

describe('after a restart', () => {
  it('a response that had waited runs, in its order, with what it was asked', async () => {
    const first = await create()
    const call = await own.gated.next()
    const second = await create({ input: 'second', metadata: { a: 'b' } })
    const third = await create({ input: 'third' })
    await own.stop()
    await call.closed
    await own.start()
    for (const [index, text] of ['hi', 'second', 'third'].entries()) {
      const again = await own.gated.next()
      assert.match(JSON.stringify(again.body.input), new RegExp(`"${text}"`))
      again.answer(`answer ${index}`)
    }
    for (const [index, { id }] of [first, second, third].entries())
      assert.equal((await pollFor(own.client, id, 'completed')).output_text, `answer ${index}`)
    assert.deepEqual((await own.client.responses.retrieve(second.id)).metadata, { a: 'b' })
    assert.equal(own.gated.mostOpen(), 1)
    const rows = await rowsOf(own.gateway, second.id)
    assert.deepEqual(
      rows.map(({ status, error }) => [status, error?.code]),
      [['completed', undefined]],
      'waiting is no failure, and one request is one row',
    )
  })
  it('one that runs at its provider is asked for there, and not begun again', async () => {
    const { id } = await create({ model: 'keyed/m', tools: acting })
    const post = await own.gated.next()
    post.json(200, native('queued'))
    const poll = await own.gated.next()
    assert.equal(poll.path, '/v1/responses/resp_native')
    await restart()
    const again = await own.gated.next()
    assert.deepEqual([again.method, again.path], ['GET', '/v1/responses/resp_native'])
    again.answer('made meanwhile')
    const ended = await pollFor(own.client, id, 'completed')
    assert.equal(ended.output_text, 'made meanwhile')
    assert.equal(own.gated.calls.filter(({ method }) => method === 'POST').length, 1)
  })
  it('one of which nothing was told runs again, at most three times in all', async () => {
    const reader = await stream({ tools: [{ type: 'function', name: 'f', parameters: {} }] })
    await reader.until('response.queued')
    const id = reader.responseId
    const calls: GatedCall[] = [await own.gated.next()]
    for (let run = 2; run <= 3; run++) {
      await restart()
      calls.push(await own.gated.next())
    }
    await restart()
    const final = await pollFor(own.client, id, 'failed')
    assert.equal(final.error?.code, 'gateway_restarted')
    assert.equal(own.gated.calls.length, 3)
    const replayed = await (await followStream(own.gateway.origin, id)).toEnd()
    assert.deepEqual(assertLegalStream(replayed.events), final)
    for (const call of calls) await call.closed
  })
  it('one that runs again streams on where the stream was', async () => {
    const reader = await stream()
    await reader.until('response.queued')
    await own.gated.next()
    await restart()
    const follower = await followStream(own.gateway.origin, reader.responseId, 1)
    ;(await own.gated.next()).answer('second try')
    await follower.toEnd()
    const final = assertLegalStream([...reader.events, ...follower.events])
    assert.equal(final.output_text, 'second try')
    assert.deepEqual(await own.client.responses.retrieve(final.id), final)
  })
  it('one whose tools may have effects fails, unless its provider knows the call again', async () => {
    const failing = await create({ tools: acting })
    await own.gated.next()
    await restart()
    const failed = await pollFor(own.client, failing.id, 'failed')
    assert.equal(failed.error?.code, 'gateway_restarted')
    assert.match(String(failed.error?.message), /Create it anew/)
    const reader = await stream({ model: 'keyed/m', tools: acting })
    await reader.until('response.queued')
    const first = await own.gated.next()
    await restart()
    const second = await own.gated.next()
    assert.equal(second.headers['idempotency-key'], reader.responseId)
    assert.equal(first.headers['idempotency-key'], second.headers['idempotency-key'])
    second.answer('known')
    assert.equal((await pollFor(own.client, reader.responseId, 'completed')).output_text, 'known')
  })
  it('one that had waited for its conversation runs, whatever its tools are, and as often as it takes', async () => {
    await own.close()
    own = await startRestartable()
    const { id: conversation } = await own.client.conversations.create()
    const first = await create({ conversation, input: 'first' })
    await own.gated.next()
    const second = await create({ conversation, input: 'second', tools: acting })
    for (let restarts = 1; restarts <= 2; restarts++) {
      await restart()
      await own.gated.next()
    }
    await own.stop()
    await own.start()
    // The first has been run three times by now, which is enough.
    const again = await own.gated.next()
    assert.match(JSON.stringify(again.body.input), /second/)
    again.answer('at last')
    assert.equal((await pollFor(own.client, second.id, 'completed')).output_text, 'at last')
    assert.equal((await pollFor(own.client, first.id, 'failed')).error?.code, 'gateway_restarted')
  })
  it('one that was in the middle of its stream is closed after what was told', async () => {
    const reader = await stream()
    const call = await own.gated.next()
    call.begin('one two')
    await reader.until('response.output_text.delta')
    await own.stop()
    await reader.toEnd().catch(() => {})
    assert.doesNotMatch(reader.text, /DONE/, 'the client knows that there is more')
    await own.start()
    const id = reader.responseId
    const failed = await pollFor(own.client, id, 'failed')
    assert.equal(failed.error?.code, 'gateway_restarted')
    const seen = reader.events.at(-1)?.sequence_number ?? -1
    const rest = await (await followStream(own.gateway.origin, id, seen)).toEnd()
    assert.deepEqual(assertLegalStream([...reader.events, ...rest.events]), failed)
    assert.equal(own.gated.calls.length, 1)
  })
  it('one that had ended just then is as it was', async () => {
    const reader = await stream()
    ;(await own.gated.next()).answer('whole')
    await reader.toEnd()
    await restart()
    const replayed = await (await followStream(own.gateway.origin, reader.responseId)).toEnd()
    assert.equal(replayed.text, reader.text)
    assert.equal(own.gated.calls.length, 1)
  })
  it('one of a killed process runs again when it had not begun to run', async () => {
    const { id } = await create({ tools: acting })
    await own.gated.next()
    await leaveAsKilled(id, "UPDATE responses SET status = 'queued' WHERE id = ?")
    ;(await own.gated.next()).answer('begun late')
    assert.equal((await pollFor(own.client, id, 'completed')).output_text, 'begun late')
  })
  it('one that was cancelled or deleted meanwhile does not run', async () => {
    const cancelled = await create()
    const call = await own.gated.next()
    const deleted = await create()
    await own.client.responses.delete(deleted.id)
    await own.client.responses.cancel(cancelled.id)
    await call.closed
    await restart()
    const last = await create({ input: 'last' })
    const next = await own.gated.next()
    assert.match(JSON.stringify(next.body.input), /last/)
    next.answer()
    await pollFor(own.client, last.id, 'completed')
    assert.equal((await own.client.responses.retrieve(cancelled.id)).status, 'cancelled')
  })
})

describe('a stop that gives time', () => {
  it('lets a running response end, and its readers read it', async () => {
    await own.close()
    own = await startRestartable({ drainTimeout: 20_000 })
    const reader = await stream()
    const call = await own.gated.next()
    call.begin('one two')
    await reader.until('response.output_text.delta')
    const stopped = own.stop()
    call.answer('one two')
    await reader.toEnd()
    assertLegalStream(reader.events)
    await stopped
    await own.start()
    assert.equal((await own.client.responses.retrieve(reader.responseId)).status, 'completed')
    assert.deepEqual(
      (await rowsOf(own.gateway, reader.responseId)).map(({ status }) => status),
      ['completed'],
    )
  })
})
