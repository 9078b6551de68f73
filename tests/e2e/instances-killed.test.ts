/** One of two gateways on one PostgreSQL is killed in the middle of everything: the other goes on with what it had. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { EventReader, followStream, pollFor } from '../support/background-calls.ts'
import type { GatedCall } from '../support/gated-provider.ts'
import { assertLegalStream } from '../support/legal-stream.ts'
import { type OneGateway, startTwoGateways } from '../support/two-gateways.ts'

const model = 'gated/m'

interface Row {
  response_id: string | null
  status: string
  error: { code: string } | null
}

it('what a killed gateway had is taken over, ended or free', async (t) => {
  const { a, b, gated } = await startTwoGateways(t, {
    processes: true,
    config: { state: { conversationWait: 0 } },
  })
  const { id: conversation } = await b.client.conversations.create({})
  const keyed = (gateway: OneGateway) =>
    gateway.client.responses.create({ model, input: 'keyed' }, { headers: { 'Idempotency-Key': 'once' } })

  const plain = await a.client.responses.create({ model, input: 'plain', background: true, stream: false })
  const plainCall = await gated.next()
  const reader = new EventReader(await a.post({ model, input: 'told', background: true, stream: true }))
  const toldCall = await gated.next()
  toldCall.begin('some words')
  await reader.until('response.output_text.delta')
  const turn = a.client.responses.create({ model, input: 'turn', conversation }).catch(() => 'lost')
  const turnCall = await gated.next()
  const first = keyed(a).catch(() => 'lost')
  const keyedCall = await gated.next()
  // Until what runs for long has its row.
  const running = async () => {
    const { data } = await b.admin<{ data: Row[] }>('/admin/requests?status=in_progress')
    return data.length
  }
  while ((await running()) < 4) await pause(100)

  await a.kill()
  assert.deepEqual(await Promise.all([turn, first]), ['lost', 'lost'])
  const calls: GatedCall[] = [plainCall, toldCall, turnCall, keyedCall]
  await Promise.all(calls.map(({ closed }) => closed))
  // Nothing is taken from one that may be alive.
  assert.equal((await b.client.responses.retrieve(plain.id)).status, 'in_progress')
  const before = await b.post({ model, input: 'keyed' }, { 'idempotency-key': 'once' })
  assert.equal(before.status, 409)

  const again = await gated.next()
  assert.match(JSON.stringify(again.body.input), /plain/)
  again.answer('done by the other')
  assert.equal((await pollFor(b.client, plain.id, 'completed')).output_text, 'done by the other')

  const told = await pollFor(b.client, reader.responseId, 'failed')
  assert.equal(told.error?.code, 'gateway_restarted')
  const kept = await (await followStream(b.origin, reader.responseId)).toEnd()
  assertLegalStream(kept.events)
  assert.deepEqual(kept.events.slice(0, reader.events.length), reader.events, 'nothing that was told is lost')

  gated.onCall = (call) => call.answer('free again')
  assert.equal(
    (await b.client.responses.create({ model, input: 'next', conversation })).output_text,
    'free again',
  )
  const { data: items } = await b.client.conversations.items.list(conversation)
  assert.equal(items.length, 2, 'nothing of the lost turn')
  assert.equal((await keyed(b)).output_text, 'free again')

  const rows = async () => (await b.admin<{ data: Row[] }>('/admin/requests?limit=100')).data
  const isOpen = ({ status }: Row) => status === 'in_progress' || status === 'queued'
  // What is told to a client is written a moment later.
  await t.waitFor(async () => assert.deepEqual((await rows()).filter(isOpen), []), { timeout: 60_000 })
  const data = await rows()
  const ended = data.filter(({ error }) => error?.code === 'gateway_restarted')
  assert.ok(ended.length >= 4, 'those of the killed one are ended')
})

it('what only waited at a killed gateway has not failed: it runs at the other, and counts once', async (t) => {
  const { a, b, gated } = await startTwoGateways(t, {
    processes: true,
    config: { state: { backgroundJobs: 1 } },
  })
  const create = (gateway: OneGateway) =>
    gateway.client.responses.create({ model, input: 'hi', background: true, stream: false })
  // Their first calls may take so long that others help out.
  for (const { client } of [a, b]) await client.conversations.create({})
  const atA = await create(a)
  const calls = [await gated.next()]
  const atB = await create(b)
  calls.push(await gated.next())
  const waiting = await create(a)
  const rowsOf = async ({ id }: { id: string }) => {
    const { data } = await b.admin<{ data: Row[] }>('/admin/requests?limit=100')
    return data.filter(({ response_id }) => response_id === id).map(({ status }) => status)
  }
  while ((await rowsOf(waiting))[0] !== 'queued') await pause(50)
  while ((await rowsOf(atA))[0] !== 'in_progress') await pause(50)
  await a.kill()
  gated.onCall = (call) => call.answer('done by the other')
  for (const call of calls) call.answer('done')
  for (const { id } of [waiting, atA, atB]) await pollFor(b.client, id, 'completed')
  // What is told to a client is written a moment later.
  const ends = new Map([
    [waiting, 'completed'],
    [atA, 'completed,failed'],
    [atB, 'completed'],
  ])
  for (const [response, rows] of ends)
    for (let seen = ''; seen !== rows; seen = (await rowsOf(response)).join()) {
      if (response === waiting) assert.ok(!seen.includes('failed'), seen)
      await pause(50)
    }
  const { totals } = await b.admin<{ totals: { requests: number } }>('/admin/spend?group_by=project')
  assert.equal(totals.requests, 4, 'three requests, and the run that died')
})

it('a gateway that ends in order leaves at once what it had, and another one joins', async (t) => {
  const { a, b, gated, startAnother } = await startTwoGateways(t, { processes: true })
  const { id } = await a.client.responses.create({ model, input: 'left', background: true, stream: false })
  const call = await gated.next()
  await a.stop()
  await call.closed
  const again = await gated.next()
  const c = await startAnother()
  assert.equal((await c.client.responses.cancel(id)).status, 'cancelled')
  await again.closed
  assert.equal((await b.client.responses.retrieve(id)).status, 'cancelled')
})
