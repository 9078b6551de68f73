/** What a summary carries of what the user said, how it is told, and what it makes unnecessary to tell. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Sealed, Sealer } from '../../../../server/gateway/state/seal.ts'
import {
  dropCompacted,
  leaveOutWaiting,
  sealableSummary,
  tellSummary,
  tellWaiting,
} from '../../../../server/gateway/state/summary.ts'
import type { Item } from '../../../../translators/shared/canonical.ts'

const user = (content: unknown): Item => ({ type: 'message', role: 'user', content })
const parts = (text: string) => [{ type: 'input_text', text }]
const textsOf = (items: readonly Item[]) =>
  items.map(({ content }) => (content as { text: string }[]).map(({ text }) => text).join())

describe('a summary', () => {
  it('carries texts of the user, in order, in either form', () => {
    const context = [user('one'), { type: 'message', role: 'assistant', content: 'no' }, user(parts('two'))]
    assert.deepEqual(sealableSummary('All.', context), {
      kind: 'summary',
      text: 'All.',
      said: ['one', 'two'],
    })
  })
  it('carries no images, and no earlier summary', () => {
    const [earlier] = tellSummary({ kind: 'summary', text: 'Earlier.' }, [])
    assert.ok(earlier)
    const image = user([{ type: 'input_image', image_url: 'https://example.com/a.png' }])
    assert.deepEqual(sealableSummary('All.', [earlier, image, user('one')]).said, ['one'])
  })
  it('carries the latest when there is much, and nothing older than one that is too long', () => {
    const long = 'x'.repeat(50_000)
    const { said } = sealableSummary('All.', [user('old'), user(`a${long}`), user(`b${long}`), user('new')])
    assert.deepEqual(said, [`b${long}`, 'new'])
  })
  it('is told after what the user said, without what stands in the input anyway', () => {
    const told = tellSummary({ kind: 'summary', text: 'All.', said: ['one', 'two'] }, [user(parts('one'))])
    assert.deepEqual(textsOf(told), ['two', 'Summary of the conversation so far:\n\nAll.'])
  })
  it('that carries nothing is told alone', () => {
    assert.equal(tellSummary({ kind: 'summary', text: 'All.' }, []).length, 1)
  })
})

describe('a call that waits for its output', () => {
  const call = (id: string, more: object = {}): Item => ({ type: 'function_call', call_id: id, ...more })
  const output = (id: string): Item => ({ type: 'function_call_output', call_id: id, output: '' })

  it('is carried, whole, unless it has been answered', () => {
    const half = call('half', { status: 'incomplete' })
    const search = { type: 'web_search_call', id: 'ws_1' }
    const context = [call('done'), output('done'), half, search, call('open')]
    assert.deepEqual(sealableSummary('All.', context).waiting, [call('open')])
  })
  it('is told where its output comes, and not twice', () => {
    const waiting = [call('a'), call('b')]
    assert.deepEqual(tellWaiting(waiting, [user('hi')]), [])
    assert.deepEqual(tellWaiting(waiting, [output('b')]), [call('b')])
    assert.deepEqual(tellWaiting(waiting, [call('b'), output('b')]), [])
    assert.deepEqual(tellWaiting(waiting, null), waiting)
    assert.deepEqual(tellWaiting(undefined, null), [])
  })
  it('is left out of what a compaction was made from, unless its output comes', () => {
    const source = [user('hi'), call('done'), output('done'), call('a'), call('b')]
    assert.deepEqual(leaveOutWaiting(source, [user('ho')]), source.slice(0, 3))
    assert.deepEqual(leaveOutWaiting(source, [output('a')]), source.slice(0, 4))
  })
})

describe('an input after a trigger', () => {
  const trigger: Item = { type: 'compaction_trigger' }
  const compaction: Item = { type: 'compaction', id: 'cmp_1', encrypted_content: 'sealed' }
  const drop = (input: Item[], opened: Sealed | 'foreign' = { kind: 'summary', text: 'All.' }) =>
    dropCompacted(input, { sealer: { open: () => opened } as unknown as Sealer, project: 'acme' })

  it('begins with the summary that the last trigger brought', () => {
    const input = [
      user('one'),
      trigger,
      compaction,
      user('two'),
      trigger,
      { ...compaction, id: 'cmp_2' },
      user('three'),
    ]
    assert.deepEqual(drop(input), input.slice(5))
  })
  it('keeps what only a provider can open, without the trigger', () => {
    const input = [user('one'), trigger, compaction, user('two')]
    assert.deepEqual(drop(input, { kind: 'content', provider: 'openai', content: 'x' }), [
      user('one'),
      compaction,
      user('two'),
    ])
  })
  it('keeps the call of an output', () => {
    const call: Item = { type: 'function_call', call_id: 'call_1', name: 'look', arguments: '{}' }
    const output: Item = { type: 'function_call_output', call_id: 'call_1', output: 'seen' }
    assert.deepEqual(drop([call, trigger, compaction, output]), [call, compaction, output])
  })
  it('is left alone when the trigger is its end, or there is none', () => {
    for (const input of [
      [user('one'), trigger],
      [user('one'), compaction],
    ])
      assert.equal(drop(input), input)
  })
})
