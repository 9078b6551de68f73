/** Background responses together with everything else that is kept: conversations, chains, keys, prompts, the record. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { Response } from 'openai/resources/responses/responses'
import type { AdminRequest } from '../../server/http/admin/contract.ts'
import { EventReader, pollFor, rowsOf } from '../support/background-calls.ts'
import { assertLegalStream } from '../support/legal-stream.ts'
import { type RestartableGateway, startRestartable } from '../support/restartable-gateway.ts'

let own: RestartableGateway
before(async () => {
  own = await startRestartable({ config: { state: { backgroundJobs: 4 } } })
})
after(() => own.close())

const create = (more: Record<string, unknown> = {}): Promise<Response> =>
  own.client.responses.create({ model: 'gated/m', input: 'hi', background: true, stream: false, ...more })

/** Waits until so many have been taken up: those that wait for their conversation are in its line then. */
async function waitForJobs(count: number): Promise<void> {
  for (const line = `dragoman_background_jobs{state="running"} ${count}\n`; ; await pause(10)) {
    const metrics = await (await fetch(`${own.gateway.origin}/metrics`)).text()
    if (metrics.includes(line)) return
  }
}

describe('on a conversation', () => {
  it('background responses wait for each other, and add their turns in order', async () => {
    const { client, gated } = own
    const { id: conversation } = await client.conversations.create()
    const first = await create({ conversation, input: 'one' })
    const call = await gated.next()
    const second = await create({ conversation, input: 'two' })
    assert.equal((await client.responses.retrieve(second.id)).status, 'queued')
    await waitForJobs(2)
    const third = client.responses.create({ model: 'gated/m', input: 'three', conversation })
    call.answer('answer one')
    for (const [input, output] of [
      ['two', 'answer two'],
      ['three', 'answer three'],
    ]) {
      const next = await gated.next()
      const texts = JSON.stringify(next.body.input)
      assert.match(texts, /one.*answer one/)
      assert.match(texts, new RegExp(`${input}"[^"]*"?`))
      next.answer(output)
    }
    await pollFor(client, first.id, 'completed')
    await pollFor(client, second.id, 'completed')
    await third
    const texts: unknown[] = []
    for await (const item of client.conversations.items.list(conversation, { order: 'asc' }))
      if (item.type === 'message') texts.push((item.content[0] as { text: string }).text)
    assert.deepEqual(texts, ['one', 'answer one', 'two', 'answer two', 'three', 'answer three'])
  })
  it('many that wait for each other leave the places to others', async () => {
    const { client, gated } = own
    const { id: conversation } = await client.conversations.create()
    const line: Response[] = []
    for (let index = 0; index < 9; index++) line.push(await create({ conversation, input: `turn ${index}` }))
    const first = await gated.next()
    assert.match(JSON.stringify(first.body.input), /turn 0/)
    const free = await Promise.all([create({ input: 'free 1' }), create({ input: 'free 2' })])
    // In either order: they were asked for at once.
    for (const call of [await gated.next(), await gated.next()]) {
      assert.match(JSON.stringify(call.body.input), /free/)
      call.answer('done')
    }
    for (const { id } of free) await pollFor(client, id, 'completed')
    first.answer('answer 0')
    for (let index = 1; index < line.length; index++) {
      const next = await gated.next()
      assert.match(JSON.stringify(next.body.input), new RegExp(`answer ${index - 1}.*turn ${index}`))
      next.answer(`answer ${index}`)
    }
    for (const { id } of line) await pollFor(client, id, 'completed')
  })
  it('that is deleted under it, a background response fails', async () => {
    const { client, gated } = own
    const { id: conversation } = await client.conversations.create()
    for (const stream of [false, true]) {
      const { id } = await client.conversations.create()
      const answer = await own.gateway.post({
        model: 'gated/m',
        input: 'hi',
        background: true,
        stream,
        conversation: id,
      })
      const reader = stream ? new EventReader(answer) : null
      const responseId = reader
        ? (await reader.until('response.queued')).responseId
        : ((await answer.json()) as Response).id
      const call = await gated.next()
      await client.conversations.delete(id)
      call.answer('too late')
      const failed = await pollFor(client, responseId, 'failed')
      assert.equal(failed.error?.code, 'conversation_not_found')
      if (reader) assert.deepEqual(assertLegalStream((await reader.toEnd()).events), failed)
    }
    await client.conversations.delete(conversation)
  })
  it('a cancelled response leaves it free, and adds nothing', async () => {
    const { client, gated } = own
    const { id: conversation } = await client.conversations.create()
    const { id } = await create({ conversation })
    const call = await gated.next()
    await client.responses.cancel(id)
    await call.closed
    const next = client.responses.create({ model: 'gated/m', input: 'after', conversation })
    const after = await gated.next()
    assert.doesNotMatch(JSON.stringify(after.body.input), /"hi"/)
    after.answer()
    await next
  })
})

describe('in a chain', () => {
  it('a running response is not continued, an ended or cancelled one is', async () => {
    const { client, gated } = own
    const { id } = await create({ input: 'start' })
    const call = await gated.next()
    await assert.rejects(
      client.responses.create({ model: 'gated/m', input: 'x', previous_response_id: id }),
      {
        status: 400,
        code: 'previous_response_not_finished',
      },
    )
    await assert.rejects(create({ previous_response_id: id }), { status: 400 })
    call.answer('begun')
    await pollFor(client, id, 'completed')
    const next = await create({ input: 'go on', previous_response_id: id })
    const second = await gated.next()
    assert.match(JSON.stringify(second.body.input), /start.*begun.*go on/)
    await client.responses.cancel(next.id)
    const after = await create({ input: 'again', previous_response_id: next.id })
    const third = await gated.next()
    assert.match(JSON.stringify(third.body.input), /start.*begun.*go on.*again/)
    third.answer()
    await pollFor(client, after.id, 'completed')
  })
})

describe('with an Idempotency-Key', () => {
  const body = { model: 'gated/m', input: 'once', background: true }
  it('a repeat gets the same queued response, and nothing runs twice', async () => {
    const { gateway, gated, client } = own
    const headers = { 'idempotency-key': 'background-1' }
    const before = gated.calls.length
    const first = await gateway.post(body, headers)
    const text = await first.text()
    const call = await gated.next()
    const repeat = await gateway.post(body, headers)
    assert.equal(repeat.headers.get('idempotent-replayed'), 'true')
    assert.equal(await repeat.text(), text)
    const other = await gateway.post({ ...body, input: 'other' }, headers)
    assert.equal(other.status, 409)
    await other.text()
    assert.equal(call.headers['idempotency-key'], undefined)
    call.answer()
    await pollFor(client, (JSON.parse(text) as Response).id, 'completed')
    assert.equal(await (await gateway.post(body, headers)).text(), text)
    assert.equal(gated.calls.length, before + 1)
  })
  it('a repeat of a stream gets its events from the first on, also while it runs', async () => {
    const { gateway, gated } = own
    const headers = { 'idempotency-key': 'background-2' }
    const before = gated.calls.length
    const streamed = { ...body, stream: true }
    const first = new EventReader(await gateway.post(streamed, headers))
    const call = await gated.next()
    call.begin('one two')
    await first.until('response.output_text.delta')
    const second = new EventReader(await gateway.post(streamed, headers))
    assert.equal(second.response.headers.get('idempotent-replayed'), 'true')
    await second.until('response.output_text.delta')
    call.answer('one two')
    await Promise.all([first.toEnd(), second.toEnd()])
    assertLegalStream(first.events)
    assert.equal(second.text, first.text)
    assert.equal(await (await gateway.post(streamed, headers)).text(), first.text)
    assert.equal(gated.calls.length, before + 1)
  })
  it('a refused request leaves the key free', async () => {
    const { gateway, gated, client } = own
    const headers = { 'idempotency-key': 'background-3' }
    assert.equal((await gateway.post({ ...body, previous_response_id: 'resp_none' }, headers)).status, 400)
    const { id } = (await (await gateway.post(body, headers)).json()) as Response
    ;(await gated.next()).answer()
    await pollFor(client, id, 'completed')
  })
})

describe('with a prompt', () => {
  it('what it said when the response was accepted counts, and is added once', async () => {
    const { gateway, gated, client } = own
    const prompt = {
      id: 'pmpt_background',
      template: { model: 'gated/m', instructions: 'First version.', input: 'From the prompt.' },
    }
    const admin = (path: string, body: unknown) =>
      fetch(`${gateway.origin}/admin/prompts${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
    assert.ok((await admin('', prompt)).ok)
    const blocking = [await create(), await create(), await create(), await create()]
    const calls = [await gated.next(), await gated.next(), await gated.next(), await gated.next()]
    const { id } = await client.responses.create({
      prompt: { id: prompt.id },
      input: 'From the client.',
      background: true,
    })
    const second = { template: { ...prompt.template, instructions: 'Second version.' }, default: true }
    assert.ok((await admin(`/${prompt.id}/versions`, second)).ok)
    for (const call of calls) call.answer()
    for (const one of blocking) await pollFor(client, one.id, 'completed')
    const call = await gated.next()
    assert.equal(call.body.instructions, 'First version.')
    const texts = JSON.stringify(call.body.input).match(/From the \w+/g)
    assert.deepEqual(texts, ['From the prompt', 'From the client'])
    call.answer()
    const ended = await pollFor(client, id, 'completed')
    assert.equal((ended as { prompt?: { id: string } }).prompt?.id, prompt.id)
    const items: unknown[] = []
    for await (const item of client.responses.inputItems.list(id, { order: 'asc' })) items.push(item.id)
    assert.equal(items.length, 2)
  })
})

describe('many at once', () => {
  it('run as many at a time as the configuration says, and all end', async () => {
    const { client, gated } = own
    const before = gated.calls.length
    gated.onCall = (call) => setTimeout(() => call.answer(), 5)
    const created = await Promise.all(
      Array.from({ length: 50 }, (_, index) => create({ input: `job ${index}` })),
    )
    for (const { id } of created) await pollFor(client, id, 'completed')
    gated.onCall = () => {}
    for (let index = 0; index < 50; index++) await gated.next()
    assert.equal(gated.calls.length, before + 50)
    assert.ok(gated.mostOpen() <= 4, `${gated.mostOpen()} at once`)
    for (const { id } of created)
      assert.deepEqual(
        (await rowsOf(own.gateway, id)).map(({ status }) => status),
        ['completed'],
      )
  })
})

describe('the record of a background request', () => {
  it('is one row, in progress until the response has ended', async () => {
    const { client, gateway, gated } = own
    const { id } = await create()
    const call = await gated.next()
    const running = await gateway.admin<AdminRequest>(`/admin/requests/${id}`)
    assert.equal(running.status, 'in_progress')
    call.answer('recorded')
    const ended = await pollFor(client, id, 'completed')
    assert.equal((await rowsOf(gateway, id)).length, 1)
    const row = await gateway.admin<AdminRequest>(`/admin/requests/${id}`)
    assert.deepEqual([row.status, row.http_status, row.attempts], ['completed', 200, 1])
    assert.equal(row.total_tokens, 5)
    assert.ok(row.adaptations.some(({ field, action }) => field === 'background' && action === 'emulated'))
    assert.match(JSON.stringify(row), /recorded/)
    assert.equal(ended.output_text, 'recorded')
  })
})
