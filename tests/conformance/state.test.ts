/**
 * State, the same over every variant, through OpenAI's own client: what the gateway keeps, the providers need not.
 * `/history` makes the scripted model repeat the items that reached the provider.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import OpenAI from 'openai'
import type { Response, ResponseStreamEvent } from 'openai/resources/responses/responses'
import { type CanonicalEvent, isObject } from '../../translators/shared/canonical.ts'
import { assertLegalStream } from '../support/legal-stream.ts'
import { startGateway, type TestGateway } from '../support/start-gateway.ts'
import { textOf } from './ask.ts'
import { type VariantTarget, variantTargets } from './targets.ts'

const tool = {
  type: 'function' as const,
  name: 'get_weather',
  description: null,
  strict: false,
  parameters: { type: 'object', properties: { city: { type: 'string' } } },
}

let gateway: TestGateway
let client: OpenAI
before(async () => {
  gateway = await startGateway()
  client = new OpenAI({ baseURL: `${gateway.origin}/v1`, apiKey: 'none', maxRetries: 0 })
})
after(() => gateway.close())

/** What `/history` told, a line an item, without the question itself and the system's lines. */
function toldHistory(response: Response): string {
  const end = /\n?user: \/history$/
  const told = textOf(response)
  assert.match(told, end)
  return told.replace(end, '').replace(/^(?:system|reasoning)[^\n]*\n/gm, '')
}

async function collect(stream: AsyncIterable<ResponseStreamEvent>): Promise<CanonicalEvent[]> {
  const events: CanonicalEvent[] = []
  for await (const event of stream) events.push(event as unknown as CanonicalEvent)
  return events
}

async function waitForEnd(id: string): Promise<Response> {
  for (;;) {
    const response = await client.responses.retrieve(id)
    if (response.status !== 'queued' && response.status !== 'in_progress') return response
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** What the provider was last asked. */
function lastBody({ provider }: VariantTarget): Record<string, unknown> {
  const call = gateway.sandbox.requests.findLast((one) => one.provider === provider && one.method === 'POST')
  assert.ok(isObject(call?.body))
  return call.body
}

for (const target of variantTargets) {
  const { model } = target
  describe(`state over ${target.variant}`, () => {
    it('creates, continues, retrieves, lists the input and deletes', async () => {
      const first = await client.responses.create({
        model,
        input: 'My name is Ada.',
        metadata: { turn: '1' },
      })
      const second = await client.responses.create({
        model,
        input: '/history',
        previous_response_id: first.id,
        instructions: 'Be brief.',
      })
      assert.equal(second.previous_response_id, first.id)
      assert.equal(toldHistory(second), `user: My name is Ada.\nassistant: ${textOf(first)}`)
      const third = await client.responses.create({
        model,
        input: '/system',
        previous_response_id: second.id,
      })
      assert.equal(textOf(third), 'No instructions came.', 'instructions are not inherited')
      assert.deepEqual(await client.responses.retrieve(first.id), first)
      const items = []
      for await (const item of client.responses.inputItems.list(third.id, { order: 'asc', limit: 2 }))
        items.push(item)
      assert.deepEqual(
        items.flatMap((item) => (item.type === 'message' ? [item.role] : [])),
        ['user', 'assistant', 'user', 'assistant', 'user'],
      )
      for (const { id } of [...first.output, ...second.output])
        assert.ok(
          items.some((item) => item.id === id),
          'an item keeps its id',
        )
      await client.responses.delete(first.id)
      await assert.rejects(client.responses.retrieve(first.id), { status: 404 })
      await assert.rejects(client.responses.create({ model, input: 'x', previous_response_id: first.id }), {
        status: 400,
        code: 'previous_response_not_found',
      })
      await assert.rejects(client.responses.create({ model, input: 'x', previous_response_id: third.id }), {
        status: 400,
        code: 'previous_response_not_found',
      })
    })

    it('carries a tool round trip on, and refuses an output without its call', async () => {
      const asked = await client.responses.create({ model, input: '/call', tools: [tool] })
      const call = asked.output.find((item) => item.type === 'function_call')
      assert.ok(call)
      const told = await client.responses.create({
        model,
        tools: [tool],
        previous_response_id: asked.id,
        input: [{ type: 'function_call_output', call_id: call.call_id, output: '21 degrees' }],
      })
      assert.match(textOf(told), /21 degrees|has answered/)
      const items = await client.responses.inputItems.list(told.id, { order: 'asc' })
      const kept = items.data.filter((item) => item.type.startsWith('function_call'))
      assert.deepEqual(
        kept.map((item) => ('call_id' in item ? item.call_id : null)),
        [call.call_id, call.call_id],
      )
      await assert.rejects(
        client.responses.create({
          model,
          previous_response_id: asked.id,
          input: [{ type: 'function_call_output', call_id: 'call_unknown', output: 'x' }],
        }),
        { status: 400, param: 'input[0].call_id' },
      )
    })

    it('resolves item references without previous_response_id', async () => {
      const first = await client.responses.create({ model, input: 'Remember the number 7.' })
      const second = await client.responses.create({
        model,
        input: [
          { type: 'item_reference', id: first.output.at(-1)?.id as string },
          { role: 'user', content: '/history' },
        ],
      })
      assert.equal(toldHistory(second), `assistant: ${textOf(first)}`)
      await assert.rejects(
        client.responses.create({ model, input: [{ type: 'item_reference', id: 'msg_unknown' }] }),
        { status: 400, param: 'input[0].id' },
      )
    })

    it('keeps nothing with store: false, and asks the provider to keep nothing', async () => {
      const response = await client.responses.create({ model, input: 'hello', store: false })
      assert.equal('store' in response && response.store, false)
      await assert.rejects(client.responses.retrieve(response.id), { status: 404 })
      await client.responses.create({ model, input: 'hello' })
      assert.notEqual(lastBody(target).store, true)
    })

    it('replays a stream with the same events, whole and from the middle', async () => {
      const events = await collect(await client.responses.create({ model, input: '/count 8', stream: true }))
      const final = assertLegalStream(events)
      const again = await collect(await client.responses.retrieve(final.id, { stream: true }))
      assert.deepEqual(again, events)
      const rest = await collect(
        await client.responses.retrieve(final.id, { stream: true, starting_after: 4 }),
      )
      assert.deepEqual(rest, events.slice(5))
      assert.deepEqual(await client.responses.retrieve(final.id), final)
    })

    it('replays a response that was not streamed as a legal stream', async () => {
      const made = await client.responses.create({ model, input: '/reason why count' })
      const events = await collect(await client.responses.retrieve(made.id, { stream: true }))
      assert.deepEqual(assertLegalStream(events), made)
    })

    it('runs turns on a conversation', async () => {
      const conversation = await client.conversations.create({
        metadata: { topic: 'names' },
        items: [{ type: 'message', role: 'user', content: 'My name is Grace.' }],
      })
      const first = await client.responses.create({ model, input: '/history', conversation: conversation.id })
      assert.equal(toldHistory(first), 'user: My name is Grace.')
      assert.deepEqual(first.conversation, { id: conversation.id })
      const second = await client.responses.create({
        model,
        input: 'And who are you?',
        conversation: { id: conversation.id },
        stream: true,
      })
      assertLegalStream(await collect(second))
      const items = []
      for await (const item of client.conversations.items.list(conversation.id, { order: 'asc' }))
        items.push(item)
      assert.equal(items.filter(({ type }) => type === 'message').length, 5)
      await client.conversations.delete(conversation.id)
      await assert.rejects(client.conversations.retrieve(conversation.id), { status: 404 })
      await assert.rejects(client.responses.create({ model, input: 'x', conversation: conversation.id }), {
        status: 404,
      })
      assert.deepEqual(await client.responses.retrieve(first.id), first, 'the responses stay')
    })

    it('runs in the background: poll, stream, resume', async () => {
      const queued = await client.responses.create({ model, input: '/count 5', background: true })
      assert.equal(queued.status, 'queued')
      assert.equal(queued.background, true)
      const done = await waitForEnd(queued.id)
      assert.equal(done.status, 'completed')
      assert.equal(textOf(done), '1 2 3 4 5')
      const next = await client.responses.create({ model, input: '/history', previous_response_id: done.id })
      assert.equal(toldHistory(next), 'user: /count 5\nassistant: 1 2 3 4 5')

      const events = await collect(
        await client.responses.create({ model, input: '/count 6', background: true, stream: true }),
      )
      const final = assertLegalStream(events)
      const resumed = await collect(
        await client.responses.retrieve(final.id, { stream: true, starting_after: 2 }),
      )
      assert.deepEqual(resumed, events.slice(3))
    })

    it('cancels a background response once and for all', async () => {
      const queued = await client.responses.create({
        model,
        input: '/slow 60000 /count 50',
        background: true,
      })
      const cancelled = await client.responses.cancel(queued.id)
      assert.equal(cancelled.status, 'cancelled')
      assert.deepEqual(await client.responses.cancel(queued.id), cancelled)
      assert.deepEqual(await client.responses.retrieve(queued.id), cancelled)
      const plain = await client.responses.create({ model, input: 'hi' })
      await assert.rejects(client.responses.cancel(plain.id), { status: 400 })
    })

    it('compacts and goes on', async () => {
      const first = await client.responses.create({ model, input: 'My name is Ada.' })
      const compacted = await client.responses.compact({ model, previous_response_id: first.id })
      assert.equal(compacted.object, 'response.compaction')
      assert.equal(compacted.output.at(-1)?.type, 'compaction')
      const next = await client.responses.create({
        model,
        input: [
          ...(compacted.output as OpenAI.Responses.ResponseInputItem[]),
          { role: 'user', content: '/history' },
        ],
      })
      assert.match(textOf(next), /user: My name is Ada\./)
    })

    it('replays a call with the same idempotency key', async () => {
      const ask = () =>
        client.responses
          .create({ model, input: '/count 3' }, { headers: { 'idempotency-key': `key-${target.variant}` } })
          .withResponse()
      const first = await ask()
      const before = gateway.sandbox.requests.length
      const again = await ask()
      assert.deepEqual(again.data, first.data)
      assert.equal(again.response.headers.get('idempotent-replayed'), 'true')
      assert.equal(gateway.sandbox.requests.length, before)
    })
  })
}

describe('one chain over several providers', () => {
  it('keeps the context, and reasoning stays with its maker', async () => {
    let previous: Response | null = null
    const told: string[] = []
    for (const { model } of variantTargets) {
      const response: Response = await client.responses.create({
        model,
        input: `I am asked at ${model}.`,
        reasoning: { effort: 'low' },
        previous_response_id: previous?.id ?? null,
      })
      told.push(`user: I am asked at ${model}.`, `assistant: ${textOf(response)}`)
      previous = response
    }
    for (const { model } of variantTargets) {
      const { data, response } = await client.responses
        .create({ model, input: '/history', previous_response_id: previous?.id ?? null })
        .withResponse()
      assert.equal(toldHistory(data), told.join('\n'))
      assert.match(
        response.headers.get('x-dragoman-adaptations') ?? '',
        /dropped:input\.reasoning=made by another provider/,
      )
    }
  })

  it('gives sealed reasoning back to its maker and to nobody else', async () => {
    const made = await client.responses.create({
      model: 'openai/gpt-5.2',
      input: '/reason about it',
      include: ['reasoning.encrypted_content'],
    })
    const reasoning = made.output.find((item) => item.type === 'reasoning')
    assert.ok(reasoning?.encrypted_content?.startsWith('dgm1.'))
    const stateless = [
      ...made.output,
      { role: 'user', content: 'go on' },
    ] as OpenAI.Responses.ResponseInputItem[]
    await client.responses.create({ model: 'openai/gpt-5.2', input: stateless })
    const seen = lastBody({ provider: 'openai' } as VariantTarget).input as {
      type: string
      encrypted_content?: string
    }[]
    const sent = seen.find((item) => item.type === 'reasoning')?.encrypted_content
    assert.ok(sent !== undefined && !sent.startsWith('dgm1.'), 'the maker gets its own words')
    await client.responses.create({ model: 'azure/gpt-5.2', input: stateless })
    const others = lastBody({ provider: 'azure' } as VariantTarget).input as { type: string }[]
    assert.ok(!others.some((item) => item.type === 'reasoning'))
  })
})
