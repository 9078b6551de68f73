/** Custom tools where a provider has functions only: a function of one string there, a custom tool for the client. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { translators } from '../../translators/index.ts'
import type { CanonicalEvent, CanonicalRequest, JsonObject } from '../../translators/shared/canonical.ts'
import { CustomInputReader } from '../../translators/shared/custom-input.ts'
import type { Target } from '../../translators/shared/translator.ts'
import { assertLegalStream } from '../support/legal-stream.ts'
import { makeTarget } from './support/make-target.ts'
import { disconnected, makeContext, runBody, runStream } from './support/translate.ts'

const patch = { type: 'custom', name: 'patch', description: 'Edits a file.' }
const parameters = {
  type: 'object',
  properties: { input: { type: 'string' } },
  required: ['input'],
  additionalProperties: false,
}
const functionsOnly = ['sudo', 'scaleway', 'general-augment', 'deployment', 'open-responses']

function sent(id: string, request: Partial<CanonicalRequest>, target: Partial<Target> = {}) {
  const translator = translators[id] ?? assert.fail(`no variant ${id}`)
  const result = translator.request(
    { model: 'alias', input: 'x', ...request },
    makeTarget(translator, target),
  )
  assert.ok(result.ok, result.ok ? '' : result.message)
  const names = result.adaptations.map(({ field, action, detail }) => `${action}:${field}=${detail}`)
  return { ...result, body: result.body ?? {}, names }
}

for (const id of functionsOnly) {
  test(`${id}: a custom tool is sent as a function, and its name leads back`, () => {
    const { body, names, toolNames } = sent(id, { tools: [patch] })
    const { type: _type, ...rest } = patch
    assert.deepEqual(body.tools, [{ type: 'function', ...rest, parameters }])
    assert.deepEqual(names, ['mapped:tools.custom=function_call'])
    assert.deepEqual({ ...toolNames }, { patch: { name: 'patch', custom: true } })
  })

  test(`${id}: the choice of a custom tool is the choice of its function`, () => {
    const request = { tools: [patch], tool_choice: { type: 'custom', name: 'patch' } }
    const { body, guards } = sent(id, request)
    const forms: JsonObject = {
      scaleway: { type: 'function', function: { name: 'patch' } },
      deployment: 'required',
    }
    assert.deepEqual(body.tool_choice, forms[id] ?? { type: 'function', name: 'patch' })
    assert.deepEqual(guards.allowedTools, ['patch'])
  })

  test(`${id}: calls and outputs in history become those of a function`, () => {
    const input = [
      { type: 'custom_tool_call', id: 'ctc_1', call_id: 'c1', name: 'patch', input: 'say "hi"\n' },
      { type: 'custom_tool_call_output', call_id: 'c1', output: [{ type: 'text', text: 'done' }] },
      { type: 'custom_tool_call', call_id: 'c2', name: 'run', namespace: 'shell', input: 'ls' },
    ] as unknown as CanonicalRequest['input']
    const output = id === 'scaleway' ? 'done' : [{ type: 'input_text', text: 'done' }]
    assert.deepEqual(sent(id, { input }).body.input, [
      { type: 'function_call', call_id: 'c1', name: 'patch', arguments: '{"input":"say \\"hi\\"\\n"}' },
      { type: 'function_call_output', call_id: 'c1', output },
      { type: 'function_call', call_id: 'c2', name: 'shell__run', arguments: '{"input":"ls"}' },
    ])
  })
}

test('where custom tools are known they stay as they are', () => {
  for (const id of ['openai', 'sail']) {
    const { body, names } = sent(id, { tools: [patch], tool_choice: { type: 'custom', name: 'patch' } })
    assert.deepEqual([body.tools, body.tool_choice], [[patch], { type: 'custom', name: 'patch' }])
    assert.deepEqual(names, [])
  }
})

test('a grammar is described, named as not enforced, and refused by the policy to reject', () => {
  const format = { type: 'grammar', syntax: 'lark', definition: 'start: "a"' }
  const { body, names } = sent('sudo', { tools: [{ ...patch, format }] })
  const [tool] = body.tools as { description: string }[]
  assert.equal(tool?.description, 'Edits a file.\n\nThe input must follow this lark grammar:\nstart: "a"')
  assert.deepEqual(names, ['mapped:tools.custom=function_call', 'dropped:tools.custom=grammar'])
  const sudo = translators.sudo ?? assert.fail()
  const target = makeTarget(sudo, { unsupported: 'reject' })
  const request = { model: 'alias', input: 'x', tools: [{ ...patch, format }] }
  assert.equal(sudo.request(request, target).ok, false)
  assert.equal(sudo.request({ ...request, tools: [patch] }, target).ok, true)
})

test('a custom tool in a namespace leads back to both', () => {
  const tools = [{ type: 'namespace', name: 'files', tools: [{ type: 'custom', name: 'patch' }] }]
  const { toolNames } = sent('sudo', { tools })
  assert.deepEqual({ ...toolNames }, { files__patch: { name: 'patch', namespace: 'files', custom: true } })
})

const context = () =>
  makeContext({ sent: { guards: {}, toolNames: { patch: { name: 'patch', custom: true } } } })
const call = { type: 'function_call', id: 'fc_1', call_id: 'call_1', name: 'patch' }

function streamOf(pieces: readonly string[], end = true): object[] {
  const text = pieces.join('')
  return [
    { type: 'response.created', response: { id: 'r', status: 'in_progress' } },
    { type: 'response.output_item.added', output_index: 0, item: { ...call, arguments: '' } },
    ...pieces.map((delta) => ({
      type: 'response.function_call_arguments.delta',
      item_id: 'fc_1',
      output_index: 0,
      delta,
    })),
    ...(end
      ? [
          { type: 'response.function_call_arguments.done', item_id: 'fc_1', arguments: text },
          { type: 'response.output_item.done', output_index: 0, item: { ...call, arguments: text } },
          {
            type: 'response.completed',
            response: { id: 'r', status: 'completed', output: [{ ...call, arguments: text }] },
          },
        ]
      : []),
  ]
}

function deltasOf(events: readonly CanonicalEvent[]): string {
  return events
    .filter(({ type }) => type === 'response.custom_tool_call_input.delta')
    .map(({ delta }) => delta)
    .join('')
}

test('a call streams as a custom call, whatever its text and however it is cut', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 30 }),
      fc.integer({ min: 1, max: 7 }),
      (input, size) => {
        const text = JSON.stringify({ input })
        const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, index) =>
          text.slice(index * size, (index + 1) * size),
        )
        const { events, final } = runStream(streamOf(pieces), { context: context() })
        assertLegalStream(events)
        assert.equal(deltasOf(events), input)
        const [item] = final?.output ?? []
        assert.deepEqual(
          { ...item, id: '' },
          { type: 'custom_tool_call', id: '', status: 'completed', call_id: 'call_1', name: 'patch', input },
        )
        assert.match(String(item?.id), /^ctc_/)
        assert.equal(
          events.some(({ type }) => type.includes('function_call')),
          false,
        )
      },
    ),
  )
})

test('a finished body says the same', () => {
  const output = [{ ...call, arguments: '{"input":"a\\nb"}' }]
  const { final } = runBody({ id: 'r', status: 'completed', output }, { context: context() })
  assert.deepEqual([final?.output[0]?.type, final?.output[0]?.input], ['custom_tool_call', 'a\nb'])
  assert.equal(final !== null && 'arguments' in (final.output[0] ?? {}), false)
})

test('a call of another function stays one', () => {
  const { final } = runBody(
    { id: 'r', status: 'completed', output: [{ ...call, name: 'other', arguments: '{"input":"a"}' }] },
    { context: context() },
  )
  assert.deepEqual([final?.output[0]?.type, final?.output[0]?.arguments], ['function_call', '{"input":"a"}'])
})

test('a call that is cut off does not look callable', () => {
  const { final } = runStream(streamOf(['{"input":"half a pat'], false), {
    context: context(),
    cut: disconnected,
  })
  assert.deepEqual(
    [final?.status, final?.output[0]?.status, final?.output[0]?.input],
    ['failed', 'incomplete', 'half a pat'],
  )
})

test('arguments of another form are read as well as they can be', () => {
  const read = (...pieces: string[]) => {
    const reader = new CustomInputReader()
    const text = pieces.map((piece) => reader.push(piece)).join('') + reader.end()
    assert.equal(reader.text, text)
    return text
  }
  assert.equal(read('{ "input" :', ' "a', 'b" }'), 'ab')
  assert.equal(read('{"patch":"ab"}'), 'ab', 'one string under another name')
  assert.equal(read('{"a":1,"b":2}'), '{"a":1,"b":2}')
  assert.equal(read('{"reason":"r","input":"ab"}'), 'ab')
  assert.equal(read('"ab"'), 'ab')
  assert.equal(read('*** Begin'), '*** Begin')
  assert.equal(read('{"input":{"a":1}}'), '{"a":1}')
  assert.equal(read(''), '')
  assert.equal(read('{"input":"a\nb"}'), 'a\nb', 'a line end that was not escaped')
  assert.equal(read('{"input":"a\\', '\\u12', '34"}'), 'a\\u1234')
  assert.equal(read('{"input":"\\u00', 'e9"}', ' '), 'é')
})
