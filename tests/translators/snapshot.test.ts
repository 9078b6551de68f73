/** Streams of chunks in the non-stream shape: cumulative or incremental, told apart without a word from the provider. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SnapshotMode } from '../../translators/responses/snapshot.ts'
import type { Item } from '../../translators/shared/canonical.ts'
import { assertLegalStream } from '../support/legal-stream.ts'
import { disconnected, runStream } from './support/translate.ts'

const chunk = (output: unknown, members: object = {}) => ({
  id: '9b2f',
  object: 'chat.completion',
  created_at: 1.5,
  model: 'gpt-oss-120b',
  output,
  ...members,
})
const message = (text: string) => ({
  type: 'message',
  role: 'assistant',
  content: [{ type: 'output_text', text }],
})
const reasoning = (text: string) => ({
  type: 'reasoning',
  id: 'r',
  summary: [],
  content: [{ type: 'reasoning_text', text }],
})
const call = (args: string) => ({
  type: 'function_call',
  id: null,
  call_id: 'c1',
  name: 'f',
  arguments: args,
})

function run(outputs: readonly unknown[], mode?: SnapshotMode, end: (string | object)[] = ['[DONE]']) {
  const lines = [...outputs.map((output) => chunk(output, { status: 'in_progress' })), ...end]
  const { events } = runStream(lines, { hooks: mode === undefined ? {} : { snapshots: mode } })
  const final = assertLegalStream(events)
  assert.equal(final.status, 'completed')
  const deltas = events
    .filter((event) => event.type === 'response.output_text.delta')
    .map((event) => event.delta)
  return { output: final.output, text: final.output_text, deltas }
}

test('cumulative snapshots become deltas', () => {
  const { text, deltas } = run([[message('Hel')], [message('Hello')], [message('Hello world')]])
  assert.equal(text, 'Hello world')
  assert.deepEqual(deltas, ['Hel', 'lo', ' world'])
})

test('incremental snapshots are put together', () => {
  assert.equal(run([[message('Hel')], [message('lo')], [message(' Hel')]]).text, 'Hello Hel')
})

test('a repeated word and a standstill are told apart by what follows', () => {
  assert.equal(run([[message('ha')], [message('ha')], [message('!')]]).text, 'haha!')
  assert.equal(run([[message('ha')], [message('ha')], [message('haha!')]]).text, 'haha!')
  assert.equal(run([[message('ha')], [message('ha')]]).text, 'ha', 'cumulative when nothing tells')
})

test('a mode that is configured is not guessed', () => {
  assert.equal(run([[message('a')], [message('ab')]], 'incremental').text, 'aab')
  assert.equal(run([[message('a')], [message('ab')]], 'cumulative').text, 'ab')
})

test('an incremental stream may end with the finished object', () => {
  const end = [chunk([message('Hello')], { status: 'completed' }), '[DONE]']
  assert.equal(run([[message('He')], [message('ll')], [message('o')]], undefined, end).text, 'Hello')
})

test('items follow one another in both modes', () => {
  const kinds = (output: readonly Item[]) => output.map((item) => item.type)
  const cumulative = run([
    [reasoning('H')],
    [reasoning('Hm')],
    [reasoning('Hm'), message('Hi')],
    [reasoning('Hm'), message('Hi'), call('{}')],
  ])
  const incremental = run([
    [reasoning('H')],
    [reasoning('m')],
    [message('H')],
    [message('i')],
    [call('{')],
    [call('}')],
  ])
  for (const { output, text } of [cumulative, incremental]) {
    assert.deepEqual(kinds(output), ['reasoning', 'message', 'function_call'])
    assert.equal(text, 'Hi')
    assert.deepEqual(output[0]?.content, [{ type: 'reasoning_text', text: 'Hm' }])
    assert.deepEqual([output[2]?.arguments, output[2]?.call_id], ['{}', 'c1'])
  }
})

test('output may be a string, an object, parts without an item, or null', () => {
  assert.equal(run([null, 'Hel', 'Hello']).text, 'Hello')
  assert.equal(run([{ role: 'assistant', content: 'Hi' }]).text, 'Hi')
  assert.equal(run([[{ type: 'output_text', text: 'Hi' }]]).text, 'Hi')
  assert.equal(run([['Hi']]).text, 'Hi')
})

test('a clean close ends a snapshot stream, a cut does not', () => {
  assert.equal(run([[message('Hi')]], undefined, []).text, 'Hi')
  const lines = [chunk([message('Hi')], { status: 'in_progress' })]
  assert.equal(assertLegalStream(runStream(lines, { cut: disconnected }).events).status, 'failed')
  const finished = [...lines, chunk([message('Hi')], { status: 'completed' })]
  assert.equal(assertLegalStream(runStream(finished, { cut: disconnected }).events).status, 'completed')
  const always = [chunk([message('Hi')], { status: 'completed' })]
  assert.equal(assertLegalStream(runStream(always, { cut: disconnected }).events).status, 'failed')
})

test('a status of completed on every chunk does not end the stream', () => {
  const lines = ['H', 'Hi', 'Hi!'].map((text) => chunk([message(text)], { status: 'completed' }))
  assert.equal(assertLegalStream(runStream([...lines, '[DONE]']).events).output_text, 'Hi!')
})

test('the last usage counts, and none stays null', () => {
  const usage = { input_tokens: 3, output_tokens: 2 }
  const lines = [chunk([message('Hi')], { usage: null }), chunk([message('Hi!')], { usage }), '[DONE]']
  assert.equal(assertLegalStream(runStream(lines).events).usage?.total_tokens, 5)
  assert.equal(assertLegalStream(runStream([lines[0] as object]).events).usage, null)
})
