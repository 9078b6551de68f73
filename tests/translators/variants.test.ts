/** Wire fixtures: for every variant, canonical requests in and the exact upstream calls out. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { translators } from '../../translators/index.ts'
import type { CanonicalRequest } from '../../translators/shared/canonical.ts'
import type { Refusal, Target, UpstreamRequest } from '../../translators/shared/translator.ts'
import { makeTarget } from './support/make-target.ts'

interface Case {
  name: string
  target?: Partial<Target>
  request: Partial<CanonicalRequest>
  sent: unknown
}

function describe(result: UpstreamRequest | Refusal): unknown {
  if (!result.ok) return { refused: result.field, message: result.message }
  const { ok: _ok, adaptations, ...rest } = result
  return {
    ...rest,
    adaptations: adaptations.map(
      ({ action, field, detail }) => `${action}:${field}${detail && `=${detail}`}`,
    ),
  }
}

for (const [id, translator] of Object.entries(translators)) {
  const file = new URL(`fixtures/${id}.json`, import.meta.url)
  const cases: Case[] = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : []
  test(`${id}: has fixtures`, () =>
    assert.ok(cases.length > 0, `write tests/translators/fixtures/${id}.json, as translators/README.md says`))
  for (const { name, target, request, sent } of cases) {
    test(`${id}: ${name}`, () => {
      const result = translator.request({ model: 'alias', ...request }, makeTarget(translator, target))
      assert.deepEqual(JSON.parse(JSON.stringify(describe(result))), sent)
    })
  }
}

test('sail: poll plan', () => {
  const { poll } = translators.sail ?? assert.fail()
  const target = makeTarget(translators.sail ?? assert.fail())
  assert.deepEqual(poll?.request('resp/1', target), {
    url: 'https://provider.example/v1/responses/resp%2F1',
    headers: { authorization: 'Bearer test-key', accept: 'application/json' },
  })
  assert.deepEqual(poll?.delays.slice(0, 7), [2000, 2000, 2000, 5000, 5000, 5000, 10_000])
  assert.equal(poll?.delays.length, 22)
  assert.equal(poll?.delays.at(-1), 30_000)
})

test('providers without a documented route to poll have no plan', () => {
  for (const id of ['sudo', 'scaleway', 'general-augment', 'open-responses'])
    assert.equal(translators[id]?.poll, undefined, id)
})

test('every option has a description and a default', () => {
  for (const [id, { options }] of Object.entries(translators)) {
    const { properties } = options as {
      properties: Record<string, { description?: string; default?: unknown }>
    }
    for (const [name, { description, default: fallback }] of Object.entries(properties)) {
      assert.ok(description && description.length > 20, `${id}.${name} says what it does`)
      assert.notEqual(fallback, undefined, `${id}.${name} has a default`)
    }
  }
})
