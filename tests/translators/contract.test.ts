/** Every contract table: complete, sourced, and kept to on both sides of every limit. Reads the registry. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { translators } from '../../translators/index.ts'
import type { CanonicalRequest } from '../../translators/shared/canonical.ts'
import { canonicalFields, stateFields } from '../../translators/shared/contract-fields.ts'
import type { FieldContract, Translator, UnsupportedPolicy } from '../../translators/shared/translator.ts'
import { makeTarget } from './support/make-target.ts'

const all = Object.entries(translators)

function send(
  translator: Translator,
  request: Partial<CanonicalRequest>,
  unsupported: UnsupportedPolicy = 'adapt',
) {
  return translator.request(
    { model: 'alias', input: 'Hello', ...request },
    makeTarget(translator, { unsupported }),
  )
}

function sent(translator: Translator, request: Partial<CanonicalRequest>) {
  const result = send(translator, request)
  assert.ok(result.ok, result.ok ? '' : result.message)
  return result
}

const weather = { type: 'function', name: 'weather', parameters: {} }

for (const [id, translator] of all) {
  const { fields } = translator.contract

  test(`${id}: the table has every field and no other`, () => {
    assert.deepEqual(Object.keys(fields).sort(), [...canonicalFields].sort())
  })

  test(`${id}: every row names its source`, () => {
    for (const [field, { source }] of Object.entries(fields)) assert.ok(source.length > 8, field)
    assert.ok(translator.contract.document.length > 5)
    assert.equal(translator.id, id)
  })

  for (const [field, row] of Object.entries(fields)) {
    if (row.support !== 'native' || field.includes('.')) continue
    const { min, max, exclusiveMin, maxLength, minLength, values } = row.limit ?? {}
    if (field === 'max_tool_calls') continue
    const member = field as keyof CanonicalRequest & string
    if (max !== undefined) {
      test(`${id}: ${field} up to ${max}`, () => checkNumber(translator, member, max, max + 1))
    }
    if (min !== undefined && exclusiveMin !== true && min > 0) {
      test(`${id}: ${field} from ${min}`, () => checkNumber(translator, member, min, min - 1))
    }
    if (exclusiveMin === true && min !== undefined) {
      test(`${id}: ${field} greater than ${min}`, () => {
        const { body, adaptations } = sent(translator, { [member]: min })
        assert.ok(Number(body?.[member]) > min)
        assert.deepEqual(
          adaptations.map(({ field: name, action }) => [name, action]),
          [[field, 'clamped']],
        )
        assert.equal(send(translator, { [member]: min }, 'reject').ok, false)
        assert.equal(sent(translator, { [member]: 0.5 }).body?.[member], 0.5)
      })
    }
    if (maxLength !== undefined && field !== 'input') {
      test(`${id}: ${field} to ${maxLength} characters`, () => checkLength(translator, member, row))
    }
    if (minLength !== undefined && field !== 'input') {
      test(`${id}: ${field} from ${minLength} characters`, () => {
        assert.equal(member in (sent(translator, { [member]: '' }).body ?? {}), false)
      })
    }
    if (values) {
      test(`${id}: ${field} one of ${values.join(', ')}`, () => {
        for (const value of values) assert.equal(sent(translator, { [member]: value }).body?.[member], value)
        const { body, adaptations } = sent(translator, { [member]: 'another' })
        assert.equal(member in (body ?? {}), false)
        assert.deepEqual(adaptations[0]?.action, 'dropped')
        assert.equal(send(translator, { [member]: 'another' }, 'reject').ok, false)
      })
    }
  }
}

function checkNumber(translator: Translator, member: string, inside: number, outside: number): void {
  const within = sent(translator, { [member]: inside })
  assert.equal(within.body?.[member], inside)
  assert.deepEqual(
    within.adaptations.filter(({ action }) => action === 'clamped'),
    [],
  )
  const beyond = sent(translator, { [member]: outside })
  assert.equal(beyond.body?.[member], inside)
  assert.deepEqual(
    beyond.adaptations.find(({ action }) => action === 'clamped'),
    {
      field: member,
      action: 'clamped',
      detail: String(inside),
    },
  )
  const rejected = send(translator, { [member]: outside }, 'reject')
  assert.ok(!rejected.ok)
  assert.equal(rejected.field, member)
  for (const part of [member, String(inside), String(outside), `my-${translator.id}`])
    assert.ok(rejected.message.includes(part), `${rejected.message} names ${part}`)
}

function checkLength(translator: Translator, member: string, { limit }: FieldContract): void {
  const longest = 'a'.repeat(limit?.maxLength ?? 0)
  assert.equal(sent(translator, { [member]: longest }).body?.[member], longest)
  const { body, adaptations } = sent(translator, { [member]: `${longest}a` })
  assert.equal(member in (body ?? {}), false)
  assert.deepEqual(
    adaptations.map(({ field, action }) => [field, action]),
    [[member, 'dropped']],
  )
  assert.equal(send(translator, { [member]: `${longest}a` }, 'reject').ok, false)
}

const spoken = { type: 'message', role: 'user', content: 'Hello' }
const samples: Partial<Record<(typeof canonicalFields)[number], Partial<CanonicalRequest>>> = {
  previous_response_id: { previous_response_id: 'resp_1' },
  conversation: { conversation: 'conv_1' },
  prompt: { prompt: { id: 'pmpt_1' } },
  background: { background: true },
  presence_penalty: { presence_penalty: 1 },
  frequency_penalty: { frequency_penalty: 1 },
  prompt_cache_key: { prompt_cache_key: 'k' },
  safety_identifier: { safety_identifier: 'k' },
  user: { user: 'k' },
  service_tier: { service_tier: 'flex' },
  metadata: { metadata: { a: 'b' } },
  'text.verbosity': { text: { verbosity: 'low' } },
  'reasoning.summary': { reasoning: { summary: 'auto' } },
  'tools.custom': { tools: [{ type: 'custom', name: 'c' }] },
  'tools.builtin': { tools: [{ type: 'web_search' }] },
  'tools.mcp': { tools: [{ type: 'mcp', server_label: 's' }] },
  'tools.namespace': { tools: [{ type: 'namespace', name: 'n', tools: [weather] }] },
  'tool_choice.function': { tools: [weather], tool_choice: { type: 'function', name: 'weather' } },
  truncation: { truncation: 'auto' },
  'include.other': { include: ['web_search_call.results'] },
  'text.format.json_schema': {
    text: { format: { type: 'json_schema', name: 'n', schema: {}, strict: true } },
  },
}

for (const [field, request] of Object.entries(samples)) {
  test(`${field} meets what each table says`, () => {
    for (const [id, translator] of all) {
      const row = translator.contract.fields[field] ?? assert.fail()
      const result = send(translator, request)
      const named = result.ok ? result.adaptations.find((one) => one.field === field)?.action : 'refused'
      // Options of Sail that are strict by default, beside the table.
      const expected = {
        native: undefined,
        mapped: 'mapped',
        // The gateway names itself what it does of state.
        emulated: stateFields.has(field) ? undefined : 'emulated',
        dropped: 'dropped',
        refused: 'refused',
      }
      assert.equal(named, expected[row.support], `${id} at ${field}`)
      const strict = send(translator, request, 'reject')
      assert.equal(
        strict.ok,
        row.support !== 'dropped' && row.support !== 'refused',
        `${id} rejects ${field}`,
      )
      if (!strict.ok) assert.match(strict.message, new RegExp(`my-${id}"`))
    }
  })
}

test('what the gateway does of state is neither sent nor named by a table', () => {
  const request = {
    input: [spoken],
    previous_response_id: 'resp_1',
    conversation: 'conv_1',
  }
  for (const [id, translator] of all) {
    for (const field of stateFields)
      if (field !== 'prompt' && field !== 'background' && field !== 'truncation')
        assert.equal(translator.contract.fields[field]?.support, 'emulated', `${id} at ${field}`)
    const { body, adaptations } = sent(translator, request)
    assert.equal((body?.input as unknown[] | undefined)?.length, 1, id)
    for (const member of ['previous_response_id', 'conversation'])
      assert.equal(member in (body ?? {}), false, `${id} sends ${member}`)
    assert.deepEqual(adaptations, [], id)
  }
})

test('background is asked of those that can be polled, and of no other', () => {
  for (const [id, translator] of all) {
    const { body } = sent(translator, { background: true })
    assert.equal(body?.background, translator.poll ? true : undefined, id)
  }
})

test('what the gateway could not resolve is refused, never left out in silence', () => {
  for (const [id, translator] of all) {
    const reference = send(translator, { input: [{ type: 'item_reference', id: 'msg_1' }, spoken] })
    assert.equal(reference.ok ? null : reference.field, 'input.item_reference', id)
    const input = [{ type: 'compaction', encrypted_content: 'x' }, spoken]
    const compacted = send(translator, { input })
    const isOwn = translator.contract.fields['input.compaction']?.form === 'own_items'
    if (isOwn) assert.deepEqual(compacted.ok ? compacted.body?.input : null, input, id)
    else assert.equal(compacted.ok ? null : compacted.field, 'input.compaction', id)
  }
})
