/** `encrypted_content` goes out only as the gateway sealed it, the same in every event and in the final object. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CanonicalEvent, Item } from '../../translators/shared/canonical.ts'
import { assertLegalStream } from '../support/legal-stream.ts'
import { recordings, runRecording } from './support/recordings.ts'
import { makeContext, type Outcome, runBody, runStream } from './support/translate.ts'

const output = [
  { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'thoughts' },
  { type: 'compaction', id: 'cmp_1', encrypted_content: 'context' },
  { type: 'some_new_kind', id: 'x_1', status: 'completed', encrypted_content: 'secret' },
  { type: 'message', id: 'msg_1', role: 'assistant', content: [{ type: 'output_text', text: 'Hi' }] },
]

/** The provider's events; like OpenAI's, they hold the content when an item is added as well as when it is done. */
const lines = [
  { type: 'response.created', response: { id: 'resp_1' } },
  ...output.flatMap((item, output_index) => [
    { type: 'response.output_item.added', output_index, item: { ...item, content: item.content && [] } },
    { type: 'response.output_item.done', output_index, item },
  ]),
  { type: 'response.completed', response: { id: 'resp_1', status: 'completed', output } },
]

const told = ['thoughts', 'context', 'secret']

/** Each time another text for the same content, as sealing with a random nonce gives. */
function sealing(answer: (content: string, count: number) => string | null) {
  const asked: [string, string][] = []
  const context = makeContext({
    seal: (content, itemId) => {
      asked.push([content, itemId])
      return answer(content, asked.length)
    },
  })
  return { context, asked }
}

/** Every `encrypted_content` that stands anywhere in the events, by the id of its item. */
function contentsOf(events: readonly CanonicalEvent[]): Map<string, Set<unknown>> {
  const found = new Map<string, Set<unknown>>()
  JSON.stringify(events, (_key, value) => {
    if (typeof value === 'object' && value !== null && 'encrypted_content' in value)
      found.set(value.id, (found.get(value.id) ?? new Set()).add(value.encrypted_content))
    return value
  })
  return found
}

const ways: [string, (context: ReturnType<typeof makeContext>) => Outcome][] = [
  ['a stream', (context) => runStream(lines, { context })],
  ['a body', (context) => runBody({ id: 'resp_1', status: 'completed', output }, { context })],
]

for (const [name, run] of ways) {
  test(`${name}: what is sent is sealed, once per item, the same everywhere`, () => {
    const { context, asked } = sealing((content, count) => `sealed:${count}:${content.length}`)
    const { events } = run(context)
    const final = assertLegalStream(events)
    const contents = contentsOf(events)
    assert.deepEqual(
      asked.map(([content]) => content),
      told,
    )
    for (const [index, [content, itemId]] of asked.entries()) {
      assert.deepEqual([...(contents.get(itemId) ?? [])], [`sealed:${index + 1}:${content.length}`])
      assert.equal(
        final.output.find((item) => item.id === itemId)?.encrypted_content,
        `sealed:${index + 1}:${content.length}`,
      )
    }
    const text = JSON.stringify(events)
    for (const content of told) assert.equal(text.includes(content), false, content)
  })

  test(`${name}: what may not go out is left out`, () => {
    const { context } = sealing(() => null)
    const { events } = run(context)
    assertLegalStream(events)
    assert.equal(JSON.stringify(events).includes('encrypted_content'), false)
  })

  test(`${name}: without a seal it stays as the provider made it`, () => {
    const { events } = run(makeContext())
    const final = assertLegalStream(events)
    assert.deepEqual(
      final.output.map((item: Item) => item.encrypted_content),
      [...told, undefined],
    )
  })
}

for (const file of recordings.filter((name) => /encrypted|compaction/.test(name)))
  test(`${file}: nothing of the provider's own gets past the seal`, () => {
    const own = [...contentsOf(runRecording(file).events).values()].flatMap((texts) => [...texts])
    assert.ok(own.length > 0)
    const { events } = runRecording(file, { seal: () => 'sealed' })
    assertLegalStream(events)
    const text = JSON.stringify(events)
    for (const content of own) assert.equal(text.includes(String(content)), false)
    for (const texts of contentsOf(events).values()) assert.deepEqual([...texts], ['sealed'])
  })
