/** WebSockets at `/v1/responses`: what a turn is, what it is answered, and what a connection remembers. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import OpenAI from 'openai'
import { ResponsesWS } from 'openai/resources/responses/ws'
import type { AdminRequest, AdminRequestList } from '../../server/http/admin/contract.ts'
import type { CanonicalEvent, CanonicalResponse, Item } from '../../translators/shared/canonical.ts'
import { variantTargets } from '../conformance/targets.ts'
import { assertLegalStream } from '../support/legal-stream.ts'
import { readEvents } from '../support/read-stream.ts'
import { openSocket, type SocketClient } from '../support/socket-client.ts'
import { startGateway, type TestGateway } from '../support/start-gateway.ts'

const model = 'gpt-5-mini'
const tool = {
  type: 'function' as const,
  name: 'get_weather',
  description: null,
  strict: false,
  parameters: { type: 'object', properties: { city: { type: 'string' } } },
}

let gateway: TestGateway
before(async () => {
  gateway = await startGateway()
})
after(() => gateway.close())

function textOf({ output }: CanonicalResponse): string {
  return output
    .flatMap((item) => (item.type === 'message' ? (item.content as { text?: string }[]) : []))
    .map(({ text = '' }) => text)
    .join('')
}

async function errorCode(answer: Response): Promise<string> {
  return ((await answer.json()) as { error: { code: string } }).error.code
}

async function withSocket(
  run: (client: SocketClient) => Promise<void>,
  headers: Record<string, string> = {},
): Promise<void> {
  const client = await openSocket(gateway.origin, { headers })
  try {
    await run(client)
  } finally {
    await client.close()
  }
}

describe('a coding agent on one socket, with OpenAI’s own client', () => {
  for (const { variant, provider, model } of variantTargets) {
    it(`warms up and goes on with store: false over ${variant}`, async () => {
      const openai = new OpenAI({ baseURL: `${gateway.origin}/v1`, apiKey: 'none' })
      const socket = new ResponsesWS(openai)
      const stream = socket.stream()
      async function ask(request: Record<string, unknown>): Promise<CanonicalResponse> {
        socket.send({ type: 'response.create', model, tools: [tool], store: false, ...request } as never)
        const events: CanonicalEvent[] = []
        for (;;) {
          const { value } = await stream.next()
          if (value.type === 'error') throw value.error
          if (value.type !== 'message') continue
          events.push(value.message as unknown as CanonicalEvent)
          const { response, type } = events.at(-1) as { response?: CanonicalResponse; type: string }
          if (response === undefined || type === 'response.created' || type === 'response.in_progress')
            continue
          assertLegalStream(events)
          return response
        }
      }
      const calls = () => gateway.sandbox.requests.filter((one) => one.provider === provider).length
      const before = calls()
      const warm = await ask({
        generate: false,
        instructions: 'You are an agent.',
        input: [{ type: 'message', role: 'user', content: 'The city is Samarkand.' }],
        stream: true,
      })
      assert.equal(calls(), before, 'no model was asked')
      assert.deepEqual([warm.status, warm.output, warm.usage?.total_tokens], ['completed', [], 0])
      const called = await ask({ previous_response_id: warm.id, input: '/call get_weather', stream: true })
      const call = called.output.find(({ type }) => type === 'function_call') as Item
      const answered = await ask({
        previous_response_id: called.id,
        input: [{ type: 'function_call_output', call_id: call.call_id, output: 'sunny' }],
      })
      assert.notEqual(textOf(answered), '')
      const told = textOf(await ask({ previous_response_id: answered.id, input: '/history' }))
      const order = ['The city is Samarkand.', '/call get_weather', 'get_weather', 'sunny', textOf(answered)]
      let from = 0
      for (const part of order) {
        const found = told.indexOf(part, from)
        assert.ok(found >= 0, `'${part}' is missing after ${from} in: ${told}`)
        from = found
      }
      assert.equal(calls(), before + 3)
      await assertHidden(answered.id, answered.output[0]?.id)
      socket.close()
    })
  }

  /** Nobody but the socket knows the turn. */
  async function assertHidden(id: string, itemId: string | undefined): Promise<void> {
    assert.equal((await fetch(`${gateway.origin}/v1/responses/${id}`)).status, 404)
    const continued = await gateway.post({ model, input: 'hi', previous_response_id: id })
    assert.equal(await errorCode(continued), 'previous_response_not_found')
    const referred = await gateway.post({ model, input: [{ type: 'item_reference', id: itemId }] })
    assert.equal(referred.status, 400)
    await withSocket(async (client) => {
      const { status, error } = await client.fail({
        type: 'response.create',
        model,
        input: 'hi',
        previous_response_id: id,
      })
      assert.deepEqual(
        [status, error.code, error.param],
        [400, 'previous_response_not_found', 'previous_response_id'],
      )
    })
  }
})

describe('a turn', () => {
  it('comes as one text frame an event, the first with the headers that an answer has', async () => {
    await withSocket(
      async (client) => {
        assert.equal(client.head.headers['x-request-id'], 'socket-1')
        client.send({
          type: 'response.create',
          model: 'balanced',
          input: '/count 3',
          presence_penalty: 1,
          stream: false,
        })
        const frames = await client.turn()
        assertLegalStream(frames as unknown as CanonicalEvent[])
        const [first, ...others] = frames
        assert.equal(first?.headers?.['x-request-id'], 'socket-1')
        assert.equal(first?.headers?.['x-dragoman-provider'], 'augment')
        assert.equal(first?.headers?.['x-dragoman-adaptations'], 'dropped:presence_penalty')
        assert.ok(others.every((frame) => frame.headers === undefined && frame.stream_id === undefined))
        assert.deepEqual(client.pending(), [])
      },
      { 'x-request-id': 'socket-1' },
    )
    const row = await gateway.admin<AdminRequest>('/admin/requests/socket-1')
    assert.deepEqual([row.status, row.http_status, row.stream], ['completed', 200, true])
    assert.equal(row.provider, 'augment')
    assert.ok((row.output_tokens ?? 0) > 0 && row.ttft_ms !== null)
    assert.ok(row.adaptations.some(({ field }) => field === 'presence_penalty'))
  })
  it('is a request with a row of its own, and what was asked and answered in it', async () => {
    await withSocket(async (client) => {
      const ids = new Set<string>()
      for (const count of [1, 2, 3]) {
        const { id } = await client.ask({ model, input: `/count ${count}` })
        ids.add(id)
        const row = await gateway.admin<AdminRequest>(`/admin/requests/${id}`)
        assert.equal(row.response_id, id)
        const bodies = JSON.stringify(row)
        assert.match(bodies, new RegExp(`/count ${count}`))
        assert.match(bodies, /response\.completed/)
      }
      assert.equal(ids.size, 3)
    })
  })
  it('has its stream_id in every event and error', async () => {
    await withSocket(async (client) => {
      client.send({ type: 'response.create', model, input: '/count 2', stream_id: 'lane-1' })
      const frames = await client.turn()
      assertLegalStream(frames as unknown as CanonicalEvent[])
      assert.ok(frames.every((frame) => frame.stream_id === 'lane-1'))
      const refused = await client.fail({
        type: 'response.create',
        model: 'none',
        input: 'hi',
        stream_id: 'lane-2',
      })
      assert.deepEqual([refused.stream_id, refused.error.code], ['lane-2', 'model_not_found'])
      assert.equal((await client.fail({ type: 'what', stream_id: 'lane-3' })).stream_id, 'lane-3')
    })
  })
  it('that is stored is replayed over HTTP as it was sent, and continued there and here', async () => {
    await withSocket(async (client) => {
      client.send({ type: 'response.create', model, input: 'I am Timur.', stream_id: 'lane' })
      const frames = await client.turn()
      const id = frames.at(-1)?.response?.id
      const replay = readEvents(
        await (await fetch(`${gateway.origin}/v1/responses/${id}?stream=true`)).text(),
      )
      const sent = frames.map(({ stream_id: _stream, headers: _headers, ...event }) => event)
      assert.deepEqual(replay, sent)
      const answer = await gateway.post({ model, input: '/history', previous_response_id: id })
      const next = (await answer.json()) as CanonicalResponse
      assert.match(textOf(next), /I am Timur\./)
      const last = await client.ask({ model, input: '/history', previous_response_id: next.id, store: false })
      assert.match(textOf(last), /I am Timur\./)
    })
  })
  it('spells its events as the upgrade asks, and does not know keys for repeated calls', async () => {
    const request = { model: 'openai/gpt-oss-20b', input: '/reason deep', reasoning: { effort: 'high' } }
    const headers = { 'x-dragoman-events': 'open-responses', 'idempotency-key': 'same for all' }
    await withSocket(async (client) => {
      const ids = new Set<string>()
      for (const _ of [1, 2]) {
        client.send({ type: 'response.create', ...request })
        const frames = await client.turn()
        assert.ok(frames.some(({ type }) => type === 'response.reasoning.delta'))
        ids.add(frames.at(-1)?.response?.id ?? '')
      }
      assert.equal(ids.size, 2)
    }, headers)
  })
  it('runs on a conversation', async () => {
    const made = await fetch(`${gateway.origin}/v1/conversations`, { method: 'POST' })
    const { id } = (await made.json()) as { id: string }
    await withSocket(async (client) => {
      await client.ask({ model, input: 'I am Bibi.', conversation: id })
      const told = await client.ask({ model, input: '/history', conversation: id, store: false })
      assert.match(textOf(told), /I am Bibi\./)
    })
  })
  it('that only warms up is checked like any other, and kept where it may be', async () => {
    await withSocket(async (client) => {
      const create = { type: 'response.create', generate: false, input: 'Blue is the colour.' }
      const unknown = await client.fail({ ...create, model: 'none/such' })
      assert.deepEqual([unknown.status, unknown.error.code], [404, 'model_not_found'])
      const wrong = await client.fail({ ...create, model, temperature: 7 })
      assert.equal(wrong.error.param, 'temperature')
      const needy = {
        ...create,
        model: 'openai/gpt-oss-20b',
        input: [{ role: 'user', content: [{ type: 'input_file', file_id: 'f' }] }],
      }
      assert.equal((await client.fail(needy)).error.code, 'unsupported_parameter')
      const { id } = await client.ask({ ...create, model, metadata: { step: 'warm' } })
      const kept = (await (await fetch(`${gateway.origin}/v1/responses/${id}`)).json()) as CanonicalResponse
      assert.deepEqual([kept.status, kept.output, kept.metadata], ['completed', [], { step: 'warm' }])
      assert.equal(kept.usage?.total_tokens, 0)
      const next = await gateway.post({ model, input: '/history', previous_response_id: id })
      assert.match(textOf((await next.json()) as CanonicalResponse), /Blue is the colour\./)
      const row = await gateway.admin<AdminRequest>(`/admin/requests/${id}`)
      assert.deepEqual([row.status, row.attempts, row.provider, row.total_tokens], ['completed', 0, null, 0])
    })
  })
})

describe('what is wrong', () => {
  it('is told in an error frame, and the connection goes on', async () => {
    await withSocket(async (client) => {
      const create = { type: 'response.create', model, input: 'hi' }
      const wrong: [unknown, number, string, string | null][] = [
        ['{"type": "response.create", ', 400, 'invalid_json', null],
        ['', 400, 'invalid_json', null],
        ['[]', 400, 'invalid_request', null],
        ['null', 400, 'invalid_request', null],
        [{}, 400, 'invalid_request', 'type'],
        [{ ...create, type: 'response.cancel' }, 400, 'invalid_request', 'type'],
        [{ ...create, background: true }, 400, 'invalid_request', 'background'],
        [{ ...create, generate: 'no' }, 400, 'invalid_request', 'generate'],
        [{ ...create, stream_id: 7 }, 400, 'invalid_request', 'stream_id'],
        [{ ...create, stream_id: 'x'.repeat(257) }, 400, 'invalid_request', 'stream_id'],
        [{ type: 'response.create', input: 'hi' }, 400, 'invalid_request', 'model'],
        [{ ...create, tools: [{ type: 'function' }] }, 400, 'invalid_request', 'tools[0].name'],
        [{ ...create, model: 'none/such' }, 404, 'model_not_found', 'model'],
        [
          { ...create, previous_response_id: 'resp_none' },
          400,
          'previous_response_not_found',
          'previous_response_id',
        ],
        [{ ...create, conversation: 'conv_none' }, 404, 'conversation_not_found', 'conversation'],
        [{ ...create, input: '/fail 429' }, 429, 'rate_limit_exceeded', null],
        [{ ...create, input: '/fail 401' }, 502, 'upstream_authentication_failed', null],
      ]
      for (const [message, status, code, param] of wrong) {
        const frame = await client.fail(message)
        assert.deepEqual([frame.status, frame.error.code, frame.error.param], [status, code, param])
        assert.ok(frame.headers?.['x-request-id'])
        if (status === 429) assert.ok(Number(frame.headers?.['retry-after']) > 0)
        await gateway.app.flush()
        const row = await gateway.admin<AdminRequest>(`/admin/requests/${frame.headers?.['x-request-id']}`)
        assert.deepEqual([row.status, row.http_status, row.error?.code], ['failed', status, code])
      }
      client.socket.send(Buffer.from(JSON.stringify(create)), { binary: true })
      const binary = await client.next()
      assert.match(binary.error?.message ?? '', /text frames/)
      assert.equal((await client.ask({ ...create, background: false, generate: true })).status, 'completed')
      assert.deepEqual(client.pending(), [])
    })
  })
  it('in the midst of an answer is told as in every stream', async () => {
    await withSocket(async (client) => {
      client.send({ type: 'response.create', model, input: '/fail-midstream some words that are said' })
      const frames = await client.turn()
      assertLegalStream(frames as unknown as CanonicalEvent[])
      assert.deepEqual(
        frames.slice(-2).map(({ type }) => type),
        ['error', 'response.failed'],
      )
      assert.equal((await client.ask({ model, input: 'hi' })).status, 'completed')
    })
  })
  it('with a continuation makes the connection forget what it continued', async () => {
    await withSocket(async (client) => {
      const failing: Record<string, unknown>[] = [
        { input: [{ type: 'function_call_output', call_id: 'call_none', output: 'x' }] },
        { input: 'hi', temperature: 'hot' },
        { input: 'hi', model: 'none/such' },
        { input: 'hi', background: true },
        { input: '/fail 503' },
        { input: '/fail-midstream some words that are said' },
      ]
      for (const change of failing) {
        const { id } = await client.ask({ model, input: 'hi', store: false })
        const request = { type: 'response.create', model, previous_response_id: id, store: false }
        client.send({ ...request, ...change })
        const last = (await client.turn()).at(-1)
        assert.ok(last?.type === 'error' || last?.type === 'response.failed', JSON.stringify(change))
        const again = await client.fail({ ...request, input: 'hi' })
        assert.equal(again.error.code, 'previous_response_not_found', JSON.stringify(change))
      }
      const { id } = await client.ask({ model, input: 'hi' })
      const request = { model, previous_response_id: id }
      await client.fail({ type: 'response.create', ...request, input: 'hi', temperature: 'hot' })
      assert.equal(
        (await client.ask({ ...request, input: 'hi' })).status,
        'completed',
        'what is stored stays',
      )
    })
  })
})

describe('what a connection remembers', () => {
  it('holds the items that its turns refer to', async () => {
    await withSocket(async (client) => {
      const first = await client.ask({ model, input: 'hi', store: false })
      const told = await client.ask({
        model,
        store: false,
        input: [
          { type: 'item_reference', id: first.output.at(-1)?.id },
          { role: 'user', content: '/history' },
        ],
      })
      assert.match(textOf(told), /assistant: You said: hi/)
      const unknown = await client.fail({
        type: 'response.create',
        model,
        input: [{ type: 'item_reference', id: 'msg_none' }],
      })
      assert.equal(unknown.error.param, 'input[0].id')
    })
  })
  it('branches, as stored turns do', async () => {
    await withSocket(async (client) => {
      const root = await client.ask({ model, input: 'the root', store: false })
      const left = await client.ask({ model, input: 'left', store: false, previous_response_id: root.id })
      const right = await client.ask({
        model,
        input: '/history',
        store: false,
        previous_response_id: root.id,
      })
      assert.doesNotMatch(textOf(right), /left/)
      const told = await client.ask({ model, input: '/history', store: false, previous_response_id: left.id })
      assert.match(textOf(told), /the root[\s\S]*left/)
    })
  })
  it('lets stored turns build on those that are not', async () => {
    await withSocket(async (client) => {
      const hidden = await client.ask({ model, input: 'the secret', store: false })
      const stored = await client.ask({ model, input: 'the open', previous_response_id: hidden.id })
      const next = await client.ask({ model, input: 'the next', previous_response_id: stored.id })
      const told = await client.ask({ model, input: '/history', previous_response_id: next.id })
      assert.match(textOf(told), /the secret[\s\S]*the open[\s\S]*the next/)
      const shown = await fetch(`${gateway.origin}/v1/responses/${stored.id}`)
      assert.equal(shown.status, 200)
      const elsewhere = await gateway.post({ model, input: 'hi', previous_response_id: stored.id })
      assert.equal(await errorCode(elsewhere), 'previous_response_not_found')
      const items = await fetch(`${gateway.origin}/v1/responses/${stored.id}/input_items`)
      assert.doesNotMatch(await items.text(), /the secret/)
    })
  })
  it('is bounded: the oldest turns are forgotten, and with them what builds on them', async () => {
    const small = await startGateway({
      configure: (config) => ({ ...config, webSocket: { maxMemoryBytes: 8000 } }),
    })
    try {
      const client = await openSocket(small.origin)
      const ids: string[] = []
      for (let count = 0; count < 6; count++) {
        const previous = count % 2 === 1 ? { previous_response_id: ids.at(-1) } : {}
        const { id } = await client.ask({ model, input: 'x'.repeat(600), store: false, ...previous })
        ids.push(id)
      }
      const last = await client.ask({ model, input: 'hi', store: false, previous_response_id: ids.at(-1) })
      assert.equal(last.status, 'completed')
      const { error } = await client.fail({
        type: 'response.create',
        model,
        input: 'hi',
        previous_response_id: ids[0],
      })
      assert.equal(error.code, 'previous_response_not_found')
      await client.close()
    } finally {
      await small.close()
    }
  })
  it('shows in the list of requests like everything else', async () => {
    const { data } = await gateway.admin<AdminRequestList>('/admin/requests?limit=100')
    assert.ok(data.length >= 50)
    assert.ok(data.every(({ status }) => status !== 'in_progress'))
  })
})
