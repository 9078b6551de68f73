/**
 * A stream that its client leaves, as chat applications do when their users stop an answer: what was seen of it is kept,
 * and the next turn may refer to it.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import OpenAI from 'openai'
import type { Response, ResponseStreamEvent } from 'openai/resources/responses/responses'
import type { CanonicalEvent } from '../../translators/shared/canonical.ts'
import { textOf } from '../conformance/ask.ts'
import { variantTargets } from '../conformance/targets.ts'
import { assertLegalStream } from '../support/legal-stream.ts'
import { openSocket } from '../support/socket-client.ts'
import { startGateway, type TestGateway } from '../support/start-gateway.ts'

let gateway: TestGateway
let client: OpenAI
before(async () => {
  gateway = await startGateway()
  client = new OpenAI({ baseURL: `${gateway.origin}/v1`, apiKey: 'none', maxRetries: 0 })
})
after(() => gateway.close())

interface Stopped {
  id: string
  events: ResponseStreamEvent[]
  text: string
}

/** Reads until some of the text has come, then goes. */
async function stop(members: Record<string, unknown>): Promise<Stopped> {
  const stream = await client.responses.create({
    input: '/slow 20 /count 200',
    ...members,
    stream: true,
  } as never)
  const events: ResponseStreamEvent[] = []
  let text = ''
  for await (const event of stream as unknown as AsyncIterable<ResponseStreamEvent>) {
    events.push(event)
    if (event.type === 'response.output_text.delta') text += event.delta
    if (text.split(' ').length > 4) break
  }
  const [first] = events
  assert.equal(first?.type, 'response.created')
  return { id: (first as { response: Response }).response.id, events, text }
}

/** The gateway sees a moment later that the client has gone. */
async function waitForKept(id: string): Promise<Response> {
  for (let tries = 0; ; tries++) {
    try {
      return await client.responses.retrieve(id)
    } catch (error) {
      if ((error as { status?: number }).status !== 404 || tries > 500) throw error
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
}

/** All calls have ended for the gateway as well. */
async function waitForRows(): Promise<void> {
  for (;;) {
    const { data } = await gateway.admin<{ data: { status: string }[] }>('/admin/requests')
    if (data.every(({ status }) => status !== 'in_progress')) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

for (const { variant, model, streams } of variantTargets) {
  // Texts that come in one piece are whole before anybody can stop them.
  if (!streams || variant === 'general-augment') continue
  describe(`a stopped stream over ${variant}`, () => {
    it('is kept as it was seen, as a cancelled response', async () => {
      const { id, text, events } = await stop({ model })
      const kept = await waitForKept(id)
      assert.equal(kept.status, 'cancelled')
      const [message] = kept.output.filter(({ type }) => type === 'message')
      assert.equal(message?.type === 'message' && message.status, 'incomplete')
      assert.ok(textOf(kept).startsWith(text))
      const replayed: CanonicalEvent[] = []
      for await (const event of await client.responses.retrieve(id, { stream: true }))
        replayed.push(event as unknown as CanonicalEvent)
      assert.deepEqual(replayed.slice(0, events.length), events)
      assert.deepEqual(assertLegalStream(replayed), kept)
    })
    it('has items that the next turn may refer to', async () => {
      const { id, text } = await stop({ model, reasoning: { effort: 'low', summary: 'auto' } })
      const { output } = await waitForKept(id)
      const next = await client.responses.create({
        model,
        input: [
          { role: 'user', content: 'Count.' },
          ...output.map((item) => ({ type: 'item_reference' as const, id: String(item.id) })),
          { role: 'user', content: '/history' },
        ],
      })
      assert.ok(textOf(next).includes(`assistant: ${text.trim()}`), textOf(next))
      const chained = await client.responses.create({ model, input: '/history', previous_response_id: id })
      assert.match(textOf(chained), /user: \/slow 20 \/count 200/)
    })
  })
}

describe('a stopped stream', () => {
  const model = 'openai/gpt-5.2'

  it('may be referred to at once', async () => {
    for (let round = 0; round < 5; round++) {
      const { events } = await stop({ model, reasoning: { effort: 'low' } })
      const input = events.flatMap((event) =>
        event.type === 'response.output_item.added'
          ? [{ type: 'item_reference' as const, id: String(event.item.id) }]
          : [],
      )
      assert.equal(input.length, 2)
      const next = await client.responses.create({
        model,
        input: [...input, { role: 'user', content: '/history' }],
      })
      assert.match(textOf(next), /assistant: 1 2/)
    }
  })
  it('leaves nothing when nothing was to be kept', async () => {
    const { id } = await stop({ model, store: false })
    await waitForRows()
    await assert.rejects(client.responses.retrieve(id), { status: 404 })
  })
  it('leaves nothing in a conversation, which the next turn finds free', async () => {
    const conversation = await client.conversations.create({})
    await stop({ model, conversation: conversation.id })
    const next = await client.responses.create({ model, conversation: conversation.id, input: '/history' })
    assert.equal(textOf(next), 'user: /history')
  })
  it('does not use up its idempotency key', async () => {
    const headers = { 'idempotency-key': 'stopped', 'content-type': 'application/json' }
    const body = JSON.stringify({ model, input: '/slow 20 /count 30', stream: true })
    const first = new AbortController()
    const answer = await fetch(`${gateway.origin}/v1/responses`, {
      method: 'POST',
      headers,
      body,
      signal: first.signal,
    })
    await answer.body?.getReader().read()
    first.abort()
    // The gateway sees a moment later that the client has gone.
    const repeat = () => fetch(`${gateway.origin}/v1/responses`, { method: 'POST', headers, body })
    let again = await repeat()
    for (; again.status === 409; again = await repeat()) await again.text()
    assert.equal(again.status, 200)
    assert.equal(again.headers.get('idempotent-replayed'), null)
    assert.match(await again.text(), /response\.completed/)
  })
  it('may have been one of a WebSocket', async () => {
    const socket = await openSocket(gateway.origin)
    socket.send({ type: 'response.create', model, input: '/slow 20 /count 200' })
    const created = await socket.next()
    for (let event = created; event.type !== 'response.output_text.delta'; ) event = await socket.next()
    await socket.close()
    const kept = await waitForKept(String(created.response?.id))
    assert.equal(kept.status, 'cancelled')
    assert.ok(textOf(kept).length > 0)
  })
})
