/** OpenAI refuses what it does not know: what it is known to take is a list, and all else is left out by name. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { translators } from '../../translators/index.ts'
import type { CanonicalRequest, JsonObject } from '../../translators/shared/canonical.ts'
import type { Target, UpstreamRequest } from '../../translators/shared/translator.ts'
import { makeTarget } from './support/make-target.ts'

const openai = translators.openai ?? assert.fail()

function send(request: Partial<CanonicalRequest>, target: Partial<Target> = {}) {
  return openai.request({ model: 'alias', input: 'x', ...request }, makeTarget(openai, target))
}

function sent(
  request: Partial<CanonicalRequest>,
): Omit<UpstreamRequest, 'body'> & { body: JsonObject; names: string[] } {
  const result = send(request)
  assert.ok(result.ok, result.ok ? '' : result.message)
  const names = result.adaptations.map(({ field, action, detail }) => `${action}:${field}=${detail}`)
  return { ...result, body: result.body ?? {}, names }
}

test('members that its SDK or Codex has are passed, others are left out and named', () => {
  const known = {
    client_metadata: { session: 's' },
    prompt_cache_retention: '24h',
    context_management: [{ type: 'compaction', compact_threshold: 1000 }],
    moderation: { model: 'm' },
  }
  const { body, names } = sent({
    ...known,
    seed: 1,
    reasoning: { effort: 'max', context: 'auto', budget: 1 },
    text: { verbosity: 'low', stop: 'x' },
  })
  assert.deepEqual(body, {
    model: 'org/upstream-model',
    input: 'x',
    ...known,
    reasoning: { effort: 'max', context: 'auto' },
    include: ['reasoning.encrypted_content'],
    store: false,
    text: { verbosity: 'low' },
  })
  assert.deepEqual(names, ['dropped:text.stop=', 'dropped:reasoning.budget=', 'dropped:seed='])
})

test('kinds of tools, items, tiers and includes that it does not know are left out and named', () => {
  const search = { type: 'web_search_preview_2025_03_11' }
  const searched = { type: 'web_search_call', id: 'ws_1', status: 'completed' }
  const { body, names } = sent({
    input: [{ type: 'message', role: 'user', content: 'x' }, searched, { type: 'mystery', id: 'm' }],
    tools: [search, { type: 'namespace', name: 'n', tools: [] }, { type: 'mystery' }],
    include: ['web_search_call.results', 'something.new'],
    service_tier: 'x'.repeat(64),
  })
  assert.deepEqual(body.input, [{ type: 'message', role: 'user', content: 'x' }, searched])
  assert.deepEqual(body.tools, [search, { type: 'namespace', name: 'n', tools: [] }])
  assert.deepEqual(body.include, ['web_search_call.results'])
  assert.equal('service_tier' in body, false)
  assert.deepEqual(names, [
    'dropped:service_tier=only auto or default or flex or scale or priority or fast or ultrafast',
    'dropped:input.builtin_items=mystery',
    'dropped:tools.builtin=mystery',
    'dropped:include.other=only web_search_call.results',
  ])
})

test('the policy to reject refuses an unknown kind before the provider does', () => {
  const refusal = send({ tools: [{ type: 'mystery' }] }, { unsupported: 'reject' })
  assert.ok(!refusal.ok)
  assert.equal(refusal.field, 'tools.builtin')
  assert.match(refusal.message, /may be only web_search, .* \(has mystery\) at provider "my-openai"/)
  assert.equal(send({ seed: 1 }, { unsupported: 'reject' }).ok, true, 'an unknown member is never a 400')
})
