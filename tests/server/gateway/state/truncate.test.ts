import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { estimateInput } from '../../../../server/gateway/estimate-usage.ts'
import { truncateInput } from '../../../../server/gateway/state/truncate.ts'
import type { CanonicalRequest, Item } from '../../../../translators/shared/canonical.ts'

const text = 'x'.repeat(400)
/** About 104 tokens each. */
const user = (id: string): Item => ({ type: 'message', role: 'user', id, content: text })
const assistant = (id: string): Item => ({
  type: 'message',
  role: 'assistant',
  id,
  content: [{ type: 'output_text', text }],
})
const system = (id: string, role = 'system'): Item => ({ type: 'message', role, id, content: text })
const reasoning = (id: string): Item => ({ type: 'reasoning', id, summary: [{ type: 'summary_text', text }] })
const call = (id: string): Item => ({ type: 'function_call', id, call_id: id, name: 'f', arguments: text })
const output = (id: string, of: string): Item => ({
  type: 'function_call_output',
  id,
  call_id: of,
  output: text,
})

/** Ids of what stays within `budget`. */
function kept(input: Item[], budget: number): string {
  return truncateInput({ model: 'm', input }, budget)
    .items.map(({ id }) => id)
    .join(' ')
}

describe('truncation of an input', () => {
  it('leaves everything as it is when it fits', () => {
    const input = [user('u1'), assistant('a1'), user('u2')]
    const whole = truncateInput({ model: 'm', input }, 1000)
    assert.equal(whole.items, input)
    assert.deepEqual([whole.dropped, whole.fits], [0, true])
    assert.equal(whole.tokens, estimateInput({ model: 'm', input }))
  })
  it('leaves out whole turns, the oldest first', () => {
    const input = [user('u1'), assistant('a1'), user('u2'), assistant('a2'), user('u3')]
    assert.equal(kept(input, 520), 'u1 a1 u2 a2 u3')
    assert.equal(kept(input, 519), 'u2 a2 u3')
    assert.equal(kept(input, 311), 'u3')
  })
  it('keeps what the system says and the last question, and says when that is too much', () => {
    const input = [
      system('s1'),
      user('u1'),
      system('d1', 'developer'),
      assistant('a1'),
      user('u2'),
      system('s2'),
    ]
    const least = truncateInput({ model: 'm', input }, 10)
    assert.equal(least.items.map(({ id }) => id).join(' '), 's1 d1 u2 s2')
    assert.deepEqual([least.dropped, least.fits], [2, false])
    assert.equal(least.tokens, 4 * 104)
  })
  it('keeps parallel calls, their outputs and the thought before them together', () => {
    const input = [
      user('u1'),
      reasoning('r1'),
      call('c1'),
      call('c2'),
      output('o2', 'c2'),
      output('o1', 'c1'),
      assistant('a1'),
      user('u2'),
    ]
    assert.equal(kept(input, 800), 'u2')
    // An output that came late holds its call in the newest piece.
    assert.equal(kept([...input.slice(0, 5), user('u2'), output('o1', 'c1')], 500), 'r1 c1 c2 o2 u2 o1')
  })
  it('lets a long run of tools go on after its question', () => {
    const input = [
      user('u1'),
      assistant('a1'),
      user('u2'),
      reasoning('r1'),
      call('c1'),
      output('o1', 'c1'),
      call('c2'),
      output('o2', 'c2'),
      call('c3'),
      output('o3', 'c3'),
    ]
    assert.equal(kept(input, 900), 'u2 r1 c1 o1 c2 o2 c3 o3')
    assert.equal(kept(input, 700), 'u2 c2 o2 c3 o3')
    assert.equal(kept(input, 1), 'u2 c3 o3')
  })
  it('does not leave an output behind whose call was compacted', () => {
    const input = [user('u1'), { type: 'compaction', id: 'k', encrypted_content: 'x' }, output('o', 'gone')]
    assert.equal(kept([...input, user('u2')], 150), 'u2')
  })
  it('counts instructions and tools, and takes a text for the one question that it is', () => {
    const request: CanonicalRequest = { model: 'm', input: text, instructions: text }
    assert.deepEqual(truncateInput(request, 208), { items: [], dropped: 0, tokens: 208, fits: true })
    assert.equal(truncateInput(request, 207).fits, false)
    const tools = [{ type: 'function', name: 'f', description: text }]
    assert.ok(truncateInput({ ...request, tools }, 208).tokens > 300)
  })
})

/** Inputs of all shapes, also such as no client should send. */
const anyInput = fc
  .array(
    fc.record({
      kind: fc.constantFrom('user', 'assistant', 'system', 'developer', 'reasoning', 'call', 'output'),
      pair: fc.integer({ min: 0, max: 5 }),
      length: fc.integer({ min: 0, max: 800 }),
    }),
    { maxLength: 40 },
  )
  .map((shapes) =>
    shapes.map(({ kind, pair, length }, index): Item => {
      const id = `i${index}`
      const content = 'x'.repeat(length)
      if (kind === 'call')
        return { type: 'function_call', id, call_id: `c${pair}`, name: 'f', arguments: content }
      if (kind === 'output') return { type: 'function_call_output', id, call_id: `c${pair}`, output: content }
      if (kind === 'reasoning') return { type: 'reasoning', id, summary: [], content: [] }
      return { type: 'message', role: kind, id, content }
    }),
  )
const anyBudget = fc.integer({ min: 0, max: 4000 })

describe('truncation of any input', () => {
  const check = (property: (input: Item[], budget: number) => void) =>
    fc.assert(fc.property(anyInput, anyBudget, property), { numRuns: 500 })

  it('keeps order, loses nothing that it does not count, and fits when it says so', () => {
    check((input, budget) => {
      const { items, dropped, tokens, fits } = truncateInput({ model: 'm', input }, budget)
      assert.deepEqual(
        items,
        input.filter((item) => items.includes(item)),
      )
      assert.equal(items.length + dropped, input.length)
      assert.equal(tokens, estimateInput({ model: 'm', input: [...items] }))
      assert.equal(fits, tokens <= budget)
    })
  })
  it('never splits a call from its outputs', () => {
    check((input, budget) => {
      const { items } = truncateInput({ model: 'm', input }, budget)
      const stays = new Set<unknown>(
        items.map(({ call_id: pair }) => pair).filter((pair) => pair !== undefined),
      )
      for (const item of input) if (stays.has(item.call_id)) assert.ok(items.includes(item))
    })
  })
  it('never splits what was said in one go', () => {
    check((input, budget) => {
      const { items } = truncateInput({ model: 'm', input }, budget)
      const isSaid = ({ type, role }: Item) =>
        role === 'assistant' || type === 'reasoning' || type === 'function_call'
      for (const [index, item] of input.entries()) {
        const next = input[index + 1]
        if (next !== undefined && isSaid(item) && isSaid(next))
          assert.equal(items.includes(item), items.includes(next))
      }
    })
  })
  it('keeps the system, the last question and the newest item', () => {
    check((input, budget) => {
      const { items } = truncateInput({ model: 'm', input }, budget)
      for (const item of input)
        if (item.role === 'system' || item.role === 'developer') assert.ok(items.includes(item))
      const question = input.findLast(({ role }) => role === 'user')
      if (question !== undefined) assert.ok(items.includes(question))
      const newest = input.findLast(({ role }) => role !== 'system' && role !== 'developer')
      if (newest !== undefined) assert.ok(items.includes(newest))
    })
  })
  it('leaves out more for a smaller budget, never something else', () => {
    fc.assert(
      fc.property(anyInput, anyBudget, anyBudget, (input, one, other) => {
        const small = truncateInput({ model: 'm', input }, Math.min(one, other)).items
        const large = truncateInput({ model: 'm', input }, Math.max(one, other)).items
        for (const item of small) assert.ok(large.includes(item))
      }),
      { numRuns: 500 },
    )
  })
  it('leaves out nothing of what is newer than something that could still go', () => {
    check((input, budget) => {
      const { items, fits } = truncateInput({ model: 'm', input }, budget)
      // With the least budget everything that may go is gone; what goes earlier is a part of that.
      const least = truncateInput({ model: 'm', input }, 0).items
      for (const item of least) assert.ok(items.includes(item))
      if (!fits) assert.deepEqual(items, least)
    })
  })
})
