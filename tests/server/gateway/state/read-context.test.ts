import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readContext } from '../../../../server/gateway/state/read-context.ts'
import type { StateStore, StoredResponse } from '../../../../server/store/state/state.ts'
import { openTestStore } from '../../store/fixtures.ts'
import { makeItem, makeTurn } from '../../store/state-fixtures.ts'

async function textsOf(state: StateStore, id: string): Promise<unknown[]> {
  const stored: StoredResponse | null = await state.getResponse('acme', id)
  assert.ok(stored)
  return (await readContext(state, 'acme', stored)).map(({ text }) => text)
}

/** Three turns, one on the other; `expired` is when the first two do. */
async function keepChain(state: StateStore, expired: number | null): Promise<string[]> {
  const ids: string[] = []
  for (const name of ['a', 'b', 'c']) {
    const turn = makeTurn({
      previousId: ids.at(-1) ?? null,
      expiresAt: name === 'c' ? null : expired,
      input: [makeItem(`ask ${name}`)],
      output: [makeItem(`answer ${name}`)],
    })
    await state.commitTurn(turn)
    ids.push(turn.id)
  }
  return ids
}

const whole = ['ask a', 'answer a', 'ask b', 'answer b', 'ask c']

describe('the context of a kept response', () => {
  it('is its whole chain, also of turns that have expired by themselves', async (t) => {
    const { state } = await openTestStore(t)
    for (const expired of [null, Date.now() - 1]) {
      const [, , last = ''] = await keepChain(state, expired)
      assert.deepEqual(await textsOf(state, last), whole)
    }
  })
  it('is what is left of a chain of which a turn was deleted', async (t) => {
    const { state } = await openTestStore(t)
    const [first = '', second = '', last = ''] = await keepChain(state, null)
    await state.deleteResponse('acme', first)
    assert.deepEqual(await textsOf(state, last), whole.slice(2))
    await state.deleteResponse('acme', second)
    assert.deepEqual(await textsOf(state, last), whole.slice(4))
  })
})
