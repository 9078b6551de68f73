/** What the gateway keeps, no provider has to: `store`, encrypted reasoning, and the routes beside `POST /responses`. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { translators } from '../../translators/index.ts'
import type { CanonicalRequest, JsonObject } from '../../translators/shared/canonical.ts'
import type { Refusal, Target, UpstreamRequest } from '../../translators/shared/translator.ts'
import { makeTarget } from './support/make-target.ts'

function sent(id: string, request: Partial<CanonicalRequest>, target: Partial<Target> = {}) {
  const translator = translators[id] ?? assert.fail(id)
  return open(translator.request({ model: 'alias', input: 'x', ...request }, makeTarget(translator, target)))
}

function open(result: UpstreamRequest | Refusal) {
  assert.ok(result.ok, result.ok ? '' : result.message)
  const { url, method, headers } = result
  const names = result.adaptations.map(({ field, action, detail }) => `${action}:${field}=${detail}`)
  return { url, method, headers, names, body: result.body as JsonObject }
}

const told = ['sudo', 'general-augment', 'deployment', 'openai', 'open-responses']
const lost = 'dropped:store=the provider may keep the response'

test('a provider that can be told is told to keep nothing, whatever the client wants of the gateway', () => {
  for (const id of told)
    for (const store of [undefined, null, true, false]) {
      const { body, names } = sent(id, { store })
      assert.equal(body.store, false, id)
      assert.deepEqual(names, [], id)
    }
})

test('only a client that wants nothing kept hears of a provider that cannot be told', () => {
  for (const store of [undefined, null, true]) assert.deepEqual(sent('sail', { store }).names, [])
  const refused = sent('sail', { store: false })
  assert.deepEqual(refused.names, [lost])
  assert.equal('store' in refused.body, false)
  const never = sent('scaleway', { store: false })
  assert.deepEqual([never.names, 'store' in never.body], [[], false])
  const later = sent('sail', { store: false }, { options: { storeFalse: 'send' } })
  assert.deepEqual([later.names, later.body.store], [[], false])
})

test('a response in the background is kept by the provider until it is fetched', () => {
  for (const id of ['openai', 'deployment']) {
    assert.equal(sent(id, { background: true }).body.store, true)
    assert.deepEqual(sent(id, { background: true, store: false }).names, [lost])
  }
  assert.equal('store' in sent('sail', { background: true }).body, false)
  for (const id of ['sudo', 'general-augment', 'open-responses'])
    assert.deepEqual(
      [sent(id, { background: true }).body.store, sent(id, { background: true }).names],
      [false, []],
    )
})

test('models that reason are asked for their thoughts, in silence, and others are not', () => {
  const asked = (id: string, model: string, request: Partial<CanonicalRequest> = {}) => {
    const { body, names } = sent(id, request, { model })
    assert.deepEqual(names, [])
    return ((body.include ?? []) as string[]).includes('reasoning.encrypted_content')
  }
  const thinkers = [
    'o1',
    'o3-mini',
    'o4-mini-2025-04-16',
    'gpt-5',
    'gpt-5.2',
    'gpt-5-mini',
    'openai/gpt-5.1-codex',
  ]
  const talkers = [
    'gpt-4o',
    'gpt-4.1',
    'gpt-5-chat-latest',
    'gpt-5.2-chat-latest',
    'gpt-50',
    'o10',
    'omni-1',
    'o1x',
  ]
  for (const id of ['openai', 'sudo', 'deployment']) {
    for (const model of thinkers) assert.equal(asked(id, model), true, `${id} ${model}`)
    for (const model of talkers) assert.equal(asked(id, model), false, `${id} ${model}`)
    assert.equal(asked(id, 'my-name', { reasoning: { effort: 'low' } }), true, id)
    assert.equal(asked(id, 'my-name', { reasoning_effort: 'low' }), true, id)
    assert.equal(asked(id, 'my-name', { reasoning: {} }), false, id)
    for (const model of ['gpt-4o', 'gpt-4.1-mini', 'gpt-3.5-turbo', 'chatgpt-4o-latest'])
      assert.equal(asked(id, model, { reasoning: { effort: 'low' } }), false, `${id} ${model} refuses it`)
  }
  for (const id of ['sail', 'scaleway', 'general-augment', 'open-responses']) {
    const { body } = sent(id, {}, { model: id === 'scaleway' ? 'gpt-oss-120b' : 'gpt-5' })
    assert.equal('include' in body, false, id)
  }
})

test('a model that has no thoughts is not asked for them, and the client hears of it', () => {
  const include = ['reasoning.encrypted_content', 'message.output_text.logprobs']
  for (const id of ['openai', 'sudo', 'deployment']) {
    const { body, names } = sent(id, { include }, { model: 'gpt-4o' })
    assert.deepEqual(body.include, ['message.output_text.logprobs'])
    assert.deepEqual(names, ['dropped:include.reasoning.encrypted_content=this model has none'])
    const translator = translators[id] ?? assert.fail()
    const target = makeTarget(translator, { model: 'gpt-4o', unsupported: 'reject' })
    assert.equal(translator.request({ model: 'alias', input: 'x', include }, target).ok, false)
    assert.deepEqual(sent(id, { include }, { model: 'my-name' }).body.include, include)
  }
})

test('what is asked for twice is sent once', () => {
  const include = ['reasoning.encrypted_content', 'file_search_call.results']
  assert.deepEqual(sent('openai', { include }, { model: 'gpt-5' }).body.include, include)
})

test('only OpenAI documents how to stop a response in the background', () => {
  for (const [id, { poll }] of Object.entries(translators))
    assert.equal(poll?.cancel !== undefined, id === 'openai', id)
  const { poll } = translators.openai ?? assert.fail()
  assert.deepEqual(poll?.cancel?.('resp/1', makeTarget(translators.openai ?? assert.fail())), {
    method: 'POST',
    url: 'https://provider.example/v1/responses/resp%2F1/cancel',
    headers: { authorization: 'Bearer test-key', accept: 'application/json' },
  })
})

const whole: Partial<CanonicalRequest> = {
  input: [{ type: 'message', id: 'msg_1', role: 'user', content: 'Hello' }],
  instructions: 'Be short.',
  tools: [{ type: 'function', name: 'f', parameters: {}, strict: null }],
  tool_choice: 'auto',
  reasoning_effort: 'low',
  text: { verbosity: 'low' },
  presence_penalty: 1,
  temperature: 0,
  metadata: { a: 'b' },
  stream: true,
  background: true,
  store: false,
  prompt_cache_key: 'k',
  truncation: 'auto',
}

test('compaction is asked for with what its route knows, and nothing else matters to it', () => {
  const { compact } = translators.openai ?? assert.fail()
  const target = makeTarget(translators.openai ?? assert.fail(), { model: 'gpt-5.2', unsupported: 'reject' })
  const { url, method, headers, names, body } = open(
    compact?.request({ model: 'alias', ...whole }, target) ?? assert.fail(),
  )
  assert.deepEqual([method, url], ['POST', 'https://provider.example/v1/responses/compact'])
  assert.equal(headers.accept, 'application/json')
  assert.deepEqual(body, {
    model: 'gpt-5.2',
    input: [{ type: 'message', role: 'user', content: 'Hello' }],
    instructions: 'Be short.',
    prompt_cache_key: 'k',
  })
  assert.deepEqual(names, [])
})

test('the count is asked for with what its route knows', () => {
  const { countInput } = translators.openai ?? assert.fail()
  const target = makeTarget(translators.openai ?? assert.fail(), { model: 'gpt-5.2', unsupported: 'reject' })
  const { url, body } = open(countInput?.request({ model: 'alias', ...whole }, target) ?? assert.fail())
  assert.equal(url, 'https://provider.example/v1/responses/input_tokens')
  assert.deepEqual(body, {
    model: 'gpt-5.2',
    input: [{ type: 'message', role: 'user', content: 'Hello' }],
    instructions: 'Be short.',
    tools: [{ type: 'function', name: 'f', parameters: {} }],
    tool_choice: 'auto',
    reasoning: { effort: 'low' },
    text: { verbosity: 'low' },
    truncation: 'auto',
  })
})

test('the answers of both routes are read, and what is none is told apart', () => {
  const { compact, countInput } = translators.openai ?? assert.fail()
  const output = [
    { id: 'msg_1', type: 'message', role: 'user', content: [] },
    { id: 'cmp_1', type: 'compaction', encrypted_content: 'e' },
  ]
  const usage = { input_tokens: 9, output_tokens: 2, total_tokens: 11 }
  const good = compact?.read({ id: 'resp_1', object: 'response.compaction', output, usage })
  assert.ok(good?.ok)
  assert.deepEqual(good.output, output)
  assert.equal(good.usage?.total_tokens, 11)
  for (const body of [
    null,
    'x',
    [],
    {},
    { output: [] },
    { output: [{ type: 'message' }] },
    { output: 'x' },
  ]) {
    const bad = compact?.read(body)
    assert.ok(bad && !bad.ok)
    assert.equal(bad.failure.code, 'upstream_invalid_response')
  }
  const failed = compact?.read({ error: { message: 'Slow down.', code: 'rate_limit_exceeded' } })
  assert.ok(failed && !failed.ok)
  assert.deepEqual([failed.failure.code, failed.failure.status], ['rate_limit_exceeded', 429])
  assert.equal(countInput?.read({ object: 'response.input_tokens', input_tokens: 7 }), 7)
  for (const body of [null, 7, {}, { input_tokens: '7' }, { input_tokens: -1 }, { input_tokens: 1.5 }])
    assert.equal(countInput?.read(body), null)
})

test('no other variant documents these routes', () => {
  for (const [id, { compact, countInput }] of Object.entries(translators))
    assert.deepEqual(
      [compact !== undefined, countInput !== undefined],
      [id === 'openai', id === 'openai'],
      id,
    )
})
