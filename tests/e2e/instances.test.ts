/** Two gateways on one PostgreSQL work as one: what one keeps the other has at once, and what both try one does. */
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import OpenAI from 'openai'
import type { AdminRequestRow } from '../../server/http/admin/contract.ts'
import type { Item } from '../../translators/shared/canonical.ts'
import { EventReader, followStream, pollFor } from '../support/background-calls.ts'
import type { GatedCall } from '../support/gated-provider.ts'
import { assertLegalStream } from '../support/legal-stream.ts'
import { type OneGateway, startTwoGateways, type TwoGateways } from '../support/two-gateways.ts'

const model = 'gated/m'
const numbers = (count: number) => Array.from({ length: count }, (_, index) => index)

/** The texts of an input or a list of items, in order. */
function textsOf(items: unknown): string[] {
  if (typeof items === 'string') return [items]
  return (items as Item[]).map(({ content }) =>
    typeof content === 'string' ? content : (content as { text: string }[]).map(({ text }) => text).join(''),
  )
}

/** Every call is answered with what it was asked last. */
function echo({ gated }: TwoGateways, wait = 0): void {
  gated.onCall = (call) => {
    const answer = () => call.answer(`answer to ${textsOf(call.body.input).at(-1)}`)
    if (wait === 0) answer()
    else setTimeout(answer, wait)
  }
}

async function codeOf(failing: Promise<unknown>): Promise<string | null> {
  const error = await failing.then(
    () => assert.fail('it failed'),
    (thrown: unknown) => thrown,
  )
  assert.ok(error instanceof OpenAI.APIError)
  return error.code ?? null
}

/** Of requests to the provider that the test leads. */
async function countRequests({ origin }: OneGateway): Promise<number> {
  const text = await (await fetch(`${origin}/metrics`)).text()
  return [...text.matchAll(/^dragoman_requests_total\{[^}]*model="gated\/m"[^}]*\} (\d+)/gm)].reduce(
    (sum, [, count]) => sum + Number(count),
    0,
  )
}

/** Shared by the tests that need nothing of their own. */
let two: TwoGateways
const endings: (() => unknown)[] = []
before(async () => {
  two = await startTwoGateways({ after: (work) => endings.push(work as () => unknown) })
})
afterEach(() => two.gated.forget())
after(async () => {
  for (const end of endings) await end()
})

describe('one Idempotency-Key at two gateways', () => {
  it('makes one call, whose answer both give', async (t) => {
    const two = await startTwoGateways(t, { config: { state: { idempotencyWait: 120_000 } } })
    const create = ({ client }: OneGateway, key: string) =>
      client.responses.create({ model, input: key }, { headers: { 'Idempotency-Key': key } }).withResponse()
    echo(two, 30)
    const keys = numbers(12).map((index) => `key-${index}`)
    const answers = await Promise.all(
      keys.map((key) => Promise.all([create(two.a, key), create(two.b, key)])),
    )
    for (const [one, other] of answers) {
      assert.deepEqual(one.data, other.data)
      const replayed = [one, other].map(({ response }) => response.headers.get('idempotent-replayed'))
      assert.deepEqual(replayed.sort(), [null, 'true'].sort())
    }
    assert.equal(two.gated.calls.length, keys.length, 'one call each')
  })
  it('is in progress for the other, and replayed once it has ended', async () => {
    const create = ({ client }: OneGateway, input = 'hi') =>
      client.responses.create({ model, input }, { headers: { 'Idempotency-Key': 'once' } })
    const first = create(two.a)
    const call = await two.gated.next()
    assert.equal(await codeOf(create(two.b)), 'idempotency_key_in_progress')
    assert.equal(await codeOf(create(two.b, 'other')), 'idempotency_key_conflict')
    call.answer('once')
    const answer = await first
    assert.deepEqual(await create(two.b), answer)
    assert.equal(two.gated.calls.length, 1)
  })
  it('is free at the other at once when its call has failed', async () => {
    const create = ({ client }: OneGateway) =>
      client.responses.create({ model, input: 'hi' }, { headers: { 'Idempotency-Key': 'again' } })
    const first = create(two.a)
    const call = await two.gated.next()
    call.json(500, { error: { message: 'no', type: 'server_error' } })
    await codeOf(first)
    const second = create(two.b)
    const again = await two.gated.next()
    again.answer('now')
    assert.equal((await second).output_text, 'now')
  })
})

describe('chains over two gateways', () => {
  it('a response is continued at the other in the moment in which it was answered', async () => {
    echo(two)
    let previous: string | undefined
    const said: string[] = []
    for (const index of numbers(12)) {
      const { client } = index % 2 === 0 ? two.a : two.b
      const input = `word ${index}`
      const response = await client.responses.create({ model, input, previous_response_id: previous ?? null })
      assert.deepEqual(textsOf(two.gated.calls.at(-1)?.body.input), [...said, input])
      said.push(input, `answer to ${input}`)
      previous = response.id
    }
    // Streams are kept before their last event.
    const stream = await two.a.client.responses.create({
      model,
      input: 'streamed',
      previous_response_id: previous ?? null,
      stream: true,
    })
    for await (const event of stream) if (event.type === 'response.completed') previous = event.response.id
    await two.b.client.responses.create({ model, input: 'last', previous_response_id: previous ?? null })
    assert.equal(textsOf(two.gated.calls.at(-1)?.body.input).length, said.length + 3)
  })
  it('what one deletes does not exist for the other, which had it in memory', async () => {
    echo(two)
    const create = ({ client }: OneGateway, previous: string | null) =>
      client.responses.create({ model, input: 'word', previous_response_id: previous })
    const ids: string[] = []
    for (const index of numbers(5)) ids.push((await create(two.b, ids[index - 1] ?? null)).id)
    const last = ids.at(-1) as string
    await Promise.all([create(two.b, last), create(two.b, last)])
    await two.a.client.responses.delete(ids[1] as string)
    assert.equal(
      await codeOf(create(two.b, last)),
      'previous_response_not_found',
      'a part of its chain is gone',
    )
    assert.equal((await create(two.b, ids[0] as string)).status, 'completed', 'what came before stands')
    await two.a.client.responses.delete(ids[0] as string)
    const failures = numbers(4).map(() => codeOf(create(two.b, ids[0] as string)))
    assert.deepEqual(new Set(await Promise.all(failures)), new Set(['previous_response_not_found']))
    assert.equal((await fetch(`${two.b.origin}/v1/responses/${ids[0]}`)).status, 404)
  })
})

describe('a conversation at two gateways', () => {
  it('takes what both add, whole and in one order', async () => {
    const { a, b } = two
    const { id } = await a.client.conversations.create({})
    await Promise.all(
      [a, b].flatMap(({ client }, gateway) =>
        numbers(10).map((round) =>
          client.conversations.items.create(id, {
            items: numbers(3).map((index) => ({
              type: 'message' as const,
              role: 'user' as const,
              content: `${gateway}-${round}-${index}`,
            })),
          }),
        ),
      ),
    )
    const list = async ({ client }: OneGateway) => {
      const items: Item[] = []
      for await (const item of client.conversations.items.list(id, { order: 'asc', limit: 20 }))
        items.push(item as unknown as Item)
      return items
    }
    const [here, there] = await Promise.all([list(a), list(b)])
    assert.deepEqual(here, there)
    const texts = textsOf(here)
    assert.equal(new Set(texts).size, 60, 'none lost, none doubled')
    for (let at = 0; at < texts.length; at += 3) {
      const name = texts[at]?.replace(/-\d$/, '')
      assert.deepEqual(texts.slice(at, at + 3), [`${name}-0`, `${name}-1`, `${name}-2`])
    }
  })
  it('has one turn after the other, each of which sees those before it', async () => {
    echo(two, 20)
    const { id } = await two.a.client.conversations.create({})
    const rounds = [two.a, two.b].flatMap(({ client }, gateway) =>
      numbers(4).map((round) =>
        client.responses.create({ model, conversation: id, input: `${gateway}-${round}` }),
      ),
    )
    await Promise.all(rounds)
    assert.equal(two.gated.mostOpen(), 1, 'one at a time')
    const { data } = await two.b.client.conversations.items.list(id, { order: 'asc', limit: 100 })
    const texts = textsOf(data)
    assert.equal(texts.length, 16)
    for (const [index, call] of two.gated.calls.entries()) {
      const asked = textsOf(call.body.input)
      assert.deepEqual(asked, texts.slice(0, 2 * index + 1))
      assert.equal(texts[2 * index + 1], `answer to ${asked.at(-1)}`)
    }
  })
  it('tells the other that it is locked, and that it was deleted', async (t) => {
    const two = await startTwoGateways(t, { config: { state: { conversationWait: 0 } } })
    const { id } = await two.a.client.conversations.create({})
    const create = ({ client }: OneGateway) =>
      client.responses.create({ model, conversation: id, input: 'hi' })
    const running = create(two.a)
    const call = await two.gated.next()
    assert.equal(await codeOf(create(two.b)), 'conversation_locked')
    await two.b.client.conversations.delete(id)
    call.answer('too late')
    assert.equal(await codeOf(running), 'conversation_not_found')
    assert.equal(await codeOf(create(two.a)), 'conversation_not_found')
  })
})

describe('what each gateway knows', () => {
  it('a prompt that one was given is used by the other within seconds', async () => {
    echo(two)
    const template = { model, input: 'say {{word}}', variables: { word: { type: 'text' } } }
    const added = await fetch(`${two.a.origin}/admin/prompts`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ id: 'greeting', template }),
    })
    assert.equal(added.status, 201, await added.clone().text())
    const prompt = { id: 'greeting', variables: { word: 'hello' } }
    for (;;) {
      const answer = await two.b.post({ model, prompt })
      if (answer.status === 200) break
      assert.equal(((await answer.json()) as { error: { code: string } }).error.code, 'prompt_not_found')
      await pause(100)
    }
    assert.deepEqual(textsOf(two.gated.calls.at(-1)?.body.input), ['say hello'])
  })
  it('what one sealed the other opens, also with a key that was made a moment ago', async () => {
    await two.ageSealKeys()
    const young = await two.startAnother()
    two.gated.onCall = (call) => answerWithThought(call)
    const include = ['reasoning.encrypted_content' as const]
    const first = await young.client.responses.create({ model, input: 'think', include, store: false })
    const thought = first.output.find(({ type }) => type === 'reasoning') as unknown as Item
    assert.match(String(thought.encrypted_content), /^dgm1\./)
    for (const { client } of [two.a, two.b, young]) {
      const input = [...first.output, { role: 'user', content: 'go on' }] as never
      await client.responses.create({ model, input, include, store: false })
      const sent = two.gated.calls.at(-1)?.body.input as Item[]
      assert.equal(sent.find(({ type }) => type === 'reasoning')?.encrypted_content, 'secret thought')
    }
  })
})

function answerWithThought(call: GatedCall): void {
  const item = { id: 'rs_1', type: 'reasoning', summary: [], encrypted_content: 'secret thought' }
  const message = {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    status: 'completed',
    content: [{ type: 'output_text', text: 'thought', annotations: [], logprobs: [] }],
  }
  call.json(200, {
    id: 'resp_upstream',
    object: 'response',
    created_at: 1_790_000_000,
    status: 'completed',
    model: 'm',
    output: [item, message],
    usage: null,
  })
}

describe('background responses of two gateways', () => {
  const create = ({ client }: OneGateway, more: object = {}) =>
    client.responses.create({ model, input: 'hi', background: true, stream: false, ...more })
  const stream = async (gateway: OneGateway) =>
    new EventReader(await gateway.post({ model, input: 'hi', background: true, stream: true }))

  it('each runs once, wherever it was accepted, and both tell of it', async (t) => {
    const two = await startTwoGateways(t, { config: { state: { backgroundJobs: 3 } } })
    echo(two, 30)
    const jobs = await Promise.all(
      [two.a, two.b].flatMap((gateway, index) =>
        numbers(20).map(async (round) => ({
          gateway,
          input: `${index}-${round}`,
          id: (await create(gateway, { input: `${index}-${round}` })).id,
        })),
      ),
    )
    for (const { id, input, gateway } of jobs) {
      const other = gateway === two.a ? two.b : two.a
      const [here, there] = await Promise.all([
        pollFor(gateway.client, id, 'completed'),
        pollFor(other.client, id, 'completed'),
      ])
      assert.equal(here.output_text, `answer to ${input}`)
      assert.deepEqual(here, there)
    }
    const asked = two.gated.calls.map(({ body }) => textsOf(body.input).at(-1))
    assert.deepEqual(asked.sort(), jobs.map(({ input }) => input).sort(), 'each exactly once')
  })
  it('is helped out by the other when one has no place, and counts once', async (t) => {
    const two = await startTwoGateways(t, { config: { state: { backgroundJobs: 1 } } })
    const answers = [0, 1].map(async () => {
      const { data, response } = await two.a.client.responses
        .create({ model, input: 'hi', background: true, stream: false })
        .withResponse()
      return { id: data.id, requestId: String(response.headers.get('x-request-id')) }
    })
    const accepted = await Promise.all(answers)
    const ids = accepted.map(({ id }) => id)
    const calls = [await two.gated.next(), await two.gated.next()]
    for (const call of calls) call.answer('done')
    for (const id of ids) await pollFor(two.b.client, id, 'completed')
    // The second one's request came to A, and ran at B, which has the one record of it.
    for (;;) {
      const { data } = await two.a.admin<{ data: AdminRequestRow[] }>('/admin/requests')
      if (data.length === 2 && data.every(({ status }) => status === 'completed')) break
      assert.deepEqual(
        data.filter(({ status }) => status === 'failed'),
        [],
      )
      await pause(50)
    }
    const { totals } = await two.a.admin<{ totals: { requests: number } }>('/admin/spend?group_by=project')
    assert.equal(totals.requests, 2)
    const [here = 0, there = 0] = await Promise.all([two.a, two.b].map(countRequests))
    assert.equal(here + there, 2, 'the metrics of both together')
    const found = await Promise.all(
      accepted.map(({ requestId }) => two.b.admin<AdminRequestRow>(`/admin/requests/${requestId}`)),
    )
    assert.deepEqual(
      found.map(({ response_id }) => response_id).sort(),
      ids.sort(),
      'found by what the client got',
    )
  })
  it('is cancelled at the other, and its provider is left', async () => {
    const { id } = await create(two.a)
    const call = await two.gated.next()
    assert.equal((await two.b.client.responses.cancel(id)).status, 'cancelled')
    await call.closed
    assert.equal((await two.a.client.responses.retrieve(id)).status, 'cancelled')

    const reader = await stream(two.a)
    const streaming = await two.gated.next()
    streaming.begin('some words')
    await reader.until('response.output_text.delta')
    assert.equal((await two.b.client.responses.cancel(reader.responseId)).status, 'cancelled')
    await streaming.closed
    await reader.toEnd()
    assertLegalStream(reader.events)
    const told = await (await followStream(two.b.origin, reader.responseId)).toEnd()
    assert.deepEqual(told.events, reader.events)
  })
  it('is cancelled at the other in the spelling that its stream was begun in', async () => {
    const answer = await two.a.post(
      { model, input: 'hi', background: true, stream: true },
      { 'x-dragoman-events': 'open-responses' },
    )
    const reader = new EventReader(answer)
    const call = await two.gated.next()
    // The two have different events for its text.
    call.beginThought('half of')
    await reader.until('response.reasoning.delta')
    await two.b.client.responses.cancel(reader.responseId)
    await reader.toEnd()
    assert.equal(assertLegalStream(reader.events, { dialect: 'open-responses' }).status, 'cancelled')
    await call.closed
  })
  it('is cancelled at the other, and the provider that runs it in its own background is told', async () => {
    const { id } = await create(two.a, { model: 'keyed/m' })
    const native = (status: string) => ({ id: 'resp_1', object: 'response', status, model: 'm', output: [] })
    const post = await two.gated.next()
    post.json(200, native('queued'))
    const poll = await two.gated.next()
    poll.json(200, native('in_progress'))
    assert.equal((await two.b.client.responses.cancel(id)).status, 'cancelled')
    let told = await two.gated.next()
    for (; told.method === 'GET'; told = await two.gated.next()) told.json(200, native('in_progress'))
    assert.deepEqual([told.method, told.path], ['POST', '/v1/responses/resp_1/cancel'])
    told.json(200, native('cancelled'))
  })
  it('is deleted at the other while it runs', async () => {
    const { id } = await create(two.a)
    const call = await two.gated.next()
    await two.b.client.responses.delete(id)
    await call.closed
    assert.equal((await fetch(`${two.a.origin}/v1/responses/${id}`)).status, 404)
  })
  it('is followed at the other from any event on, to its end', async () => {
    const reader = await stream(two.a)
    const call = await two.gated.next()
    call.begin('some words that come')
    await reader.until('response.output_text.delta')
    const id = reader.responseId
    const whole = await followStream(two.b.origin, id)
    await whole.until('response.output_text.delta')
    const rest = await followStream(two.b.origin, id, 3)
    await rest.until('response.output_text.delta')
    call.answer('some words that come')
    await Promise.all([reader.toEnd(), whole.toEnd(), rest.toEnd()])
    assertLegalStream(reader.events)
    assert.deepEqual(whole.events, reader.events)
    assert.deepEqual(rest.events, reader.events.slice(4))
    assert.equal(reader.events.at(-1)?.type, 'response.completed')
  })
})
