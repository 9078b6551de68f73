/** What the simulated providers keep, and what only they can read: stored responses, thoughts, contexts, polls. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Sandbox, startSandbox } from '../../../server/sandbox/index.ts'
import type { JsonObject } from '../../../translators/shared/canonical.ts'
import { type Answer, askMeanwhile, type Door, doors, post, readEvents, textOf } from './helpers.ts'

let sandbox: Sandbox
before(async () => {
  sandbox = await startSandbox()
})
after(() => sandbox.close())

const thinks = { include: ['reasoning.encrypted_content'], reasoning: { effort: 'low' } }

async function ask(method: string, door: Door, path: string, body?: JsonObject): Promise<Answer> {
  const [base, headers] = doors[door]
  const response = await fetch(`${sandbox.origin}${base}${path}`, {
    method,
    headers: { ...headers, 'content-type': 'application/json' },
    body: body && JSON.stringify(body),
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, json: JSON.parse(text) }
}

function errorOf({ status, json }: Answer): unknown[] {
  const { code, param } = json.error as JsonObject
  return [status, code, param]
}

/** The reasoning item of an answer that was asked for its thoughts. */
async function think(door: Door): Promise<JsonObject> {
  const { json, text } = await post(sandbox.origin, door, { input: 'x', ...thinks, store: false })
  const item = (json.output as JsonObject[] | undefined)?.find(({ type }) => type === 'reasoning')
  assert.equal(typeof item?.encrypted_content, 'string', text)
  return item as JsonObject
}

for (const door of ['openai', 'azure'] as const) {
  test(`${door}: what is not to be stored cannot be referred to`, async () => {
    const { json } = await post(sandbox.origin, door, { input: 'remember me', store: false })
    const next = await post(sandbox.origin, door, { input: 'x', previous_response_id: json.id })
    assert.deepEqual(errorOf(next), [400, 'previous_response_not_found', 'previous_response_id'])
    assert.equal((await ask('GET', door, `/responses/${json.id}`)).status, 404)
  })

  test(`${door}: a response in the background must be stored`, async () => {
    const refused = await post(sandbox.origin, door, { input: 'x', background: true, store: false })
    assert.deepEqual(errorOf(refused), [400, null, 'background'])
  })
}

test('openai: items that were not stored are not found', async () => {
  const { json } = await post(sandbox.origin, 'openai', {
    input: 'x',
    reasoning: { effort: 'low' },
    store: false,
  })
  const [thought] = json.output as JsonObject[]
  assert.equal(thought?.type, 'reasoning')
  const user = { role: 'user', content: 'go on' }
  const replayed = await post(sandbox.origin, 'openai', { input: [thought, user] })
  assert.deepEqual(errorOf(replayed), [404, null, 'input'])
  assert.match(replayed.text, /Items are not persisted when `store` is set to false/)
  const named = await post(sandbox.origin, 'openai', {
    input: [{ type: 'item_reference', id: thought.id }, user],
  })
  assert.equal(named.status, 404)
})

for (const door of ['openai', 'azure'] as const)
  test(`${door}: thoughts come back to the one that made them, and to no other`, async () => {
    const item = await think(door)
    const user = { role: 'user', content: '/history' }
    const back = await post(sandbox.origin, door, { input: [item, user], store: false })
    assert.match(textOf(back.json), /^reasoning reasoning: Thinking with effort low\./)
    for (const other of ['openai', 'azure', 'sudo'] as const) {
      const model = { model: 'gpt-5.2' }
      const foreign = await post(sandbox.origin, other, { ...model, input: [item, user] })
      if (other === door) assert.equal(foreign.status, 200, foreign.text)
      else assert.deepEqual(errorOf(foreign), [400, 'invalid_encrypted_content', null], other)
    }
    const text = String(item.encrypted_content)
    for (const damaged of [`${text.slice(0, -4)}AAAA`, text.slice(0, 20), 'e', ''])
      assert.deepEqual(
        errorOf(await post(sandbox.origin, door, { input: [{ ...item, encrypted_content: damaged }, user] })),
        [400, 'invalid_encrypted_content', null],
        damaged,
      )
  })

test('the same thought is another text each time', async () => {
  const [first, second] = [await think('openai'), await think('openai')]
  assert.notEqual(first.encrypted_content, second.encrypted_content)
})

test('models that do not reason have no encrypted content', async () => {
  const include = ['reasoning.encrypted_content']
  for (const [door, model] of [
    ['openai', 'gpt-4o'],
    ['openai', 'gpt-5.2-chat-latest'],
    ['sudo', 'gpt-4.1'],
  ] as const) {
    const refused = await post(sandbox.origin, door, { input: 'x', model, include })
    assert.deepEqual(errorOf(refused), [400, null, 'include'])
    assert.match(refused.text, /Encrypted content is not supported with this model\./)
  }
  for (const model of ['gpt-5', 'o4-mini'])
    assert.equal((await post(sandbox.origin, 'openai', { input: 'x', model, include })).status, 200, model)
})

test('openai compacts a context into one item that only it can open', async () => {
  const input = [
    { role: 'user', content: 'first' },
    { role: 'assistant', content: 'second' },
    { role: 'user', content: [{ type: 'input_text', text: 'third' }] },
  ]
  const { status, json } = await ask('POST', 'openai', '/responses/compact', { model: 'gpt-5.2', input })
  assert.equal(status, 200)
  assert.equal(json.object, 'response.compaction')
  const output = json.output as JsonObject[]
  assert.deepEqual(
    output.map(({ type, role }) => [type, role]),
    [
      ['message', 'user'],
      ['message', 'user'],
      ['compaction', undefined],
    ],
  )
  assert.equal((json.usage as JsonObject).input_tokens, 3)
  const compaction = output.at(-1) as JsonObject
  const next = { input: [compaction, { role: 'user', content: '/history' }] }
  const opened = await post(sandbox.origin, 'openai', next)
  assert.equal(textOf(opened.json), 'user: first\nassistant: second\nuser: third\nuser: /history')
  const foreign = await post(sandbox.origin, 'azure', next)
  assert.deepEqual(errorOf(foreign), [400, 'invalid_encrypted_content', null])
})

test('openai compacts what it has stored, and knows what it has not', async () => {
  const { json } = await post(sandbox.origin, 'openai', { input: 'remember me' })
  const body = { model: 'gpt-5.2', previous_response_id: json.id }
  const { json: compacted } = await ask('POST', 'openai', '/responses/compact', body)
  assert.equal((compacted.output as JsonObject[]).length, 2)
  const lost = await ask('POST', 'openai', '/responses/compact', {
    ...body,
    previous_response_id: 'resp_lost',
  })
  assert.deepEqual(errorOf(lost), [400, 'previous_response_not_found', 'previous_response_id'])
})

test('openai counts the input as it counts it in an answer', async () => {
  const body = { input: 'one two three', instructions: 'be brief' }
  const { json } = await ask('POST', 'openai', '/responses/input_tokens', { model: 'gpt-5.2', ...body })
  const answered = await post(sandbox.origin, 'openai', body)
  assert.deepEqual(json, { object: 'response.input_tokens', input_tokens: 5 })
  assert.equal((answered.json.usage as JsonObject).input_tokens, 5)
})

test('the side routes are as strict as their documents, and no one else has them', async () => {
  for (const path of ['/responses/compact', '/responses/input_tokens']) {
    const refused = await ask('POST', 'openai', path, { model: 'gpt-5.2', input: 'x', store: false })
    assert.deepEqual(errorOf(refused), [400, 'unknown_parameter', 'store'])
    const lost = await ask('POST', 'openai', path, { model: 'nothing', input: 'x' })
    assert.deepEqual(errorOf(lost), [400, 'model_not_found', 'model'])
    assert.equal((await ask('POST', 'azure', path, { model: 'gpt-5.2', input: 'x' })).status, 404)
  }
})

for (const [door, pending] of [
  ['openai', 'in_progress'],
  ['azure', 'in_progress'],
  ['sail', 'running'],
] as const)
  test(`${door}: /polls keeps a background response unfinished for as many polls`, async () => {
    const { json } = await post(sandbox.origin, door, { input: '/polls 3 /count 2', background: true })
    const seen: unknown[] = []
    for (let polls = 0; polls < 4; polls++) {
      const { json: polled } = await ask('GET', door, `/responses/${json.id}`)
      seen.push(polled.status)
      if (polls === 3) assert.equal(textOf(polled), '1 2')
    }
    assert.deepEqual(seen, [pending, pending, pending, 'completed'])
  })

test('openai: a background response is cancelled once and stays so, a finished one stays as it is', async () => {
  const { json } = await post(sandbox.origin, 'openai', { input: '/polls 1000 x', background: true })
  const cancel = () => ask('POST', 'openai', `/responses/${json.id}/cancel`)
  assert.equal((await cancel()).json.status, 'cancelled')
  assert.equal((await cancel()).json.status, 'cancelled')
  assert.equal((await ask('GET', 'openai', `/responses/${json.id}`)).json.status, 'cancelled')
  const { json: done } = await post(sandbox.origin, 'openai', { input: '/polls 0 x', background: true })
  assert.equal((await ask('POST', 'openai', `/responses/${done.id}/cancel`)).json.status, 'completed')
  const { json: direct } = await post(sandbox.origin, 'openai', { input: 'x' })
  const refused = await ask('POST', 'openai', `/responses/${direct.id}/cancel`)
  assert.deepEqual(errorOf(refused), [400, null, null])
  assert.match(refused.text, /Cannot cancel a synchronous response/)
  assert.equal((await ask('POST', 'azure', `/responses/${direct.id}/cancel`)).status, 404)
})

test('a stream in the background begins in the queue', async () => {
  for (const door of ['openai', 'azure'] as const) {
    const { text } = await post(sandbox.origin, door, { input: 'x', background: true, stream: true })
    const events = readEvents(text)
    assert.deepEqual(
      events.slice(0, 3).map(({ type, response }) => [type, (response as JsonObject).status]),
      [
        ['response.created', 'queued'],
        ['response.queued', 'queued'],
        ['response.in_progress', 'in_progress'],
      ],
    )
    const last = events.at(-1)?.response as JsonObject
    assert.equal((await ask('GET', door, `/responses/${last.id}`)).json.status, 'completed')
  }
})

test('calls can be counted by their idempotency key', async () => {
  const key = { 'idempotency-key': 'count-me' }
  for (let calls = 0; calls < 3; calls++) await post(sandbox.origin, 'sail', { input: 'x' }, key)
  const calls = sandbox.requests.filter(({ headers }) => headers['idempotency-key'] === 'count-me')
  assert.deepEqual(
    calls.map(({ status }) => status),
    [200, 200, 200],
  )
})

test('sail: a key shows the state of its one record, from the start of the call', async () => {
  const key = { 'idempotency-key': 'background' }
  const body = { input: '/polls 2 x', background: true }
  const first = await post(sandbox.origin, 'sail', body, key)
  const again = async () => {
    const { status, json } = await post(sandbox.origin, 'sail', body, key)
    assert.equal(json.id, first.json.id)
    return [status, json.status]
  }
  assert.deepEqual(
    [await again(), await again(), await again()],
    [
      [202, 'running'],
      [202, 'running'],
      [200, 'completed'],
    ],
  )
  const { first: slow, meanwhile } = await askMeanwhile(sandbox, 'sail', 'idempotency-key')
  assert.equal(meanwhile.json.status, 'running')
  assert.equal(slow.json.id, meanwhile.json.id)
  const failing = { 'idempotency-key': 'failing' }
  assert.equal((await post(sandbox.origin, 'sail', { input: '/fail 500' }, failing)).status, 500)
  assert.equal((await post(sandbox.origin, 'sail', { input: 'x' }, failing)).status, 200)
})
