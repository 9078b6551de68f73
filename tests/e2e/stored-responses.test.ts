/** Kept responses over their own paths: shown, streamed again, listed, deleted. Through OpenAI's client where it can. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import OpenAI from 'openai'
import type { Response, ResponseItem } from 'openai/resources/responses/responses'
import type { CanonicalEvent } from '../../translators/shared/canonical.ts'
import { EventReader, followStream, pollFor } from '../support/background-calls.ts'
import { type GatedProvider, startGatedProvider } from '../support/gated-provider.ts'
import { assertLegalStream } from '../support/legal-stream.ts'
import { readEvents } from '../support/read-stream.ts'
import { startGateway, type TestGateway } from '../support/start-gateway.ts'

const model = 'gpt-4o'
let gateway: TestGateway
let client: OpenAI
/** Behind `gated/m`. */
let gated: GatedProvider
before(async () => {
  gated = await startGatedProvider()
  const own = { variant: 'open-responses', baseUrl: gated.url, apiKey: 'provider-key-123456', models: ['m'] }
  gateway = await startGateway({
    configure: ({ providers, ...config }) => ({
      ...config,
      limits: { bodyBytes: 100_000 },
      providers: { ...(providers as object), gated: own },
    }),
  })
  client = new OpenAI({ baseURL: `${gateway.origin}/v1`, apiKey: 'none', maxRetries: 0 })
})
after(async () => {
  await gateway.close()
  await gated.close()
})

const create = (input: OpenAI.Responses.ResponseInput | string, more = {}): Promise<Response> =>
  client.responses.create({ model, input, ...more })

interface Refusal {
  message: string
  type: string
  param: string | null
  code: string
}

/** A call without the SDK. */
async function call(path: string, init: RequestInit = {}) {
  const answer = await fetch(`${gateway.origin}/v1${path}`, init)
  const text = await answer.text()
  const error = (): Refusal => (JSON.parse(text) as { error: Refusal }).error
  return { status: answer.status, headers: answer.headers, text, error }
}

async function listInput(id: string, query = {}): Promise<ResponseItem[]> {
  const items: ResponseItem[] = []
  for await (const item of client.responses.inputItems.list(id, { order: 'asc', ...query })) items.push(item)
  return items
}

const idsOf = (items: readonly ResponseItem[]) => items.map(({ id }) => id)

describe('a kept response is shown', () => {
  it('as its client got it, whether it was streamed or not', async () => {
    const made = await create('hi', { metadata: { a: 'b' }, instructions: 'Be brief.' })
    assert.deepEqual(await client.responses.retrieve(made.id), made)
    const bytes = (await call(`/responses/${made.id}`)).text
    const sent = await gateway.post({ model, input: 'hi' })
    const text = await sent.text()
    assert.equal((await call(`/responses/${(JSON.parse(text) as Response).id}`)).text, text)
    assert.match(bytes, /"output_text":"You said: hi/)
    const events = readEvents(await (await gateway.post({ model, input: '/count 3', stream: true })).text())
    const final = assertLegalStream(events)
    assert.equal((await call(`/responses/${final.id}`)).text, JSON.stringify(final))
  })
  it('with encrypted reasoning only when it was or is asked for, in each spelling', async () => {
    const ask = { model: 'gpt-5-mini', input: '/reason about it', reasoning: { effort: 'low' as const } }
    const include = ['reasoning.encrypted_content' as const]
    const shown = await client.responses.create({ ...ask, include })
    const hidden = await client.responses.create(ask)
    const sealOf = ({ output }: Pick<Response, 'output'>) => {
      const reasoning = output.find((item) => item.type === 'reasoning')
      assert.ok(reasoning)
      return reasoning.encrypted_content
    }
    assert.match(String(sealOf(shown)), /^dgm1\./)
    assert.equal(sealOf(hidden), undefined)
    assert.deepEqual(await client.responses.retrieve(shown.id), shown)
    assert.deepEqual(await client.responses.retrieve(hidden.id), hidden)
    assert.match(String(sealOf(await client.responses.retrieve(hidden.id, { include }))), /^dgm1\./)
    for (const query of ['include=', 'include[]=made.up&include[]=', 'include[0]=']) {
      const { text } = await call(`/responses/${hidden.id}?${query}reasoning.encrypted_content`)
      assert.match(String(sealOf(JSON.parse(text))), /^dgm1\./, query)
    }
    const next = await client.responses.create({ ...ask, previous_response_id: hidden.id })
    const seals = (items: ResponseItem[]) =>
      items.flatMap((item) => (item.type === 'reasoning' ? [typeof item.encrypted_content] : []))
    assert.deepEqual(seals(await listInput(next.id)), ['undefined'])
    assert.deepEqual(seals(await listInput(next.id, { include })), ['string'])
  })
  it('in the state that it is in, while it runs in the background', async () => {
    const queued = await create('hi', { background: true, model: 'gated/m' })
    const call = await gated.next()
    for (const now of [
      await client.responses.retrieve(queued.id),
      await pollFor(client, queued.id, 'in_progress'),
    ]) {
      assert.match(String(now.status), /^(?:queued|in_progress)$/)
      assert.deepEqual(now.output, [])
      const items = await listInput(queued.id)
      assert.deepEqual(
        items.map((item) => item.type),
        ['message'],
      )
    }
    call.answer('1 2 3')
    assert.equal((await pollFor(client, queued.id, 'completed')).output_text, '1 2 3')
  })
  it('when it is a compaction, which has no events', async () => {
    const first = await create('My name is Ada.')
    const body = JSON.stringify({ model, previous_response_id: first.id })
    const headers = { 'content-type': 'application/json' }
    const { text } = await call('/responses/compact', { method: 'POST', headers, body })
    const { id } = JSON.parse(text) as { id: string }
    assert.equal((await call(`/responses/${id}`)).text, text)
    const { status, error } = await call(`/responses/${id}?stream=true`)
    assert.deepEqual([status, error().param], [400, 'stream'])
    assert.equal((await listInput(id))[1]?.id, first.output[0]?.id)
    await client.responses.delete(id)
    assert.equal((await call(`/responses/${id}`)).status, 404)
  })
})

describe('the events of a kept response', () => {
  let made: string
  let id: string
  let events: CanonicalEvent[]
  before(async () => {
    made = await (await gateway.post({ model, input: '/count 20', stream: true })).text()
    events = readEvents(made)
    id = assertLegalStream(events).id
  })
  it('come again byte for byte', async () => {
    const { text, headers } = await call(`/responses/${id}?stream=true`)
    assert.equal(text, made)
    assert.equal(headers.get('content-type'), 'text/event-stream; charset=utf-8')
    assert.equal(headers.get('cache-control'), 'no-cache, no-transform')
    assert.ok(headers.get('x-request-id'))
  })
  it('come from any of them on', async () => {
    for (const [index] of events.entries()) {
      const { text } = await call(`/responses/${id}?stream=true&starting_after=${index}`)
      assert.deepEqual(readEvents(text), events.slice(index + 1))
    }
    const { text } = await call(`/responses/${id}?stream=true&starting_after=100000`)
    assert.equal(text, 'data: [DONE]\n\n')
  })
  it('are understood by the SDK’s resumed stream', async () => {
    const stream = client.responses.stream({ response_id: id, starting_after: 3 })
    const seen: number[] = []
    for await (const event of stream) seen.push(event.sequence_number)
    assert.deepEqual(
      seen,
      events.slice(4).map((event) => event.sequence_number),
    )
    assert.equal(
      (await stream.finalResponse()).output_text,
      [...Array(20).keys()].map((n) => n + 1).join(' '),
    )
  })
  it('are made when it was not streamed, in the spelling that is asked for', async () => {
    const ask = { model: 'openai/gpt-oss-20b', input: '/reason why count' }
    const plain = (await (await gateway.post(ask)).json()) as Response
    const whole = (await call(`/responses/${plain.id}?stream=true`)).text
    assert.deepEqual(assertLegalStream(readEvents(whole)), plain)
    assert.match(whole, /event: response\.reasoning_text\.delta/)
    assert.equal((await call(`/responses/${plain.id}?stream=true`)).text, whole)
    const rest = await call(`/responses/${plain.id}?stream=true&starting_after=5`)
    assert.deepEqual(readEvents(rest.text), readEvents(whole).slice(6))
    const headers = { 'x-dragoman-events': 'open-responses' }
    const other = await call(`/responses/${plain.id}?stream=true`, { headers })
    assert.match(other.text, /event: response\.reasoning\.delta/)
  })
  it('of a background response without a stream come when it has ended', async () => {
    const queued = await create('/slow 50 /count 4', { background: true })
    const { text } = await call(`/responses/${queued.id}?stream=true`)
    const final = assertLegalStream(readEvents(text))
    assert.equal(final.output_text, '1 2 3 4')
  })
  it('of a running response come as they are made, to all who follow, from any of them on', async () => {
    const ask = { model: 'gated/m', input: 'hi', background: true, stream: true }
    const first = await new EventReader(await gateway.post(ask)).until('response.created')
    const id = first.responseId
    const asked = await gated.next()
    asked.begin('1 2 3 4 5 6 7 8')
    const whole = await followStream(gateway.origin, id)
    await whole.until('response.output_text.delta')
    const rest = await followStream(gateway.origin, id, 3)
    await rest.until('response.output_text.delta')
    assert.equal((await client.responses.retrieve(id)).status, 'in_progress')
    await first.hangUp()
    asked.finish('1 2 3 4 5 6 7 8')
    await Promise.all([whole.toEnd(), rest.toEnd()])
    const final = assertLegalStream(readEvents(whole.text))
    assert.equal(final.output_text, '1 2 3 4 5 6 7 8')
    assert.deepEqual(readEvents(rest.text), whole.events.slice(4))
    assert.deepEqual(readEvents((await call(`/responses/${id}?stream=true`)).text), whole.events)
    assert.deepEqual(await client.responses.retrieve(id), final)
  })
  it('of a response that is deleted while it is followed end', async () => {
    const queued = await create('/slow 600000 /count 5', { background: true, stream: false })
    const followed = call(`/responses/${queued.id}?stream=true`)
    const streamed = await gateway.post({
      model,
      input: '/slow 600000 /count 5',
      background: true,
      stream: true,
    })
    const reader = streamed.body?.pipeThrough(new TextDecoderStream()).getReader()
    let text = String((await reader?.read())?.value)
    const { response } = JSON.parse(/data: (.*)/.exec(text)?.[1] ?? '') as { response: { id: string } }
    assert.equal((await call(`/responses/${queued.id}`, { method: 'DELETE' })).status, 200)
    assert.equal((await call(`/responses/${response.id}`, { method: 'DELETE' })).status, 200)
    for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) text += part.value
    assert.equal(assertLegalStream(readEvents(text)).status, 'cancelled')
    const { status, text: end } = await followed
    if (status === 200) assert.equal(assertLegalStream(readEvents(end)).status, 'cancelled')
    else assert.equal(status, 404)
  })
  it('are asked for with sane values', async () => {
    for (const [query, param] of [
      ['stream=yes', 'stream'],
      ['stream=true&starting_after=-1', 'starting_after'],
      ['stream=true&starting_after=1.5', 'starting_after'],
      ['starting_after=one', 'starting_after'],
      ['stream=true&starting_after=99999999999999999999', 'starting_after'],
    ]) {
      const { status, error } = await call(`/responses/${id}?${query}`)
      assert.equal(status, 400, query)
      assert.deepEqual([error().code, error().param], ['invalid_request', param])
    }
    const { status, text } = await call(`/responses/${id}?stream=true`, { method: 'HEAD' })
    assert.deepEqual([status, text], [200, ''])
  })
})

describe('the input of a kept response', () => {
  it('is the whole chain in order, page by page in both directions', async () => {
    const chain: Response[] = []
    for (let turn = 1; turn <= 4; turn += 1)
      chain.push(await create(`turn ${turn}`, { previous_response_id: chain.at(-1)?.id ?? null }))
    const last = chain.at(-1) as Response
    const whole = await listInput(last.id)
    const texts = whole.map((item) => JSON.stringify('content' in item && item.content))
    assert.equal(whole.length, 7)
    for (const [index, { output }] of chain.slice(0, 3).entries()) {
      assert.match(texts[index * 2] as string, new RegExp(`turn ${index + 1}`))
      assert.equal(whole[index * 2 + 1]?.id, output[0]?.id)
    }
    for (const limit of [1, 2, 3, 7, 100]) {
      assert.deepEqual(idsOf(await listInput(last.id, { limit })), idsOf(whole))
      assert.deepEqual(idsOf(await listInput(last.id, { limit, order: 'desc' })), idsOf(whole).toReversed())
    }
    const { text } = await call(`/responses/${last.id}/input_items?limit=3`)
    const { data, ...page } = JSON.parse(text) as { data: ResponseItem[] }
    const newest = idsOf(whole).toReversed().slice(0, 3)
    assert.deepEqual(idsOf(data), newest)
    assert.deepEqual(page, { object: 'list', first_id: newest[0], last_id: newest[2], has_more: true })
  })
  it('stands in the full form', async () => {
    const made = await create([
      { role: 'user', content: 'easy' },
      { role: 'assistant', content: 'said' },
      { type: 'function_call', call_id: 'call_1', name: 'f', arguments: '{}' },
      { type: 'function_call_output', call_id: 'call_1', output: 'done' },
      { role: 'user', content: [{ type: 'input_text', text: 'part' }] },
    ])
    const items = await listInput(made.id)
    for (const item of items) assert.match(String(item.id), /^(?:msg|fc|fco)_/)
    assert.deepEqual(
      items.map(({ id: _, ...item }) => item),
      [
        {
          type: 'message',
          role: 'user',
          content: [{ type: 'input_text', text: 'easy' }],
          status: 'completed',
        },
        {
          type: 'message',
          role: 'assistant',
          content: [{ type: 'output_text', text: 'said', annotations: [], logprobs: [] }],
          status: 'completed',
        },
        { type: 'function_call', call_id: 'call_1', name: 'f', arguments: '{}', status: 'completed' },
        { type: 'function_call_output', call_id: 'call_1', output: 'done', status: 'completed' },
        {
          type: 'message',
          role: 'user',
          content: [{ type: 'input_text', text: 'part' }],
          status: 'completed',
        },
      ],
    )
  })
  it('shows the items that references mean, and what is left when they or earlier turns are deleted', async () => {
    const source = await create('remember 7')
    const first = await create('first', { previous_response_id: null })
    const second = await create(
      [
        { type: 'item_reference', id: source.output[0]?.id as string },
        { role: 'user', content: 'second' },
      ],
      { previous_response_id: first.id },
    )
    const third = await create('third', { previous_response_id: second.id })
    const before = await listInput(third.id)
    assert.deepEqual(before[2], source.output[0])
    await client.responses.delete(source.id)
    const after = await listInput(third.id)
    assert.deepEqual(after[2], { type: 'item_reference', id: source.output[0]?.id })
    assert.deepEqual([...after.slice(0, 2), ...after.slice(3)], [...before.slice(0, 2), ...before.slice(3)])
    await client.responses.delete(first.id)
    assert.deepEqual(await listInput(third.id), after.slice(2))
  })
  it('is its own on a conversation', async () => {
    const { id } = await client.conversations.create({ items: [{ role: 'user', content: 'earlier' }] })
    const made = await create('now', { conversation: id })
    const items = await listInput(made.id)
    assert.equal(items.length, 1)
    assert.match(JSON.stringify(items[0]), /"now"/)
  })
  it('is asked for with sane values', async () => {
    const { id } = await create('hi')
    for (const [query, param] of [
      ['limit=0', 'limit'],
      ['limit=101', 'limit'],
      ['limit=ten', 'limit'],
      ['order=up', 'order'],
      ['after=msg_unknown', 'after'],
    ]) {
      const { status, error } = await call(`/responses/${id}/input_items?${query}`)
      assert.equal(status, 400, query)
      assert.deepEqual([error().code, error().param], ['invalid_request', param])
    }
  })
})

describe('a kept response is deleted', () => {
  it('with its items and events', async () => {
    const made = await create('hi')
    const item = made.output[0]?.id as string
    assert.deepEqual(await client.responses.delete(made.id), {
      id: made.id,
      object: 'response',
      deleted: true,
    })
    for (const path of ['', '?stream=true', '/input_items']) {
      const { status, error } = await call(`/responses/${made.id}${path}`)
      assert.deepEqual([status, error().code], [404, 'not_found'], path)
    }
    assert.equal((await call(`/responses/${made.id}`, { method: 'DELETE' })).status, 404)
    await assert.rejects(client.responses.cancel(made.id), { status: 404, code: 'not_found' })
    await assert.rejects(create([{ type: 'item_reference', id: item }]), {
      status: 400,
      param: 'input[0].id',
    })
    await assert.rejects(create('x', { previous_response_id: made.id }), {
      status: 400,
      code: 'previous_response_not_found',
    })
  })
  it('also while it runs', async () => {
    const queued = await create('/slow 200 /count 50', { background: true })
    await client.responses.delete(queued.id)
    assert.equal((await call(`/responses/${queued.id}`)).status, 404)
  })
})

describe('calls that cannot be served', () => {
  it('to cancel what does not run in the background', async () => {
    const made = await create('hi')
    await assert.rejects(client.responses.cancel(made.id), { status: 400, type: 'invalid_request_error' })
    assert.deepEqual(await client.responses.retrieve(made.id), made)
  })
  it('with a body that is wrong, where none is needed', async () => {
    const { id } = await create('hi')
    const json = { 'content-type': 'application/json' }
    const refuse = async (body: string, headers: Record<string, string>, status: number) => {
      for (const [path, method] of [
        [`/responses/${id}`, 'DELETE'],
        [`/responses/${id}/cancel`, 'POST'],
      ] as const) {
        const refused = await call(path, { method, body, headers })
        assert.equal(refused.status, status, refused.text)
      }
    }
    await refuse('{', json, 400)
    await refuse('[]', json, 400)
    await refuse('{}', { 'content-type': 'text/plain' }, 415)
    await refuse(`"${'x'.repeat(100_000)}"`, json, 413)
    assert.equal(
      (await call(`/responses/${id}`, { method: 'DELETE', body: '{}', headers: json })).status,
      200,
    )
  })
  it('by methods and paths that are not there', async () => {
    const { id } = await create('hi')
    const wrong = await call(`/responses/${id}`, { method: 'PUT' })
    assert.equal(wrong.status, 405)
    assert.deepEqual(wrong.headers.get('allow')?.split(', ').sort(), ['DELETE', 'GET', 'HEAD'])
    assert.equal((await call(`/responses/${id}/output_items`)).status, 404)
    const head = await call(`/responses/${id}`, { method: 'HEAD' })
    assert.deepEqual([head.status, head.text], [200, ''])
    assert.equal((await call('/responses/resp_unknown', { method: 'HEAD' })).status, 404)
  })
})
