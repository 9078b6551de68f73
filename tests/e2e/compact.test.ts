/**
 * Compaction at the front door, with OpenAI's own client: over every variant, and on from there over every other one.
 * `/history` makes the scripted model repeat the items that reached the provider.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import Database from 'better-sqlite3'
import OpenAI from 'openai'
import type {
  CompactedResponse,
  ResponseCompactParams,
  ResponseInputItem,
} from 'openai/resources/responses/responses'
import type { AdminRequest } from '../../server/http/admin/contract.ts'
import type { Item, JsonObject } from '../../translators/shared/canonical.ts'
import { textOf } from '../conformance/ask.ts'
import { variantTargets } from '../conformance/targets.ts'
import { type RawGateway, respond, response, startRawGateway } from '../support/raw-provider.ts'
import { loadSpecification } from '../support/specification.ts'
import { startGateway, type TestGateway } from '../support/start-gateway.ts'

const specification = loadSpecification()
const keys = { owner: 'owner-key-12345678', other: 'other-key-12345678' }
const native = 'openai/gpt-5.2'
const plain = 'azure/gpt-5.2'

let folder: string
let gateway: TestGateway
let client: OpenAI
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dragoman-compact-'))
  gateway = await startGateway({
    configure: (config) => ({
      ...config,
      store: { url: `sqlite:${join(folder, 'compact.db')}` },
      admin: { key: 'admin-key-12345678' },
      projects: { owner: { keys: [keys.owner] }, other: { keys: [keys.other] } },
    }),
  })
  client = connect(keys.owner)
})
after(async () => {
  await gateway.close()
  await rm(folder, { recursive: true, force: true })
})

function connect(apiKey: string): OpenAI {
  return new OpenAI({ baseURL: `${gateway.origin}/v1`, apiKey, maxRetries: 0 })
}

/** A model's name as the client's types want it. */
const named = (model: string) => model as ResponseCompactParams['model']

/** What the model at the other end was given, a line an item, before it was asked to repeat it. */
async function historyAfter(model: string, { output }: Pick<CompactedResponse, 'output'>): Promise<string> {
  const input = [...output, { role: 'user', content: '/history' }] as ResponseInputItem[]
  const told = textOf(await client.responses.create({ model, input, store: false }))
  assert.match(told, /\n?user: \/history$/)
  return told.replace(/\n?user: \/history$/, '').replace(/^(?:system|reasoning)[^\n]*\n/gm, '')
}

function compactionOf({ output }: CompactedResponse): Item & { encrypted_content: string } {
  const last = output.at(-1) as unknown as Item & { encrypted_content: string }
  assert.equal(last.type, 'compaction')
  assert.match(String(last.id), /^cmp_/)
  assert.match(last.encrypted_content, /^dgm1\./)
  return last
}

function wordsOf({ output }: CompactedResponse): unknown[] {
  return (output.slice(0, -1) as unknown as JsonObject[]).map(({ type, role, status, content }) => {
    assert.deepEqual([type, role, status], ['message', 'user', 'completed'])
    return (content as JsonObject[]).map(({ text }) => text).join('')
  })
}

async function rowOf(id: string): Promise<AdminRequest> {
  await gateway.app.flush()
  const answer = await fetch(`${gateway.origin}/admin/requests/${id}`, {
    headers: { 'x-admin-key': 'admin-key-12345678' },
  })
  assert.equal(answer.status, 200)
  return answer.json() as Promise<AdminRequest>
}

function post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${gateway.origin}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${keys.owner}`, 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
}

async function errorOf(answer: Response): Promise<JsonObject> {
  return ((await answer.json()) as { error: JsonObject }).error
}

for (const { variant, model, provider } of variantTargets) {
  describe(`compaction over ${variant}`, () => {
    let compacted: CompactedResponse & { _request_id?: string | null }
    let answers: string[]
    before(async () => {
      const first = await client.responses.create({ model, input: 'My cat is called Miez.' })
      const second = await client.responses.create({
        model,
        input: 'My dog is called Rex.',
        previous_response_id: first.id,
      })
      answers = [textOf(first), textOf(second)]
      compacted = await client.responses.compact({
        model: named(model),
        previous_response_id: second.id,
        input: 'And I live in Graz.',
        instructions: 'Be brief.',
      })
    })

    it('gives all messages of the user, then one sealed item', async () => {
      assert.equal(compacted.object, 'response.compaction')
      assert.match(compacted.id, /^resp_/)
      assert.deepEqual(wordsOf(compacted), [
        'My cat is called Miez.',
        'My dog is called Rex.',
        'And I live in Graz.',
      ])
      compactionOf(compacted)
      const { input_tokens, output_tokens, total_tokens } = compacted.usage
      assert.ok(input_tokens > 0 && output_tokens > 0)
      assert.equal(total_tokens, input_tokens + output_tokens)
      const { _request_id: _, ...resource } = compacted
      specification?.compaction(resource)
    })
    it('is a request with a row of its own', async () => {
      const row = await rowOf(String(compacted._request_id))
      assert.deepEqual(
        [row.operation, row.status, row.http_status, row.provider, row.response_id, row.attempts],
        ['responses.compact', 'completed', 200, provider, compacted.id, 1],
      )
      assert.deepEqual(
        [row.model, row.total_tokens, row.stream],
        [model, compacted.usage.total_tokens, false],
      )
    })
    for (const other of variantTargets) {
      it(`can be gone on from over ${other.variant}`, async () => {
        const told = await historyAfter(other.model, compacted)
        const users = 'user: My cat is called Miez.\nuser: My dog is called Rex.\nuser: And I live in Graz.'
        const whole =
          `user: My cat is called Miez.\nassistant: ${answers[0]}\n` +
          `user: My dog is called Rex.\nassistant: ${answers[1]}\nuser: And I live in Graz.`
        if (model !== native)
          assert.ok(told.startsWith(`${users}\nuser: Summary of the conversation so far:\n\n`), told)
        else if (other.model === native) assert.ok(told.startsWith(users) && !told.includes('Summary'), told)
        else assert.equal(told, whole)
      })
    }
    it('can be gone on from by its id', async () => {
      const next = await client.responses.create({
        model: plain,
        input: '/history',
        previous_response_id: compacted.id,
      })
      const told = textOf(next)
      for (const words of ['My cat is called Miez.', 'My dog is called Rex.', 'And I live in Graz.'])
        assert.equal(told.split(`user: ${words}`).length, 2, told)
      if (model !== native) assert.match(told, /Summary of the conversation so far/)
      const items = (await client.responses.inputItems.list(next.id, { order: 'asc' })).data
      assert.deepEqual(
        items.map(({ type }) => type as string),
        ['message', 'message', 'message', 'compaction', 'message'],
      )
    })
    it('is kept, and deleted for good', async () => {
      const kept = (await client.responses.retrieve(compacted.id)) as unknown as JsonObject
      const { _request_id: _, ...resource } = compacted
      assert.deepEqual({ ...kept }, resource)
      const listed = (await client.responses.inputItems.list(compacted.id, { order: 'asc' })).data
      assert.deepEqual(
        listed.map(({ type }) => type),
        Array(5).fill('message'),
      )
      await client.responses.delete(compacted.id)
      await assert.rejects(client.responses.retrieve(compacted.id), { status: 404 })
      const next = await client.responses
        .create({
          model: plain,
          input: [
            ...(compacted.output as unknown as ResponseInputItem[]),
            { role: 'user', content: '/history' },
          ],
        })
        .asResponse()
      const adaptations = String(next.headers.get('x-dragoman-adaptations'))
      // What only its maker can read is lost to others with its source, and that is said.
      assert.match(
        adaptations,
        model === native
          ? /dropped:input\.compaction=made by another provider/
          : /emulated:input\.compaction/,
      )
    })
    it('sums up calls, also one that waits for its output', async () => {
      const tools = [
        {
          type: 'function' as const,
          name: 'get_weather',
          strict: false,
          parameters: { type: 'object', properties: { city: { type: 'string' } } },
        },
      ]
      const called = await client.responses.create({
        model,
        input: '/call get_weather {"city":"Graz"}',
        tools,
      })
      const waiting = await client.responses.compact({
        model: named(model),
        previous_response_id: called.id,
      })
      assert.equal(wordsOf(waiting).length, 1)
      const call = called.output.find(({ type }) => type === 'function_call')
      assert.ok(call?.type === 'function_call')
      const late = { type: 'function_call_output' as const, call_id: call.call_id, output: 'Late.' }
      // Compacted once more, it waits still.
      const again = await client.responses.compact({
        model: named(plain),
        previous_response_id: waiting.id,
        input: 'And?',
      })
      for (const target of [model, plain, native])
        for (const { id } of [waiting, again]) {
          const input = [late, { role: 'user' as const, content: '/history' }]
          const next = await client.responses.create({
            model: target,
            tools,
            previous_response_id: id,
            input,
          })
          const told = textOf(next)
          // The provider finds it in its own compaction as well.
          const isOwn = target === model && model === native && id === waiting.id
          assert.equal(told.match(/^call get_weather/gm)?.length, isOwn ? 2 : 1, told)
          assert.match(told, /^call get_weather: .*\noutput .*: Late\./m)
        }
      const answered = await client.responses.compact({
        model: named(model),
        previous_response_id: called.id,
        input: [{ type: 'function_call_output', call_id: call.call_id, output: 'Rain.' }],
      })
      if (model !== native) return
      const told = await historyAfter(plain, answered)
      assert.match(told, /get_weather/)
      assert.match(told, /Rain\./)
    })
  })
}

describe('a compaction of a compaction', () => {
  it('stands for everything, natively made or by summaries', async () => {
    const first = await client.responses.compact({
      model: named(native),
      input: [
        { role: 'user', content: 'one' },
        { role: 'assistant', content: 'first answer' },
      ],
    })
    const second = await client.responses.compact({
      model: named(native),
      input: [
        ...(first.output as unknown as ResponseInputItem[]),
        { role: 'assistant', content: 'second answer' },
        { role: 'user', content: 'one' },
      ],
    })
    assert.deepEqual(wordsOf(second), ['one', 'one'])
    assert.equal(
      await historyAfter(plain, second),
      'user: one\nassistant: first answer\nassistant: second answer\nuser: one',
    )
    const third = await client.responses.compact({
      model: named(plain),
      input: second.output as unknown as ResponseInputItem[],
    })
    const told = await historyAfter('sail/deepseek-ai/DeepSeek-V3.2', third)
    assert.match(told, /^user: one\nuser: one\nuser: Summary/)
  })
})

describe('the numbers of a compaction', () => {
  it('stand in the metrics: one call that went well, and what it used', async () => {
    const own = await startGateway()
    try {
      const url = `${own.origin}/v1`
      const { responses } = new OpenAI({ baseURL: url, apiKey: 'none', maxRetries: 0 })
      const { usage } = await responses.compact({ model: named(native), input: 'one two three' })
      await responses.inputTokens.count({ model: native, input: 'one two three' })
      const metrics = await (await fetch(`${own.origin}/metrics`)).text()
      const value = (name: string) => {
        const line = metrics.split('\n').find((one) => one.startsWith(`${name} `))
        return line === undefined ? null : Number(line.slice(name.length))
      }
      const labels = `provider="openai",model="${native}"`
      assert.equal(value('dragoman_attempts_total{provider="openai",error_code=""}'), 2)
      // The count of tokens used none itself.
      assert.equal(
        value(`dragoman_tokens_total{${labels},type="input",usage="provider"}`),
        usage.input_tokens,
      )
      assert.equal(
        value(`dragoman_tokens_total{${labels},type="output",usage="provider"}`),
        usage.output_tokens,
      )
    } finally {
      await own.close()
    }
  })
})

describe('a compaction', () => {
  const input = [
    { role: 'user', content: 'hello' },
    { role: 'assistant', content: 'hi' },
  ]
  it('cannot be read by another project', async () => {
    for (const model of [native, plain]) {
      const { output } = await client.responses.compact({ model: named(model), input: 'hello' })
      await assert.rejects(
        connect(keys.other).responses.create({ model, input: output as unknown as ResponseInputItem[] }),
        { status: 400, code: 'invalid_encrypted_content' },
      )
    }
  })
  it('is given again for the same Idempotency-Key', async () => {
    for (const model of [native, plain]) {
      const key = { 'idempotency-key': `compact-${model}` }
      const before = gateway.sandbox.requests.length
      const first = await post('/v1/responses/compact', { model, input }, key)
      const second = await post('/v1/responses/compact', { model, input }, key)
      assert.equal(second.headers.get('idempotent-replayed'), 'true')
      assert.equal(await second.text(), await first.text())
      assert.equal(gateway.sandbox.requests.length, before + 1)
      const other = await post('/v1/responses/compact', { model, input: 'other' }, key)
      assert.deepEqual([other.status, (await errorOf(other)).code], [409, 'idempotency_key_conflict'])
      // Of another operation with the same body, too.
      const count = await post('/v1/responses/input_tokens', { model, input }, key)
      assert.equal(count.status, 409)
    }
  })
  it('that is not to be kept is a summary that needs nothing kept', async () => {
    const answer = await post('/v1/responses/compact', { model: native, input, store: false })
    assert.match(String(answer.headers.get('x-dragoman-adaptations')), /emulated:compaction=a summary/)
    const compacted = (await answer.json()) as CompactedResponse
    assert.equal((await fetchKept(compacted.id)).status, 404)
    assert.match(await historyAfter(plain, compacted), /^user: hello\nuser: Summary/)
  })
  it('is a summary, and given all the same, when the store refuses it', async () => {
    const database = new Database(join(folder, 'compact.db'))
    database.exec(
      `CREATE TRIGGER refuse BEFORE INSERT ON responses WHEN NEW.kind = 'compaction' BEGIN SELECT RAISE(ABORT, 'refused'); END`,
    )
    try {
      const answer = await post('/v1/responses/compact', { model: native, input })
      assert.equal(answer.status, 200)
      assert.match(
        String(answer.headers.get('x-dragoman-adaptations')),
        /emulated:compaction=a summary by the model, dropped:store=/,
      )
      const compacted = (await answer.json()) as CompactedResponse
      assert.match(await historyAfter(plain, compacted), /^user: hello\nuser: Summary/)
    } finally {
      database.exec('DROP TRIGGER refuse')
      database.close()
    }
  })
  it('of one text is kept with it', async () => {
    const compacted = await client.responses.compact({ model: named(native), input: 'just this' })
    const { data } = await client.responses.inputItems.list(compacted.id)
    assert.equal(data.length, 1)
    assert.equal(await historyAfter(plain, compacted), 'user: just this')
  })
  it('of what no user said can be gone on from as well', async () => {
    for (const model of [native, plain]) {
      const compacted = await client.responses.compact({
        model: named(model),
        input: [{ role: 'assistant', content: 'A monologue.' }],
      })
      assert.deepEqual(wordsOf(compacted), [])
      const told = await historyAfter('gpt-4o', compacted)
      if (model === native) assert.equal(told, 'assistant: A monologue.')
      else assert.match(told, /^user: Summary/)
      const next = await client.responses.create({
        model: 'gpt-4o',
        input: '/history',
        previous_response_id: compacted.id,
      })
      assert.match(textOf(next), /A monologue\./)
    }
  })
  it('ignores what the route does not know', async () => {
    const answer = await post('/v1/responses/compact', {
      model: plain,
      input,
      stream: true,
      tools: 'nonsense',
      conversation: 'conv_unknown',
      temperature: 9,
    })
    assert.equal(answer.headers.get('content-type'), 'application/json')
    assert.equal(answer.status, 200)
  })
  const wrong: [string, unknown, number, string, string | null][] = [
    ['without a model', { input: 'x' }, 400, 'invalid_request', 'model'],
    ['of nothing', { model: plain }, 400, 'invalid_request', 'input'],
    ['of instructions alone', { model: plain, instructions: 'x' }, 400, 'invalid_request', 'input'],
    ['of no items', { model: plain, input: [], instructions: 'x' }, 400, 'invalid_request', 'input'],
    ['of a wrong input', { model: plain, input: 7 }, 400, 'invalid_request', 'input'],
    ['for an unknown model', { model: 'nobody', input: 'x' }, 404, 'model_not_found', 'model'],
    [
      'of an unknown response',
      { model: plain, previous_response_id: 'resp_nobody' },
      400,
      'previous_response_not_found',
      'previous_response_id',
    ],
    ['of no object', '[]', 400, 'invalid_request', null],
    ['of no JSON', '{', 400, 'invalid_json', null],
  ]
  for (const [name, body, status, code, param] of wrong)
    it(`${name} is refused`, async () => {
      const answer = await post('/v1/responses/compact', body)
      const error = await errorOf(answer)
      assert.deepEqual([answer.status, error.code, error.param], [status, code, param])
    })
  it('needs a key, and its method', async () => {
    const keyless = await post(
      '/v1/responses/compact',
      { model: plain, input },
      { authorization: 'Bearer x' },
    )
    assert.equal(keyless.status, 401)
    const put = await fetch(`${gateway.origin}/v1/responses/compact`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${keys.owner}` },
    })
    assert.equal(put.status, 405)
    assert.match(String(put.headers.get('allow')), /POST/)
  })
})

function fetchKept(id: string): Promise<Response> {
  return fetch(`${gateway.origin}/v1/responses/${id}`, { headers: { authorization: `Bearer ${keys.owner}` } })
}

describe('providers that fail to compact', () => {
  let raw: RawGateway
  before(async () => {
    raw = await startRawGateway({ providers: 2 })
  })
  after(() => raw.close())

  const compact = (id: string, signal?: AbortSignal) =>
    fetch(`${raw.origin}/v1/responses/compact`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-request-id': id },
      body: JSON.stringify({ model: 'raw/model', input: 'hello' }),
      signal: signal ?? null,
    })
  const isCompact = (request: string) => request.startsWith('POST /v1/responses/compact ')

  it('are asked for a summary instead, and the usage of the answer counts', async () => {
    raw.script((socket, _, request) => {
      if (isCompact(request)) respond(socket, '{"error":{"message":"no such route"}}', undefined, '404 No')
      else respond(socket, JSON.stringify(response()))
    })
    const answer = await compact('no-route')
    const body = (await answer.json()) as CompactedResponse
    assert.equal(answer.status, 200)
    assert.equal(body.usage.total_tokens, 5)
    const row = await raw.admin<AdminRequest>('/admin/requests/no-route')
    assert.deepEqual(
      [row.attempts, row.status, row.total_tokens, row.usage_source],
      // Each target with the route is asked for it before any is asked for a summary.
      [3, 'completed', 5, 'provider'],
    )
  })
  it('are passed over for the next target', async () => {
    raw.script((socket) => respond(socket, '{}', undefined, '500 Down'))
    raw.script((socket) => respond(socket, '{}', undefined, '500 Down'), 1)
    const failed = await compact('both-down')
    assert.deepEqual([failed.status, (await errorOf(failed)).code], [502, 'upstream_error'])
    raw.script((socket, _, request) => {
      if (isCompact(request)) respond(socket, '{"output":[],"usage":null}')
      else respond(socket, JSON.stringify(response()))
    }, 1)
    const answer = await compact('second')
    assert.equal(answer.status, 200)
    assert.equal(answer.headers.get('x-dragoman-provider'), 'raw2')
  })
  it('write nothing: that is an error', async () => {
    const script = (output: unknown[]) =>
      raw.script((socket, _, request) => {
        if (isCompact(request)) respond(socket, 'not JSON', 'text/plain')
        else respond(socket, JSON.stringify(response({ output })))
      })
    script([])
    const answer = await compact('empty')
    assert.deepEqual([answer.status, (await errorOf(answer)).code], [502, 'upstream_invalid_response'])
    const row = await raw.admin<AdminRequest>('/admin/requests/empty')
    assert.deepEqual([row.status, row.http_status], ['failed', 502])
  })
  it('cannot take all of the context: its oldest turns are left out, and that is named', async () => {
    const lengths: number[] = []
    const holding = (socket: Socket, _: number, request: string) => {
      const { input } = JSON.parse(request.slice(request.indexOf('\r\n\r\n') + 4)) as { input: Item[] }
      lengths.push(input.length)
      if (input.length <= 7) return respond(socket, JSON.stringify(response()))
      const error = '{"error":{"code":"context_length_exceeded","message":"Too long."}}'
      respond(socket, error, undefined, '400 No')
    }
    raw.script(holding)
    raw.script(holding, 1)
    const input = Array.from({ length: 10 }, (_, index) => ({
      role: index % 2 === 0 ? 'user' : 'assistant',
      content: `${index} ${'x'.repeat(4000)}`,
    }))
    const answer = await fetch(`${raw.origin}/v1/responses/compact`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'raw/model', input, store: false }),
    })
    const body = (await answer.json()) as CompactedResponse
    assert.equal(answer.status, 200, JSON.stringify(body))
    assert.deepEqual(lengths, [11, 11, 7])
    assert.match(
      String(answer.headers.get('x-dragoman-adaptations')),
      /emulated:compaction=a summary by the model.*emulated:truncation=dropped 4 items/,
    )
    assert.equal(wordsOf(body).length, 5)
  })
  it('are let go when the client goes', async () => {
    const hangUp = new AbortController()
    const closed = new Promise<void>((resolve) => {
      raw.script((socket) => {
        void once(socket, 'close').then(() => resolve())
        hangUp.abort()
      })
    })
    await assert.rejects(compact('gone', hangUp.signal))
    await closed
    const row = await waitForRow('gone')
    assert.deepEqual([row.status, row.http_status], ['cancelled', 499])
  })

  async function waitForRow(id: string): Promise<AdminRequest> {
    for (;;) {
      const row = await raw.admin<AdminRequest>(`/admin/requests/${id}`)
      if (row.http_status !== null) return row
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
})
