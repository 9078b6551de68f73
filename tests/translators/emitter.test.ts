/** The emitter by itself: guards, names, verification, the echo, and the ends that a dialect can tell it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Item } from '../../translators/shared/canonical.ts'
import { createEmitter } from '../../translators/shared/emitter.ts'
import { makeFailure } from '../../translators/shared/failures.ts'
import type { Guards, UpstreamRequest } from '../../translators/shared/translator.ts'
import { assertLegalStream } from '../support/legal-stream.ts'
import { makeContext, runBody } from './support/translate.ts'

const call = (name: string, members: object = {}): Item => ({
  type: 'function_call',
  call_id: `call_${name}`,
  name,
  arguments: '{}',
  ...members,
})

function runGuarded(output: readonly Item[], guards: Guards, toolNames: UpstreamRequest['toolNames'] = {}) {
  const context = makeContext({ sent: { guards, toolNames } })
  const outcome = runBody({ id: 'x', status: 'completed', output }, { context })
  const names = outcome.failure
    ? []
    : assertLegalStream(outcome.events).output.map((item) => item.name ?? item.type)
  return { names, failure: outcome.failure, events: outcome.events, notes: context.notes }
}

test('a dialect tells what happened and gets a legal stream', () => {
  const emitter = createEmitter(makeContext())
  const reasoning = emitter.reasoning()
  reasoning.summaryText('Short')
  reasoning.text('Long ')
  reasoning.text('thoughts')
  reasoning.finish()
  const message = emitter.message({ phase: 'final_answer' })
  message.text('Hello', [{ token: 'Hello', logprob: -0.1 }])
  message.refusal('No.')
  const item = emitter.item({ type: 'function_call', name: 'f', call_id: 'c' })
  item.append('{"a":')
  item.append('1}')
  emitter.usage({ prompt_tokens: 4, completion_tokens: 2 })
  emitter.complete()
  emitter.complete()
  const final = assertLegalStream(emitter.take())
  assert.deepEqual(
    final.output.map((each) => each.type),
    ['reasoning', 'message', 'function_call'],
  )
  assert.equal(final.output[1]?.phase, 'final_answer')
  assert.equal(final.output[2]?.arguments, '{"a":1}')
  assert.equal(final.usage?.total_tokens, 6)
  assert.deepEqual(emitter.take(), [])
})

test('nothing at all is a legal empty answer', () => {
  const emitter = createEmitter(makeContext())
  emitter.complete()
  assert.deepEqual(assertLegalStream(emitter.take()).output, [])
})

test('a failure before any output emits nothing, after it error and response.failed', () => {
  const quiet = createEmitter(makeContext())
  quiet.item({ type: 'function_call', arguments: '' }).append('{')
  quiet.fail(makeFailure('upstream_error', 'No.'))
  assert.deepEqual(quiet.take(), [])
  assert.equal(quiet.failure?.code, 'upstream_error')
  const loud = createEmitter(makeContext())
  loud.message().text('Hel')
  loud.item({ type: 'function_call', name: 'f', call_id: 'c' }).append('{"a":')
  loud.fail({ ...makeFailure('rate_limit_exceeded', 'Slow down.'), status: 429, param: 'input' })
  const events = loud.take()
  const final = assertLegalStream(events)
  assert.deepEqual(
    final.output.map((item) => item.status),
    ['completed', 'incomplete'],
  )
  const error = {
    type: 'rate_limit_error',
    code: 'rate_limit_exceeded',
    message: 'Slow down.',
    param: 'input',
  }
  assert.deepEqual(events.at(-2)?.error, error)
})

test('a call that is not allowed leaves no trace', () => {
  const message: Item = { type: 'message', content: 'Hi' }
  const { names, notes } = runGuarded([message, call('bad'), call('good')], { allowedTools: ['good'] })
  assert.deepEqual(names, ['message', 'good'])
  assert.deepEqual(
    notes.map((note) => note.field),
    ['tool_choice'],
  )
})

test('when nothing but forbidden calls came, the answer is a clear error', () => {
  const { failure, events } = runGuarded([call('bad')], { allowedTools: [] })
  assert.equal(failure?.code, 'tool_call_not_allowed')
  assert.deepEqual(events, [])
  const thoughts: Item = { type: 'reasoning', summary: [{ type: 'summary_text', text: 'Hm' }] }
  const context = makeContext({ sent: { guards: { allowedTools: [] }, toolNames: {} } })
  const late = runBody({ status: 'completed', output: [thoughts, call('bad')] }, { context })
  assert.equal(assertLegalStream(late.events).error?.code, 'tool_call_not_allowed')
})

test('a call whose name was never told is dropped, and an error when nothing else came', () => {
  const nameless: Item = { type: 'function_call', call_id: 'c', arguments: '{}' }
  assert.deepEqual(runGuarded([nameless, call('a')], {}).names, ['a'])
  assert.equal(runGuarded([nameless], {}).failure?.code, 'upstream_invalid_response')
})

test('only the first call is kept where parallel calls were refused', () => {
  const custom: Item = { type: 'custom_tool_call', call_id: 'c', name: 'z', input: 'x' }
  const { names } = runGuarded([call('a'), call('b'), custom], { parallelToolCalls: false })
  assert.deepEqual(names, ['a'])
})

test('calls past the limit are dropped, whatever their kind, with their outputs', () => {
  const output: Item[] = [
    { type: 'web_search_call', id: 'w', status: 'completed' },
    call('a'),
    { type: 'shell_call', call_id: 's', action: { commands: ['ls'] } },
    { type: 'shell_call_output', call_id: 's', output: [] },
  ]
  const { names, notes } = runGuarded(output, { maxToolCalls: 2 })
  assert.deepEqual(names, ['web_search_call', 'a'])
  assert.ok(notes.some((note) => note.field === 'max_tool_calls'))
})

test('a dropped call leaves no trace in the indexes of a stream', () => {
  const context = makeContext({ sent: { guards: { allowedTools: ['good'] }, toolNames: {} } })
  const emitter = createEmitter(context)
  const bad = emitter.item({ type: 'function_call', name: 'bad', call_id: '1' })
  emitter.item({ type: 'function_call', name: 'good', call_id: '2' }).append('{}')
  bad.append('{}')
  bad.finish()
  emitter.complete()
  const events = emitter.take()
  assert.deepEqual(
    assertLegalStream(events).output.map((item) => item.name),
    ['good'],
  )
  assert.ok(!JSON.stringify(events).includes('bad'))
})

test('upstream names become the names of the client, in their namespace', () => {
  const toolNames = { crm__find: { name: 'find', namespace: 'crm' } }
  const context = makeContext({ sent: { guards: { allowedTools: ['crm__find'] }, toolNames } })
  const { events } = runBody({ output: [call('crm__find')] }, { context })
  const [item] = assertLegalStream(events).output
  assert.deepEqual([item?.name, item?.namespace], ['find', 'crm'])
  const done = events.find((event) => event.type === 'response.function_call_arguments.done')
  assert.equal(done?.name, 'find')
  assert.equal(runGuarded([call('constructor')], {}).names[0], 'constructor')
  const other = makeContext({ sent: { guards: { allowedTools: ['find'] }, toolNames } })
  const { failure } = runBody({ output: [call('crm__find')] }, { context: other })
  assert.equal(failure?.code, 'tool_call_not_allowed', 'a tool of the same name elsewhere is another one')
})

test('output that does not verify fails instead of completing', () => {
  const verify = (output: Item[]) =>
    output.length > 0 ? { code: 'invalid_structured_output', message: 'Not the schema.' } : null
  const { events, failure } = runBody({ output: 'not json' }, { context: makeContext({ verify }) })
  const final = assertLegalStream(events)
  assert.equal(failure, null)
  assert.deepEqual([final.status, final.error?.code], ['failed', 'invalid_structured_output'])
  const fine = runBody({ output: 'x' }, { context: makeContext({ verify: () => null }) })
  assert.equal(fine.final?.status, 'completed')
})

test('the response object echoes the request with defaults that are never null', () => {
  const parameters = { type: 'object' }
  const request = {
    model: 'org/name',
    instructions: 'Be brief.',
    tools: [{ type: 'function', name: 'f', parameters }, { type: 'web_search' }],
    text: {},
    temperature: 0.2,
    reasoning: { effort: 'low' as const },
    service_tier: null,
    metadata: null,
    tool_choice: null,
  }
  const body = {
    output: 'Hi',
    temperature: 1.5,
    top_p: 0.9,
    top_logprobs: null,
    text: null,
    service_tier: 'flex',
  }
  const { final } = runBody(body, { context: makeContext({ request, echo: { store: false } }) })
  assert.equal(final?.model, 'org/name')
  assert.deepEqual(final?.tools, [
    { type: 'function', name: 'f', description: null, parameters, strict: null },
    { type: 'web_search' },
  ])
  assert.equal(final?.tools[0]?.parameters, parameters, 'shared, not copied')
  assert.deepEqual(
    [final?.text, final?.metadata, final?.tool_choice],
    [{ format: { type: 'text' } }, {}, 'auto'],
  )
  assert.deepEqual([final?.temperature, final?.top_p, final?.top_logprobs], [0.2, 0.9, 0])
  assert.deepEqual([final?.store, final?.service_tier], [false, 'flex'])
  assert.deepEqual(final?.reasoning, { effort: 'low', summary: null })
})

test('every id is ours and unique, with the prefix of its kind', () => {
  const output: Item[] = [
    { type: 'reasoning', id: 'same', summary: ['x'] },
    { type: 'message', id: 'same', content: 'x' },
    call('a', { id: 'same' }),
    { type: 'mcp_call', id: 'same', name: 'n', arguments: '{}', server_label: 's' },
    { type: 'never_seen', id: 'same' },
  ]
  const ids = assertLegalStream(runBody({ output }).events).output.map(
    (item) => String(item.id).split('_')[0],
  )
  assert.deepEqual(ids, ['rs', 'msg', 'fc', 'mcp', 'item'])
})

test('the same call_id twice becomes two', () => {
  const { events } = runBody({ output: [call('a', { call_id: 'c' }), call('b', { call_id: 'c' })] })
  const output = assertLegalStream(events).output
  assert.equal(new Set(output.map((item) => item.call_id)).size, 2)
})
