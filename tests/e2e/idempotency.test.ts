/** Idempotency keys at the front door: one call reaches the provider, its repeats get the same answer. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import Database from 'better-sqlite3'
import OpenAI from 'openai'
import { variantTargets } from '../conformance/targets.ts'
import { startGateway, type TestGateway } from '../support/start-gateway.ts'

const model = 'openai/gpt-5.2'

let folder: string
let gateway: TestGateway
/** Whether the gateway is as every test may expect it. */
let isPlain = true
/** Tests so far: each has keys of its own. */
let round = 0
/** Requests that had reached the sandbox when the test began. */
let earlier = 0
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dragoman-keys-'))
  gateway = await start()
})
beforeEach(async () => {
  if (!isPlain) await restart()
  isPlain = true
  round += 1
  earlier = gateway.sandbox.requests.length
})
after(async () => {
  await gateway.close()
  await rm(folder, { recursive: true, force: true })
})

const storeFile = () => join(folder, 'keys.db')

async function start(config: Record<string, unknown> = {}, provider: object = {}): Promise<TestGateway> {
  return startGateway({
    configure: ({ providers, ...base }) => ({
      ...base,
      providers: Object.fromEntries(
        Object.entries(providers as Record<string, object>).map(([id, one]) => [id, { ...one, ...provider }]),
      ),
      store: { url: `sqlite:${storeFile()}` },
      ...config,
    }),
  })
}

/** Ends the gateway and starts another on the same store, with a new sandbox. */
async function restart(config: Record<string, unknown> = {}, provider: object = {}): Promise<void> {
  await gateway.close()
  gateway = await start(config, provider)
  isPlain = false
  earlier = 0
}

/** Of a provider whose failures come through without a second try. */
const oneAttempt = { attempts: 1 }

interface Answer {
  status: number
  text: string
  headers: Headers
}

async function call(
  body: unknown,
  key: string | null,
  headers: Record<string, string> = {},
  path = '/v1/responses',
): Promise<Answer> {
  const named: Record<string, string> = key === null ? {} : { 'idempotency-key': keyOf(key) }
  const answer = await fetch(gateway.origin + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...named, ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  return { status: answer.status, text: await answer.text(), headers: answer.headers }
}

const codeOf = ({ text }: Answer): unknown => JSON.parse(text).error?.code
const reached = (only?: string) =>
  gateway.sandbox.requests.slice(earlier).filter(({ method }) => only === undefined || method === only).length
/** The key under a name that is this test's alone. */
const keyOf = (name: string) => (name.length > 100 ? name : `${round}:${name}`)
const isReplayed = ({ headers }: Answer) => headers.get('idempotent-replayed') === 'true'

/** Headers that belong to one answer and not to its repeat; a repeat also names what became known after a head had left. */
const ofOneAnswer = new Set([
  'x-request-id',
  'server-timing',
  'date',
  'idempotent-replayed',
  'connection',
  'keep-alive',
  'x-dragoman-adaptations',
])
const lasting = ({ headers }: Answer) => [...headers].filter(([name]) => !ofOneAnswer.has(name))

function rowOf({ headers }: Answer): Promise<Record<string, unknown>> {
  return gateway.admin(`/admin/requests/${headers.get('x-request-id')}`)
}

/** Waits until a provider has been called. */
async function waitForCall(count = 1): Promise<void> {
  while (reached() < count) await new Promise((resolve) => setTimeout(resolve, 5))
}

describe('a repeated call', () => {
  for (const target of variantTargets) {
    for (const stream of [false, true]) {
      it(`gets the same ${stream ? 'events' : 'object'} over ${target.variant}`, async () => {
        const body = { model: target.model, input: 'hello', stream, metadata: { a: '1' } }
        const first = await call(body, 'k-1')
        assert.equal(first.status, 200)
        assert.equal(isReplayed(first), false)
        const second = await call(body, 'k-1')
        assert.equal(second.status, 200)
        assert.equal(second.text, first.text)
        if (stream) assert.match(second.text, /data: \[DONE\]\n\n$/)
        assert.equal(isReplayed(second), true)
        assert.deepEqual(lasting(second), lasting(first))
        const named = second.headers.get('x-dragoman-adaptations') ?? ''
        for (const one of (first.headers.get('x-dragoman-adaptations') ?? '').split(', '))
          assert.ok(named.includes(one), `${named} holds ${one}`)
        assert.notEqual(second.headers.get('x-request-id'), first.headers.get('x-request-id'))
        assert.equal(reached(), 1)
      })
    }
  }
  it('gets it with store: false, too, and of an answer that was cut short by its own limit', async () => {
    const body = { model, input: '/incomplete hello', store: false, stream: true }
    const first = await call(body, 'k')
    assert.match(first.text, /event: response\.incomplete/)
    const second = await call(body, 'k')
    assert.equal(second.text, first.text)
    assert.equal(reached(), 1)
  })
  it('has its own row, without attempts and without tokens', async () => {
    const body = { model, input: 'hello', stream: true }
    const first = await call(body, 'k')
    const second = await call(body, 'k', { 'x-request-id': 'mine' })
    assert.equal(second.headers.get('x-request-id'), 'mine')
    const [one, two] = [await rowOf(first), await rowOf(second)]
    assert.ok(Number(one.total_tokens) > 0)
    assert.deepEqual(
      [two.status, two.http_status, two.total_tokens, two.attempt_list, two.stream],
      ['completed', 200, null, [], true],
    )
    assert.match(JSON.stringify(two.adaptations), /idempotency.*replayed/)
    assert.equal((two.client_response as { body: { text: string } }).body.text, first.text)
  })
  it('is known by X-Idempotency-Key and by a body that was compressed on the way', async () => {
    const body = JSON.stringify({ model, input: 'hello' })
    const first = await call(body, 'k')
    const answer = await fetch(`${gateway.origin}/v1/responses`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'content-encoding': 'gzip',
        'x-idempotency-key': keyOf('k'),
      },
      body: gzipSync(body),
    })
    assert.equal(await answer.text(), first.text)
    assert.equal(reached(), 1)
  })
  it('still gets it after a restart', async () => {
    for (const stream of [false, true]) {
      const body = { model, input: 'hello', stream }
      const first = await call(body, `k-${stream}`)
      await restart()
      const second = await call(body, `k-${stream}`)
      assert.equal(second.text, first.text)
      assert.equal(reached(), 0)
    }
  })
  it('is a new call when the key has expired', async () => {
    const body = { model, input: 'hello' }
    const first = await call(body, 'k')
    const database = new Database(storeFile())
    const { changes } = database
      .prepare('UPDATE idempotency_keys SET expires_at = 1 WHERE key = ?')
      .run(keyOf('k'))
    database.close()
    assert.equal(changes, 1)
    const second = await call(body, 'k')
    assert.equal(isReplayed(second), false)
    assert.notEqual(second.text, first.text)
    assert.equal(reached(), 2)
    assert.equal((await call(body, 'k')).text, second.text)
  })
  it('reads a long answer at its own pace', async () => {
    const body = JSON.stringify({ model, input: '/long 30000', stream: true })
    const first = await call(body, 'k')
    assert.ok(first.text.length > 4_000_000)
    const text = await new Promise<string>((resolve, reject) => {
      const asked = httpRequest(
        `${gateway.origin}/v1/responses`,
        { method: 'POST', headers: { 'content-type': 'application/json', 'idempotency-key': keyOf('k') } },
        (answer) => {
          let read = ''
          let pauses = 0
          answer.setEncoding('utf8')
          answer.on('data', (chunk: string) => {
            read += chunk
            // Longer than the sockets can hold of it, so that the writer has to wait.
            if (pauses++ < 5) {
              answer.pause()
              setTimeout(() => answer.resume(), 20)
            }
          })
          answer.on('end', () => resolve(read))
        },
      )
      asked.on('error', reject)
      asked.end(body)
    })
    assert.equal(text, first.text)
    assert.equal(reached(), 1)
  })
})

describe('200 calls at once', () => {
  for (const stream of [false, true]) {
    it(`reach the provider once, ${stream ? 'as streams' : 'as JSON'}: the others are told to wait, or get its answer`, async () => {
      const body = { model, input: '/slow 200 hello', stream }
      const answers = await Promise.all(Array.from({ length: 200 }, () => call(body, 'crowd')))
      assert.equal(reached(), 1)
      const good = answers.filter(({ status }) => status === 200)
      assert.equal(good.filter((one) => !isReplayed(one)).length, 1)
      assert.equal(new Set(good.map(({ text }) => text)).size, 1)
      const told = answers.filter(({ status }) => status !== 200)
      assert.ok(told.length > 0)
      for (const one of told) {
        assert.equal(one.status, 409)
        assert.equal(codeOf(one), 'idempotency_key_in_progress')
        assert.equal(one.headers.get('retry-after'), '1')
        assert.equal(one.headers.get('x-should-retry'), null)
      }
    })
    it(`wait for the first where the gateway lets them, ${stream ? 'as streams' : 'as JSON'}`, async () => {
      await restart({ state: { idempotencyWait: 60_000 } })
      const body = { model, input: '/slow 100 hello', stream }
      const answers = await Promise.all(Array.from({ length: 200 }, () => call(body, 'crowd')))
      assert.equal(reached(), 1)
      assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200])
      assert.equal(new Set(answers.map(({ text }) => text)).size, 1)
      assert.equal(answers.filter(isReplayed).length, 199)
    })
  }
  it('go on one by one while each fails, where they may wait', async () => {
    await restart({ state: { idempotencyWait: 60_000 } }, oneAttempt)
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => call({ model, input: '/fail 500 openai' }, 'crowd')),
    )
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [502])
    assert.equal(answers.some(isReplayed), false)
    assert.equal(reached(), 5)
  })
})

describe('a key with another request', () => {
  it('is a conflict that no client should repeat', async () => {
    await call({ model, input: 'one' }, 'k')
    for (const [body, headers] of [
      [{ model, input: 'two' }, {}],
      [{ model, input: 'one', stream: true }, {}],
      [{ model, input: 'one' }, { 'x-dragoman-events': 'open-responses' }],
      [{ model, input: 'one' }, { 'x-dragoman-unsupported': 'reject' }],
    ] as const) {
      const answer = await call(body, 'k', headers)
      assert.equal(answer.status, 409)
      assert.equal(codeOf(answer), 'idempotency_key_conflict')
      assert.equal(answer.headers.get('x-should-retry'), 'false')
      assert.equal(answer.headers.get('retry-after'), null)
    }
    assert.equal(reached(), 1)
  })
  it('is one while the first still runs, too', async () => {
    const first = call({ model, input: '/slow 300 hello' }, 'k')
    await waitForCall()
    const answer = await call({ model, input: 'two' }, 'k')
    assert.equal(codeOf(answer), 'idempotency_key_conflict')
    assert.equal((await first).status, 200)
  })
  it("is not repeated by OpenAI's SDK", async () => {
    let sent = 0
    const client = new OpenAI({
      baseURL: `${gateway.origin}/v1`,
      apiKey: 'none',
      fetch: (url, init) => {
        sent += 1
        return fetch(url, init)
      },
    })
    const options = { headers: { 'Idempotency-Key': keyOf('k') } }
    await client.responses.create({ model, input: 'one' }, options)
    await assert.rejects(client.responses.create({ model, input: 'two' }, options), OpenAI.ConflictError)
    assert.equal(sent, 2)
  })
  it('belongs to one project alone', async () => {
    const projects = { one: { keys: ['one-key-1234567'] }, two: { keys: ['two-key-1234567'] } }
    await restart({ projects, admin: { key: 'admin-key-123456' } })
    const as = (key: string) => ({ authorization: `Bearer ${key}` })
    const first = await call({ model, input: 'one' }, 'k', as('one-key-1234567'))
    const other = await call({ model, input: 'two' }, 'k', as('two-key-1234567'))
    assert.equal(other.status, 200)
    const same = await call({ model, input: 'one' }, 'k', as('two-key-1234567'))
    assert.equal(codeOf(same), 'idempotency_key_conflict')
    const operator = await call({ model, input: 'one' }, 'k', {
      'x-admin-key': 'admin-key-123456',
      'x-project-id': 'one',
    })
    assert.equal(operator.text, first.text)
    assert.equal(reached(), 2)
  })
  it('is told to a provider that knows keys under another name for each project, and the same for each try', async () => {
    const projects = { one: { keys: ['one-key-1234567'] }, two: { keys: ['two-key-1234567'] } }
    await restart({ projects })
    const ask = (key: string, input: string) =>
      call({ model: 'augment/balanced', input }, 'k', { authorization: `Bearer ${key}` })
    const first = await ask('one-key-1234567', 'mine')
    const failed = await ask('two-key-1234567', '/fail 500')
    const second = await ask('two-key-1234567', 'my own')
    assert.deepEqual([first.status, failed.status, second.status], [200, 502, 200])
    const told = gateway.sandbox.requests.map(({ headers }) => headers['idempotency-key'])
    assert.equal(new Set(told).size, 2)
    assert.ok(told.every((key) => typeof key === 'string' && key !== keyOf('k')))
    assert.equal(new Set(told.slice(1)).size, 1)
  })
})

describe('a call that fails', () => {
  /** The key is free, and what comes next with it has an answer of its own. */
  async function assertFree(key: string): Promise<void> {
    const before = reached()
    const answer = await call({ model, input: 'another' }, key)
    assert.equal(answer.status, 200, answer.text)
    assert.equal(isReplayed(answer), false)
    assert.equal(reached(), before + 1)
  }
  it('leaves the key free after a 400 and a 404', async () => {
    assert.equal((await call({ model, input: 5 }, 'k')).status, 400)
    assert.equal((await call('{', 'k')).status, 400)
    assert.equal((await call({ model: 'no/such', input: 'hello' }, 'k')).status, 404)
    assert.equal((await call({ model, input: 'hello', previous_response_id: 'resp_0' }, 'k')).status, 400)
    await assertFree('k')
  })
  it('leaves it free after errors of the provider, before and in the middle of the answer', async () => {
    await restart({}, oneAttempt)
    for (const status of [400, 429, 500, 503]) {
      const answer = await call({ model, input: `/fail ${status}` }, `k-${status}`)
      assert.ok(answer.status >= 400)
      await assertFree(`k-${status}`)
    }
    for (const command of ['/fail-midstream one two three', '/cut one two three']) {
      const failed = await call({ model, input: command, stream: true }, command.slice(1, 4))
      assert.match(failed.text, /event: response\.failed/)
      await assertFree(command.slice(1, 4))
    }
  })
  it('leaves it free at once when the failure of a stream is told', async () => {
    await restart({}, oneAttempt)
    for (let round = 0; round < 20; round++) {
      const body = { model, input: '/cut one two three', stream: true }
      assert.match((await call(body, 'k')).text, /event: response\.failed/)
    }
    assert.equal(reached(), 20)
  })
  it('leaves it free when its client hangs up', async () => {
    // An answer that was whole before the hang-up would keep the key, so it takes as long as a busy machine may.
    for (const [stream, input] of [
      [false, '/slow 60000 hello'],
      [true, '/slow 100 /count 1000'],
    ] as const) {
      const hangUp = new AbortController()
      const before = reached()
      const answer = fetch(`${gateway.origin}/v1/responses`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': keyOf(`k-${stream}`) },
        body: JSON.stringify({ model, input, stream }),
        signal: hangUp.signal,
      })
      answer.catch(() => {})
      await waitForCall(before + 1)
      if (stream) await (await answer).body?.getReader().read()
      hangUp.abort()
      // The gateway has to notice first.
      for (;;) {
        const next = await call({ model, input: 'another' }, `k-${stream}`)
        if (next.status === 200) break
        assert.equal(codeOf(next), 'idempotency_key_conflict')
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    }
  })
})

describe('the key itself', () => {
  it('may have 255 visible characters', async () => {
    const body = { model, input: 'hello' }
    const longest = 'k'.repeat(255)
    const first = await call(body, longest)
    assert.equal((await call(body, longest)).text, first.text)
    for (const wrong of ['k'.repeat(256), 'two words']) {
      const answer = await call(body, wrong)
      assert.equal(answer.status, 400)
      assert.equal(JSON.parse(answer.text).error.param, 'idempotency-key')
    }
    assert.equal(reached(), 1)
  })
  it("can be made by OpenAI's SDK for each call, so that its own retries are safe", async () => {
    class KeyedClient extends OpenAI {
      protected override idempotencyHeader = 'Idempotency-Key'
    }
    let lost = 0
    const client = new KeyedClient({
      baseURL: `${gateway.origin}/v1`,
      apiKey: 'none',
      fetch: async (url, init) => {
        const answer = await fetch(url, init)
        // The network loses the first answer on its way back.
        if (lost++ > 0) return answer
        await answer.arrayBuffer()
        throw new TypeError('connection lost')
      },
    })
    const made = await client.responses.create({ model, input: 'hello' })
    assert.equal(made.status, 'completed')
    const same = await client.responses.create({ model, input: 'hello' }, { idempotencyKey: keyOf('mine') })
    const again = await client.responses.create({ model, input: 'hello' }, { idempotencyKey: keyOf('mine') })
    assert.equal(again.id, same.id)
    assert.notEqual(same.id, made.id)
    assert.equal(reached(), 2)
  })
  it('is free again when its response is deleted', async () => {
    const body = { model, input: 'hello' }
    const first = await call(body, 'k')
    const path = `${gateway.origin}/v1/responses/${JSON.parse(first.text).id}`
    assert.equal((await fetch(path, { method: 'DELETE' })).status, 200)
    const second = await call(body, 'k')
    assert.equal(isReplayed(second), false)
    assert.notEqual(second.text, first.text)
  })
})

describe('a background response', () => {
  const idOf = (text: string) => /"id":"(resp_\w+)"/.exec(text)?.[1]
  it('is begun once, and each repeat gets the queued object', async () => {
    const body = { model, input: '/slow 100 hello', background: true }
    const answers = await Promise.all(Array.from({ length: 20 }, () => call(body, 'k')))
    const good = answers.filter(({ status }) => status === 200)
    for (const one of answers)
      if (one.status !== 200) assert.equal(codeOf(one), 'idempotency_key_in_progress')
    assert.equal(new Set(good.map(({ text }) => text)).size, 1)
    const first = good.find((one) => !isReplayed(one)) as Answer
    assert.equal(JSON.parse(first.text).status, 'queued')
    await waitForEnd(idOf(first.text))
    const again = await call(body, 'k')
    assert.equal(again.text, first.text)
    assert.deepEqual(lasting(again), lasting(first))
    assert.equal(reached('POST'), 1)
    const row = await rowOf(again)
    assert.deepEqual([row.status, row.http_status, row.attempt_list], ['completed', 200, []])
  })
  it('is followed from its first event by each repeat, also after a restart', async () => {
    const body = { model, input: '/slow 20 /count 20', background: true, stream: true }
    const first = call(body, 'k')
    await waitForCall()
    const second = await call(body, 'k')
    assert.equal(isReplayed(second), true)
    assert.equal(second.text, (await first).text)
    assert.match(second.text, /event: response\.completed/)
    assert.match(second.text, /data: \[DONE\]\n\n$/)
    assert.equal(reached('POST'), 1)
    const row = await rowOf(second)
    assert.deepEqual([row.status, row.attempt_list, row.total_tokens], ['completed', [], null])
    await restart()
    const third = await call(body, 'k')
    assert.equal(third.text, second.text)
    assert.equal(reached(), 0)
  })
  it('leaves the key free when it is refused', async () => {
    assert.equal((await call({ model, input: 'hello', background: true, store: false }, 'k')).status, 400)
    assert.equal((await call({ model: 'no/such', input: 'hello', background: true }, 'k')).status, 404)
    assert.equal((await call({ model, input: 'hello', background: true }, 'k')).status, 200)
  })
  async function waitForEnd(id: string | undefined): Promise<void> {
    for (;;) {
      const found = await fetch(`${gateway.origin}/v1/responses/${id}`)
      const { status } = (await found.json()) as { status: string }
      if (status !== 'queued' && status !== 'in_progress') return
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
})

describe('other operations', () => {
  it('repeat a compaction and a count, and keep the keys of each apart', async () => {
    const body = { model, input: [{ role: 'user', content: 'hello' }] }
    const ask = (operation: string) => call(body, operation, {}, `/v1/responses/${operation}`)
    const operations = ['compact', 'input_tokens']
    const first = await Promise.all(operations.map(ask))
    const calls = reached()
    const second = await Promise.all(operations.map(ask))
    for (const [index, one] of first.entries()) {
      const again = second[index] as Answer
      assert.deepEqual([one.status, again.status, isReplayed(again)], [200, 200, true])
      assert.equal(again.text, one.text)
    }
    assert.equal(reached(), calls)
    const other = await call(body, 'compact')
    assert.equal(codeOf(other), 'idempotency_key_conflict')
  })
})
