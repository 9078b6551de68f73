import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type HistoryOptions, resolveInput } from '../../../../server/gateway/state/history.ts'
import type { FoundItem } from '../../../../server/store/state/state.ts'
import type { Item } from '../../../../translators/shared/canonical.ts'

/** Resolves references to these ids, with a store that has an item under each one that `has` says. */
async function resolve(ids: readonly string[], has: (id: string) => boolean) {
  const asked: string[][] = []
  const state = {
    async findItems(_project: string, some: readonly string[]) {
      asked.push([...some])
      const found = some
        .filter(has)
        .map((id): [string, FoundItem] => [id, { item: toItem(id), provider: null }])
      return new Map(found)
    },
  } as unknown as HistoryOptions['state']
  const references = ids.map((id): Item => ({ type: 'item_reference', id }))
  const options = { state, local: null, project: 'p', request: { model: 'm' } }
  const history = { items: [], makers: new Map(), root: null }
  const outcome = await resolveInput(options, history, references).catch((error: Error) => error)
  return { asked, outcome }
}

const toItem = (id: string): Item => ({ type: 'message', role: 'user', content: id, id })
const makeIds = (count: number) => Array.from({ length: count }, (_, index) => `msg_${index}`)

describe('a reference to an item that is kept a moment later', () => {
  it('is looked for again until it is there', async () => {
    let looks = 0
    const { asked, outcome } = await resolve(['msg_1'], () => ++looks === 3)
    assert.deepEqual(outcome, [toItem('msg_1')])
    assert.equal(asked.length, 3)
  })
})

describe('references to very many items', () => {
  it('are looked for in steps, each item once', async () => {
    const ids = makeIds(12_000)
    const { asked, outcome } = await resolve([...ids, ...ids], () => true)
    assert.ok(Array.isArray(outcome))
    assert.equal(outcome.length, 24_000)
    assert.deepEqual(asked.flat(), ids)
    assert.ok(asked.length > 3)
    for (const some of asked) assert.ok(some.length <= 5000)
  })
  it('are not looked for any further when one is missing, which is named', async () => {
    const { asked, outcome } = await resolve(makeIds(100_000), (id) => id !== 'msg_700')
    assert.ok(outcome instanceof Error)
    assert.match(outcome.message, /'msg_700'/)
    assert.equal((outcome as Error & { param?: string }).param, 'input[700].id')
    assert.equal(Math.max(...asked.flat().map((id) => Number(id.slice(4)))), 999)
  })
})
