/** The live tail: what starts and ends, here and on another gateway of the same store. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AdminRequestRow } from '../../server/http/admin/contract.ts'
import { startGateway } from '../support/start-gateway.ts'
import { startTwoGateways } from '../support/two-gateways.ts'

interface Event {
  id: string | null
  name: string
  data: AdminRequestRow & { count: number | null }
}

/** Follows the tail; resolves once everything from now on is told. */
async function follow(origin: string, query = '', lastEventId?: string) {
  const hangUp = new AbortController()
  const response = await fetch(`${origin}/admin/requests/tail${query}`, {
    signal: hangUp.signal,
    headers: lastEventId === undefined ? {} : { 'last-event-id': lastEventId },
  })
  assert.equal(response.status, 200, await (response.ok ? '' : response.text()))
  assert.match(response.headers.get('content-type') ?? '', /^text\/event-stream/)
  const reader = (response.body as ReadableStream<Uint8Array>)
    .pipeThrough(new TextDecoderStream())
    .getReader()
  let text = ''
  async function read(): Promise<string | null> {
    for (;;) {
      const end = text.indexOf('\n\n')
      if (end !== -1) {
        const frame = text.slice(0, end)
        text = text.slice(end + 2)
        return frame
      }
      const { done, value } = await reader.read()
      if (done) return null
      text += value
    }
  }
  assert.equal(await read(), ': alive')
  return {
    /** Null at the end of the stream. */
    async next(): Promise<Event | null> {
      for (;;) {
        const frame = await read()
        if (frame === null) return null
        if (frame.startsWith(':')) continue
        const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(frame)?.[1] ?? null
        return { id: field('id'), name: field('event') ?? '', data: JSON.parse(field('data') ?? '') }
      }
    },
    hangUp: () => hangUp.abort(),
  }
}

test('rows come as they start and end, also those of another gateway on the same database', async (t) => {
  const { a, b, gated } = await startTwoGateways(t, { config: { limits: { drainTimeout: 30_000 } } })
  const tail = await follow(a.origin)
  const failures = await follow(a.origin, '?status=error')
  const slow = b.post({ model: 'gated/m', input: 'slow', stream: true })
  const call = await gated.next()
  call.begin('so far')
  const started = await tail.next()
  assert.deepEqual([started?.name, started?.data.status], ['started', 'in_progress'])
  call.cut()
  await (await slow).text().catch(() => '')
  const ended = await tail.next()
  assert.equal(ended?.name, 'ended')
  assert.equal(ended?.data.id, started?.data.id)
  assert.notEqual(ended?.data.error, null)
  assert.equal((await failures.next())?.data.id, ended?.data.id)

  await t.test('and who comes back hears of what was missed', async () => {
    tail.hangUp()
    gated.onCall = (call) => call.answer('quick')
    const { id } = (await (await b.post({ model: 'gated/m', input: 'quick' })).json()) as { id: string }
    for (let rows = 0; rows < 2; ) {
      rows = (await a.admin<{ data: unknown[] }>('/admin/requests?model=gated/m')).data.length
    }
    const again = await follow(a.origin, '', ended?.id ?? '')
    const missed: (string | null)[] = []
    while (!missed.includes(id)) missed.push((await again.next())?.data.response_id ?? null)
    const otherwise = await follow(a.origin, '?model=none', ended?.id ?? '')
    const stopping = a.stop()
    // The stream ends as it should, long before the connections are cut.
    let last = await again.next()
    while (last !== null) last = await again.next()
    assert.equal(await otherwise.next(), null)
    await stopping
  })
})

test('one gateway alone tells of its rows, filtered', async (t) => {
  const gateway = await startGateway()
  t.after(() => gateway.close())
  const { data } = (await (await fetch(`${gateway.origin}/v1/models`)).json()) as { data: { id: string }[] }
  const model = data[0]?.id
  await (await gateway.post({ model, input: 'before' })).text()
  await gateway.app.flush()
  const tail = await follow(gateway.origin, '?metadata%5Bteam%5D=blue&stream=false')
  for (const team of ['red', 'blue', 'red', 'blue'])
    await (await gateway.post({ model, input: team, metadata: { team } })).text()
  const ended = new Set<string>()
  while (ended.size < 2) {
    const event = await tail.next()
    assert.deepEqual(event?.data.metadata, { team: 'blue' })
    // Where a request takes longer than usual, its start is told as well.
    if (event?.name === 'started') continue
    assert.equal(event?.name, 'ended')
    assert.equal(ended.has(event?.data.id ?? ''), false, 'it is told once')
    ended.add(event?.data.id ?? '')
  }
  tail.hangUp()
})
