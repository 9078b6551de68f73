/** The quirks that providers were seen with, one by one: each comes out legal and complete. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readFailure } from '../../translators/responses/failure.ts'
import { createResponsesStream } from '../../translators/responses/stream.ts'
import type { Item, JsonObject } from '../../translators/shared/canonical.ts'
import { assertLegalStream } from '../support/legal-stream.ts'
import { disconnected, hooks, makeContext, type RunOptions, runStream } from './support/translate.ts'

function outputOf(lines: readonly (string | object)[], options: RunOptions = {}): Item[] {
  const { events } = runStream(lines, options)
  const final = assertLegalStream(events)
  assert.equal(final.status, 'completed')
  return final.output
}

function partsOf(item: Item | undefined): JsonObject[] {
  return (item?.content ?? []) as JsonObject[]
}

function textsOf(output: readonly Item[]): string[] {
  return output.map((item) =>
    ((item.content ?? []) as JsonObject[]).map((part) => part.text ?? part.refusal).join(''),
  )
}

const text = (delta: string, members: object = {}) => ({
  type: 'response.output_text.delta',
  item_id: 'm',
  output_index: 0,
  content_index: 0,
  delta,
  ...members,
})
const completed = (output: unknown = [], members: object = {}) => ({
  type: 'response.completed',
  response: { status: 'completed', output, ...members },
})
const message = (content: unknown, members: object = {}) => ({
  type: 'message',
  role: 'assistant',
  content,
  ...members,
})
const call = (members: object = {}) => ({
  type: 'function_call',
  id: 'f',
  call_id: 'call_1',
  name: 'get_weather',
  arguments: '{"city":"Oslo"}',
  ...members,
})

test('nothing is emitted before the first output', () => {
  const { events, failure } = runStream(
    [{ type: 'response.created', response: { id: 'theirs', status: 'in_progress' } }],
    { cut: disconnected },
  )
  assert.deepEqual(events, [])
  assert.deepEqual([failure?.code, failure?.status, failure?.retryable], ['upstream_disconnected', 502, true])
})

test('deltas alone are enough', () => {
  assert.deepEqual(textsOf(outputOf([text('Hel'), text('lo'), completed()])), ['Hello'])
})

test('an added item that holds the finished text is not counted twice', () => {
  const finished = message([{ type: 'output_text', text: 'Hello' }], { id: 'm', status: 'completed' })
  const output = outputOf([
    { type: 'response.created', response: { id: 'r' } },
    { type: 'response.output_item.added', output_index: 0, item: finished },
    text('Hello'),
    { type: 'response.output_text.done', item_id: 'm', output_index: 0, content_index: 0, text: 'Hello' },
    completed([finished]),
  ])
  assert.deepEqual(textsOf(output), ['Hello'])
})

test('an added item that holds finished parts is not counted twice either', () => {
  const parts = ['One', 'Two'].map((value) => ({ type: 'output_text', text: value }))
  const added = { type: 'response.output_item.added', output_index: 0, item: message(parts, { id: 'm' }) }
  const lines = [added, text('One'), text('Two', { content_index: 1 })]
  assert.deepEqual(textsOf(outputOf([...lines, completed()])), ['OneTwo'])
  assert.deepEqual(textsOf(outputOf([...lines, completed([message(parts, { id: 'm' })])])), ['OneTwo'])
  assert.deepEqual(textsOf(outputOf([added, completed()])), ['OneTwo'])
})

test('an added item that holds the finished text counts when nothing else comes', () => {
  const finished = message([{ type: 'output_text', text: 'Hello' }], { id: 'm' })
  const added = { type: 'response.output_item.added', output_index: 0, item: finished }
  assert.deepEqual(textsOf(outputOf([added, completed()])), ['Hello'])
})

test('an added item that holds the beginning goes on with the deltas', () => {
  const begun = message([{ type: 'output_text', text: 'Hel' }], { id: 'm' })
  const added = { type: 'response.output_item.added', output_index: 0, item: begun }
  assert.deepEqual(textsOf(outputOf([added, text('lo'), completed()])), ['Hello'])
})

test('the final object adds what the deltas lacked', () => {
  const output = outputOf([text('Hel'), completed([message('Hello'), call()])])
  assert.deepEqual(textsOf(output), ['Hello', ''])
  assert.equal(output[1]?.arguments, '{"city":"Oslo"}')
  assert.equal(output[1]?.call_id, 'call_1')
})

test('what has been sent stands when the final object contradicts it, and that is noted', () => {
  const context = makeContext()
  assert.deepEqual(textsOf(outputOf([text('Hello'), completed([message('Goodbye')])], { context })), [
    'Hello',
  ])
  assert.equal(context.notes.length, 1)
})

test('ids that change with every event are matched by index', () => {
  const output = outputOf([
    { type: 'response.output_item.added', output_index: 0, item: message([], { id: 'a' }) },
    text('Hel', { item_id: 'b' }),
    text('lo', { item_id: 'c' }),
    { type: 'response.output_item.done', output_index: 0, item: message('Hello', { id: 'd' }) },
    completed([message('Hello', { id: 'e' })]),
  ])
  assert.deepEqual(textsOf(output), ['Hello'])
})

test('indexes that jump, repeat or lie are matched by id', () => {
  const output = outputOf([
    { type: 'response.output_item.added', output_index: 7, item: message([], { id: 'a' }) },
    text('One', { item_id: 'a', output_index: 3 }),
    { type: 'response.output_item.done', output_index: 0, item: message('One', { id: 'a' }) },
    { type: 'response.output_item.added', output_index: 7, item: message([], { id: 'b' }) },
    text('Two', { item_id: 'b', output_index: 7 }),
    completed([message('One', { id: 'a' }), message('Two', { id: 'b' })]),
  ])
  assert.deepEqual(textsOf(output), ['One', 'Two'])
})

test('reasoning that starts as msg_ and ends as rs_ is one item', () => {
  const output = outputOf([
    {
      type: 'response.output_item.added',
      output_index: 0,
      item: { type: 'reasoning', id: 'msg_1', summary: [] },
    },
    {
      type: 'response.reasoning_text.delta',
      item_id: 'msg_1',
      output_index: 0,
      content_index: 0,
      delta: 'Hm',
    },
    completed([
      { type: 'reasoning', id: 'rs_9', summary: [], content: [{ type: 'reasoning_text', text: 'Hm' }] },
    ]),
  ])
  assert.deepEqual(textsOf(output), ['Hm'])
})

test('a content index that starts at 1 or grows with every token is one part', () => {
  const output = outputOf([
    text('Hel', { content_index: 1 }),
    text('l', { content_index: 2 }),
    text('o', { content_index: 3 }),
    completed([message('Hello')]),
  ])
  assert.deepEqual(output[0]?.content, [
    { type: 'output_text', text: 'Hello', annotations: [], logprobs: [] },
  ])
})

test('parts that are announced stay parts', () => {
  const begin = (content_index: number) => ({
    type: 'response.content_part.added',
    item_id: 'm',
    output_index: 0,
    content_index,
    part: { type: 'output_text', text: '' },
  })
  const output = outputOf([begin(0), text('One'), begin(1), text('Two', { content_index: 1 }), completed()])
  assert.deepEqual(
    partsOf(output[0]).map((part) => part.text),
    ['One', 'Two'],
  )
})

test('both spellings of raw reasoning are read, and each dialect gets its own', () => {
  for (const spelling of ['reasoning', 'reasoning_text']) {
    for (const dialect of ['openai', 'open-responses'] as const) {
      const lines = [
        { type: `response.${spelling}.delta`, item_id: 'r', output_index: 0, content_index: 0, delta: 'Hm' },
        text('Hi', { output_index: 1 }),
        completed(),
      ]
      const { events } = runStream(lines, { context: makeContext({ events: dialect }) })
      assertLegalStream(events, { dialect })
      const own = dialect === 'openai' ? 'response.reasoning_text.delta' : 'response.reasoning.delta'
      assert.ok(events.some(({ type }) => type === own))
    }
  }
})

test('harmony tokens leave text and tool names, at any chunking', () => {
  const leak =
    '<|channel|>analysis<|message|>Hmm.<|end|><|start|>assistant<|channel|>final<|message|>Hello < world<|return|>'
  for (const size of [1, 2, 5, 1000]) {
    const chunks = leak.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? []
    const name = 'functions.get_weather<|channel|>commentary'
    const lines = [...chunks.map((chunk) => text(chunk)), completed([message(leak), call({ name })])]
    const output = outputOf(lines, { hooks: { cleanHarmony: true } })
    assert.deepEqual(
      output.map((item) => item.type),
      ['message', 'reasoning', 'function_call'],
    )
    assert.deepEqual(textsOf(output), ['Hello < world', 'Hmm.', ''])
    assert.equal(output[2]?.name, 'get_weather')
  }
})

test('function calls may lack their added, their deltas or their id', () => {
  const done = { type: 'response.output_item.done', output_index: 0, item: call({ id: null }) }
  const bare = {
    type: 'response.function_call_arguments.done',
    item_id: 'f',
    output_index: 0,
    arguments: '{"city":"Oslo"}',
  }
  const delta = {
    type: 'response.function_call_arguments.delta',
    item_id: 'f',
    output_index: 0,
    delta: '{"city":',
  }
  for (const lines of [[done], [bare, done], [delta, bare, done], [delta, done], [delta]]) {
    const [item, ...rest] = outputOf([...lines, completed([call()])])
    assert.deepEqual(
      [item?.name, item?.call_id, item?.arguments],
      ['get_weather', 'call_1', '{"city":"Oslo"}'],
    )
    assert.deepEqual(rest, [])
  }
})

test('a forbidden call that streams leaves no trace', () => {
  const sent = { guards: { allowedTools: ['good'] }, toolNames: {} }
  const context = makeContext({ sent })
  const streamed = (id: string, name: string, output_index: number) => [
    {
      type: 'response.output_item.added',
      output_index,
      item: call({ id, name, call_id: id, arguments: '' }),
    },
    { type: 'response.function_call_arguments.delta', item_id: id, output_index, delta: '{"secret"' },
    { type: 'response.function_call_arguments.delta', item_id: id, output_index, delta: ':1}' },
    { type: 'response.function_call_arguments.done', item_id: id, output_index, arguments: '{"secret":1}' },
    {
      type: 'response.output_item.done',
      output_index,
      item: call({ id, name, call_id: id, arguments: '{"secret":1}' }),
    },
  ]
  const both = [call({ id: 'a', name: 'bad', call_id: 'a' }), call({ id: 'b', name: 'good', call_id: 'b' })]
  const output = outputOf([...streamed('a', 'bad', 0), ...streamed('b', 'good', 1), completed(both)], {
    context,
  })
  assert.deepEqual(
    output.map((item) => item.name),
    ['good'],
  )
  assert.deepEqual(
    context.notes.map((note) => note.field),
    ['tool_choice'],
  )
})

test('a call without a call_id gets one, a second one with the same is not the same', () => {
  const output = outputOf([completed([call({ call_id: null }), call({ name: 'other', call_id: 'call_2' })])])
  assert.match(String(output[0]?.call_id), /^call_/)
  assert.equal(output[1]?.call_id, 'call_2')
})

test('an item that only the final object has does not take the place of another', () => {
  const search = (id: string, query: string) => ({
    id,
    type: 'web_search_call',
    status: 'completed',
    action: { query },
  })
  const done = { type: 'response.output_item.done', output_index: 1, item: search('b', 'two') }
  const output = outputOf([
    done,
    text('ab'),
    completed([search('a', 'one'), search('b', 'two'), message('a'), message('ab')]),
  ])
  assert.deepEqual(
    output.map((item) => (item.action as JsonObject | undefined)?.query ?? textsOf([item])[0]),
    ['two', 'ab', 'one', 'a'],
  )
})

test('items may overlap', () => {
  const output = outputOf([
    text('A', { item_id: 'a' }),
    text('B', { item_id: 'b', output_index: 1 }),
    text('a', { item_id: 'a' }),
    text('b', { item_id: 'b', output_index: 1 }),
    completed([message('Aa', { id: 'a' }), message('Bb', { id: 'b' })]),
  ])
  assert.deepEqual(textsOf(output), ['Aa', 'Bb'])
})

test('text that comes after its item was closed goes on in a new item', () => {
  const output = outputOf([
    { type: 'response.output_item.done', output_index: 0, item: message('Hel', { id: 'm' }) },
    text('lo'),
    completed([message('Hello', { id: 'm' })]),
  ])
  assert.deepEqual(textsOf(output), ['Hel', 'lo'])
})

test('brackets that come after their item was closed say nothing new', () => {
  const finished = message([{ type: 'output_text', text: 'Hello' }], { id: 'm' })
  for (const item_id of ['m', 'rotated']) {
    const place = { item_id, output_index: 0, content_index: 0 }
    const output = outputOf([
      text('Hello'),
      { type: 'response.output_item.done', output_index: 0, item: finished },
      { type: 'response.output_text.done', ...place, text: 'Hello' },
      { type: 'response.content_part.done', ...place, part: { type: 'output_text', text: 'Hello' } },
      { type: 'response.output_item.done', output_index: 0, item: { ...finished, id: item_id } },
      completed([finished]),
    ])
    assert.deepEqual(textsOf(output), ['Hello'])
  }
})

test('the same event twice counts once where the provider counts its events', () => {
  const counted = (delta: string, sequence_number: number) => text(delta, { sequence_number })
  const lines = [counted('ha', 4), counted('ha', 5), counted('ha', 5), completed()]
  assert.deepEqual(textsOf(outputOf(lines)), ['haha'])
  assert.deepEqual(textsOf(outputOf([counted('ha', -1), counted('ha', -1), completed()])), ['haha'])
})

test('events that nobody knows are never passed on', () => {
  const lines = [
    { type: 'keepalive' },
    { type: 'response.vendor.thing', item_id: 'm' },
    text('Hi'),
    { type: 'response.apply_patch_call_operation_diff.delta', item_id: 'm', output_index: 0, delta: 'x' },
    completed(),
  ]
  const { events, context } = runStream(lines)
  assertLegalStream(events)
  assert.deepEqual(
    context.notes.map((note) => note.action),
    ['dropped'],
  )
})

test('lines that are not JSON are skipped and noted', () => {
  const { events, context } = runStream([text('Hel'), '<html>', '42', text('lo'), completed()])
  assert.equal(assertLegalStream(events).output_text, 'Hello')
  assert.equal(context.notes.length, 1)
})

test('the event line stands in for a missing type', () => {
  const machine = createResponsesStream(makeContext(), hooks)
  const { type, ...untyped } = text('Hi')
  machine.push({ event: type, data: JSON.stringify(untyped) })
  machine.push({ event: 'response.completed', data: '{"response":{"status":"completed"}}' })
  assert.equal(machine.final?.output_text, 'Hi')
})

for (const [name, error] of Object.entries({
  nested: {
    type: 'error',
    error: { code: 'rate_limit_exceeded', message: 'Slow down.', type: 'x', param: null },
  },
  flat: { type: 'error', code: 'rate_limit_exceeded', message: 'Slow down.', param: null },
  body: { error: { code: 'rate_limit_exceeded', message: 'Slow down.' } },
  legacy: { object: 'error', code: 'rate_limit_exceeded', message: 'Slow down.' },
  failed: {
    type: 'response.failed',
    response: { status: 'failed', error: { code: 'rate_limit_exceeded', message: 'Slow down.' } },
  },
  snapshot: {
    id: 'x',
    status: 'failed',
    output: [],
    error: { code: 'rate_limit_exceeded', message: 'Slow down.' },
  },
})) {
  test(`an error (${name}) before any output is a failure and nothing else`, () => {
    const { events, failure, final } = runStream([error, text('late')])
    assert.deepEqual(events, [])
    assert.equal(final, null)
    assert.equal(failure?.code, 'rate_limit_exceeded')
  })

  test(`an error (${name}) after output is an error event and response.failed`, () => {
    const first = name === 'snapshot' ? { id: 'x', status: 'in_progress', output: 'Hel' } : text('Hel')
    const { events, failure } = runStream([first, error])
    const final = assertLegalStream(events)
    assert.equal(failure, null)
    assert.equal(final.status, 'failed')
    assert.equal(final.error?.code, 'rate_limit_exceeded')
    assert.equal(final.output_text, 'Hel')
    assert.equal(final.output[0]?.status, 'incomplete')
  })
}

test('an error that is only known by its type ends the stream as one', () => {
  const error = { type: 'rate_limit_error', message: 'Slow down.' }
  const { events } = runStream([text('Hel'), error], { hooks: { failure: readFailure } })
  const final = assertLegalStream(events)
  assert.deepEqual([final.status, final.error?.message], ['failed', 'Slow down.'])
})

test('a stream that ends without a terminal event', () => {
  const done = { type: 'response.output_item.done', output_index: 0, item: message('Hi', { id: 'm' }) }
  const statusOf = (lines: (string | object)[], options: RunOptions = {}) =>
    assertLegalStream(runStream(lines, options).events).status
  assert.equal(statusOf([done, '[DONE]']), 'completed', 'all items done, and the end was told')
  assert.equal(statusOf([done]), 'failed', 'all items done, but the end was not told')
  assert.equal(statusOf([text('Hi'), '[DONE]']), 'failed', 'an item is open')
  assert.equal(statusOf([done], { cut: disconnected }), 'failed')
})

test('a time-out keeps its code', () => {
  const cut = { code: 'upstream_timeout', message: 'Nothing for 60 s.' }
  assert.equal(assertLegalStream(runStream([text('Hi')], { cut }).events).error?.code, 'upstream_timeout')
  assert.equal(runStream([], { cut }).failure?.status, 504)
})

test('completed with incomplete_details means incomplete', () => {
  const details = { incomplete_details: { reason: 'max_output_tokens' } }
  const { events } = runStream([text('Hi'), completed([], details)])
  const final = assertLegalStream(events)
  assert.deepEqual(
    [final.status, final.incomplete_details, final.output[0]?.status],
    ['incomplete', { reason: 'max_output_tokens' }, 'incomplete'],
  )
})

test('an incomplete item makes the response incomplete, if it is the last', () => {
  const cut = {
    type: 'response.output_item.done',
    output_index: 0,
    item: message('Hi', { id: 'm', status: 'incomplete' }),
  }
  assert.equal(assertLegalStream(runStream([cut, completed()]).events).status, 'incomplete')
  const next = text('More', { item_id: 'n', output_index: 1 })
  assert.equal(assertLegalStream(runStream([cut, next, completed()]).events).status, 'completed')
})

test('an empty output that used up its budget is incomplete, not an error', () => {
  const body = {
    id: 'x',
    status: 'incomplete',
    output: [],
    incomplete_details: { reason: 'max_output_tokens' },
  }
  const final = assertLegalStream(runStream([body, '[DONE]']).events)
  assert.deepEqual([final.status, final.output], ['incomplete', []])
})

test('built-in tool items pass whole, with events of their own', () => {
  const item = {
    id: 'ws_1',
    type: 'web_search_call',
    status: 'completed',
    action: { type: 'search', query: 'x' },
  }
  const events = ['in_progress', 'searching', 'completed'].map((moment) => ({
    type: `response.web_search_call.${moment}`,
    item_id: 'ws_1',
    output_index: 4,
  }))
  const lines = [
    { type: 'response.output_item.added', output_index: 4, item: { ...item, status: 'in_progress' } },
    ...events,
    { type: 'response.output_item.done', output_index: 4, item },
    {
      type: 'response.output_item.done',
      output_index: 5,
      item: { id: 'z', type: 'zapp_call', size: 3, call_id: 'c' },
    },
    completed(),
  ]
  const output = outputOf(lines)
  assert.deepEqual(
    output.map(({ id, ...rest }) => rest),
    [
      { type: 'web_search_call', status: 'completed', action: { type: 'search', query: 'x' } },
      { type: 'zapp_call', size: 3, call_id: 'c' },
    ],
  )
  assert.match(String(output[0]?.id), /^ws_/)
  const types = runStream(lines).events.map(({ type }) => type)
  assert.equal(types.filter((type) => type.startsWith('response.web_search_call.')).length, 3)
  const plain = runStream(lines, { context: makeContext({ events: 'open-responses' }) })
  assertLegalStream(plain.events, { dialect: 'open-responses' })
})

test('an approval request keeps the id that the client answers by', () => {
  const item = {
    id: 'mcpr_theirs',
    type: 'mcp_approval_request',
    name: 'x',
    arguments: '{}',
    server_label: 's',
  }
  assert.equal(outputOf([completed([item])])[0]?.id, 'mcpr_theirs')
})

test('annotations that only the final object has are added', () => {
  const annotation = { type: 'url_citation', url: 'https://example.org', start_index: 0, end_index: 2 }
  const output = outputOf([
    text('Hi'),
    completed([message([{ type: 'output_text', text: 'Hi', annotations: [annotation] }])]),
  ])
  assert.deepEqual(partsOf(output[0])[0]?.annotations, [annotation])
})

test('refusals stream as refusals', () => {
  const refusal = {
    type: 'response.refusal.delta',
    item_id: 'm',
    output_index: 0,
    content_index: 0,
    delta: 'No.',
  }
  const { events } = runStream([refusal, completed()])
  assert.deepEqual(assertLegalStream(events).output[0]?.content, [{ type: 'refusal', refusal: 'No.' }])
})

test('what the provider says of itself is kept for the record, not passed on', () => {
  const response = {
    id: 'theirs',
    model: 'real-name',
    metadata: { general_augment_cost: 1 },
    service_tier: 'flex',
    created_at: '2026-01-01T00:00:00Z',
  }
  const request = { model: 'acme/model', metadata: { mine: 'yes' } }
  const { events, facts } = runStream([{ type: 'response.created', response }, text('Hi'), completed()], {
    context: makeContext({ request }),
  })
  const final = assertLegalStream(events)
  assert.deepEqual(facts, {
    responseId: 'theirs',
    model: 'real-name',
    metadata: { general_augment_cost: 1 },
    serviceTier: 'flex',
  })
  assert.deepEqual(
    [final.id, final.model, final.metadata, final.service_tier],
    ['resp_ours', 'acme/model', { mine: 'yes' }, 'flex'],
  )
})
