import assert from 'node:assert/strict'
import type { FoundItem, StateStore } from '../../../server/store/state/state.ts'
import { countRows, openEmptyStore, testEngines } from './engines.ts'
import { hourAgo, inAnHour, makeConversation, makeId, makeItem, makeTurn } from './state-fixtures.ts'

const textOf = ({ item }: FoundItem) => (item as unknown as { text: string }).text

async function textsIn(state: StateStore, id: string): Promise<string[] | undefined> {
  return (await state.readConversation('acme', id))?.map(textOf)
}

const asItems = (...texts: string[]) =>
  texts.map((text) => {
    const item = makeItem(text)
    return { id: item.id, text: JSON.stringify(item), provider: text.startsWith('out') ? 'one' : null }
  })

testEngines('a conversation is made, read, changed and deleted, in its project only', async (t, engine) => {
  const store = await openEmptyStore(t, engine)
  const { state } = store
  const id = makeId('conv')
  await state.createConversation({
    id,
    project: 'acme',
    createdAt: 1000,
    expiresAt: inAnHour(),
    metadata: { topic: 'a "b" ü' },
    items: asItems('one', 'out two'),
  })
  assert.deepEqual(await state.getConversation('acme', id), {
    id,
    createdAt: 1000,
    metadata: { topic: 'a "b" ü' },
  })
  assert.deepEqual(await state.updateConversation('acme', id, { topic: 'c' }), {
    id,
    createdAt: 1000,
    metadata: { topic: 'c' },
  })
  assert.deepEqual((await state.getConversation('acme', id))?.metadata, { topic: 'c' })
  const items = await state.readConversation('acme', id)
  assert.deepEqual(
    items?.map((found) => [textOf(found), found.provider]),
    [
      ['one', null],
      ['out two', 'one'],
    ],
  )
  const itemId = String(items?.[0]?.item.id)

  for (const [project, other] of [
    ['other', id],
    ['acme', 'conv_none'],
  ] as const) {
    assert.equal(await state.getConversation(project, other), null)
    assert.equal(await state.updateConversation(project, other, {}), null)
    assert.equal(await state.deleteConversation(project, other), false)
    assert.equal(await state.addConversationItems(project, other, asItems('x')), 'missing')
    assert.equal(await state.readConversation(project, other), null)
    assert.equal(
      await state.listConversationItems(project, other, { limit: 1, order: 'asc', after: null }),
      null,
    )
    assert.equal(await state.getConversationItem(project, other, itemId), null)
    assert.equal(await state.deleteConversationItem(project, other, itemId), false)
    assert.equal(await state.lockConversation(project, other, 'resp_x'), 'missing')
    assert.deepEqual(await state.findItems('other', [itemId]), new Map())
  }
  assert.deepEqual((await state.getConversation('acme', id))?.metadata, { topic: 'c' })
  assert.equal((await countRows(engine, store.url)).conversation_items, 2)
  assert.equal(await state.deleteConversation('acme', id), true)
  assert.deepEqual(await countRows(engine, store.url), {})
})

testEngines('an expired conversation is not there', async (t, engine) => {
  const { state } = await openEmptyStore(t, engine)
  const id = makeId('conv')
  const [item] = asItems('a')
  assert.ok(item)
  await state.createConversation({
    id,
    project: 'acme',
    createdAt: 1,
    expiresAt: hourAgo(),
    metadata: {},
    items: [item],
  })
  assert.equal(await state.getConversation('acme', id), null)
  assert.equal(await state.readConversation('acme', id), null)
  assert.equal(await state.updateConversation('acme', id, {}), null)
  assert.equal(await state.addConversationItems('acme', id, asItems('b')), 'missing')
  assert.equal(await state.lockConversation('acme', id, 'resp_x'), 'missing')
  assert.equal(await state.deleteConversationItem('acme', id, item.id), false)
  assert.deepEqual(await state.findItems('acme', [item.id]), new Map())
  assert.equal(await state.deleteConversation('acme', id), false)
})

testEngines('items page both ways, without a gap or a duplicate', async (t, engine) => {
  const { state } = await openEmptyStore(t, engine)
  const texts = Array.from({ length: 25 }, (_, index) => `item ${index}`)
  const id = await makeConversation(state, 'acme', texts.slice(0, 10))
  for (const text of texts.slice(10)) {
    assert.equal(await state.addConversationItems('acme', id, asItems(text)), 'added')
  }
  for (const order of ['asc', 'desc'] as const) {
    const seen: string[] = []
    let pages = 0
    for (let after: string | null = null; ; ) {
      const page = await state.listConversationItems('acme', id, { limit: 7, order, after })
      assert.ok(page)
      seen.push(...page.items.map(textOf))
      pages += 1
      if (!page.hasMore) break
      assert.equal(page.items.length, 7)
      after = String(page.items.at(-1)?.item.id)
    }
    assert.equal(pages, 4)
    assert.deepEqual(seen, order === 'asc' ? texts : texts.toReversed())
  }
  assert.equal(
    await state.listConversationItems('acme', id, { limit: 7, order: 'asc', after: 'msg_none' }),
    null,
  )
})

testEngines('an id stands once in a conversation, at its first place', async (t, engine) => {
  const { state } = await openEmptyStore(t, engine)
  const id = await makeConversation(state)
  const [one, two, three] = asItems('one', 'two', 'three')
  assert.ok(one && two && three)
  await state.addConversationItems('acme', id, [one, two, one])
  const turn = makeTurn({ conversation: id, conversationItems: [two, three] })
  await state.lockConversation('acme', id, turn.id)
  assert.equal(await state.commitTurn(turn), 'committed')
  assert.deepEqual(await textsIn(state, id), ['one', 'two', 'three'])
  const another = await makeConversation(state)
  await state.addConversationItems('acme', another, [two])
  assert.deepEqual(await textsIn(state, another), ['two'])
})

testEngines('items of which one has an id that is taken are added not at all', async (t, engine) => {
  const { state } = await openEmptyStore(t, engine)
  const id = await makeConversation(state)
  const [one, two, three, four] = asItems('one', 'two', 'three', 'four')
  assert.ok(one && two && three && four)
  const adding = [[two], [one, two, three], [three, two], [three, four]]
  const results = await Promise.all(adding.map((items) => state.addConversationItems('acme', id, items)))
  assert.deepEqual(results, ['added', 'taken', 'taken', 'added'])
  assert.deepEqual(await textsIn(state, id), ['two', 'three', 'four'])
})

testEngines('single items are read, found and deleted', async (t, engine) => {
  const { state } = await openEmptyStore(t, engine)
  const id = await makeConversation(state)
  const [one, two] = asItems('one', 'out two')
  assert.ok(one && two)
  await state.addConversationItems('acme', id, [one, two])
  assert.deepEqual(await state.getConversationItem('acme', id, two.id), {
    item: JSON.parse(two.text),
    provider: 'one',
  })
  assert.deepEqual((await state.findItems('acme', [two.id])).get(two.id), {
    item: JSON.parse(two.text),
    provider: 'one',
  })
  const another = await makeConversation(state)
  assert.equal(await state.getConversationItem('acme', another, two.id), null)
  assert.equal(await state.deleteConversationItem('acme', another, two.id), false)
  assert.equal(await state.deleteConversationItem('acme', id, one.id), true)
  assert.equal(await state.deleteConversationItem('acme', id, one.id), false)
  assert.equal(await state.getConversationItem('acme', id, one.id), null)
  // The place of a deleted one is not given again.
  await state.addConversationItems('acme', id, asItems('three'))
  assert.deepEqual(await textsIn(state, id), ['out two', 'three'])
})

testEngines('of many turns at once one has the lock; the same turn may ask again', async (t, engine) => {
  const { state } = await openEmptyStore(t, engine)
  const id = await makeConversation(state)
  const holders = Array.from({ length: 50 }, () => makeId('resp'))
  const results = await Promise.all(holders.map((holder) => state.lockConversation('acme', id, holder)))
  assert.equal(results.filter((result) => result === 'locked-by-us').length, 1)
  assert.equal(results.filter((result) => result === 'locked').length, 49)
  const owner = holders[results.indexOf('locked-by-us')] ?? ''
  assert.equal(await state.lockConversation('acme', id, owner), 'locked-by-us')
  assert.equal(await state.addConversationItems('acme', id, asItems('x')), 'locked')
  await state.unlockConversation('acme', id, 'resp_somebody')
  await state.unlockConversation('other', id, owner)
  assert.equal(await state.lockConversation('acme', id, 'resp_somebody'), 'locked')
  await state.unlockConversation('acme', id, owner)
  assert.equal(await state.lockConversation('acme', id, 'resp_somebody'), 'locked-by-us')
})

testEngines('a turn adds its items in one piece and gives the lock back, kept or not', async (t, engine) => {
  const store = await openEmptyStore(t, engine)
  const { state } = store
  const id = await makeConversation(state, 'acme', ['zero'])
  for (const keep of [true, false]) {
    const turn = makeTurn({ keep, conversation: id, conversationItems: asItems(`in ${keep}`, `out ${keep}`) })
    // Without the lock nothing is changed.
    assert.equal(await state.commitTurn(turn), 'superseded')
    assert.equal(await state.getResponse('acme', turn.id), null)
    assert.equal(await state.lockConversation('acme', id, turn.id), 'locked-by-us')
    assert.equal(await state.commitTurn(turn), 'committed')
    assert.equal((await state.getResponse('acme', turn.id)) !== null, keep)
    assert.equal(await state.addConversationItems('acme', id, []), 'added')
  }
  assert.deepEqual(await textsIn(state, id), ['zero', 'in true', 'out true', 'in false', 'out false'])
})

testEngines('a turn whose conversation was deleted leaves nothing', async (t, engine) => {
  const store = await openEmptyStore(t, engine)
  const { state } = store
  const id = await makeConversation(state, 'acme', ['zero'])
  await state.claimKey({ project: 'acme', key: 'k', fingerprint: 'f', expiresAt: inAnHour() })
  const turn = makeTurn({
    conversation: id,
    conversationItems: asItems('in', 'out'),
    idempotency: { key: 'k', answer: { status: 200, headers: {}, body: '' } },
  })
  await state.lockConversation('acme', id, turn.id)
  assert.equal(await state.deleteConversation('acme', id), true)
  assert.equal(await state.commitTurn(turn), 'superseded')
  await state.releaseKey('acme', 'k')
  assert.deepEqual(await countRows(engine, store.url), {})
})

testEngines(
  'responses and the conversation that they ran on are deleted each by itself',
  async (t, engine) => {
    const store = await openEmptyStore(t, engine)
    const { state } = store
    const id = await makeConversation(state)
    const item = makeItem('out')
    const turns = [makeItem('one'), makeItem('two')].map((input) =>
      makeTurn({
        input: [input],
        output: [item],
        conversation: id,
        conversationItems: [{ id: item.id, text: JSON.stringify(item), provider: 'one' }],
      }),
    )
    for (const turn of turns) {
      await state.lockConversation('acme', id, turn.id)
      assert.equal(await state.commitTurn(turn), 'committed')
    }
    assert.equal(await state.deleteResponse('acme', turns[0]?.id ?? ''), true)
    assert.deepEqual(await textsIn(state, id), ['out'])
    // Its first place has gone, the conversation has it still.
    assert.equal((await state.findItems('acme', [item.id])).size, 1)
    assert.equal(await state.deleteConversation('acme', id), true)
    assert.notEqual(await state.getResponse('acme', turns[1]?.id ?? ''), null)
    assert.deepEqual(await countRows(engine, store.url), { responses: 1, items: 1 })
  },
)

testEngines('deleting the id of a turn that runs unstored does not take its lock', async (t, engine) => {
  const { state } = await openEmptyStore(t, engine)
  const id = await makeConversation(state)
  const holder = makeId('resp')
  await state.lockConversation('acme', id, holder)
  assert.equal(await state.deleteResponse('acme', holder), false)
  assert.equal(await state.deleteResponse('other', holder), false)
  assert.equal(await state.lockConversation('acme', id, 'resp_other'), 'locked')
})
