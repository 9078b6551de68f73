/** What of a turn's input each provider is given: compactions opened, and what only its maker reads for its maker alone. */
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import type { Candidate } from '../../../../server/gateway/candidates.ts'
import { fitToTarget, listSources, openForAll } from '../../../../server/gateway/state/fit-target.ts'
import { createSealer, type Sealed, type Sealer } from '../../../../server/gateway/state/seal.ts'
import type { SealKey } from '../../../../server/store/state/state.ts'
import { translators } from '../../../../translators/index.ts'
import type { Item } from '../../../../translators/shared/canonical.ts'

const project = 'acme'
let sealer: Sealer
before(async () => {
  const keys: SealKey[] = []
  const state = {
    sealKeys: async () => keys,
    addSealKey: async (key: SealKey) => {
      keys.unshift(key)
    },
  }
  sealer = await createSealer({ state, rotateAfter: 1000, now: 1 })
})

const user = (id: string, content: unknown = id): Item => ({ type: 'message', role: 'user', id, content })
const assistant = (id: string): Item => ({ type: 'message', role: 'assistant', id, content: id })
const parts = (text: string) => [{ type: 'input_text', text }]

function compaction(sealed: Sealed): Item {
  return { type: 'compaction', id: 'cmp', encrypted_content: sealer.seal(project, sealed) }
}

const summary = (text: string) => compaction({ kind: 'summary', text })
const own = (provider: string, source = 'resp_source') =>
  compaction({ kind: 'compaction', provider, content: 'secret', source })

interface Given {
  makers?: Map<Item, string>
  sources?: Map<string, Item[]>
  variant?: 'openai' | 'sail'
  unsupported?: 'adapt' | 'reject'
}

/** As the provider `here`. */
function fit(
  input: Item[],
  { makers = new Map(), sources = new Map(), variant = 'openai', unsupported = 'adapt' }: Given = {},
) {
  const candidate = {
    provider: { id: 'here', translator: translators[variant] },
    target: { unsupported },
  } as unknown as Candidate
  return fitToTarget({ request: { model: 'm', input }, makers, sources, sealer, project, candidate })
}

function fitted(input: Item[], given?: Given): { input: Item[]; named: string[] } {
  const result = fit(input, given)
  assert.ok(result.ok)
  return {
    input: result.request.input as Item[],
    named: result.adaptations.map(({ action, field }) => `${action}:${field}`),
  }
}

const ids = (items: readonly Item[]) => items.map(({ id }) => id)

describe('a compaction in an input', () => {
  it('of the gateway is its summary, told as a message', () => {
    const { input, named } = fitted([user('u1'), summary('All of it.'), user('u2')])
    assert.deepEqual(
      input.map(({ role, content }) => [role, content]),
      [
        ['user', 'u1'],
        ['user', parts('Summary of the conversation so far:\n\nAll of it.')],
        ['user', 'u2'],
      ],
    )
    assert.deepEqual(named, ['emulated:input.compaction'])
  })
  it('of this provider goes back to it as it was made', () => {
    const { input, named } = fitted([user('u1'), own('here'), user('u2')])
    assert.deepEqual(input[1], { type: 'compaction', id: 'cmp', encrypted_content: 'secret' })
    assert.deepEqual([ids(input), named], [['u1', 'cmp', 'u2'], []])
  })
  it('of another provider is what it was made from, each message of the user told once and in its place', () => {
    const source = [user('s1'), assistant('s2'), user('s3', parts('again')), user('s4', 'again')]
    const sources = new Map([['resp_source', source]])
    const input = [
      user('x', 'unrelated'),
      user('other-id', parts('s1')),
      user('s3', 'again'),
      user('s4', 'again'),
      own('there'),
      user('s5', 'again'),
    ]
    const given = fitted(input, { sources })
    assert.deepEqual(ids(given.input), ['x', 's1', 's2', 's3', 's4', 's5'])
    assert.deepEqual(given.named, ['emulated:input.compaction'])
    assert.deepEqual(listSources(input, { sealer, project }), ['resp_source'])
  })
  it('that is sent again and again is told once', () => {
    const sources = new Map([['resp_source', [assistant('s1'), assistant('s2')]]])
    const theirs = own('there')
    assert.deepEqual(ids(fitted([theirs, theirs, user('u1'), theirs], { sources }).input), ['s1', 's2', 'u1'])
    const mine = own('here')
    assert.deepEqual(ids(fitted([mine, user('u1'), mine]).input), ['cmp', 'u1'])
    const ours = summary('Earlier.')
    assert.equal(fitted([ours, ours]).input.length, 1)
  })
  it('of another provider is left out, and named, when its source is gone', () => {
    const { input, named } = fitted([user('u1'), own('there'), user('u2')])
    assert.deepEqual([ids(input), named], [['u1', 'u2'], ['dropped:input.compaction']])
    const refused = fit([own('there')], { unsupported: 'reject' })
    assert.ok(!refused.ok)
    assert.equal(refused.field, 'input.compaction')
  })
  it('that nobody here made goes only where compactions are made', () => {
    const foreign: Item = { type: 'compaction', id: 'cmp', encrypted_content: 'gAAAA' }
    assert.deepEqual(fitted([foreign]), { input: [foreign], named: [] })
    assert.deepEqual(fitted([foreign], { variant: 'sail' }), {
      input: [],
      named: ['dropped:input.compaction'],
    })
  })
  it('that is damaged or of another project is a 400 that says where', () => {
    const broken = summary('x')
    const text = String(broken.encrypted_content)
    for (const encrypted_content of [
      `${text.slice(0, -4)}AAAA`,
      sealer.seal('other', { kind: 'summary', text: 'x' }),
    ])
      assert.throws(() => fit([user('u1'), { ...broken, encrypted_content }]), {
        code: 'invalid_encrypted_content',
        param: 'input[1].encrypted_content',
      })
  })
})

describe('thoughts in an input', () => {
  const thought = (id: string, content?: string): Item => ({
    type: 'reasoning',
    id,
    summary: [],
    ...(content === undefined ? {} : { encrypted_content: content }),
  })
  it('go back to their maker alone', () => {
    const sealed = (provider: string) => sealer.seal(project, { kind: 'content', provider, content: 'deep' })
    const mine = thought('mine', sealed('here'))
    const theirs = thought('theirs', sealed('there'))
    const bare = thought('bare')
    const input = [mine, theirs, bare, thought('sent')]
    const { input: given, named } = fitted(input, { makers: new Map([[bare, 'there']]) })
    assert.deepEqual(given, [{ ...mine, encrypted_content: 'deep' }, thought('sent')])
    assert.deepEqual(named, ['dropped:input.reasoning'])
  })
})

describe('an input that is kept for all providers', () => {
  it('holds what compactions stand for, and no thoughts', () => {
    const sources = new Map([['resp_source', [user('s1'), assistant('s2')]]])
    const input = [
      user('s1'),
      own('here'),
      { type: 'reasoning', id: 'r', summary: [] },
      summary('Earlier.'),
      user('u1'),
    ]
    const items = openForAll({ request: { model: 'm', input }, makers: new Map(), sources, sealer, project })
    assert.deepEqual(ids(items), ['s1', 's2', undefined, 'u1'])
  })
})

describe('another item with an encrypted part', () => {
  const sealed = (provider: string): Item => ({
    type: 'function_call',
    id: 'fc_1',
    call_id: 'call_1',
    name: 'look',
    arguments: '{}',
    encrypted_content: sealer.seal(project, { kind: 'content', provider, content: 'secret' }),
  })
  const output: Item = { type: 'function_call_output', id: 'fco_1', call_id: 'call_1', output: 'a tree' }

  it('is given to its maker whole', () => {
    const { input, named } = fitted([sealed('here'), output])
    assert.deepEqual([input[0]?.encrypted_content, input.length, named], ['secret', 2, []])
  })
  it('stays with its output elsewhere, without that part', () => {
    const { encrypted_content: _encrypted, ...rest } = sealed('there')
    const { input, named } = fitted([sealed('there'), output])
    assert.deepEqual(input, [rest, output])
    assert.deepEqual(named, ['dropped:input.encrypted_content'])
    const request = { model: 'm', input: [sealed('there'), output] }
    const options = { request, makers: new Map(), sources: new Map(), sealer, project }
    assert.deepEqual(openForAll(options), [rest, output])
  })
})
